"""Reads of alliances: one with its members, plan and the support that members give each other."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import or_, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.alliances.service import members_of
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.partnerships.alliance_targets import alliance_targets
from app.partnerships.partnership_queries import Summary, find_by_ids
from app.register.naming import reference_named
from models.alliances import (
    Alliance,
    AllianceAction,
    AllianceMember,
    AllianceReview,
    AllianceTarget,
)
from models.exchange import Need
from models.partnerships import Support
from models.register import Network, Participant
from models.vocabulary import MemberState

AnySession = ReadSession | WriteSession


@dataclass(frozen=True, slots=True)
class Between:
    """Half-days that one member gave others of the alliance, and took from them."""

    given: int
    taken: int

    @property
    def balance(self) -> int:
        return self.given - self.taken


@dataclass(frozen=True, slots=True)
class Member:
    member: AllianceMember
    participant: Participant
    between: Between


@dataclass(frozen=True, slots=True)
class Planned:
    """An action with who leads it and what it serves."""

    action: AllianceAction
    leader: Participant
    need: str | None
    """Reference of the need."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    review: AllianceReview
    participant: Participant


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything of one alliance that its members read."""

    alliance: Alliance
    network: Network | None
    members: Sequence[Member]
    actions: Sequence[Planned]
    targets: Sequence[AllianceTarget]
    reviews: Sequence[Reviewed]
    """The latest first."""
    partnerships: Sequence[Summary]
    """Those between members that whoever reads may see."""

    @property
    def standing(self) -> list[Member]:
        return [each for each in self.members if each.member.state == MemberState.MEMBER]


def list_alliances(
    session: AnySession,
    principal: Principal,
    *,
    participant: str | None = None,
    over: bool | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[Alliance]:
    """A page of alliances by number; `participant` is in it, or was asked."""
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Alliance)
    query = select(Alliance).where(Alliance.id > after, seen).order_by(Alliance.id).limit(limit)
    if participant is not None:
        mine = (
            select(AllianceMember.alliance_id)
            .join(Participant, Participant.id == AllianceMember.participant_id)
            .where(Participant.reference == reference_named(session, participant))
        )
        query = query.where(Alliance.id.in_(mine))
    if over is not None:
        query = query.where(Alliance.over_on.is_not(None) if over else Alliance.over_on.is_(None))
    return session.scalars(query).all()


def members_by_alliance(session: AnySession, found: Sequence[Alliance]) -> dict[int, int]:
    """How many are in each."""
    counts: dict[int, int] = {each.id: 0 for each in found}
    query = select(AllianceMember.alliance_id).where(
        AllianceMember.alliance_id.in_(counts), AllianceMember.state == MemberState.MEMBER
    )
    for alliance_id in session.scalars(query):
        counts[alliance_id] += 1
    return counts


def alliance_numbered(session: AnySession, principal: Principal, reference: str) -> int:
    """The number of the alliance with a reference."""
    seen = visible(principal, Action.READ, Alliance)
    found = session.scalar(select(Alliance.id).where(Alliance.reference == reference, seen))
    if found is None:
        raise NotFound(f"There is no alliance {reference!r}. Check the reference.")
    return found


def get_alliance(session: AnySession, principal: Principal, alliance_id: int) -> Whole:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Alliance)
    found = session.scalar(select(Alliance).where(Alliance.id == alliance_id, seen))
    if found is None:
        raise NotFound(f"There is no alliance {alliance_id}. Check the number.")
    members = members_of(session, found.id)
    actions = _of(session, AllianceAction, found.id, AllianceAction.due)
    reviews = _of(session, AllianceReview, found.id, AllianceReview.on_day)
    people = _people(
        session,
        {each.participant_id for each in (*members, *reviews)} | {a.leader_id for a in actions},
    )
    inside = _inside(session, found, members)
    between = _between(inside)
    numbers = {row.partnership_id for row in inside if row.partnership_id is not None}
    seen_of_them = find_by_ids(session, principal, numbers)  # type: ignore[arg-type]
    need_ids = [each.need_id for each in actions if each.need_id is not None]
    named = select(Need.id, Need.reference).where(Need.id.in_(need_ids))
    needs = {need_id: reference for need_id, reference in session.execute(named)}
    return Whole(
        alliance=found,
        network=None if found.network_id is None else session.get(Network, found.network_id),
        members=[
            Member(each, people[each.participant_id], between[each.participant_id])
            for each in members
        ],
        actions=[
            Planned(each, people[each.leader_id], needs.get(each.need_id or 0)) for each in actions
        ],
        targets=alliance_targets(session, found.id),
        reviews=[Reviewed(each, people[each.participant_id]) for each in reversed(reviews)],
        partnerships=[seen_of_them[number] for number in sorted(seen_of_them)],
    )


def _of(session: AnySession, model: Any, alliance_id: int, order: Any) -> list[Any]:
    query = select(model).where(model.alliance_id == alliance_id).order_by(order, model.id)
    return list(session.scalars(query))


def _people(session: AnySession, ids: set[int]) -> dict[int, Participant]:
    found = session.scalars(select(Participant).where(Participant.id.in_(ids)))
    return {each.id: each for each in found}


def _inside(
    session: AnySession, alliance: Alliance, members: Sequence[AllianceMember]
) -> list[Support]:
    """Support that members give each other while both are in; of other agencies none counts."""
    spells = [
        (each.participant_id, each.starts, each.ends or date.max)
        for each in members
        if each.starts is not None
    ]
    ids = {who for who, _, _ in spells}
    query = select(Support).where(
        Support.giver_id.in_(ids),
        Support.taker_id.in_(ids),
        Support.agency.is_(None),
        or_(Support.ends.is_(None), Support.ends >= alliance.starts),
    )

    def was_in(who: int | None, row: Support) -> bool:
        first, last = row.starts or date.min, row.ends or date.max
        return any(of == who and starts <= last and ends >= first for of, starts, ends in spells)

    return [
        row
        for row in session.scalars(query.order_by(Support.id))
        if was_in(row.giver_id, row) and was_in(row.taker_id, row)
    ]


def _between(inside: Sequence[Support]) -> Mapping[int, Between]:
    given: dict[int, int] = defaultdict(int)
    taken: dict[int, int] = defaultdict(int)
    for row in inside:
        if row.giver_id is not None:
            given[row.giver_id] += row.half_days or 0
        taken[row.taker_id] += row.half_days or 0
    found: dict[int, Between] = defaultdict(lambda: Between(0, 0))
    found |= {who: Between(given[who], taken[who]) for who in given.keys() | taken.keys()}
    return found
