"""Everything a run looks at, read in one transaction: plain rows, no judgement yet."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, CompoundSelect, Row, Select, func, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.policy import Principal
from app.catalogue.queries import get_period
from app.database import database_now
from app.evidence.reading import Counting
from app.evidence.reading import counting as counting_evidence
from app.interests.edges import Edge, counting, edges, members_for
from app.interests.paths import Refusing, reach_further
from app.interests.rules import refusing_kinds
from app.planning.holds import Hold, by_need, held
from app.planning.planned_pots import PlannedPot, planned_pots
from app.register.closing import last_days
from app.register.group_members import MEMBERS, belongs_on
from models.exchange import Expertise, Limits, Need, Offer, Period
from models.matching import Decision, Proposal, Steering
from models.partnerships import Support
from models.register import (
    AreaServed,
    Circumstance,
    CircumstanceRule,
    Designation,
    Group,
    Institution,
    NetworkMembership,
    Organisation,
    Participant,
)
from models.vocabulary import (
    RUNNING_SUPPORT,
    Availability,
    DecisionAction,
    InterestKind,
    NeedState,
    ProposalState,
)
from solver.pairing.interests import Interest as Between

Ts = TypeVarTuple("Ts")
AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]

PLANNED_NEEDS = (NeedState.SUGGESTED, NeedState.IDENTIFIED, NeedState.DIAGNOSED, NeedState.MATCH)
"""Needs that still look for support; the matcher refuses suggested ones unless asked for."""


class PlannedNeed(NamedTuple):
    """What planning looks at of a need: of a country tens of thousands, so no more than that."""

    id: int
    reference: str
    participant_id: int
    expertise_code: str
    period_code: str
    half_days: int
    half_days_min: int
    max_givers: int
    priority: int
    travel_limit_miles: float | None
    travel_limit_minutes: int | None
    mode: str
    window_starts: date
    window_ends: date
    state: str
    pot_reference: str | None
    looked_outcomes: dict[str, str] | None
    outside_stimulus: bool | None


class PlannedOffer(NamedTuple):
    """What planning looks at of an offer."""

    id: int
    reference: str
    participant_id: int
    expertise_code: str
    period_code: str
    half_days: int
    max_pairings: int
    quality: int | None
    travel_limit_miles: float | None
    travel_limit_minutes: int | None
    mode: str
    phases: list[str]
    window_starts: date
    window_ends: date
    availability: str
    withdrawn: bool
    first_call_until: date | None
    """None also once that day is past."""


class PlannedLimits(NamedTuple):
    """A participant's own limits in a period; none: no limit of that kind."""

    participant_id: int
    period_code: str
    give_half_days: int | None
    max_given: int | None
    max_taken: int | None
    allowance_half_days: int | None
    exempt: bool
    carried_half_days: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows by kind; `day` is the day planned from, `periods` the run's own and its year."""

    period: Period
    periods: tuple[str, ...]
    year_and_terms: tuple[str, ...]
    """Periods whose days come out of the year's limits: the year and all its terms."""
    day: date
    participants: Sequence[AnyRow]
    needs: Sequence[PlannedNeed]
    offers: Sequence[PlannedOffer]
    other_offers: Sequence[PlannedOffer]
    """Those of the year's terms that the run does not plan: their support spends none of its."""
    expertise: Sequence[AnyRow]
    limits: dict[tuple[int, str], PlannedLimits]
    circumstances: dict[int, list[CircumstanceRule]]
    last_days: dict[int, date]
    """By participant, of those that are known to close."""
    memberships: Sequence[AnyRow]
    networks: Sequence[AnyRow]
    areas_served: Sequence[AnyRow]
    designated: frozenset[int]
    support: Sequence[Support]
    holds: Sequence[Hold]
    steering: Sequence[Steering]
    """Pins and exclusions in force."""
    declined: Sequence[AnyRow]
    """Pairs of need and offer that somebody declined: need, offer, giver, taker and reason."""
    interests: Sequence[Edge]
    """Declared interests that hold on some day from `day` to the end of the period."""
    evidence: Sequence[Counting]
    """Evidence of quality that counts on the day on which the run is asked for."""
    refusing: dict[InterestKind, Refusing]
    """Kinds of interest that rule a pair out, and how far."""
    between: Sequence[Between]
    """What that makes between every two participants, by their ids, paths included."""
    pots: dict[str, PlannedPot] = field(default_factory=dict)
    """Pots that needs name, by reference."""


