"""Who takes part: institutions and organisations, their groups, networks and places."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, FREE_TEXT, Base
from models.vocabulary import AreaKind, FactKind, GroupKind, ParticipantKind


class ImportBatch(Base):
    """One file, or set of files, taken in as a whole; `digest` is over their bytes."""

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), index=True)
    files: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    counts: Mapped[dict[str, Any]]
    affected: Mapped[list[dict[str, Any]] | None] = mapped_column(deferred=True)
    """Of the public register: what hangs on institutions that closed, are to close or moved."""
    actor: Mapped[str] = mapped_column(String(100))
    imported_at: Mapped[datetime]
    undone_at: Mapped[datetime | None] = mapped_column(info=BOUND_IF_SET)
    undone_by: Mapped[str | None] = mapped_column(String(100), info=BOUND_IF_SET)


class ImportRows(Base):
    """What an import did to rows, packed, so that it can be undone while they stay as it left them.

    Once it is undone, which rows may be imported again as if they were new.
    """

    __tablename__ = "import_rows"

    import_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"), primary_key=True)
    content: Mapped[bytes]


class Area(Base):
    """A local authority, region or district, by the code the register gives it."""

    __tablename__ = "area"
    __table_args__ = (CheckConstraint(f"kind in {tuple(k.value for k in AreaKind)}", name="kind"),)

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    region_code: Mapped[str | None] = mapped_column(String(12))


class Participant(Base):
    """An institution or organisation; `reference` is `urn:100000` or `org:<key>`.

    Without a known position all four position columns are null: unknown is never near.
    """

    __tablename__ = "participant"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(k.value for k in ParticipantKind)}", name="kind"),
        CheckConstraint("(latitude is null) = (longitude is null)", name="position_whole"),
        Index("ix_participant_area", "local_authority_code", "region_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(300), index=True)
    town: Mapped[str | None] = mapped_column(String(100), info=BOUND_IF_SET)
    postcode: Mapped[str | None] = mapped_column(String(10))
    easting: Mapped[int | None]
    northing: Mapped[int | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    local_authority_code: Mapped[str | None] = mapped_column(String(12))
    region_code: Mapped[str | None] = mapped_column(String(12))
    district_code: Mapped[str | None] = mapped_column(String(12))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class Institution(Base):
    """One establishment of the register; `history` is `unknown` until a links file came."""

    __tablename__ = "institution"
    __table_args__ = (CheckConstraint("history in ('known', 'unknown')", name="history"),)

    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), primary_key=True)
    urn: Mapped[int] = mapped_column(unique=True)
    establishment_number: Mapped[str | None] = mapped_column(String(10))
    ukprn: Mapped[str | None] = mapped_column(String(12))
    type_code: Mapped[int]
    type_name: Mapped[str] = mapped_column(String(100))
    type_group_code: Mapped[int | None]
    status_code: Mapped[int]
    phase_code: Mapped[int | None]
    phases: Mapped[list[str]] = mapped_column(default=list)
    """`vocabulary.Phase` values, from the register's phase or, where that is 0, the ages."""
    low_age: Mapped[int | None]
    high_age: Mapped[int | None]
    gender: Mapped[str | None] = mapped_column(String(40))
    religious_character: Mapped[str | None] = mapped_column(String(100))
    diocese: Mapped[str | None] = mapped_column(String(100))
    admissions_policy: Mapped[str | None] = mapped_column(String(60))
    urban_rural: Mapped[str | None] = mapped_column(String(100))
    pupils: Mapped[int | None]
    capacity: Mapped[int | None]
    free_school_meals_percent: Mapped[float | None]
    sen_types: Mapped[list[str]] = mapped_column(default=list)
    resourced_provision: Mapped[str | None] = mapped_column(String(60))
    """Of a mainstream school: resourced provision, SEN unit, or both; null where it has none."""
    resourced_provision_pupils: Mapped[int | None]
    resourced_provision_capacity: Mapped[int | None]
    sen_unit_pupils: Mapped[int | None]
    sen_unit_capacity: Mapped[int | None]
    specialist: Mapped[bool]
    alternative_provision: Mapped[bool]
    fee_paying: Mapped[bool]
    in_scope: Mapped[bool] = mapped_column(index=True)
    trust_flag: Mapped[int | None]
    open_date: Mapped[date | None]
    close_date: Mapped[date | None]
    register_changed: Mapped[date | None]
    history: Mapped[str] = mapped_column(String(10), default="unknown")


