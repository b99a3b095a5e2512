"""People who sign in, and how often somebody tried to."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class User(Base):
    """Somebody who signs in; as `user:17` the audit names them and they hold roles.

    Nothing here says who it is, but for the issuer, which knows its subject.
    """

    __tablename__ = "user_account"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        CheckConstraint("(issuer is null) = (subject is null)", name="subject_of_issuer"),
        CheckConstraint("(scope_kind is null) = (scope_id is null)", name="scope_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(60), unique=True)
    """What an administrator calls them; never the name of a person."""
    issuer: Mapped[str | None] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(255))
    """As whom the issuer knows them, once they have signed in."""
    password: Mapped[str | None] = mapped_column(String(200))
    """Argon2 of the password, in development only."""
    invitation: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of the code by which a subject takes this place."""
    invited_until: Mapped[datetime | None]
    scope_kind: Mapped[str | None] = mapped_column(String(20))
    scope_id: Mapped[str | None] = mapped_column(String(60))
    """The institution, trust or authority that the issuer said they belong to, the last time."""
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class UserDetails(Base):
    """What the issuer told of a person: for administrators alone, and erased when asked for."""

    __tablename__ = "user_details"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(200))


class AttemptCount(Base):
    """How often something was tried within a while; shared by every process of the service."""

    __tablename__ = "attempt_count"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)
