"""The only bridge between stored rows and the solver: rows to a problem, a plan to rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.planning.capacity import Left, what_is_left
from app.planning.load import Loaded, runs_in
from app.planning.options import MatchOptions
from app.planning.pair_constraints import ImpossiblePin, Unplannable, Wishes, as_rows, wishes_of
from app.planning.travel import TravelTimesUnavailableError
from models.partnerships import Support
from models.vocabulary import (
    METRES_PER_MILE,
    AreaKind,
    Availability,
    BalanceHolder,
    GroupKind,
    Ladder,
    Mode,
    NeedState,
    SupportResult,
)
from solver.formats import problem, tables
from solver.pairing import candidates, points
from solver.pairing import columns as exchange
from solver.pairing.columns import Ints
from solver.pairing.ladder import ladder_steps
from solver.pairing.refusals import Refusals
from solver.pairing.travel import Places, TravelTimes

HOLDERS = {
    BalanceHolder.FEDERATION: {GroupKind.FEDERATION},
    BalanceHolder.TRUST: {GroupKind.MULTI_ACADEMY_TRUST, GroupKind.SINGLE_ACADEMY_TRUST},
}

NO_DAY_OF_NEEDS, NO_DAY_OF_OFFERS = -1, -2
"""Windows outside the period become these days, long before any other and never the same."""


@dataclass(frozen=True, slots=True)
class Built:
    """A problem and what is needed to explain it; candidates are in the problem's order."""

    problem: problem.Problem
    candidates: candidates.Candidates
    refusals: Refusals
    points: points.Points
    loaded: Loaded


def build(
    loaded: Loaded,
    options: MatchOptions,
    travel: TravelTimes,
) -> Built:
    """Settle windows, terms and modes, find the candidates and value them.

    Raises
    ------
    Unplannable
        If the scope has no need, or nobody offers anything, in the period.
    ImpossiblePin
        If a pin cannot be kept by any plan.
    NotFound
        If a pin or exclusion names a need or offer that is not in this run.
    """
    if not loaded.needs or not loaded.offers:
        missing = "offer" if loaded.needs else "need"
        among = "" if loaded.needs else " for these schools"
        raise Unplannable(
            f"There are no {missing}s to plan in {loaded.period.name}{among}. Import some with "
            f"`givetake import {missing}s FILE`."
        )
    left = what_is_left(loaded, options)
    taxonomy, entry = _taxonomy(loaded)
    participants, place = _participants(loaded, left)
    needs, offers = _needs(loaded, left, entry, place), _offers(loaded, left, entry, place)
    wishes = wishes_of(loaded, options, place)
    pinned = as_rows(wishes.pins)
    asked = candidates.Options(
        default_limit_m=options.travel_limit_miles * METRES_PER_MILE,
        max_neighbours=options.max_neighbours,
        with_suggestions=options.include_suggestions,
    )
    try:
        found, refusals = candidates.find_candidates(
            taxonomy,
            participants,
            needs,
            offers,
            options=asked,
            conflicts=wishes.conflicts,
            declined=wishes.declined,
            kept=exchange.Pairs(pinned[:, 0], pinned[:, 1]),
            travel=travel,
        )
    except TravelTimesUnavailableError as error:
        raise Unplannable(str(error)) from error
    allowed = set(zip(found.offer.tolist(), found.need.tolist(), strict=True))
    if impossible := [pair for pair in wishes.pins if pair not in allowed]:
        why = {
            pair: candidates.why_refused(
                taxonomy,
                participants,
                needs,
                offers,
                offer=pair[0],
                need=pair[1],
                options=asked,
                conflicts=wishes.conflicts,
                travel=travel,
            )
            for pair in impossible
        }
        raise ImpossiblePin(
            " ".join(
                f"Pin {wishes.pins[pair]} is not possible: "
                f"{refusal.statement if refusal else 'the rules for pairs do not allow it.'}"
                for pair, refusal in why.items()
            )
        )
    valued = points.score(_point_inputs(loaded, options, participants, needs, offers, found, place))
    made = _problem(loaded, options, left, place, found, valued, wishes)
    return Built(made, found, refusals, valued, loaded)


Place = dict[int, int]
"""Row id to position."""


