"""What was proposed: runs with their exact problem and plan, and proposals under review."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column

from models.base import Base
from models.vocabulary import ProposalState, RunState


class Run(Base):
    """One matching of one period; the stored problem file makes it repeatable."""

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(s.value for s in RunState)}", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    scope: Mapped[dict[str, Any]]
    """Which takers: `{"kind": "local_authority", "code": "886", "name": "Kent"}` and the like."""
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20), index=True)
    problem: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    problem_sha256: Mapped[str | None] = mapped_column(String(64))
    plan: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    refusals: Mapped[dict[str, Any] | None]
    summary: Mapped[dict[str, Any] | None]
    objective: Mapped[float | None]
    bound: Mapped[float | None]
    gap: Mapped[float | None]
    stopped: Mapped[str | None] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Proposal(Base):
    """A pairing of a run, under review by people."""

    __tablename__ = "proposal"
    __table_args__ = (
        UniqueConstraint("run_id", "need_id", "offer_id"),
        CheckConstraint(f"state in {tuple(s.value for s in ProposalState)}", name="state"),
        CheckConstraint("half_days >= 1", name="half_days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    need_id: Mapped[int] = mapped_column(ForeignKey("need.id"), index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    half_days: Mapped[int]
    points: Mapped[int]
    components: Mapped[list[dict[str, Any]]]
    distance_m: Mapped[int | None]
    ladder: Mapped[str] = mapped_column(String(20))
    remote: Mapped[bool]
    sendable: Mapped[bool]
    """False while the need is only suggested or the giver has not answered."""
    state: Mapped[str] = mapped_column(String(30), default=ProposalState.PROPOSED)
    version: Mapped[int] = mapped_column(default=1)
