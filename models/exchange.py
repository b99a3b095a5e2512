"""What is asked and what is given."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, FREE_TEXT, FREE_TEXT_IF_SET, Base
from models.vocabulary import Availability, Mode, NeedEvidence, NeedState, OpenOfferKind


class Expertise(Base):
    """One entry of the taxonomy, a tree; a broader entry covers what lies below it."""

    __tablename__ = "expertise"

    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("expertise.code"))
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(20))
    """The taxonomy's; `revision` counts the changes of this entry."""
    retired: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=1)


class Period(Base):
    """An academic year (`2026-27`) or a term of it (`2026-27/autumn`); days belong to one."""

    __tablename__ = "period"
    __table_args__ = (
        CheckConstraint("kind in ('year', 'term')", name="kind"),
        CheckConstraint("starts <= ends", name="dates"),
        CheckConstraint("(kind = 'term') = (year_code is not null)", name="term_of_year"),
    )

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(4))
    name: Mapped[str] = mapped_column(String(60))
    year_code: Mapped[str | None] = mapped_column(ForeignKey("period.code"))
    starts: Mapped[date]
    ends: Mapped[date]
    version: Mapped[int] = mapped_column(default=1)


class Need(Base):
    """Support a participant wants; from `suggested` only its own side makes it a need."""

    __tablename__ = "need"
    __table_args__ = (
        CheckConstraint("half_days >= 1", name="half_days"),
        CheckConstraint("half_days_min between 1 and half_days", name="half_days_min"),
        CheckConstraint("priority between 1 and 5", name="priority"),
        CheckConstraint("max_givers >= 0", name="max_givers"),
        CheckConstraint(f"mode in {tuple(m.value for m in Mode)}", name="mode"),
        CheckConstraint(f"state in {tuple(s.value for s in NeedState)}", name="state"),
        CheckConstraint(f"evidence in {tuple(e.value for e in NeedEvidence)}", name="evidence"),
        CheckConstraint("window_starts <= window_ends", name="window"),
        Index("ix_need_period_state", "period_code", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    expertise_code: Mapped[str] = mapped_column(ForeignKey("expertise.code"))
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    half_days: Mapped[int]
    half_days_min: Mapped[int]
    max_givers: Mapped[int] = mapped_column(default=1)
    priority: Mapped[int] = mapped_column(default=3)
    evidence: Mapped[str] = mapped_column(String(20))
    agreed_by: Mapped[str | None] = mapped_column(String(100))
    """The role, never the name, of who agreed the need for the school."""
    improvement_plan_line: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT_IF_SET)
    """The line of the school's improvement plan that the need serves."""
    looked_within: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True), info=BOUND_IF_SET
    )
    """`vocabulary.LadderStep` values: where the school looked before it asked; null: not known."""
    looked_outcomes: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), info=BOUND_IF_SET
    )
    """What came of it: a `vocabulary.LookedOutcome` by step; null: not known of any."""
    looked_within_note: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT_IF_SET)
    signed_by_head_on: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    signed_by_adviser_on: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    pot_reference: Mapped[str | None] = mapped_column(
        ForeignKey("pot.reference"), index=True, info=BOUND_IF_SET
    )
    """The pot that pays for it."""
    outside_stimulus: Mapped[bool | None] = mapped_column(info=BOUND_IF_SET)
    """Whether it asks for support from outside the own trust or federation; null: no."""
    travel_limit_miles: Mapped[float | None]
    travel_limit_minutes: Mapped[int | None]
    mode: Mapped[str] = mapped_column(String(10), default=Mode.EITHER)
    window_starts: Mapped[date]
    window_ends: Mapped[date]
    state: Mapped[str] = mapped_column(String(20), default=NeedState.IDENTIFIED)
    suggestion: Mapped[dict[str, Any] | None]
    """The rule, figures and dates a suggested need came from."""
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class Offer(Base):
    """Support a participant can give; `not_answered` until the giver itself has said so."""

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("half_days >= 1", name="half_days"),
        CheckConstraint("max_pairings >= 1", name="max_pairings"),
        CheckConstraint("quality is null or quality between 1 and 5", name="quality"),
        CheckConstraint(f"mode in {tuple(m.value for m in Mode)}", name="mode"),
        CheckConstraint(
            f"availability in {tuple(a.value for a in Availability)}", name="availability"
        ),
        CheckConstraint("window_starts <= window_ends", name="window"),
        Index("ix_offer_period_availability", "period_code", "availability"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    expertise_code: Mapped[str] = mapped_column(ForeignKey("expertise.code"))
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    half_days: Mapped[int]
    max_pairings: Mapped[int] = mapped_column(default=1)
    quality: Mapped[int | None]
    """How good its giver claims it to be, 1 to 5: a claim, beside evidence of others."""
    evidence: Mapped[str | None] = mapped_column(String(200), info=FREE_TEXT)
    strength_line: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT_IF_SET)
    """The line of the self-evaluation that the strength comes from."""
    signed_by_head_on: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    signed_by_adviser_on: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    travel_limit_miles: Mapped[float | None]
    travel_limit_minutes: Mapped[int | None]
    mode: Mapped[str] = mapped_column(String(10), default=Mode.EITHER)
    phases: Mapped[list[str]]
    """`vocabulary.Phase` values it can serve; empty: every phase."""
    window_starts: Mapped[date]
    window_ends: Mapped[date]
    availability: Mapped[str] = mapped_column(String(20))
    availability_updated: Mapped[date]
    first_call_until: Mapped[date | None] = mapped_column(info=BOUND_IF_SET)
    """Until that day, included, it is for the giver's own trust, federation and networks only."""
    withdrawn: Mapped[bool] = mapped_column(default=False)
    """It no longer stands, whatever its giver had answered."""
    suggestion: Mapped[dict[str, Any] | None]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class OpenOffer(Base):
    """What a participant offers to many schools at once, such as an open day; no run plans it."""

    __tablename__ = "open_offer"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(k.value for k in OpenOfferKind)}", name="kind"),
        CheckConstraint("starts <= ends", name="dates"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    expertise_code: Mapped[str] = mapped_column(ForeignKey("expertise.code"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200), info=FREE_TEXT)
    link: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    """Where it is described: an `https://` address."""
    starts: Mapped[date]
    ends: Mapped[date]
    confirmed_on: Mapped[date]
    """When its giver last said that it stands."""
    withdrawn: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class Limits(Base):
    """A participant's own limits in a period; null means no limit of that kind."""

    __tablename__ = "limits"
    __table_args__ = (
        UniqueConstraint("participant_id", "period_code"),
        CheckConstraint("give_half_days is null or give_half_days >= 0", name="give"),
        CheckConstraint(
            "allowance_half_days is null or allowance_half_days >= 0", name="allowance"
        ),
        CheckConstraint("max_given is null or max_given >= 0", name="max_given"),
        CheckConstraint("max_taken is null or max_taken >= 0", name="max_taken"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    give_half_days: Mapped[int | None]
    max_given: Mapped[int | None]
    max_taken: Mapped[int | None]
    allowance_half_days: Mapped[int | None]
    exempt: Mapped[bool] = mapped_column(default=False)
    carried_half_days: Mapped[int] = mapped_column(default=0)
    """Balance carried over from earlier plans: given less taken; a debt lowers the allowance."""
    version: Mapped[int] = mapped_column(default=1)
