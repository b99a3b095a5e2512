"""Several schools with aims and a plan of their own: a family, alliance or network."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import FREE_TEXT, Base
from models.targets import TargetColumns, target_checks
from models.vocabulary import (
    ActionState,
    AllianceKind,
    AllianceRole,
    Channel,
    MemberState,
    Rating,
)

STANDING = text("state in ('asked', 'member')")


class Alliance(Base):
    """A partnership of several schools; `version` counts all changes of its plan too."""

    __tablename__ = "alliance"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(kind.value for kind in AllianceKind)}", name="kind"),
        CheckConstraint("ends is null or starts <= ends", name="dates"),
        CheckConstraint("(over_on is null) = (over_reason is null)", name="over"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    network_id: Mapped[int | None] = mapped_column(ForeignKey("network.id"), index=True)
    """The network of the register that it is."""
    aims: Mapped[str] = mapped_column(Text, info=FREE_TEXT)
    starts: Mapped[date]
    ends: Mapped[date | None]
    """As planned; `over_on` is when it was over."""
    over_on: Mapped[date | None]
    over_reason: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class AllianceMember(Base):
    """A school or organisation that was asked to join; in only once it has said yes itself."""

    __tablename__ = "alliance_member"
    __table_args__ = (
        CheckConstraint(f"role in {tuple(role.value for role in AllianceRole)}", name="role"),
        CheckConstraint(f"state in {tuple(state.value for state in MemberState)}", name="state"),
        CheckConstraint(
            f"channel is null or channel in {tuple(channel.value for channel in Channel)}",
            name="channel",
        ),
        CheckConstraint(
            "(state = 'asked') = (said_role is null) and (said_role is null) = (said_on is null) "
            "and (said_role is null) = (recorded_by is null)",
            name="said",
        ),
        CheckConstraint("(state in ('member', 'left')) = (starts is not null)", name="starts"),
        CheckConstraint(
            "(state = 'left') = (ends is not null) and (ends is null) = (left_reason is null)",
            name="ends",
        ),
        Index(
            "uq_alliance_member_standing",
            "alliance_id",
            "participant_id",
            unique=True,
            sqlite_where=STANDING,
            postgresql_where=STANDING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alliance_id: Mapped[int] = mapped_column(ForeignKey("alliance.id"), index=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    role: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    asked_by: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    said_role: Mapped[str | None] = mapped_column(String(100))
    """The role, never the name, of who answered there."""
    said_on: Mapped[date | None]
    channel: Mapped[str | None] = mapped_column(String(10))
    recorded_by: Mapped[str | None] = mapped_column(String(100))
    starts: Mapped[date | None]
    ends: Mapped[date | None]
    left_reason: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)


class AllianceAction(Base):
    """What an alliance plans to do, which member leads it, and what became of it."""

    __tablename__ = "alliance_action"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(state.value for state in ActionState)}", name="state"),
        CheckConstraint("(state = 'open') = (ended_on is null)", name="ended"),
        CheckConstraint("state <> 'dropped' or reason is not null", name="reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alliance_id: Mapped[int] = mapped_column(ForeignKey("alliance.id"), index=True)
    what: Mapped[str] = mapped_column(Text, info=FREE_TEXT)
    leader_id: Mapped[int] = mapped_column(ForeignKey("participant.id"))
    due: Mapped[date]
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    ended_on: Mapped[date | None]
    need_id: Mapped[int | None] = mapped_column(ForeignKey("need.id"))
    """The need of a member that it serves."""
    partnership_id: Mapped[int | None] = mapped_column(ForeignKey("partnership.id"))
    recorded_by: Mapped[str] = mapped_column(String(100))
    recorded_at: Mapped[datetime]


class AllianceTarget(TargetColumns, Base):
    """What a measure of each member is to be by a day, as the alliance has agreed."""

    __tablename__ = "alliance_target"
    __table_args__ = (UniqueConstraint("alliance_id", "measure", "by_date"), *target_checks())

    id: Mapped[int] = mapped_column(primary_key=True)
    alliance_id: Mapped[int] = mapped_column(ForeignKey("alliance.id"), index=True)


class AllianceReview(Base):
    """How one member says that the alliance goes; what it said before stays."""

    __tablename__ = "alliance_review"
    __table_args__ = (
        CheckConstraint(f"rating in {tuple(r.value for r in Rating)}", name="rating"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alliance_id: Mapped[int] = mapped_column(ForeignKey("alliance.id"), index=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"))
    rating: Mapped[str] = mapped_column(String(5))
    on_day: Mapped[date]
    role: Mapped[str] = mapped_column(String(100))
    note: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    recorded_by: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]