def _taxonomy(loaded: Loaded) -> tuple[exchange.Taxonomy, dict[str, int]]:
    entry = {row.code: position for position, row in enumerate(loaded.expertise)}
    parents = [
        -1 if row.parent_code is None else entry[row.parent_code] for row in loaded.expertise
    ]
    return exchange.Taxonomy(np.array(parents, np.int64)), entry


def _participants(loaded: Loaded, left: Left) -> tuple[exchange.Participants, Place]:
    rows = loaded.participants
    place = {row.id: position for position, row in enumerate(rows)}
    areas: dict[tuple[str, str], int] = {}

    def area(kind: AreaKind, code: str | None) -> int:
        return -1 if code is None else areas.setdefault((kind, code), len(areas))

    columns = {
        kind: [area(kind, getattr(row, f"{kind}_code")) for row in rows]
        for kind in (AreaKind.LOCAL_AUTHORITY, AreaKind.REGION, AreaKind.DISTRICT)
    }
    serving = [
        (place[row.participant_id], area(AreaKind(row.area_kind), row.area_code))
        for row in loaded.areas_served
        if row.participant_id in place and row.area_kind != AreaKind.COUNTRY
    ]
    return (
        exchange.Participants(
            places=Places(
                id=tuple(row.reference for row in rows),
                lat=np.array([_number(row.latitude) for row in rows]),
                lon=np.array([_number(row.longitude) for row in rows]),
                urban=np.array([_surroundings(row.urban_rural) for row in rows], np.int8),
            ),
            phases=np.array([exchange.phase_mask(row.phases or ()) for row in rows], np.uint8),
            local_authority=np.array(columns[AreaKind.LOCAL_AUTHORITY]),
            region=np.array(columns[AreaKind.REGION]),
            district=np.array(columns[AreaKind.DISTRICT]),
            may_give=np.array(left.may_give),
            give_limit=np.array(left.give_limit),
            designated=np.array([row.id in loaded.designated for row in rows]),
            groups=_matrix([(row[0], row[1]) for row in loaded.memberships], place),
            networks=_matrix([(row[0], row[1]) for row in loaded.networks], place),
            serves=exchange.memberships(
                [row for row, _ in serving],
                [column for _, column in serving],
                (len(rows), max(1, len(areas))),
            ),
        ),
        place,
    )


