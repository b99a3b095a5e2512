"""Who did what: the audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class AuditHead(Base):
    """The one row every writer of the audit locks, so that events have one order."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    last_sequence: Mapped[int]


class AuditEvent(Base):
    """One state change: who, what, on what, with a digest of the content, never free text."""

    __tablename__ = "audit_event"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(100), index=True)
    digest: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]
