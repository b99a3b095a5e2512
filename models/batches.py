"""Many areas planned in one go, each by a run of its own."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.vocabulary import BatchState, Cadence


class Batch(Base):
    """What was asked for; any process that works on runs brings it to its end."""

    __tablename__ = "batch"
    __table_args__ = (
        CheckConstraint(f"state in {tuple(each.value for each in BatchState)}", name="state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    named: Mapped[str] = mapped_column(String(20))
    """How its areas were named: `all` local authorities, `regions`, `districts`, `country`, or a
    `list`."""
    options: Mapped[dict[str, Any]]
    """Of each of its runs; the time limit of one may depend on its size."""
    input_sha256: Mapped[str] = mapped_column(String(64))
    """Of everything that was asked for: equal requests have equal digests."""
    state: Mapped[str] = mapped_column(String(10), index=True)
    needs_in_no_area: Mapped[int | None]
    """Needs of the period outside all areas of the kind asked for."""
    leased_until: Mapped[datetime | None]
    """Until when some process looks which areas have to be planned."""
    actor: Mapped[str] = mapped_column(String(100))
    request_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class BatchArea(Base):
    """One area of a batch. Its run tells what came of it; without one it waits."""

    __tablename__ = "batch_area"

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scope: Mapped[dict[str, Any]]
    """As of a run."""
    needs: Mapped[int | None]
    """Needs that there were to plan when it was looked at; 0: it has no run."""
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    kept: Mapped[bool] = mapped_column(default=False)
    """Nothing it reads has changed since its last run, so it is that run."""
    planned_again: Mapped[bool] = mapped_column(default=False)
    """Its first run ended too far from proven."""


class Schedule(Base):
    """A batch that is started again and again at a time of day, with the rights of its owner."""

    __tablename__ = "schedule"
    __table_args__ = (
        CheckConstraint(f"every in {tuple(each.value for each in Cadence)}", name="every"),
        CheckConstraint("(every = 'week') = (weekday is not null)", name="weekday"),
        CheckConstraint("weekday between 0 and 6", name="day_of_week"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period_code: Mapped[str] = mapped_column(ForeignKey("period.code"))
    named: Mapped[str] = mapped_column(String(20))
    """As of a batch; of a list, `areas` has the scopes."""
    areas: Mapped[list[dict[str, Any]]]
    options: Mapped[dict[str, Any]]
    every: Mapped[str] = mapped_column(String(5))
    weekday: Mapped[int | None]
    """0: Monday."""
    at: Mapped[str] = mapped_column(String(5))
    """`HH:MM` in its zone."""
    zone: Mapped[str] = mapped_column(String(50))
    owner: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)
    """When it is started next."""
    last_due_at: Mapped[datetime | None]
    last_batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"))
    told: Mapped[str | None] = mapped_column(String(500))
    """What there is to say of the last time: that it was late, or why there is no batch."""
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(100))
