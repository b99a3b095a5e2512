"""The only bridge between stored rows and the solver: rows to a problem, a plan to rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.evidence.wording import comes_from
from app.planning.capacity import Left, what_is_left
from app.planning.load import Loaded, runs_in
from app.planning.options import MatchOptions
from app.planning.pair_constraints import ImpossiblePin, Pair, Unplannable, Wishes, wishes_of
from app.planning.pair_tables import (
    Place,
    as_float,
    giver_and_taker,
    pair_tables,
    places_of,
    qualities_of_offers,
)
from app.planning.pots import pot_rules
from app.planning.similarity import specialisms
from app.planning.standing import Standing, current_rows
from app.planning.steps import climbed, looked, tried
from app.planning.travel import TravelTimesUnavailableError
from models.vocabulary import (
    BalanceHolder,
    GroupKind,
    SupportResult,
)
from solver.formats import problem, tables
from solver.pairing import candidates, points
from solver.pairing import columns as exchange
from solver.pairing.findings import why_refused
from solver.pairing.pairs import PairTables
from solver.pairing.refusals import Refusals
from solver.pairing.travel import TravelTimes
from solver.pairing.weights import Weights

HOLDERS = {
    BalanceHolder.FEDERATION: {GroupKind.FEDERATION},
    BalanceHolder.TRUST: {GroupKind.MULTI_ACADEMY_TRUST, GroupKind.SINGLE_ACADEMY_TRUST},
}


@dataclass(frozen=True, slots=True)
class Built:
    """A problem and what is needed to explain it; candidates are in the problem's order."""

    problem: problem.Problem
    pairs: PairTables
    candidates: candidates.CandidatePairs
    refusals: Refusals
    points: points.Points
    loaded: Loaded


def build(
    loaded: Loaded,
    options: MatchOptions,
    travel: TravelTimes,
    standing: Sequence[Standing] = (),
) -> Built:
    """Settle windows, terms and modes, find the candidates and value them.

    What is `standing` can be changed at a price.

    Raises
    ------
    Unplannable
        If the scope has no need, or nobody offers anything, in the period.
    ImpossiblePin
        If a pin cannot be kept by any plan.
    NotFound
        If a pin or exclusion names a need or offer that is not in this run, or a need to free.
    """
    if not loaded.needs or not loaded.offers:
        missing = "offer" if loaded.needs else "need"
        among = "" if loaded.needs else " for these schools"
        raise Unplannable(
            f"There are no {missing}s to plan in {loaded.period.name}{among}. Import some with "
            f"`givetake import {missing}s FILE`."
        )
    left = what_is_left(loaded, options)
    place = places_of(loaded)
    wishes = wishes_of(loaded, options, place)
    pairs = pair_tables(loaded, options, left, wishes, travel)
    try:
        pairs = climbed(loaded, options, pairs)
        found, refusals = candidates.find_candidates(pairs, options.max_neighbours)
    except TravelTimesUnavailableError as error:
        raise Unplannable(str(error)) from error
    if impossible := _not_among(found, wishes.pins):
        raise ImpossiblePin(
            " ".join(
                f"Pin {wishes.pins[offer, need]} is not possible: {_why_not(pairs, offer, need)}"
                for offer, need in impossible
            )
        )
    valued = points.score(point_inputs(loaded, options, left, pairs, found, place))
    try:
        current = current_rows(standing, loaded, options, found, wishes.exclusions)
        made = _problem(loaded, options, left, place, found, valued, wishes, current)
    except tables.ProblemFault as fault:
        raise Unplannable(
            "The days, limits or weights of this run are too large to plan with: "
            f"{fault.faults[0]}. Lower them and run it again."
        ) from fault
    return Built(made, pairs, found, refusals, valued, loaded)


def _not_among(found: candidates.CandidatePairs, pins: Iterable[Pair]) -> list[Pair]:
    """The pins that are no candidates."""
    pinned = list(pins)
    needs = np.isin(found.need, [need for _, need in pinned])
    allowed = set(zip(found.offer[needs].tolist(), found.need[needs].tolist(), strict=True))
    return [pair for pair in pinned if pair not in allowed]


def _why_not(pairs: PairTables, offer: int, need: int) -> str:
    rule = why_refused(pairs, need, offer)
    return rule.statement if rule else "the rules for pairs do not allow it."