def load(
    session: Session,
    principal: Principal,
    takers: Collection[int] | None,
    period_code: str,
    as_of: date,
    *,
    now: datetime | None = None,
    only: Collection[int] | None = None,
    besides: int | None = None,
) -> Loaded:
    """Read what a run of `period_code` for these takers (none: all) looks at.

    `now` decides which holds, pins and exclusions are in force. `only` leaves out everybody
    else, for a look at one pair, and `besides` the hold of one proposal.

    Raises
    ------
    NotFound
        If there is no such period; the message lists those there are.
    Conflict
        If the period is over on the day planned from.
    """
    now = now or database_now(session)
    period = get_period(session, principal, period_code, not_over_on=as_of)
    day = max(as_of, period.starts)
    periods = (period.code,) if period.year_code is None else (period.code, period.year_code)
    year = period.year_code or period.code
    terms = session.scalars(select(Period.code).where(Period.year_code == year)).all()
    needs = _rows(
        session,
        PlannedNeed,
        _of(only, Need.participant_id, _columns(Need, PlannedNeed))
        .where(Need.period_code.in_(periods), Need.state.in_(PLANNED_NEEDS))
        .order_by(Need.id),
    )
    if takers is not None:
        needs = [need for need in needs if need.participant_id in takers]
    holds = held(session, now, only, besides)
    held_of = by_need(holds)
    standing = _rows(
        session,
        PlannedOffer,
        _of(only, Offer.participant_id, _columns(Offer, PlannedOffer))
        .where(
            Offer.period_code.in_((year, *terms)),
            ~Offer.withdrawn,
            Offer.availability != Availability.NOT_OFFERING,
        )
        .order_by(Offer.id),
    )
    standing = [first_call_on(as_of, offer) for offer in standing]
    refusing = refusing_kinds(session)
    interests = edges(session, day, period.ends, only, further=reach_further(refusing))
    memberships = session.execute(_of(only, MEMBERS.c.participant_id, _memberships(day))).all()
    members = _members(memberships)
    if only is not None and reach_further(refusing):
        members = members_for(session, day, interests, only, refusing)
    return Loaded(
        period=period,
        periods=periods,
        year_and_terms=(year, *terms),
        day=day,
        participants=session.execute(_participants(periods, only)).all(),
        needs=[need for need in needs if _leaves_some(need, held_of[need.id])],
        offers=[offer for offer in standing if offer.period_code in periods],
        other_offers=[offer for offer in standing if offer.period_code not in periods],
        expertise=session.execute(
            select(Expertise.code, Expertise.parent_code, Expertise.name).order_by(Expertise.code)
        ).all(),
        limits={
            (row.participant_id, row.period_code): row
            for row in _rows(
                session,
                PlannedLimits,
                _of(only, Limits.participant_id, _columns(Limits, PlannedLimits)).where(
                    Limits.period_code.in_((year, *terms))
                ),
            )
        },
        circumstances=_circumstances(session, day, period.ends, only),
        last_days=last_days(session, only),
        memberships=memberships,
        networks=session.execute(
            _of(only, NetworkMembership.participant_id, networks_on(day))
        ).all(),
        areas_served=session.execute(
            _of(
                only,
                AreaServed.participant_id,
                select(AreaServed.participant_id, AreaServed.area_kind, AreaServed.area_code),
            )
        ).all(),
        designated=frozenset(session.scalars(_designated(day))),
        support=session.scalars(_support(only)).all(),
        holds=holds,
        steering=session.scalars(in_force(now)).all(),
        declined=session.execute(_of(only, Need.participant_id, _declined())).all(),
        interests=interests,
        evidence=counting_evidence(session, as_of, only),
        refusing=refusing,
        between=counting(session, interests, members, refusing, only),
        pots=planned_pots(session, day, period.ends, besides),
    )


def _members(memberships: Sequence[AnyRow]) -> dict[int, list[int]]:
    """By group."""
    found: dict[int, list[int]] = defaultdict(list)
    for row in memberships:
        found[row.group_id].append(row.participant_id)
    return found


def _leaves_some(need: PlannedNeed, holds: Sequence[Hold]) -> bool:
    """Whether what is held for a need leaves room for another giver with useful days."""
    if not holds:
        return True
    room = need.max_givers == 0 or len(holds) < need.max_givers
    return room and need.half_days - sum(hold.half_days for hold in holds) >= need.half_days_min


R = TypeVar("R", PlannedNeed, PlannedOffer, PlannedLimits)


def first_call_on(day: date, offer: PlannedOffer) -> PlannedOffer:
    """The offer without a first call that is over on the day of asking."""
    until = offer.first_call_until
    return offer if until is None or until >= day else offer._replace(first_call_until=None)


def _columns(table: type[Need | Offer | Limits], row: type[R]) -> AnySelect:
    return select(*(getattr(table, name) for name in row._fields))


def _rows(session: Session, row: type[R], query: AnySelect) -> list[R]:
    return [row._make(found) for found in session.execute(query)]


