"""Reads of organisations, groups, networks, areas and circumstances, by page and one by one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import RowMapping, and_, or_, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.register.group_members import MEMBERS
from app.register.lookups import Scope, is_in
from app.register.naming import reference_named
from app.register.search import holds, named
from models.register import (
    Area,
    AreaServed,
    Circumstance,
    CircumstanceRule,
    Designation,
    FactChange,
    Group,
    Institution,
    Membership,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
)
from models.vocabulary import AreaKind, GroupKind

AnySession = ReadSession | WriteSession
Rows = Sequence[RowMapping]

_ORGANISATION = (
    select(
        Organisation.participant_id,
        Organisation.key,
        Participant.name,
        Organisation.kind,
        Organisation.group_uid,
        Organisation.funded,
        Organisation.opened,
        Organisation.closed,
        Participant.postcode,
        Participant.latitude,
        Participant.longitude,
        Participant.local_authority_code,
        Area.name.label("local_authority_name"),
        Participant.region_code,
        Participant.version,
        Participant.updated_at,
    )
    .select_from(Organisation)
    .join(Participant)
    .outerjoin(
        Area,
        and_(
            Area.kind == AreaKind.LOCAL_AUTHORITY.value,
            Area.code == Participant.local_authority_code,
        ),
    )
)
_GROUP = select(
    Group.id,
    Group.uid,
    Group.reference,
    Group.name,
    Group.kind,
    Group.open,
    Group.companies_house_number,
    Group.ukprn,
    Group.opened,
    Group.closed,
)
_NETWORK = select(Network.id, Network.key, Network.name, Network.kind, Network.version)
_CIRCUMSTANCE = (
    select(
        Circumstance.id,
        Participant.reference,
        Participant.name.label("participant_name"),
        Circumstance.kind,
        Circumstance.starts,
        Circumstance.ends,
        Circumstance.source,
        Circumstance.version,
    )
    .select_from(Circumstance)
    .join(Participant)
)


def list_organisations(
    session: ReadSession,
    principal: Principal,
    *,
    q: str | None = None,
    kind: str | None = None,
    area: tuple[AreaKind, str] | None = None,
    serves: tuple[AreaKind, str] | None = None,
    open_on: date | None = None,
    after: str | None = None,
    limit: int | None = 100,
) -> list[dict[str, Any]]:
    """A page of organisations by key; `area` is where they are, `serves` what they name."""
    authorise(principal, Action.READ)
    query = _ORGANISATION.order_by(Organisation.key).limit(limit)
    if after is not None:
        query = query.where(Organisation.key > after)
    if q is not None:
        query = query.where(holds(q, datetime.now(UTC).date()))
    if kind is not None:
        query = query.where(Organisation.kind == kind)
    if area is not None:
        query = query.where(is_in(Scope(*area, ""), datetime.now(UTC).date()))
    if serves is not None:
        serving = select(AreaServed.participant_id).where(
            AreaServed.area_kind == serves[0], AreaServed.area_code == serves[1]
        )
        query = query.where(Organisation.participant_id.in_(serving))
    if open_on is not None:
        query = query.where(or_(Organisation.opened.is_(None), Organisation.opened <= open_on))
        query = query.where(or_(Organisation.closed.is_(None), Organisation.closed > open_on))
    return _with_service(session, session.execute(query).mappings().all())


def get_organisation(session: AnySession, principal: Principal, key: str) -> dict[str, Any]:
    authorise(principal, Action.READ)
    query = _ORGANISATION.where(Organisation.key == key)
    found = _with_service(session, session.execute(query).mappings().all())
    if not found:
        raise NotFound(f"There is no organisation {key!r}. Check the key.")
    return found[0]


def _with_service(session: AnySession, rows: Rows) -> list[dict[str, Any]]:
    """Organisations with the areas they serve and what they were designated for."""
    ids = [row["participant_id"] for row in rows]
    areas: dict[int, list[str]] = defaultdict(list)
    designations: dict[int, list[RowMapping]] = defaultdict(list)
    for start in range(0, len(ids), 1_000):
        some = ids[start : start + 1_000]
        served = (
            select(AreaServed)
            .where(AreaServed.participant_id.in_(some))
            .order_by(AreaServed.area_kind, AreaServed.area_code)
        )
        for one in session.scalars(served):
            areas[one.participant_id].append(f"{one.area_kind}:{one.area_code}")
        named = (
            select(
                Designation.participant_id,
                Designation.name,
                Designation.designated_by,
                Designation.starts,
                Designation.ends,
            )
            .where(Designation.participant_id.in_(some))
            .order_by(Designation.starts, Designation.name)
        )
        for row in session.execute(named).mappings():
            designations[row["participant_id"]].append(row)
    return [
        {
            **row,
            "areas_served": areas[row["participant_id"]],
            "designations": designations[row["participant_id"]],
        }
        for row in rows
    ]


def list_groups(
    session: ReadSession,
    principal: Principal,
    *,
    q: str | None = None,
    kind: GroupKind | None = None,
    is_open: bool | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Rows:
    """A page of groups by UID."""
    authorise(principal, Action.READ)
    query = _GROUP.where(Group.uid > after).order_by(Group.uid).limit(limit)
    if q is not None:
        query = query.where(
            or_(named(session, q, Group.name, Group.uid), Group.reference == q.strip())
        )
    if kind is not None:
        query = query.where(Group.kind == kind)
    if is_open is not None:
        query = query.where(Group.open == is_open)
    return session.execute(query).mappings().all()


def get_group(
    session: ReadSession, principal: Principal, uid: int
) -> tuple[RowMapping, Rows, Rows]:
    """A group, the institutions that are or were in it, and the organisations linked with it."""
    authorise(principal, Action.READ)
    found = session.execute(_GROUP.where(Group.uid == uid)).mappings().first()
    if found is None:
        raise NotFound(f"There is no group {uid} in the register. Check the UID.")
    members = (
        select(Institution.urn, Participant.name, Membership.joined, Membership.left)
        .select_from(Membership)
        .join(Participant)
        .join(Institution)
        .where(Membership.group_id == found["id"])
        .order_by(Institution.urn, Membership.joined)
    )
    linked = (
        select(Organisation.key, Participant.name, MEMBERS.c.joined, MEMBERS.c.left)
        .select_from(Organisation)
        .join(Participant)
        .join(MEMBERS, MEMBERS.c.participant_id == Organisation.participant_id)
        .where(MEMBERS.c.group_id == found["id"])
        .order_by(Organisation.key)
    )
    return (
        found,
        session.execute(members).mappings().all(),
        session.execute(linked).mappings().all(),
    )


def groups_of(session: ReadSession, principal: Principal, participant_id: int) -> Rows:
    """The groups that a participant belongs or belonged to."""
    authorise(principal, Action.READ)
    query = (
        select(Group.uid, Group.name, Group.kind, MEMBERS.c.joined, MEMBERS.c.left)
        .join(MEMBERS, MEMBERS.c.group_id == Group.id)
        .where(MEMBERS.c.participant_id == participant_id)
        .order_by(MEMBERS.c.joined, Group.uid)
    )
    return session.execute(query).mappings().all()


def list_networks(
    session: ReadSession,
    principal: Principal,
    *,
    q: str | None = None,
    kind: str | None = None,
    member: str | None = None,
    after: str | None = None,
    limit: int | None = 100,
) -> Rows:
    """A page of networks by key; `member` is who is or was in them."""
    authorise(principal, Action.READ)
    query = _NETWORK.order_by(Network.key).limit(limit)
    if after is not None:
        query = query.where(Network.key > after)
    query = query.where(named(session, q or "", Network.name, Network.key))
    if kind is not None:
        query = query.where(Network.kind == kind)
    if member is not None:
        joined = (
            select(NetworkMembership.network_id)
            .join(Participant)
            .where(Participant.reference == reference_named(session, member))
        )
        query = query.where(Network.id.in_(joined))
    return session.execute(query).mappings().all()


def get_network(session: AnySession, principal: Principal, key: str) -> tuple[RowMapping, Rows]:
    """A network and who is or was in it."""
    authorise(principal, Action.READ)
    found = session.execute(_NETWORK.where(Network.key == key)).mappings().first()
    if found is None:
        raise NotFound(f"There is no network {key!r}. Check the key.")
    members = (
        select(
            Participant.reference,
            Participant.name,
            NetworkMembership.starts,
            NetworkMembership.ends,
        )
        .select_from(NetworkMembership)
        .join(Participant)
        .where(NetworkMembership.network_id == found["id"])
        .order_by(Participant.reference, NetworkMembership.starts)
    )
    return found, session.execute(members).mappings().all()


def list_areas(
    session: ReadSession,
    principal: Principal,
    *,
    q: str | None = None,
    kind: AreaKind | None = None,
    region: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int | None = 100,
) -> Rows:
    """A page of areas by kind and code."""
    authorise(principal, Action.READ)
    query = (
        select(Area.kind, Area.code, Area.name, Area.region_code)
        .order_by(Area.kind, Area.code)
        .limit(limit)
    )
    if after is not None:
        later = and_(Area.kind == after[0], Area.code > after[1])
        query = query.where(or_(Area.kind > after[0], later))
    query = query.where(named(session, q or "", Area.name, Area.kind, Area.code))
    if kind is not None:
        query = query.where(Area.kind == kind)
    if region is not None:
        query = query.where(Area.region_code == region)
    return session.execute(query).mappings().all()


def list_circumstances(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    kind: str | None = None,
    area: tuple[AreaKind, str] | None = None,
    on: date | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Rows:
    """A page of circumstances in the order they were entered; `on` a day that they hold."""
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Circumstance)
    query = _CIRCUMSTANCE.where(Circumstance.id > after, seen).order_by(Circumstance.id)
    query = query.limit(limit)
    if participant is not None:
        query = query.where(Participant.reference == reference_named(session, participant))
    if kind is not None:
        query = query.where(Circumstance.kind == kind)
    if area is not None:
        query = query.where(is_in(Scope(*area, ""), datetime.now(UTC).date()))
    if on is not None:
        ended = or_(Circumstance.ends.is_(None), Circumstance.ends >= on)
        query = query.where(Circumstance.starts <= on, ended)
    return session.execute(query).mappings().all()


def get_circumstance(session: AnySession, principal: Principal, circumstance_id: int) -> RowMapping:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Circumstance)
    query = _CIRCUMSTANCE.where(Circumstance.id == circumstance_id, seen)
    found = session.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no circumstance {circumstance_id}. Check the number.")
    return found


def list_withdrawn(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Rows:
    """A page of circumstances that were withdrawn, as they were then, in that order."""
    authorise(principal, Action.READ)
    query = (
        select(
            FactChange.id,
            Participant.reference,
            Participant.name.label("participant_name"),
            FactChange.name.label("kind"),
            FactChange.deleted,
            FactChange.reason,
            FactChange.changed_by.label("withdrawn_by"),
            FactChange.changed_at.label("withdrawn_at"),
        )
        .join(Participant)
        .where(
            FactChange.id > after,
            FactChange.reason.is_not(None),
            visible(principal, Action.READ, FactChange),
        )
        .order_by(FactChange.id)
        .limit(limit)
    )
    if participant is not None:
        query = query.where(Participant.reference == reference_named(session, participant))
    return session.execute(query).mappings().all()


def find_circumstance(
    session: ReadSession, principal: Principal, participant: str, kind: str, starts: date
) -> RowMapping:
    """The one that a file would name so: a participant has a kind of them once from a day on."""
    for found in list_circumstances(
        session, principal, participant=participant, kind=kind, limit=None
    ):
        if found["starts"] == starts:
            return found
    raise NotFound(
        f"{participant} has no circumstance {kind} from {starts}. Check the day and the kind."
    )


def list_circumstance_rules(
    session: ReadSession,
    principal: Principal,
    *,
    after: str | None = None,
    limit: int | None = 100,
) -> Sequence[CircumstanceRule]:
    authorise(principal, Action.READ)
    query = select(CircumstanceRule).order_by(CircumstanceRule.kind).limit(limit)
    if after is not None:
        query = query.where(CircumstanceRule.kind > after)
    return session.scalars(query).all()


def get_circumstance_rule(session: AnySession, principal: Principal, kind: str) -> CircumstanceRule:
    authorise(principal, Action.READ)
    found = session.get(CircumstanceRule, kind)
    if found is None:
        raise NotFound(f"There is no circumstance rule {kind!r}. Check the kind.")
    return found
