"""Who is signed in with a browser: begun with a key, ended by sign-out, idleness or age."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from app.access.keys import principal_of, principal_of_key
from app.access.policy import Principal
from app.database import ReadSession, WriteSession, database_now
from app.events import audit
from models.access import Visit

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How stale the last sign of life may get; else every page read would be a write."""


@dataclass(frozen=True, slots=True)
class Visiting:
    """A visit that is on."""

    principal: Principal
    to_be_seen: bool
    """Whether its last sign of life is old enough to be written anew."""


def begin(
    session: WriteSession, key: str, before: str | None = None, now: datetime | None = None
) -> tuple[str, Principal]:
    """Sign a browser in with a key and return its new secret; the one it had `before` ends.

    Raises `Unauthenticated` where the key opens nothing.
    """
    now = now or database_now(session)
    principal = principal_of(session, key, now)
    secret = secrets.token_urlsafe(32)
    ended = (Visit.began_at < now - LONGEST) | (Visit.seen_at < now - IDLE)
    session.execute(delete(Visit).where(ended | (Visit.digest == _digest(before or ""))))
    prefix = principal.name.partition(":")[2]
    session.add(Visit(digest=_digest(secret), key_prefix=prefix, began_at=now, seen_at=now))
    session.flush()
    audit.record(session, actor=principal.name, action="visit.begin", subject=f"key:{prefix}")
    return secret, principal


def find(session: ReadSession, secret: str, now: datetime | None = None) -> Visiting | None:
    """The visit that a cookie's secret opens; none if it ended or its key did."""
    now = now or database_now(session)
    found = session.execute(
        select(Visit.key_prefix, Visit.seen_at).where(
            Visit.digest == _digest(secret),
            Visit.began_at > now - LONGEST,
            Visit.seen_at > now - IDLE,
        )
    ).one_or_none()
    principal = principal_of_key(session, found.key_prefix, now) if found else None
    if found is None or principal is None:
        return None
    return Visiting(principal, to_be_seen=found.seen_at < now - SEEN_EVERY)


def see(session: WriteSession, secret: str, now: datetime | None = None) -> None:
    """Write down that a visit goes on."""
    visit = session.get(Visit, _digest(secret))
    if visit is not None:
        visit.seen_at = now or database_now(session)
        session.flush()


def end(session: WriteSession, secret: str) -> None:
    """Sign a browser out; its secret opens nothing any more."""
    visit = session.get(Visit, _digest(secret))
    if visit is None:
        return
    session.delete(visit)
    session.flush()
    subject = f"key:{visit.key_prefix}"
    audit.record(session, actor=subject, action="visit.end", subject=subject)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
