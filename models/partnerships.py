"""What is running: the one register of support, ours and that of other agencies."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, FREE_TEXT, UNBOUND, Base
from models.vocabulary import SupportAuthority, SupportResult, SupportState


class Support(Base):
    """Support a participant receives or received, whoever arranged it.

    The giver is a participant, or a name only where another agency gives it.
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
    leader_half_days: Mapped[int | None] = mapped_column(info=BOUND_IF_SET)
    """What it takes of the school's own leaders in the period."""
    starts: Mapped[date | None]
    ends: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(20))
    result: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(default=1)
    """Counts the changes of its targets too."""
    updated_at: Mapped[datetime] = mapped_column(info=UNBOUND)
