"""Offers that the rules of a pair refuse a need today, the nearest first; more miles tried."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.errors import Conflict
from app.planning.build import point_inputs
from app.planning.capacity import Left, what_is_left
from app.planning.load import Loaded, load
from app.planning.options import MatchOptions
from app.planning.pair_constraints import wishes_of
from app.planning.pair_tables import pair_tables, places_of
from app.planning.steps import climbed
from app.register.water import estimated
from models.exchange import Expertise, Need, Offer
from models.matching import Run
from models.vocabulary import METRES_PER_MILE
from solver.arrays import BoolArray, IntArray
from solver.explain.changes import Change, ChangeKind
from solver.explain.resolve_around import around
from solver.explain.smallest_change import Trial, try_change
from solver.explain.subset import chosen
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Offers, Participants
from solver.pairing.candidates import find_candidates
from solver.pairing.findings import findings
from solver.pairing.pair_rules import OTHER_EXPERTISE, PAIR_RULES, TOO_FAR
from solver.pairing.pairs import PairTables, TravelLimits
from solver.pairing.points import score

MOST_SHOWN: Final = 5
STEP_MILES: Final = 5
"""Travel limits are raised by whole steps of so many miles."""
MOST_MILES: Final = 20
NEARLY_M: Final = 1.0


@dataclass(frozen=True, slots=True)
class RefusedOffer:
    """An offer with what the rules say against it, a sentence each."""

    offer: str
    miles: float | None
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """One need beside the offers that cover its expertise, with the rows of today."""

    loaded: Loaded
    options: MatchOptions
    left: Left
    tables: PairTables
    need: int
    offers: IntArray
    """Rows of the offers that cover it."""
    against: BoolArray
    """Which rule refuses each, in the form that fewer refuse: bool[offers, rules]."""
    remote: BoolArray

    def reference(self, row: int) -> str:
        return self.loaded.offers[row].reference


def look_today(session: Session, principal: Principal, run: Run, need: Need) -> Today | None:
    """Ask the rules of a pair about every offer that covers a need; None where it is over."""
    options = MatchOptions.model_validate(run.options)
    options = options.model_copy(update={"pins": (), "exclusions": ()})
    who = set(
        session.scalars(
            select(Offer.participant_id).where(
                Offer.expertise_code.in_(_related(session, need.expertise_code))
            )
        )
    )
    day = options.as_of or run.created_at.date()
    try:
        loaded = load(
            session, principal, {need.participant_id}, run.period_code, day,
            only=who | {need.participant_id},
        )  # fmt: skip
    except Conflict:
        return None
    loaded = replace(loaded, steering=[])
    row = next((at for at, each in enumerate(loaded.needs) if each.id == need.id), None)
    if row is None or not loaded.offers:
        return None
    left = what_is_left(loaded, options)
    wishes = wishes_of(loaded, options, places_of(loaded))
    tables = climbed(loaded, options, pair_tables(loaded, options, left, wishes, estimated()))
    covers = OTHER_EXPERTISE.covers(tables)[tables.offers.expertise, tables.needs.expertise[row]]
    offers = np.flatnonzero(covers)
    forms = [_against(tables, row, offers, remote=remote) for remote in (False, True)]
    remote = forms[1].sum(axis=1) < forms[0].sum(axis=1)
    against = np.where(remote[:, np.newaxis], forms[1], forms[0])
    return Today(loaded, options, left, tables, row, offers, against, remote)


def nearest_refused(today: Today) -> tuple[RefusedOffer, ...]:
    """Return the offers that fewest rules refuse, of those the nearest."""
    count = today.against.sum(axis=1)
    metres = _metres(today)
    order = np.lexsort((today.offers, metres, count))
    found = []
    for at in [at for at in order.tolist() if count[at]][:MOST_SHOWN]:
        said = findings(
            today.tables, today.need, int(today.offers[at]), remote=bool(today.remote[at])
        )
        miles = None if np.isinf(metres[at]) else round(float(metres[at]) / METRES_PER_MILE, 1)
        found.append(
            RefusedOffer(
                today.reference(int(today.offers[at])),
                miles,
                tuple(each.sentence for each in said if not each.holds),
            )
        )
    return tuple(found)


def more_miles(
    today: Today, problem: Problem, plan: Plan, reference: str
) -> tuple[Trial, str] | None:
    """Try the fewest whole steps of miles that add an offer to the need's candidates.

    Returns
    -------
    What came of it, and the need or offer whose limit is raised; None where miles do not help.
    """
    wanted = _steps(today)
    if not wanted:
        return None
    by, _, at, kind = min(wanted)
    offers = [
        int(today.offers[other])
        for miles, _, other, same in wanted
        if other == at or (kind is same is ChangeKind.TRAVEL_OF_NEED and miles <= by)
    ]
    tables = _raised(today, by, [int(today.offers[at])], kind)
    found, _ = find_candidates(tables, None)
    mine = np.flatnonzero((found.need == today.need) & np.isin(found.offer, offers))
    if not len(mine):
        return None
    place = places_of(today.loaded)
    inputs = point_inputs(today.loaded, today.options, today.left, tables, found, place)
    valued = score(inputs)
    need = problem.needs.id.index(reference)
    wider, positions = _with_offers(problem, today, found.offer[mine].tolist())
    columns = wider.candidates
    known = set(zip(columns.offer.tolist(), columns.need.tolist(), strict=True))
    new = [at for at, offer in enumerate(positions) if (offer, need) not in known]
    wider = replace(
        wider,
        candidates=Candidates.of(
            np.concatenate([columns.offer, [positions[at] for at in new]]).astype(np.int64),
            np.concatenate([columns.need, [need] * len(new)]).astype(np.int64),
            np.concatenate([columns.points, valued.total[mine[new]]]),
            half_days=np.concatenate([columns.half_days, np.zeros(len(new), np.int64)]),
            bonus=np.concatenate([columns.bonus, valued.bonus[mine[new]]]),
        ),
    )
    half_days = np.concatenate([chosen(problem, plan), np.zeros(len(new), np.int64)])
    subject = today.reference(int(today.offers[at]))
    change = Change(kind, need if kind is ChangeKind.TRAVEL_OF_NEED else positions[0], by)
    trial = try_change(around(wider, half_days, need), change, direct=False)
    return trial, reference if kind is ChangeKind.TRAVEL_OF_NEED else subject


def _related(session: Session, code: str) -> set[str]:
    """The entry, all above it and all below it."""
    rows = session.execute(select(Expertise.code, Expertise.parent_code)).all()
    parent = {row.code: row.parent_code for row in rows}

    def above(entry: str | None) -> set[str]:
        found = set[str]()
        while entry is not None and entry not in found:
            found.add(entry)
            entry = parent.get(entry)
        return found

    return above(code) | {each for each in parent if code in above(each)}


def _against(tables: PairTables, need: int, offers: IntArray, *, remote: bool) -> BoolArray:
    needs, form = np.full(len(offers), need), np.full(len(offers), remote)
    return np.column_stack([rule.refuses(tables, needs, offers, form) for rule in PAIR_RULES])


def _metres(today: Today) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    metres = today.tables.distance_m(np.full(len(today.offers), today.need), today.offers)
    return np.where(np.isnan(metres), np.inf, metres)


def _steps(today: Today) -> list[tuple[int, float, int, ChangeKind]]:
    """Miles to add, distance, place in `offers` and whose limit, of pairs that are only too far."""
    only_far = (today.against.sum(axis=1) == 1) & today.against[:, PAIR_RULES.index(TOO_FAR)]
    tables, need = today.tables, today.need
    timed = np.isfinite(tables.need_limits.minutes[need])
    found = []
    metres = _metres(today)
    for at in np.flatnonzero(only_far & ~today.remote & np.isfinite(metres)).tolist():
        offer = int(today.offers[at])
        if timed or np.isfinite(tables.offer_limits.minutes[offer]):
            continue
        steps = [
            max(0, ceil((metres[at] - limit - NEARLY_M) / METRES_PER_MILE / STEP_MILES))
            for limit in (tables.need_limits.metres[need], tables.offer_limits.metres[offer])
        ]
        kind = ChangeKind.TRAVEL_OF_BOTH
        if not all(steps):
            kind = ChangeKind.TRAVEL_OF_NEED if steps[0] else ChangeKind.TRAVEL_OF_OFFER
        by = max(steps) * STEP_MILES
        if 0 < by <= MOST_MILES:
            found.append((by, float(metres[at]), at, kind))
    return found


def _raised(today: Today, by: int, offers: Sequence[int], kind: ChangeKind) -> PairTables:
    tables, more = today.tables, by * METRES_PER_MILE
    of_need, of_offer = tables.need_limits, tables.offer_limits
    if kind is not ChangeKind.TRAVEL_OF_OFFER:
        of_need = _wider(of_need, [today.need], more)
    if kind is not ChangeKind.TRAVEL_OF_NEED:
        of_offer = _wider(of_offer, offers, more)
    return replace(tables, need_limits=of_need, offer_limits=of_offer)


def _wider(limits: TravelLimits, rows: Sequence[int], metres: float) -> TravelLimits:
    more = np.zeros(len(limits.metres))
    more[list(rows)] = metres + NEARLY_M
    return TravelLimits(limits.metres + more, limits.minutes, limits.reach_m + more)


def _with_offers(problem: Problem, today: Today, rows: Sequence[int]) -> tuple[Problem, list[int]]:
    """Return the problem with these offers of today in it, and their positions."""
    place = places_of(today.loaded)
    people, offers, left = problem.participants, problem.offers, today.left
    who, known = list(people.id), list(offers.id)
    givers: list[int] = []
    added: list[int] = []
    for row in rows:
        offer = today.loaded.offers[row]
        if offer.reference not in known:
            at = place[offer.participant_id]
            reference = today.loaded.participants[at].reference
            if reference not in who:
                who.append(reference)
                givers.append(at)
            known.append(offer.reference)
            added.append(row)

    def longer(column: IntArray, values: list[int]) -> IntArray:
        return np.concatenate([column, np.array(values, np.int64)]).astype(np.int64)

    columns = {
        name: longer(getattr(people, name), [getattr(left, name)[at] for at in givers])
        for name in ("give_limit", "max_given", "max_taken", "allowance")
    }
    unknown = np.full(len(givers), np.nan)
    wider = replace(
        problem,
        participants=Participants.of(
            who,
            lat=np.concatenate([people.lat, unknown]),
            lon=np.concatenate([people.lon, unknown]),
            exempt=np.concatenate([people.exempt, [left.exempt[at] for at in givers]]).astype(bool),
            account=longer(people.account, list(range(len(people), len(who)))),
            **columns,
        ),
        offers=Offers.of(
            known,
            longer(
                offers.participant,
                [
                    who.index(
                        today.loaded.participants[
                            place[today.loaded.offers[row].participant_id]
                        ].reference
                    )
                    for row in added
                ],
            ),
            longer(offers.days, [left.offer_half_days[row] for row in added]),
            expertise=[
                *offers.expertise,
                *(today.loaded.offers[row].expertise_code for row in added),
            ],
            max_pairings=longer(offers.max_pairings, [left.offer_pairings[row] for row in added]),
        ),
    )
    return wider, [known.index(today.reference(row)) for row in rows]
