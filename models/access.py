"""Who may come in, and who did what: keys and the audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.vocabulary import EmbedLayer


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


class ApiKey(Base):
    """A key of another system: only its digest is held, its prefix says which one it is."""

    __tablename__ = "api_key"

    prefix: Mapped[str] = mapped_column(String(8), primary_key=True)
    label: Mapped[str] = mapped_column(String(60))
    """What it is for, as its maker wrote; never the name of a person."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the whole key: it is random enough to need no slow hash."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Visit(Base):
    """A browser that is signed in: what it shows is random, and held as a digest only."""

    __tablename__ = "visit"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of what the cookie holds."""
    key_prefix: Mapped[str] = mapped_column(ForeignKey("api_key.prefix"), index=True)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class EmbedToken(Base):
    """A token that was made for pages of others; what it opens is signed into the token itself."""

    __tablename__ = "embed_token"
    __table_args__ = (
        CheckConstraint(f"layer in {tuple(each.value for each in EmbedLayer)}", name="layer"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    layer: Mapped[str] = mapped_column(String(10))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    origins: Mapped[list[str]]
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(100))
