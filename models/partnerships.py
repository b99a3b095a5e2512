"""What is running: the one register of support, and the partnerships that it has of ours."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, FREE_TEXT, UNBOUND, Base
from models.vocabulary import (
    Channel,
    EndReason,
    PaidBy,
    Rating,
    Reviewer,
    Side,
    SupportAuthority,
    SupportResult,
    SupportState,
    VisitState,
)


class Support(Base):
    """Support a participant receives or received, whoever arranged it.

    The giver is a participant, or a name only where another agency gives it. A partnership has one
    row for each period in which it gives days.
    """

    __tablename__ = "support"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in SupportState)}", name="state"),
        CheckConstraint(
            f"result is null or result in {tuple(r.value for r in SupportResult)}", name="result"
        ),
        CheckConstraint("giver_id is not null or giver_name is not null", name="giver"),
        CheckConstraint("giver_id is null or giver_id <> taker_id", name="not_itself"),
        CheckConstraint("half_days is null or half_days >= 0", name="half_days"),
        UniqueConstraint("partnership_id", "period_code"),
        CheckConstraint(
            f"authority is null or authority in {tuple(a.value for a in SupportAuthority)}",
            name="authority",
        ),
        CheckConstraint(
            "leader_half_days is null or leader_half_days >= 0", name="leader_half_days"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    taker_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    giver_id: Mapped[int | None] = mapped_column(ForeignKey("participant.id"), index=True)
    giver_name: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    agency: Mapped[str | None] = mapped_column(String(100))
    """Whose arrangement it is, where not ours."""
    authority: Mapped[str | None] = mapped_column(String(20), info=BOUND_IF_SET)
    """Who decided that the school has it."""
    expertise_code: Mapped[str | None] = mapped_column(ForeignKey("expertise.code"))
    target: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    period_code: Mapped[str | None] = mapped_column(ForeignKey("period.code"))
    half_days: Mapped[int | None]
    """Agreed; of a partnership that is over, delivered."""
    agreed_half_days: Mapped[int | None] = mapped_column(info=BOUND_IF_SET)
    """Of a partnership, what was agreed for this period."""
    partnership_id: Mapped[int | None] = mapped_column(
        ForeignKey("partnership.id"), index=True, info=BOUND_IF_SET
    )
    leader_half_days: Mapped[int | None] = mapped_column(info=BOUND_IF_SET)
    """What it takes of the school's own leaders in the period."""
    starts: Mapped[date | None]
    ends: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(20))
    result: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(default=1)
    """Counts the changes of its targets too."""
    updated_at: Mapped[datetime] = mapped_column(info=UNBOUND)


