"""Schools that found somebody who could support them, and ask to be introduced."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import FREE_TEXT, Base
from models.vocabulary import IntroductionKind, IntroductionState

_OPEN = text("state = 'open'")


class Introduction(Base):
    """A need and the offer that its school found, until a broker proposes the two or closes it."""

    __tablename__ = "introduction"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(k.value for k in IntroductionKind)}", name="kind"),
        CheckConstraint(f"state in {tuple(s.value for s in IntroductionState)}", name="state"),
        CheckConstraint(
            "(kind = 'arrangement') = (agreed_with is not null) "
            "and (agreed_with is null) = (agreed_on is null)",
            name="agreed",
        ),
        CheckConstraint("(state = 'open') = (closed_at is null)", name="closed"),
        CheckConstraint("(closed_at is null) = (closed_by is null)", name="closed_by"),
        CheckConstraint("(state = 'proposed') = (run_id is not null)", name="run"),
        Index(
            "uq_introduction_open",
            "need_id",
            "offer_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    need_id: Mapped[int] = mapped_column(ForeignKey("need.id"), index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    role: Mapped[str] = mapped_column(String(100))
    """Of who asks, at the school; never the name."""
    agreed_with: Mapped[str | None] = mapped_column(String(100))
    """The role of who agreed an arrangement for the supporting organisation."""
    agreed_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(20), default=IntroductionState.OPEN)
    asked_by: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    closed_by: Mapped[str | None] = mapped_column(String(100))
    closed_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(300), info=FREE_TEXT)
    """Why it was closed without a proposal."""
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    """The run that proposes the two."""
    version: Mapped[int] = mapped_column(default=1)