def planned(row: type[R], stored: Need | Offer | Limits) -> R:
    """What planning looks at of one stored row."""
    return row._make(getattr(stored, name) for name in row._fields)


def _of(
    only: Collection[int] | None,
    column: ColumnElement[int] | InstrumentedAttribute[int],
    query: Select[*Ts],
) -> Select[*Ts]:
    return query if only is None else query.where(column.in_(only))


def _support(only: Collection[int] | None) -> Select[Support]:
    query = select(Support).order_by(Support.id)
    if only is None:
        return query
    return query.where(or_(Support.giver_id.in_(only), Support.taker_id.in_(only)))


def in_force(now: datetime) -> Select[Steering]:
    """Pins and exclusions that nobody lifted and that have not expired."""
    return (
        select(Steering)
        .where(
            Steering.lifted_at.is_(None),
            or_(Steering.expires_at.is_(None), Steering.expires_at > now),
        )
        .order_by(Steering.id)
    )


def _declined() -> AnySelect:
    return (
        select(
            Proposal.need_id,
            Proposal.offer_id,
            Offer.participant_id.label("giver_id"),
            Need.participant_id.label("taker_id"),
            Decision.reason,
        )
        .join(Decision, Decision.proposal_id == Proposal.id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .where(
            Proposal.state == ProposalState.DECLINED,
            Decision.action == DecisionAction.DECLINE,
        )
        .order_by(Proposal.id)
    )


def _participants(periods: Collection[str], only: Collection[int] | None) -> AnySelect:
    taking_part: CompoundSelect[int] = union(
        select(Need.participant_id).where(Need.period_code.in_(periods)),
        select(Offer.participant_id).where(Offer.period_code.in_(periods)),
        select(Support.giver_id).where(Support.giver_id.is_not(None)),
    )
    query = (
        select(
            Participant.id,
            Participant.reference,
            Participant.name,
            Participant.kind,
            Participant.latitude,
            Participant.longitude,
            Participant.local_authority_code,
            Participant.region_code,
            Participant.district_code,
            Institution.phases,
            Institution.pupils,
            Institution.free_school_meals_percent,
            Institution.urban_rural,
            Institution.in_scope,
            Institution.sen_types,
            Institution.specialist,
            Institution.alternative_provision,
            Institution.resourced_provision,
            Organisation.funded,
            Organisation.closed,
        )
        .outerjoin(Institution)
        .outerjoin(Organisation)
        .order_by(Participant.id)
    )
    if only is not None:
        return query.where(Participant.id.in_(only))
    return query.where(Participant.id.in_(select(taking_part.subquery().c.participant_id)))


def _circumstances(
    session: Session, first: date, last: date, only: Collection[int] | None
) -> dict[int, list[CircumstanceRule]]:
    """The rules of the circumstances that hold on some day from `first` to `last`."""
    found: dict[int, list[CircumstanceRule]] = defaultdict(list)
    query = (
        select(Circumstance.participant_id, CircumstanceRule)
        .join(CircumstanceRule, CircumstanceRule.kind == Circumstance.kind)
        .where(
            Circumstance.starts <= last,
            or_(Circumstance.ends.is_(None), Circumstance.ends >= first),
        )
        .order_by(Circumstance.id)
    )
    for participant_id, rule in session.execute(_of(only, Circumstance.participant_id, query)):
        found[participant_id].append(rule)
    return found


def _memberships(day: date) -> AnySelect:
    """Members of open groups, of each the group joined last at the end."""
    return (
        select(MEMBERS.c.participant_id, MEMBERS.c.group_id, Group.kind)
        .join(Group, Group.id == MEMBERS.c.group_id)
        .where(Group.open, belongs_on(day))
        .order_by(
            MEMBERS.c.participant_id,
            func.coalesce(MEMBERS.c.joined, date.min),
            MEMBERS.c.group_id,
        )
    )


def networks_on(day: date) -> AnySelect:
    return select(NetworkMembership.participant_id, NetworkMembership.network_id).where(
        or_(NetworkMembership.starts.is_(None), NetworkMembership.starts <= day),
        or_(NetworkMembership.ends.is_(None), NetworkMembership.ends >= day),
    )


def _designated(day: date) -> Select[int]:
    return select(Designation.participant_id).where(
        or_(Designation.starts.is_(None), Designation.starts <= day),
        or_(Designation.ends.is_(None), Designation.ends >= day),
    )


def runs_in(support: Support, first: date, last: date) -> bool:
    """Whether support runs on some day from `first` to `last`; open ends run on."""
    if support.state not in RUNNING_SUPPORT:
        return False
    begun = support.starts is None or support.starts <= last
    return begun and (support.ends is None or support.ends >= first)
