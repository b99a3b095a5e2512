"""Who is signed in with a browser: as a user or with a key, ended by sign-out, idleness or age."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from app.access.browser_names import browser_name
from app.access.holders import principal_of_holder
from app.access.policy import Action, Principal, authorise
from app.access.secret import digest_of
from app.database import ReadSession, WriteSession, database_now
from app.errors import NotFound
from app.events import audit
from models.access import Visit

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How stale the last sign of life may get; else every page read would be a write."""
NUMBER_LETTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Visiting:
    """A visit that is on."""

    principal: Principal
    to_be_seen: bool
    """Whether its last sign of life is old enough to be written anew."""


@dataclass(frozen=True, slots=True)
class Session:
    """A visit as it is shown to whoever it is; `number` opens nothing."""

    number: str
    began_at: datetime
    seen_at: datetime
    browser: str | None
    """Which one, such as "Firefox on Windows"; None where it is not known."""
    here: bool
    """Whether it is that of the browser that asks."""


def begin(
    session: WriteSession,
    principal: Principal,
    before: str | None = None,
    now: datetime | None = None,
    *,
    user_agent: str = "",
) -> str:
    """Sign a browser in as `principal` and return its new secret; the one it had `before` ends.

    Of the `user_agent`, what the browser says of itself, only a plain name is kept.
    """
    now = now or database_now(session)
    secret = secrets.token_urlsafe(32)
    ended = (Visit.began_at < now - LONGEST) | (Visit.seen_at < now - IDLE)
    session.execute(delete(Visit).where(ended | (Visit.digest == digest_of(before or ""))))
    session.add(
        Visit(
            digest=digest_of(secret),
            holder=principal.name,
            began_at=now,
            seen_at=now,
            browser=browser_name(user_agent),
        )
    )
    session.flush()
    audit.record(session, actor=principal.name, action="visit.begin", subject=principal.name)
    return secret


def find(session: ReadSession, secret: str, now: datetime | None = None) -> Visiting | None:
    """The visit that a cookie's secret opens; none if it ended, or whoever it was of."""
    now = now or database_now(session)
    found = session.execute(
        select(Visit.holder, Visit.seen_at).where(
            Visit.digest == digest_of(secret),
            Visit.began_at > now - LONGEST,
            Visit.seen_at > now - IDLE,
        )
    ).one_or_none()
    principal = principal_of_holder(session, found.holder, now) if found else None
    if found is None or principal is None:
        return None
    return Visiting(principal, to_be_seen=found.seen_at < now - SEEN_EVERY)


def see(session: WriteSession, secret: str, now: datetime | None = None) -> None:
    """Write down that a visit goes on."""
    visit = session.get(Visit, digest_of(secret))
    if visit is not None:
        visit.seen_at = now or database_now(session)
        session.flush()


def end(session: WriteSession, secret: str) -> None:
    """Sign a browser out; its secret opens nothing any more."""
    visit = session.get(Visit, digest_of(secret))
    if visit is not None:
        _end(session, visit, visit.holder)


def list_sessions(
    session: ReadSession, principal: Principal, holder: str, secret: str = ""
) -> list[Session]:
    """Where `holder` is signed in now, newest first: for themselves and for administrators."""
    _check_own(principal, holder)
    now = database_now(session)
    found = session.scalars(
        select(Visit)
        .where(
            Visit.holder == holder,
            Visit.began_at > now - LONGEST,
            Visit.seen_at > now - IDLE,
        )
        .order_by(Visit.began_at.desc(), Visit.digest)
    )
    here = digest_of(secret)
    return [
        Session(
            number=each.digest[:NUMBER_LETTERS],
            began_at=each.began_at,
            seen_at=each.seen_at,
            browser=each.browser,
            here=each.digest == here,
        )
        for each in found
    ]


def end_session(session: WriteSession, principal: Principal, holder: str, number: str) -> None:
    """Sign `holder` out of one browser."""
    _check_own(principal, holder)
    theirs = session.scalars(select(Visit).where(Visit.holder == holder))
    visit = next((each for each in theirs if each.digest[:NUMBER_LETTERS] == number), None)
    if visit is None:
        raise NotFound("That session has already ended. Open the list of sessions again.")
    _end(session, visit, principal.name)


def end_sessions(session: WriteSession, principal: Principal, holder: str, *, but: str = "") -> int:
    """Sign `holder` out everywhere, `but` the browser with that secret; how often that was."""
    _check_own(principal, holder)
    found = session.scalars(
        select(Visit).where(Visit.holder == holder, Visit.digest != digest_of(but))
    ).all()
    for visit in found:
        _end(session, visit, principal.name)
    return len(found)


def _end(session: WriteSession, visit: Visit, by: str) -> None:
    session.delete(visit)
    session.flush()
    audit.record(session, actor=by, action="visit.end", subject=visit.holder)


def _check_own(principal: Principal, holder: str) -> None:
    if principal.name != holder:
        authorise(principal, Action.MANAGE_USERS, everywhere=True)
