"""Who may come in and do what, and who did what: keys, roles and the audit."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, Base
from models.vocabulary import EmbedLayer, Role, ScopeKind

OWNER_NOT_RECORDED: Final = "not recorded"
"""The owner of keys that were made before owners were kept: nobody's, so no two have the same."""


class AuditHead(Base):
    """The one row every writer of the audit locks, so that events have one order."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    last_sequence: Mapped[int]
    last_hash: Mapped[str] = mapped_column(String(64))
    """Of the last event; whoever keeps it elsewhere can tell later that nothing before changed."""


class AuditEvent(Base):
    """One state change: who, what, on what, with a digest of the content, never free text.

    Triggers refuse to change and to delete events. See `app.events.chain` for the hashes.
    """

    __tablename__ = "audit_event"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(100), index=True)
    digest: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(String(64))
    """The hash of the event before; zeros for the first."""
    hash: Mapped[str] = mapped_column(String(64))
    rows_digest: Mapped[str | None] = mapped_column(String(64))
    """Over the rows of its transaction, as `audit_row` holds them; none where it wrote none."""


class AuditRow(Base):
    """What a row of a bound table was after an event: see `models.bound` and `app.events.rows`.

    Triggers refuse to change and to delete them.
    """

    __tablename__ = "audit_row"
    __table_args__ = (Index("ix_audit_row_key", "table_name", "key", "sequence"),)

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Of the event, which is written after these."""
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(Text)
    """The primary key as a JSON array."""
    found: Mapped[str | None] = mapped_column(String(64))
    """The digest of the row before, or `missing`, where it was not what its last event says."""
    digest: Mapped[str | None] = mapped_column(String(64))
    """Of the row from now on; none where it was deleted."""


class AuditSalt(Base):
    """What the free text behind an event's digest was hashed with, so that nobody can guess it."""

    __tablename__ = "audit_salt"

    sequence: Mapped[int] = mapped_column(ForeignKey("audit_event.sequence"), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))


class ApiKey(Base):
    """A key of another system: only its digest is held, its prefix says which one it is."""

    __tablename__ = "api_key"

    prefix: Mapped[str] = mapped_column(String(8), primary_key=True)
    label: Mapped[str] = mapped_column(String(60))
    """What it is for, as its maker wrote; never the name of a person."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the whole key: it is random enough to need no slow hash."""
    owner: Mapped[str] = mapped_column(String(100))
    """The role or organisation that answers for it; never the name of a person."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To within some minutes."""
    replaced_by: Mapped[str | None] = mapped_column(ForeignKey("api_key.prefix"))
    """The key that it was rotated to."""
    revoked_at: Mapped[datetime | None]


class RoleGrant(Base):
    """A role that somebody holds for a scope, until it expires or is revoked.

    The holder is `key:0a1b2c3d` or `user:17`, as the audit names it.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(f"role in {tuple(each.value for each in Role)}", name="role"),
        CheckConstraint(
            f"scope_kind in {tuple(each.value for each in ScopeKind)}", name="scope_kind"
        ),
        CheckConstraint("(scope_kind = 'all') = (scope_id = '')", name="scope_id"),
        Index(
            "uq_role_grant_held",
            *("holder", "role", "scope_kind", "scope_id"),
            unique=True,
            sqlite_where=text("revoked_at is null"),
            postgresql_where=text("revoked_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(String(100), index=True)
    role: Mapped[str] = mapped_column(String(20))
    scope_kind: Mapped[str] = mapped_column(String(20))
    scope_id: Mapped[str] = mapped_column(String(60))
    """Of a region or local authority its code, of a trust its Group UID, of a network or
    organisation its key, of an institution its URN; empty for all."""
    granted_at: Mapped[datetime]
    granted_by: Mapped[str] = mapped_column(String(100))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Visit(Base):
    """A browser that is signed in: what it shows is random, and held as a digest only."""

    __tablename__ = "visit"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of what the cookie holds."""
    holder: Mapped[str] = mapped_column(String(100), index=True)
    """Who signed in: `user:17`, or `key:0a1b2c3d` with a key."""
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    browser: Mapped[str | None] = mapped_column(String(40))
    """Which one, such as "Firefox on Windows", where that is known: never what it sent."""


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
    options: Mapped[dict[str, Any] | None] = mapped_column(info=BOUND_IF_SET)
    """Heading, area, colour and kinds that the map begins with, as attributes of its element."""