def point_inputs(
    loaded: Loaded,
    options: MatchOptions,
    left: Left,
    pairs: PairTables,
    found: candidates.CandidatePairs,
    place: Place,
) -> points.PointInputs:
    known = [row for row in loaded.support if row.giver_id in place and row.taker_id in place]
    running = [row for row in known if runs_in(row, loaded.day, loaded.period.ends)]
    ended = [row for row in known if row.result is not None]
    past = points.Past(
        *giver_and_taker(ended, place),
        exchange.encode(SupportResult, [str(row.result) for row in ended]),
    )
    return points.PointInputs(
        candidates=found,
        participants=pairs.participants,
        needs=pairs.needs,
        offers=pairs.offers,
        pupils=np.array([as_float(row.pupils) for row in loaded.participants]),
        disadvantage_percent=np.array(
            [as_float(row.free_school_meals_percent) for row in loaded.participants]
        ),
        running=exchange.Pairs(*giver_and_taker(running, place)),
        past=past,
        failed=pairs.failed,
        tried=tried(loaded, pairs.participants, ended, place),
        looked=looked(loaded),
        need_half_days=np.array(left.need_half_days),
        need_givers=np.array(left.need_givers),
        specialisms=specialisms(loaded),
        weights=Weights.of(options.weights),
        quality_reasons=tuple(map(comes_from, qualities_of_offers(loaded, options))),
    )


def _problem(
    loaded: Loaded,
    options: MatchOptions,
    left: Left,
    place: Place,
    found: candidates.CandidatePairs,
    valued: points.Points,
    wishes: Wishes,
    current: Sequence[tuple[int, int, int]],
) -> problem.Problem:
    """Only offers with a candidate, and participants with a need or such an offer, go in."""
    offer_rows = np.unique(found.offer)
    offer_place = np.full(len(loaded.offers), -1)
    offer_place[offer_rows] = np.arange(len(offer_rows))
    needs, offers = loaded.needs, [loaded.offers[row] for row in offer_rows]
    inside = sorted({place[row.participant_id] for row in (*needs, *offers)})
    position = {old: new for new, old in enumerate(inside)}
    rows = [loaded.participants[old] for old in inside]
    return problem.Problem(
        participants=tables.Participants.of(
            [row.reference for row in rows],
            lat=[as_float(row.latitude) for row in rows],
            lon=[as_float(row.longitude) for row in rows],
            give_limit=[left.give_limit[old] for old in inside],
            max_given=[left.max_given[old] for old in inside],
            max_taken=[left.max_taken[old] for old in inside],
            allowance=[left.allowance[old] for old in inside],
            exempt=[left.exempt[old] for old in inside],
            account=_accounts([row.id for row in rows], loaded, options),
        ),
        needs=tables.Needs.of(
            [need.reference for need in needs],
            [position[place[need.participant_id]] for need in needs],
            left.need_half_days,
            expertise=[need.expertise_code for need in needs],
            days_min=[need.half_days_min for need in needs],
            max_givers=left.need_givers,
            priority=left.need_priority,
        ),
        offers=tables.Offers.of(
            [offer.reference for offer in offers],
            [position[place[offer.participant_id]] for offer in offers],
            [left.offer_half_days[row] for row in offer_rows],
            expertise=[offer.expertise_code for offer in offers],
            max_pairings=[left.offer_pairings[row] for row in offer_rows],
        ),
        candidates=tables.Candidates.of(
            offer_place[found.offer], found.need, valued.total, bonus=valued.bonus
        ),
        rules=tables.Rules(options.reciprocity, options.max_loop),
        pins=tables.pairs([(offer_place[offer], need) for offer, need in wishes.pins]),
        exclusions=tables.pairs(
            [
                (offer_place[offer], need)
                for offer, need in wishes.exclusions
                if offer_place[offer] != -1
            ]
        ),
        current=tables.pairs(
            [(offer_place[offer], need, half_days) for offer, need, half_days in current] or None,
            3,
        ),
        change_penalty=options.change_price if current else 0,
        linking=tuple(pot_rules(loaded, left, found.need)),
    )


def _accounts(ids: Sequence[int], loaded: Loaded, options: MatchOptions) -> list[int]:
    """Position of the first participant of each account: its trust's, federation's or itself."""
    kinds = HOLDERS.get(options.balance_held_by, set())
    group = {row.participant_id: row.group_id for row in loaded.memberships if row.kind in kinds}
    first: dict[int, int] = {}
    return [
        first.setdefault(group[who], position) if who in group else position
        for position, who in enumerate(ids)
    ]
