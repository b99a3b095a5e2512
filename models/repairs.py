"""What was worked out for pairings that broke, until somebody takes one or asks again."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.vocabulary import RepairSize


class Repair(Base):
    """One way to repair a pairing: proposals that end, and others in their place."""

    __tablename__ = "repair"
    __table_args__ = (
        CheckConstraint(f"size in {tuple(s.value for s in RepairSize)}", name="size"),
        # The number of a repair that was worked out anew is never another's.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    size: Mapped[str] = mapped_column(String(10))
    content: Mapped[dict[str, Any]]
    """Under `ends` the proposals that end, by id, under `lost` those of them that broke as well,
    under `proposes` the rows of those that come, and under `concerned` the participants whose data
    it rests on."""
    digests: Mapped[dict[str, Any]]
    """Of what planning reads of those concerned, by kind: another one is out of date."""
    objective: Mapped[float | None]
    """Points of the repaired plan of the area, less the price of each change; none where no plan
    was needed to see what is left."""
    bound: Mapped[float | None]
    """What no plan of the area exceeds."""
    worked_out_at: Mapped[datetime]
    worked_out_by: Mapped[str] = mapped_column(String(100))
    taken_at: Mapped[datetime | None]
    taken_by: Mapped[str | None] = mapped_column(String(100))
