"""How good somebody's support is, as somebody said on a day; withdrawn at most, never changed."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import FREE_TEXT, Base
from models.vocabulary import EvidenceKind


class Evidence(Base):
    """What one body says of a giver's support in an area of expertise, or of one of its offers.

    The giver can answer what others say of it before that counts.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(kind.value for kind in EvidenceKind)}", name="kind"),
        CheckConstraint("strength between 1 and 5", name="strength"),
        CheckConstraint(
            "said_by_id is not null or body is not null or review_id is not null", name="said_by"
        ),
        CheckConstraint(
            "(kind = 'claim' and said_by_id = giver_id) "
            "or (kind <> 'claim' and (said_by_id is null or said_by_id <> giver_id))",
            name="not_of_itself",
        ),
        CheckConstraint(
            "(answered_at is null) = (answered_by is null) "
            "and (answered_at is null) = (answered_role is null) "
            "and (answered_at is null) = (answer is null)",
            name="answered",
        ),
        CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_by is null) "
            "and (withdrawn_at is null) = (withdrawn_reason is null)",
            name="withdrawn",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    giver_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    """Whose support it is about."""
    expertise_code: Mapped[str] = mapped_column(ForeignKey("expertise.code"))
    offer_id: Mapped[int | None] = mapped_column(ForeignKey("offer.id"), index=True)
    """The one offer that it is about; none: every offer of this expertise."""
    kind: Mapped[str] = mapped_column(String(20))
    strength: Mapped[int]
    """1 (poor) to 5 (strong)."""
    on_day: Mapped[date]
    """The day on which it was said, from which it decays."""
    role: Mapped[str] = mapped_column(String(100))
    """The role, never the name, of who said it."""
    said_by_id: Mapped[int | None] = mapped_column(ForeignKey("participant.id"))
    body: Mapped[str | None] = mapped_column(String(200), info=FREE_TEXT)
    """Which organisation said it, where that is not in the register."""
    partnership_id: Mapped[int | None] = mapped_column(ForeignKey("partnership.id"))
    outcome_id: Mapped[int | None] = mapped_column(ForeignKey("outcome.id"), unique=True)
    review_id: Mapped[int | None] = mapped_column(ForeignKey("review.id"), unique=True)
    source: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    """What it rests on, where that is no partnership: a certificate, a report."""
    counts_from: Mapped[date]
    """The day from which it counts: once its giver has answered, or had the time to."""
    recorded_by: Mapped[str] = mapped_column(String(100))
    recorded_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text, info=FREE_TEXT)
    """What the giver says to it."""
    answered_role: Mapped[str | None] = mapped_column(String(100))
    answered_by: Mapped[str | None] = mapped_column(String(100))
    answered_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(100))
    withdrawn_reason: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    version: Mapped[int] = mapped_column(default=1)
