"""Families of schools without a network that could cover each other's needs, as a suggestion."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import WORKER, Action, Principal, authorise
from app.access.scoped import authorise_for
from app.catalogue.queries import get_period
from app.database import ReadSession
from app.errors import Conflict, NotFound
from app.planning.build import Built, build
from app.planning.load import Loaded, load, networks_on
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable
from app.planning.scope import takers_in
from app.planning.travel import travel_times
from models.exchange import Period
from models.vocabulary import METRES_PER_MILE, Ladder
from solver.arrays import FloatArray, IntArray
from solver.check.families import check_families
from solver.formats.families import Families, FamilyProblem
from solver.methods.families import find_families
from solver.pairing.geography import distance_m
from solver.pairing.ladder import LADDER
from solver.pairing.travel import FASTEST_M_PER_MINUTE, TravelTimes

DEFAULT_MINUTES: Final = 30
MOST_MINUTES: Final = 120
MOST_SCHOOLS: Final = 2_000
"""Schools of an area that families are looked for among: more take longer than a question may."""
MOST_NEIGHBOURS: Final = 60
_OWN_NETWORK: Final = LADDER.index(Ladder.OWN_NETWORK)


class WhyProposed(StrEnum):
    """Why a school is proposed a family."""

    NO_NETWORK = "no_network"
    NEEDS_LEFT_OPEN = "needs_left_open"
    """It is in a network, and nobody there can meet some of its needs."""


@dataclass(frozen=True, slots=True)
class FamilyMember:
    reference: str
    name: str
    why: WhyProposed
    needs: int
    """Needs that are looked at."""
    covered: int
    gives: int
    """Needs of others that it would cover."""


@dataclass(frozen=True, slots=True)
class WouldCover:
    """An offer of one member that would cover a need of another."""

    giver: str
    giver_name: str
    taker: str
    taker_name: str
    offer: str
    need: str
    expertise: str
    half_days: int


@dataclass(frozen=True, slots=True)
class ProposedFamily:
    members: tuple[FamilyMember, ...]
    covers: tuple[WouldCover, ...]
    minutes: int
    """Of the longest way between two members."""

    @property
    def needs(self) -> int:
        return sum(member.needs for member in self.members)


@dataclass(frozen=True, slots=True)
class ProposedFamilies:
    """Families of an area, those that cover most first, and what they are chosen from."""

    period: str
    minutes: int
    schools: int
    """Schools without a network, or whose network leaves needs open."""
    taking_part: int
    """Those of them with a need or an offer in the period."""
    needs: int
    families: tuple[ProposedFamily, ...]
    covered: int
    bound: int
    """Most needs that any families could cover."""


def propose_families(
    session: ReadSession,
    principal: Principal,
    area: str,
    minutes: int,
    day: date,
    *,
    period: str | None = None,
    travel_source: str | None = None,
) -> ProposedFamilies:
    """Propose families of four to eight schools of an area that cover each other's needs.

    Every two members are within the minutes of each other, by the same travel times as in a run,
    and what would be given is what every rule of a pair allows. Nothing is stored.

    Raises
    ------
    Conflict
        If the area is too large.
    NotFound
        If there is no such area or period.
    """
    authorise(principal, Action.READ_PLAN)
    ids = takers_in(session, principal, area, day).participant_ids
    if ids is None or len(ids) > MOST_SCHOOLS:
        raise Conflict(
            f"{area!r} is too large to look for families in. Enter an area with at most "
            f"{MOST_SCHOOLS:,} schools and organisations, such as a local authority."
        )
    authorise_for(session, principal, Action.READ_PLAN, ids)
    code = period or _period_on(session, day)
    get_period(session, principal, code)
    inside = frozenset(ids)
    loaded = load(
        session, WORKER, inside, code, day, only=sorted(inside | _beside(session, inside, day))
    )
    reach = min(1_000.0, minutes * FASTEST_M_PER_MINUTE / METRES_PER_MILE)
    options = MatchOptions(
        as_of=day, max_neighbours=MOST_NEIGHBOURS, travel_limit_miles=max(1.0, reach)
    )
    travel = travel_times(travel_source)
    try:
        built = build(loaded, options, travel)
    except Unplannable:
        lonely = _lonely(loaded, inside)
        return ProposedFamilies(code, minutes, len(lonely), 0, 0, (), 0, 0)
    return _proposed(built, inside, travel, code, minutes)


def _period_on(session: Session, day: date) -> str:
    """The academic year of a day, or the next that begins."""
    query = select(Period.code).where(Period.kind == "year", Period.ends >= day)
    found = session.scalars(query.order_by(Period.ends).limit(1)).first()
    if found is None:
        raise NotFound("There is no academic year of today or later. Add one, or enter a period.")
    return found


def _beside(session: Session, ids: frozenset[int], day: date) -> frozenset[int]:
    """Members of the networks of the area's schools, who may meet their needs from elsewhere."""
    rows = session.execute(networks_on(day)).all()
    networks = {network for who, network in rows if who in ids}
    return frozenset(who for who, network in rows if network in networks)


