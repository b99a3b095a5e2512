"""Whom to speak to: the only table that holds what identifies a person, and may lose any row."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Contact(Base):
    """A person at an institution or organisation; elsewhere it is named by its number alone."""

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("email is not null or telephone is not null", name="reachable"),
        # The number of a person who was erased is never another's.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"), index=True)
    role: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254))
    telephone: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]