def _matrix(belongings: Iterable[tuple[int, int]], place: Place) -> sparse.csr_array:
    inside = [(place[who], group) for who, group in belongings if who in place]
    numbered = {
        group: number for number, group in enumerate(sorted({group for _, group in inside}))
    }
    return exchange.memberships(
        [who for who, _ in inside],
        [numbered[group] for _, group in inside],
        (len(place), max(1, len(numbered))),
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _surroundings(text: str | None) -> int:
    """As `Places.urban` codes them: 1 urban, 0 rural, -1 not known."""
    return -1 if not text else int("rural" not in text.lower())


def _needs(loaded: Loaded, left: Left, entry: dict[str, int], place: Place) -> exchange.Needs:
    rows = loaded.needs
    windows = [(row.window_starts, row.window_ends) for row in rows]
    starts, ends = _windows(loaded, windows, NO_DAY_OF_NEEDS)
    return exchange.Needs(
        participant=np.array([place[row.participant_id] for row in rows]),
        expertise=np.array([entry[row.expertise_code] for row in rows]),
        half_days_min=np.array([row.half_days_min for row in rows]),
        priority=np.array(left.need_priority),
        mode=exchange.encode(Mode, [row.mode for row in rows]),
        limit_m=_metres([row.travel_limit_miles for row in rows]),
        limit_minutes=np.array([_number(row.travel_limit_minutes) for row in rows]),
        window_starts=starts,
        window_ends=ends,
        suggested=np.array([row.state == NeedState.SUGGESTED for row in rows]),
    )


def _offers(loaded: Loaded, left: Left, entry: dict[str, int], place: Place) -> exchange.Offers:
    """Offers as columns; one that running support used up stays, as not offering any more."""
    rows = loaded.offers
    windows = [(row.window_starts, row.window_ends) for row in rows]
    starts, ends = _windows(loaded, windows, NO_DAY_OF_OFFERS)
    used_up = [
        half_days == 0 or pairings == 0
        for half_days, pairings in zip(left.offer_half_days, left.offer_pairings, strict=True)
    ]
    return exchange.Offers(
        participant=np.array([place[row.participant_id] for row in rows]),
        expertise=np.array([entry[row.expertise_code] for row in rows]),
        half_days=np.maximum(1, left.offer_half_days),
        quality=np.array([row.quality or 0 for row in rows]),
        mode=exchange.encode(Mode, [row.mode for row in rows]),
        availability=exchange.encode(
            Availability,
            [
                Availability.NOT_OFFERING if gone else row.availability
                for row, gone in zip(rows, used_up, strict=True)
            ],
        ),
        phases=np.array([exchange.phase_mask(row.phases) for row in rows], np.uint8),
        limit_m=_metres([row.travel_limit_miles for row in rows]),
        limit_minutes=np.array([_number(row.travel_limit_minutes) for row in rows]),
        window_starts=starts,
        window_ends=ends,
    )


def _windows(
    loaded: Loaded, windows: Sequence[tuple[date, date]], nowhere: int
) -> tuple[Ints, Ints]:
    """Windows cut to what is left of the period; one that lies outside becomes day `nowhere`."""
    first, last = loaded.day.toordinal(), loaded.period.ends.toordinal()
    starts = np.array([start.toordinal() for start, _ in windows], np.int64).clip(first, None)
    ends = np.array([end.toordinal() for _, end in windows], np.int64).clip(None, last)
    outside = starts > ends
    return np.where(outside, nowhere, starts), np.where(outside, nowhere, ends)


def _metres(miles: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([_number(value) for value in miles]) * METRES_PER_MILE


def _point_inputs(
    loaded: Loaded,
    options: MatchOptions,
    participants: exchange.Participants,
    needs: exchange.Needs,
    offers: exchange.Offers,
    found: candidates.Candidates,
    place: Place,
) -> points.PointInputs:
    known = [row for row in loaded.support if row.giver_id in place and row.taker_id in place]
    running = [row for row in known if runs_in(row, loaded.day, loaded.period.ends)]
    ended = [row for row in known if row.result is not None]
    past = points.Past(
        *_giver_and_taker(ended, place),
        exchange.encode(SupportResult, [str(row.result) for row in ended]),
    )
    return points.PointInputs(
        candidates=found,
        participants=participants,
        needs=needs,
        offers=offers,
        pupils=np.array([_number(row.pupils) for row in loaded.participants]),
        disadvantage_percent=np.array(
            [_number(row.free_school_meals_percent) for row in loaded.participants]
        ),
        running=exchange.Pairs(*_giver_and_taker(running, place)),
        past=past,
        tried=_tried(loaded, participants, ended, place),
        weights=replace(points.Weights(), **options.weights),
    )


def _giver_and_taker(rows: Sequence[Support], place: Place) -> tuple[Ints, Ints]:
    return (
        np.array([place[row.giver_id] for row in rows if row.giver_id is not None], np.int64),
        np.array([place[row.taker_id] for row in rows], np.int64),
    )


def _tried(
    loaded: Loaded, participants: exchange.Participants, ended: Sequence[Support], place: Place
) -> NDArray[np.bool_]:
    """Whether support of the same expertise from a ladder step has failed the need's school."""
    failed = [row for row in ended if row.result == SupportResult.DID_NOT_WORK]
    steps = ladder_steps(participants, *_giver_and_taker(failed, place)).tolist()
    needs_of: dict[int, list[int]] = defaultdict(list)
    for row, need in enumerate(loaded.needs):
        needs_of[need.participant_id].append(row)
    tried = np.zeros((len(loaded.needs), len(Ladder)), np.bool_)
    for support, step in zip(failed, steps, strict=True):
        for row in needs_of[support.taker_id]:
            if support.expertise_code in (None, loaded.needs[row].expertise_code):
                tried[row, step] = True
    return tried


def _problem(
    loaded: Loaded,
    options: MatchOptions,
    left: Left,
    place: Place,
    found: candidates.Candidates,
    valued: points.Points,
    wishes: Wishes,
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
            lat=[_number(row.latitude) for row in rows],
            lon=[_number(row.longitude) for row in rows],
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
        candidates=tables.Candidates.of(offer_place[found.offer], found.need, valued.total),
        rules=tables.Rules(options.reciprocity, options.max_loop),
        pins=tables.pairs([(offer_place[offer], need) for offer, need in wishes.pins]),
        exclusions=tables.pairs(
            [
                (offer_place[offer], need)
                for offer, need in wishes.exclusions
                if offer_place[offer] != -1
            ]
        ),
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