class Partnership(Base):
    """An approved proposal that has become support: its terms, its people by role, and its end.

    Its days and dates by period are rows of `support`, in the place of what the proposal held.
    """

    __tablename__ = "partnership"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in SupportState)}", name="state"),
        CheckConstraint(
            f"paid_by is null or paid_by in {tuple(p.value for p in PaidBy)}", name="paid_by"
        ),
        CheckConstraint(
            f"reason is null or reason in {tuple(r.value for r in EndReason)}", name="reason"
        ),
        CheckConstraint("starts <= ends", name="dates"),
        CheckConstraint("day_rate_pounds is null or day_rate_pounds >= 0", name="day_rate"),
        CheckConstraint("fee_pounds is null or fee_pounds >= 0", name="fee"),
        CheckConstraint("(state in ('ended', 'stopped')) = (over_on is not null)", name="over_on"),
        CheckConstraint(
            f"later_channel is null or later_channel in {tuple(c.value for c in Channel)}",
            name="later_channel",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), unique=True)
    state: Mapped[str] = mapped_column(String(20))
    starts: Mapped[date]
    ends: Mapped[date]
    """As agreed; `over_on` is when it was over."""
    aims: Mapped[str] = mapped_column(Text, info=FREE_TEXT)
    rhythm: Mapped[str | None] = mapped_column(String(200), info=FREE_TEXT)
    exit_plan: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    """How support tapers, and what the school then does by itself."""
    taker_role: Mapped[str] = mapped_column(String(100))
    """Who leads it in the school, by role and never by name."""
    giver_role: Mapped[str] = mapped_column(String(100))
    """Who gives it, by role and seniority."""
    monitor_role: Mapped[str | None] = mapped_column(String(100))
    paid_by: Mapped[str | None] = mapped_column(String(20))
    day_rate_pounds: Mapped[int | None]
    """To the supporting organisation, for each day delivered."""
    fee_pounds: Mapped[int | None]
    """For brokerage, for each day delivered."""
    reason: Mapped[str | None] = mapped_column(String(30))
    """Why it is paused, or over."""
    note: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    over_on: Mapped[date | None]
    later_said_on: Mapped[date | None]
    """The day on which both sides agreed to days of later periods; none where there are none."""
    later_channel: Mapped[str | None] = mapped_column(String(10))
    """How that reached whoever started it."""
    started_by: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class SupportVisit(Base):
    """Days of a partnership on one day: the ledger of what was delivered."""

    __tablename__ = "support_visit"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in VisitState)}", name="state"),
        CheckConstraint("half_days between 1 and 2", name="half_days"),
        CheckConstraint("pence is null or pence >= 0", name="pence"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partnership_id: Mapped[int] = mapped_column(ForeignKey("partnership.id"), index=True)
    on_day: Mapped[date]
    half_days: Mapped[int]
    remote: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12))
    report: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    """What was done, and what was agreed to do next."""
    pence: Mapped[int | None]
    """At the partnership's rate when it was written up."""
    claim_id: Mapped[int | None] = mapped_column(
        ForeignKey("pot_claim.id"), index=True, info=BOUND_IF_SET
    )
    """The claim that it is in: one at most; none again where that was refused."""
    written_up_by: Mapped[str | None] = mapped_column(String(100))
    written_up_at: Mapped[datetime | None]
    signed_role: Mapped[str | None] = mapped_column(String(100))
    """Who answered for the school, by role."""
    signed_by: Mapped[str | None] = mapped_column(String(100))
    signed_at: Mapped[datetime | None]
    dispute: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    version: Mapped[int] = mapped_column(default=1)
    written_before_by: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True), info=BOUND_IF_SET
    )
    """Who wrote earlier versions of the report."""

    def is_work_of(self, names: Collection[str]) -> bool:
        """Whether somebody wrote any version of its report."""
        return not {self.written_up_by, *(self.written_before_by or ())}.isdisjoint(names)


class Review(Base):
    """How one side, or a monitor, says that a partnership goes; what it said before stays."""

    __tablename__ = "review"
    __table_args__ = (
        CheckConstraint(f"reviewer in {tuple(r.value for r in Reviewer)}", name="reviewer"),
        CheckConstraint(f"rating in {tuple(r.value for r in Rating)}", name="rating"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partnership_id: Mapped[int] = mapped_column(ForeignKey("partnership.id"), index=True)
    reviewer: Mapped[str] = mapped_column(String(10))
    rating: Mapped[str] = mapped_column(String(5))
    on_day: Mapped[date]
    role: Mapped[str] = mapped_column(String(100))
    note: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    recorded_by: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]


class Outcome(Base):
    """What one side says came of a partnership; the school's counts once the giver has answered."""

    __tablename__ = "outcome"
    __table_args__ = (
        UniqueConstraint("partnership_id", "side"),
        CheckConstraint(f"side in {tuple(s.value for s in Side)}", name="side"),
        CheckConstraint(f"result in {tuple(r.value for r in SupportResult)}", name="result"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partnership_id: Mapped[int] = mapped_column(ForeignKey("partnership.id"), index=True)
    side: Mapped[str] = mapped_column(String(5))
    result: Mapped[str] = mapped_column(String(20))
    what_worked: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    role: Mapped[str] = mapped_column(String(100))
    recorded_by: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]
    recorded_before_by: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True), info=BOUND_IF_SET
    )
    """Who recorded what it said before."""

    def is_work_of(self, names: Collection[str]) -> bool:
        """Whether somebody recorded it, or what it said before."""
        return not {self.recorded_by, *(self.recorded_before_by or ())}.isdisjoint(names)


class Concern(Base):
    """A concern raised in private, for an approver whose scope is wider than the area."""

    __tablename__ = "concern"

    id: Mapped[int] = mapped_column(primary_key=True)
    partnership_id: Mapped[int] = mapped_column(ForeignKey("partnership.id"), index=True)
    text: Mapped[str] = mapped_column(Text, info=FREE_TEXT)
    role: Mapped[str] = mapped_column(String(100))
    raised_by: Mapped[str] = mapped_column(String(100))
    raised_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    answered_by: Mapped[str | None] = mapped_column(String(100))
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
