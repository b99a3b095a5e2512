"""Schools that could exchange now: each gives the next what it needs, by the rules of a run."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import WORKER, Action, Principal, authorise
from app.access.scoped import authorise_for
from app.errors import Conflict
from app.graph.cycles import LONGEST, Found, Members, loops_among
from app.planning.build import Built, build
from app.planning.load import Loaded, load
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable
from app.planning.scope import takers_in
from app.planning.travel import travel_times
from app.runs.queries import get_run
from models.matching import Proposal
from models.vocabulary import ENDED_PROPOSALS, METRES_PER_MILE, ProposalState

MOST_NEIGHBOURS: Final = 100
"""Offers that are looked at for each need: swaps may be with others than the nearest."""
MOST_PEOPLE: Final = 5_000
"""Participants of an area: more take longer than a question may."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What one member would give to the next."""

    giver: str
    giver_name: str
    taker: str
    taker_name: str
    offer: str
    need: str
    expertise: str
    half_days: int
    points: int
    miles: float | None
    """None: by remote."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Two members who swap, or three who go round, the first giving to the second."""

    gifts: tuple[Gift, ...]

    @property
    def points(self) -> int:
        return sum(gift.points for gift in self.gifts)


def find_swaps(
    session: Session,
    principal: Principal,
    area: str,
    period: str,
    day: date,
    *,
    run_id: int | None = None,
    longest: int = LONGEST,
    travel_source: str | None = None,
) -> Found[Swap]:
    """Swaps of members of an area that every rule of a run allows, the most points first.

    Every member gives and receives, so that all lie in the area. With a run, only what its plan
    leaves is used: needs that it does not meet, and days that it does not take.

    Raises
    ------
    Conflict
        If the area is too large.
    NotFound
        If there is no such area, period or run.
    """
    authorise(principal, Action.READ_PLAN)
    ids = takers_in(session, principal, area, day).participant_ids  # type: ignore[arg-type]
    if ids is None or len(ids) > MOST_PEOPLE:
        raise Conflict(
            f"{area!r} is too large to look for swaps in. Enter an area with at most "
            f"{MOST_PEOPLE:,} schools and organisations, such as a local authority."
        )
    authorise_for(session, principal, Action.READ_PLAN, ids)
    # Of them alone: whoever gives in a swap receives in it, too.
    loaded = load(session, WORKER, ids, period, day, only=sorted(ids))
    taken: Counter[int] = Counter()
    if run_id is not None:
        loaded, taken = _left_by(session, principal, run_id, loaded)
    options = MatchOptions(as_of=day, max_neighbours=MOST_NEIGHBOURS)
    try:
        built = build(loaded, options, travel_times(travel_source))
    except Unplannable:
        return Found([], more=False)
    best = _gifts(built, taken)

    def swap(members: Members) -> Swap:
        return Swap(tuple(best[pair] for pair in pairwise((*members, members[0]))))

    found = loops_among(best, longest, lambda members: swap(members).points)
    return Found([swap(members) for members in found.items], found.more)


def _left_by(
    session: Session, principal: Principal, run_id: int, loaded: Loaded
) -> tuple[Loaded, Counter[int]]:
    """Without the needs that a plan meets; and what it takes of each offer, where nobody holds."""
    run = get_run(session, principal, run_id, whole=True)
    of_run = select(Proposal.need_id, Proposal.offer_id, Proposal.half_days, Proposal.state)
    met: set[int] = set()
    taken: Counter[int] = Counter()
    for need, offer, half_days, state in session.execute(
        of_run.where(Proposal.run_id == run.id, Proposal.state.not_in(ENDED_PROPOSALS))
    ):
        met.add(need)
        if state == ProposalState.PROPOSED:
            taken[offer] += half_days
    return replace(loaded, needs=[need for need in loaded.needs if need.id not in met]), taken


def _gifts(built: Built, taken: Counter[int]) -> dict[tuple[str, str], Gift]:
    """The best candidate of each giver and taker, by their references."""
    loaded, found = built.loaded, built.candidates
    people = {row.id: row for row in loaded.participants}
    days_of = dict(zip(built.problem.offers.id, built.problem.offers.days, strict=True))
    asked_of = dict(zip(built.problem.needs.id, built.problem.needs.days, strict=True))
    limits = built.problem.participants
    sides = {name: place for place, name in enumerate(limits.id)}
    best: dict[tuple[str, str], Gift] = {}
    rows = zip(
        found.offer.tolist(),
        found.need.tolist(),
        built.points.total.tolist(),
        built.points.bonus.tolist(),
        found.distance_m.tolist(),
        strict=True,
    )
    for offer_row, need_row, points, once, metres in rows:
        offer, need = loaded.offers[offer_row], loaded.needs[need_row]
        giver, taker = people[offer.participant_id], people[need.participant_id]
        gives, takes = sides[giver.reference], sides[taker.reference]
        left = int(days_of[offer.reference]) - taken[offer.id]
        half_days = min(left, int(asked_of[need.reference]), int(limits.give_limit[gives]))
        no_place = limits.max_given[gives] < 1 or limits.max_taken[takes] < 1
        out = giver.in_scope is None or taker.in_scope is None
        if out or no_place or half_days < need.half_days_min:
            continue
        gift = Gift(
            *(giver.reference, giver.name, taker.reference, taker.name),
            *(offer.reference, need.reference, need.expertise_code, half_days),
            points * half_days + once,
            None if metres < 0 else round(metres / METRES_PER_MILE, 1),
        )
        before = best.get((giver.reference, taker.reference))
        if before is None or (-gift.points, gift.offer) < (-before.points, before.offer):
            best[giver.reference, taker.reference] = gift
    return best
