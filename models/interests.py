"""Declared interests: who stands in what relation to whom, on what evidence, and who was asked."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, FREE_TEXT, Base
from models.vocabulary import InterestAnswer, InterestEffect, InterestKind

_KINDS = f"kind in {tuple(kind.value for kind in InterestKind)}"


class InterestRule(Base):
    """What a declared interest of a kind does to a pair; editable data, open to read.

    A kind without a row does what comes with this version.
    """

    __tablename__ = "interest_rule"
    __table_args__ = (
        CheckConstraint(_KINDS, name="kind"),
        CheckConstraint(f"effect in {tuple(e.value for e in InterestEffect)}", name="effect"),
        CheckConstraint("most_steps between 1 and 2", name="most_steps"),
    )

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    effect: Mapped[str] = mapped_column(String(10))
    exceptions: Mapped[bool]
    """Whether an approver may let a proposal go on although this kind refuses its pair."""
    most_steps: Mapped[int | None] = mapped_column(info=BOUND_IF_SET)
    """Interests of a path that it refuses as a part of; none of rules before this was kept: 1."""


class Interest(Base):
    """A declared interest, an edge between two participants; withdrawn at most, never deleted.

    That of an organisation that stands for a trust or other group is of all its members too.
    """

    __tablename__ = "interest"
    __table_args__ = (
        CheckConstraint(_KINDS, name="kind"),
        CheckConstraint("holder_id <> about_id", name="not_itself"),
        CheckConstraint("ends is null or starts is null or ends >= starts", name="dates"),
        CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_by is null) "
            "and (withdrawn_at is null) = (withdrawn_reason is null)",
            name="withdrawn",
        ),
        CheckConstraint("(shortened_at is null) = (shortened_by is null)", name="shortened"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    holder_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    """Who has the interest: who bids, supplies, judges, employs the adviser."""
    about_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    starts: Mapped[date | None]
    """None: it is not known since when."""
    ends: Mapped[date | None]
    """The last day."""
    evidence: Mapped[str] = mapped_column(String(300), info=FREE_TEXT)
    declared_by: Mapped[str] = mapped_column(String(100))
    """The role, never the name, of who declared it."""
    declared_on: Mapped[date]
    recorded_by: Mapped[str] = mapped_column(String(100))
    recorded_at: Mapped[datetime]
    shortened_at: Mapped[datetime | None]
    """When somebody last gave it an earlier end."""
    shortened_by: Mapped[str | None] = mapped_column(String(100))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(100))
    withdrawn_reason: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    version: Mapped[int] = mapped_column(default=1)


class InterestQuestion(Base):
    """That a participant was asked to declare its interests, and what it answered.

    Asked again later is another row.
    """

    __tablename__ = "interest_question"
    __table_args__ = (
        CheckConstraint(
            f"answer is null or answer in {tuple(a.value for a in InterestAnswer)}", name="answer"
        ),
        CheckConstraint(
            "(answer is null) = (answered_by is null) "
            "and (answer is null) = (answered_on is null) "
            "and (answer is null) = (answer_recorded_by is null) "
            "and (answer is null) = (answer_recorded_at is null)",
            name="answered",
        ),
        CheckConstraint("answered_on is null or answered_on >= asked_on", name="dates"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    """Who was asked."""
    asked_role: Mapped[str] = mapped_column(String(100))
    """The role, never the name, of who was asked there."""
    asked_on: Mapped[date]
    asked_by: Mapped[str] = mapped_column(String(100))
    """Who recorded that, as the audit calls them."""
    recorded_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(String(10))
    answered_by: Mapped[str | None] = mapped_column(String(100))
    """The role, never the name, of who answered."""
    answered_on: Mapped[date | None]
    answer_recorded_by: Mapped[str | None] = mapped_column(String(100))
    answer_recorded_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