def _lonely(loaded: Loaded, inside: frozenset[int]) -> set[int]:
    """Places of the area's schools in no network."""
    joined = {who for who, _ in loaded.networks}
    return {
        place
        for place, row in enumerate(loaded.participants)
        if row.in_scope and row.id in inside and row.id not in joined
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The problem, and the rows of `loaded` that its schools, needs and offers are."""

    problem: FamilyProblem
    schools: list[int]
    needs: list[int]
    offers: list[int]
    lonely: set[int]


def _proposed(
    built: Built, inside: frozenset[int], travel: TravelTimes, period: str, minutes: int
) -> ProposedFamilies:
    lonely = _lonely(built.loaded, inside)
    open_needs = _left_open(built, inside, lonely)
    need_owner = built.pairs.needs.participant
    eligible = lonely | {int(need_owner[need]) for need in open_needs}
    asked = _asked(built, eligible, lonely, open_needs, travel, minutes)
    found = find_families(asked.problem)
    if wrong := check_families(asked.problem, found):
        raise RuntimeError(f"families failed their check: {wrong[0]}")
    return ProposedFamilies(
        period,
        minutes,
        len(eligible),
        len(asked.schools),
        len(asked.needs),
        _told(built, asked, found),
        found.covered,
        found.bound,
    )


def _left_open(built: Built, inside: frozenset[int], lonely: set[int]) -> list[int]:
    """Rows of needs to cover: all of schools in no network, and what networks leave open."""
    found, loaded = built.candidates, built.loaded
    in_network = np.zeros(len(loaded.needs), np.bool_)
    in_network[found.need[found.ladder <= _OWN_NETWORK]] = True
    owner = built.pairs.needs.participant.tolist()
    people = loaded.participants
    return [
        row
        for row, who in enumerate(owner)
        if who in lonely
        or (people[who].in_scope and people[who].id in inside and not in_network[row])
    ]


def _asked(
    built: Built,
    eligible: set[int],
    lonely: set[int],
    open_needs: list[int],
    travel: TravelTimes,
    minutes: int,
) -> _Asked:
    problem, loaded, tables = built.problem, built.loaded, built.pairs
    days_of = dict(zip(problem.offers.id, problem.offers.days.tolist(), strict=True))
    places_of = dict(zip(problem.offers.id, problem.offers.max_pairings.tolist(), strict=True))
    sides = {reference: at for at, reference in enumerate(problem.participants.id)}
    giving = tables.offers.participant.tolist()
    offers = [
        row
        for row, offer in enumerate(loaded.offers)
        if offer.reference in days_of and giving[row] in eligible
    ]
    taking = tables.needs.participant.tolist()
    schools = sorted({giving[row] for row in offers} | {taking[row] for row in open_needs})
    at = {school: place for place, school in enumerate(schools)}
    side = [sides[loaded.participants[school].reference] for school in schools]
    limits = problem.participants
    offer_at = {row: place for place, row in enumerate(offers)}
    need_at = {row: place for place, row in enumerate(open_needs)}
    found = built.candidates
    # Of a need, those of most points first.
    order = np.lexsort((found.offer, -built.points.total, found.need)).tolist()
    pairs = [
        (offer_at[offer], need_at[need])
        for offer, need in ((int(found.offer[k]), int(found.need[k])) for k in order)
        if offer in offer_at and need in need_at
    ]
    pair_offer, pair_need = _ints(pairs, 2).T
    return _Asked(
        FamilyProblem(
            minutes=_minutes(built, schools, travel, minutes),
            limit_minutes=minutes,
            give_limit=limits.give_limit[side],
            most_given=limits.max_given[side],
            most_taken=limits.max_taken[side],
            need_of=_ints([at[taking[row]] for row in open_needs]),
            asked=problem.needs.days[open_needs],
            least=problem.needs.days_min[open_needs],
            offer_of=_ints([at[giving[row]] for row in offers]),
            offered=_ints([days_of[loaded.offers[row].reference] for row in offers]),
            pairings=_ints([places_of[loaded.offers[row].reference] for row in offers]),
            pair_offer=pair_offer,
            pair_need=pair_need,
        ),
        schools,
        open_needs,
        offers,
        lonely,
    )


def _ints(values: list[Any], width: int | None = None) -> IntArray:
    found = np.array(values, np.int64)
    return found if width is None else found.reshape(-1, width)


def _minutes(built: Built, schools: list[int], travel: TravelTimes, limit: int) -> FloatArray:
    """Minutes between schools that may be near enough; NaN between others."""
    places = built.pairs.participants.places
    found = np.full((len(schools), len(schools)), np.nan)
    rows = np.array(schools, np.int64)
    for place, school in enumerate(schools):
        metres = distance_m(
            places.lat[school], places.lon[school], places.lat[rows], places.lon[rows]
        )
        near = np.flatnonzero(metres <= limit * FASTEST_M_PER_MINUTE)
        found[place, near] = travel.minutes(places, np.full(len(near), school), rows[near])
    return found


def _told(built: Built, asked: _Asked, found: Families) -> tuple[ProposedFamily, ...]:
    loaded, problem = built.loaded, asked.problem
    people = [loaded.participants[school] for school in asked.schools]
    needs_of = Counter(problem.need_of.tolist())
    told = []
    for family in found.found:
        covers = []
        covered: Counter[int] = Counter()
        gives: Counter[int] = Counter()
        for each in family.covers:
            giver, taker = int(problem.offer_of[each.offer]), int(problem.need_of[each.need])
            need = loaded.needs[asked.needs[each.need]]
            covered[taker] += 1
            gives[giver] += 1
            covers.append(
                WouldCover(
                    *(people[giver].reference, people[giver].name),
                    *(people[taker].reference, people[taker].name),
                    loaded.offers[asked.offers[each.offer]].reference,
                    need.reference,
                    need.expertise_code,
                    each.half_days,
                )
            )
        members = tuple(
            FamilyMember(
                people[one].reference,
                people[one].name,
                WhyProposed.NO_NETWORK
                if asked.schools[one] in asked.lonely
                else WhyProposed.NEEDS_LEFT_OPEN,
                needs_of[one],
                covered[one],
                gives[one],
            )
            for one in family.members
        )
        far = problem.minutes[np.ix_(family.members, family.members)]
        told.append(ProposedFamily(members, tuple(covers), round(float(np.nanmax(far)))))
    return tuple(told)
