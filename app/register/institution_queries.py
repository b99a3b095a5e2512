"""Reads of institutions: plain columns, for these are read the most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import inf
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    RowMapping,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from app.access.policy import Action, Principal, authorise
from app.chunks import chunked
from app.database import ReadSession
from app.errors import Conflict, NotFound
from app.register.gias.classification import CLOSED_STATUS
from app.register.lookups import GROUP, NETWORK, Scope, is_in
from app.register.nearby import Near
from app.register.search import holds
from app.register.successors.resolve import School, follow
from models.register import (
    Area,
    Group,
    ImportBatch,
    Institution,
    Membership,
    Network,
    NetworkMembership,
    Participant,
    Succession,
)
from models.vocabulary import METRES_PER_MILE, AreaKind, Phase

Region = aliased(Area)
Earlier = aliased(ImportBatch)
LISTED: Final = (
    Institution.urn,
    Participant.name,
    Institution.type_code,
    Institution.type_name,
    Institution.type_group_code,
    Institution.status_code,
    Institution.phase_code,
    Institution.phases,
    Institution.low_age,
    Institution.high_age,
    Institution.pupils,
    Institution.free_school_meals_percent,
    Institution.specialist,
    Institution.alternative_provision,
    Institution.resourced_provision,
    Institution.fee_paying,
    Institution.in_scope,
    Participant.town,
    Participant.postcode,
    Participant.latitude,
    Participant.longitude,
    Participant.local_authority_code,
    Area.name.label("local_authority_name"),
    Participant.region_code,
    Region.name.label("region_name"),
    Participant.district_code,
    Participant.updated_at,
)
MORE: Final = (
    Institution.establishment_number,
    Institution.ukprn,
    Institution.gender,
    Institution.religious_character,
    Institution.diocese,
    Institution.admissions_policy,
    Institution.urban_rural,
    Institution.capacity,
    Institution.sen_types,
    Institution.resourced_provision_pupils,
    Institution.resourced_provision_capacity,
    Institution.sen_unit_pupils,
    Institution.sen_unit_capacity,
    Institution.trust_flag,
    Institution.open_date,
    Institution.close_date,
    Institution.history,
    Participant.easting,
    Participant.northing,
    Institution.register_changed,
)


@dataclass(frozen=True, slots=True)
class InstitutionFilter:
    """What a list of institutions is narrowed to; None: not by this."""

    q: str | None = None
    area: tuple[AreaKind, str] | None = None
    group: int | None = None
    network: str | None = None
    phase: Phase | None = None
    type_code: int | None = None
    type_group_code: int | None = None
    specialist: bool | None = None
    alternative_provision: bool | None = None
    resourced_provision: bool | None = None
    fee_paying: bool | None = None
    in_scope: bool | None = None
    trust: bool | None = None
    near: Near | None = None


@dataclass(frozen=True, slots=True)
class InstitutionRead:
    """One institution, with the import that last changed it, and what it belongs to."""

    row: RowMapping
    groups: Sequence[Mapping[Any, Any]]
    networks: Sequence[RowMapping]
    predecessors: Sequence[Mapping[Any, Any]] = ()
    successors: Sequence[Mapping[Any, Any]] = ()
    followed_by: School | None = None
    """Of a closed one: the open institution that took its place, where the links name one."""


_JOINED = (
    Institution.__table__.join(Participant)
    .outerjoin(
        Area,
        and_(
            Area.kind == AreaKind.LOCAL_AUTHORITY.value,
            Area.code == Participant.local_authority_code,
        ),
    )
    .outerjoin(
        Region,
        and_(Region.kind == AreaKind.REGION.value, Region.code == Participant.region_code),
    )
)
_LISTED = select(*LISTED).select_from(_JOINED)
# Rows are written before their batch: the first batch that is not older is the one.
_BATCH = (
    select(func.min(Earlier.id))
    .where(Earlier.kind == "gias", Earlier.imported_at >= Participant.updated_at)
    .correlate(Participant)
    .scalar_subquery()
)
_ONE = (
    select(
        Institution.participant_id,
        *LISTED,
        *MORE,
        ImportBatch.id.label("import_id"),
        ImportBatch.imported_at,
    )
    .select_from(_JOINED.outerjoin(ImportBatch, ImportBatch.id == _BATCH))
    .where(Institution.urn == bindparam("urn"))
)
# Groups and networks at once: on this most read of addresses each query counts.
_BELONGS: Final[Executable] = union_all(
    select(
        Group.uid,
        Group.reference,
        cast(null(), String).label("key"),
        Group.name,
        Group.kind,
        Membership.joined.label("starts"),
        Membership.left.label("ends"),
    )
    .join(Membership, Membership.group_id == Group.id)
    .where(Membership.participant_id == bindparam("participant_id")),
    select(
        cast(null(), Integer),
        cast(null(), String),
        Network.key,
        Network.name,
        Network.kind,
        NetworkMembership.starts,
        NetworkMembership.ends,
    )
    .join(NetworkMembership, NetworkMembership.network_id == Network.id)
    .where(NetworkMembership.participant_id == bindparam("participant_id")),
).order_by("starts", "uid", "key")


_URN: Final[ColumnElement[int]] = bindparam("urn", type_=Integer)
_OTHER: Final = case(
    (Succession.predecessor_urn == _URN, Succession.successor_urn),
    else_=Succession.predecessor_urn,
)
_SUCCESSIONS: Final = (
    select(
        _OTHER.label("urn"),
        Participant.name,
        Succession.kind,
        Succession.effective,
        (Succession.predecessor_urn == _URN).label("succeeds"),
    )
    .select_from(Succession)
    .outerjoin(Institution, Institution.urn == _OTHER)
    .outerjoin(Participant)
    .where(or_(Succession.predecessor_urn == _URN, Succession.successor_urn == _URN))
    .order_by(Succession.effective, Succession.id)
)


def get_institution(session: ReadSession, principal: Principal, urn: int) -> InstitutionRead:
    authorise(principal, Action.READ)
    connection = session.connection()
    row = connection.execute(_ONE, {"urn": urn}).mappings().first()
    if row is None:
        raise NotFound(f"There is no institution {urn} in the register. Check the URN.")
    wanted = {"participant_id": row["participant_id"]}
    belongs = connection.execute(_BELONGS, wanted).mappings().all()
    linked = connection.execute(_SUCCESSIONS, {"urn": urn}).mappings().all()
    closed = row["status_code"] == CLOSED_STATUS
    return InstitutionRead(
        row=row,
        groups=[
            {**one, "joined": one["starts"], "left": one["ends"]}
            for one in belongs
            if one["key"] is None
        ],
        networks=[one for one in belongs if one["key"] is not None],
        predecessors=[one for one in linked if not one["succeeds"]],
        successors=[one for one in linked if one["succeeds"]],
        followed_by=follow(session, [urn])[urn].clear if closed else None,
    )


def list_institutions(
    session: ReadSession,
    principal: Principal,
    wanted: InstitutionFilter,
    *,
    after: int = 0,
    limit: int | None = 100,
    today: date | None = None,
) -> Sequence[Mapping[Any, Any]]:
    """A page of institutions by URN, or nearest first with the miles to each."""
    authorise(principal, Action.READ)
    conditions = _conditions(wanted, today or datetime.now(UTC).date())
    if wanted.near is not None:
        return _nearest(session, wanted.near, conditions, after, limit)
    query = _LISTED.where(*conditions, Institution.urn > after)
    return session.execute(query.order_by(Institution.urn).limit(limit)).mappings().all()


def _nearest(
    session: ReadSession,
    near: Near,
    conditions: list[ColumnElement[bool]],
    after: int,
    limit: int | None,
) -> list[dict[Any, Any]]:
    """Those within the miles that follow `after`, whose own distance says where it stood."""
    positions = (
        select(Institution.urn, Participant.latitude, Participant.longitude)
        .select_from(Institution)
        .join(Participant)
    )
    found = near.sorted_by_distance(session.execute(positions.where(*conditions, near.in_box)))
    if after:
        last = session.execute(positions.where(Institution.urn == after))
        passed = Near(near.latitude, near.longitude, inf).sorted_by_distance(last)
        if not passed:
            raise Conflict(f"institution {after} has no position any more; start the list again")
        found = [one for one in found if one > passed[0]]
    metres = {urn: far for far, urn in found[:limit]}
    rows: dict[int, dict[Any, Any]] = {}
    for urns in chunked(metres):
        query = _LISTED.where(Institution.urn.in_(urns))
        rows |= {row["urn"]: dict(row) for row in session.execute(query).mappings()}
    return [
        rows[urn] | {"distance_miles": round(far / METRES_PER_MILE, 1)}
        for urn, far in metres.items()
        if urn in rows
    ]


def _conditions(wanted: InstitutionFilter, today: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [is_in(scope, today) for scope in _scopes(wanted)]
    if wanted.q is not None:
        matching = holds(wanted.q, today)
        if wanted.q.isascii() and wanted.q.isdigit() and len(wanted.q) <= 9:
            matching = or_(matching, Institution.urn == int(wanted.q))
        found.append(matching)
    if wanted.phase is not None:
        found.append(cast(Institution.phases, String).contains(f'"{wanted.phase}"'))
    if wanted.resourced_provision is not None:
        has_one = Institution.resourced_provision.is_not(None)
        found.append(has_one == wanted.resourced_provision)
    if wanted.trust is not None:
        found.append(func.coalesce(Institution.trust_flag, 0).in_((3, 5)) == wanted.trust)
    for name in (
        "type_code",
        "type_group_code",
        "specialist",
        "alternative_provision",
        "fee_paying",
        "in_scope",
    ):
        value = getattr(wanted, name)
        if value is not None:
            found.append(getattr(Institution, name) == value)
    return found


def _scopes(wanted: InstitutionFilter) -> list[Scope]:
    scopes = []
    if wanted.area is not None:
        scopes.append(Scope(wanted.area[0], wanted.area[1], ""))
    if wanted.group is not None:
        scopes.append(Scope(GROUP, str(wanted.group), ""))
    if wanted.network is not None:
        scopes.append(Scope(NETWORK, wanted.network, ""))
    return scopes
