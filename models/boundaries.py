"""What is drawn under maps: coasts of countries and boundaries of local authorities."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.vocabulary import BoundaryKind


class Boundary(Base):
    """The outline of an area by its code of the Office for National Statistics.

    `rings` are lists of longitude and latitude in degrees, each closed; `year` is that of the
    rights that have to be named beside a map.
    """

    __tablename__ = "boundary"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(k.value for k in BoundaryKind)}", name="kind"),
    )

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    rings: Mapped[list[Any]] = mapped_column(JSON)
    year: Mapped[int]
    imported_at: Mapped[datetime]