class Group(Base):
    """A trust, federation or sponsor. `uid` is the register's Group UID, `reference` TRnnnnn."""

    __tablename__ = "group"
    __table_args__ = (CheckConstraint(f"kind in {tuple(k.value for k in GroupKind)}", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[int] = mapped_column(unique=True)
    reference: Mapped[str | None] = mapped_column(String(60), index=True)
    name: Mapped[str] = mapped_column(String(300), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    type_code: Mapped[str] = mapped_column(String(4))
    open: Mapped[bool]
    companies_house_number: Mapped[str | None] = mapped_column(String(12))
    ukprn: Mapped[str | None] = mapped_column(String(12))
    opened: Mapped[date | None]
    closed: Mapped[date | None]


class Membership(Base):
    """An institution's place in a group; without a date of joining it is unknown since when."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("group_id", "participant_id", "joined"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group.id"), index=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    joined: Mapped[date | None]
    left: Mapped[date | None]


class Succession(Base):
    """An establishment that took another's place, as when a school becomes an academy."""

    __tablename__ = "succession"
    __table_args__ = (UniqueConstraint("predecessor_urn", "successor_urn"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    predecessor_urn: Mapped[int] = mapped_column(index=True)
    successor_urn: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(80))
    effective: Mapped[date | None]


class Organisation(Base):
    """A giver that is no school: trust central team, hub, council service, college, diocese."""

    __tablename__ = "organisation"

    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(50), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    group_uid: Mapped[int | None]
    funded: Mapped[bool]
    """A funded supporter may be exempt from reciprocity."""
    opened: Mapped[date | None]
    closed: Mapped[date | None]
    follows_register: Mapped[bool] = mapped_column(default=False)
    """Made for its group when that was first named, and not described by anybody since."""


class AreaServed(Base):
    """A place an organisation serves; with none, it serves everywhere in reach."""

    __tablename__ = "area_served"

    participant_id: Mapped[int] = mapped_column(
        ForeignKey("organisation.participant_id"), primary_key=True
    )
    area_kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    area_code: Mapped[str] = mapped_column(String(12), primary_key=True)


class Designation(Base):
    """What a national or local body named a participant for, by whom and from when to when."""

    __tablename__ = "designation"
    __table_args__ = (UniqueConstraint("participant_id", "name", "starts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    designated_by: Mapped[str] = mapped_column(String(100))
    starts: Mapped[date | None]
    ends: Mapped[date | None]


class Network(Base):
    """A family of schools, alliance, hub area or other group that agreed to work together."""

    __tablename__ = "network"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(50), unique=True)
    name: Mapped[str] = mapped_column(String(300), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(default=1)


class NetworkMembership(Base):
    """A participant's place in a network, dated; it may be in several."""

    __tablename__ = "network_membership"
    __table_args__ = (UniqueConstraint("network_id", "participant_id", "starts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("network.id"), index=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    starts: Mapped[date | None]
    ends: Mapped[date | None]


class CircumstanceRule(Base):
    """What a kind of circumstance does to giving and taking; editable data, open to read."""

    __tablename__ = "circumstance_rule"
    __table_args__ = (
        CheckConstraint("days_percent between 0 and 100", name="days_percent"),
        CheckConstraint("extra_allowance_half_days >= 0", name="extra_allowance"),
        CheckConstraint("priority is null or priority between 1 and 5", name="priority"),
    )

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    statement: Mapped[str] = mapped_column(String(300))
    may_give: Mapped[bool]
    days_percent: Mapped[int]
    extra_allowance_half_days: Mapped[int]
    priority: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1)


class Circumstance(Base):
    """A dated fact that changes what a participant may give or should get."""

    __tablename__ = "circumstance"
    __table_args__ = (UniqueConstraint("participant_id", "kind", "starts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    kind: Mapped[str] = mapped_column(ForeignKey("circumstance_rule.kind"))
    starts: Mapped[date]
    ends: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(200), info=FREE_TEXT)
    version: Mapped[int] = mapped_column(default=1)


class FactChange(Base):
    """Who changed a fact that approval rules look at; of one taken away, what it was.

    Approval rules let nobody who acts for a proposal decide by such a change.
    """

    __tablename__ = "fact_change"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(kind.value for kind in FactKind)}", name="kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str | None] = mapped_column(String(60))
    """The kind of a circumstance, the key of a network."""
    deleted: Mapped[dict[str, Any] | None]
    """Of a circumstance that was deleted: its `starts`, `ends` and `source`."""
    reason: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    """Why a circumstance was deleted."""
    changed_by: Mapped[str] = mapped_column(String(100))
    changed_at: Mapped[datetime]


class Measure(Base):
    """A published figure of an institution for a period.

    Exactly one of `value` and `text` is set, or neither where it was suppressed at source.
    """

    __tablename__ = "measure"
    __table_args__ = (
        CheckConstraint("value is null or text is null", name="one_value"),
        CheckConstraint("not suppressed or (value is null and text is null)", name="suppressed"),
    )

    urn: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[float | None]
    text: Mapped[str | None] = mapped_column(String(60))
    suppressed: Mapped[bool] = mapped_column(default=False)
