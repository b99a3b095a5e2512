"""Keys that other systems call with: made once, shown once, held as a digest."""

import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.access.grants import add_grants, check, grant_of, grants_of, held_by, listed
from app.access.policy import Action, Grant, Principal, authorise
from app.access.secret import digest_of
from app.database import Database, ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound, Problem
from app.events import audit
from app.wording import on_day
from models.access import ApiKey, RoleGrant

_KEY = re.compile(r"gt_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
LONGEST_LABEL: Final = 60
LONGEST_OWNER: Final = 100
KEEP_OLD: Final = timedelta(hours=24)
"""How long a rotated key still opens the service, for whoever has to put the new one in place."""
_NOBODYS_DIGEST: Final = "0" * 64
_KEY_OF = select(ApiKey.digest, ApiKey.label, ApiKey.expires_at).where(
    ApiKey.prefix == bindparam("prefix"), ApiKey.revoked_at.is_(None)
)


class Unauthenticated(Problem):
    """A request without a valid key."""

    status = 401
    title = "Authentication required"


class BadKey(Problem):
    status = 422
    title = "Invalid key"


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """A key with the roles that it holds."""

    key: ApiKey
    grants: Sequence[RoleGrant]


def check_manages(principal: Principal) -> None:
    authorise(principal, Action.MANAGE_KEYS, everywhere=True)


def create_key(
    session: WriteSession,
    principal: Principal,
    label: str,
    grants: Iterable[Grant],
    *,
    owner: str = "",
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key; its text is not stored and is never shown again."""
    check_manages(principal)
    wanted = list(grants)
    for grant in wanted:
        check(grant)
    now = database_now(session)
    if expires_at is not None and expires_at <= now:
        raise BadKey(f"The key would have expired on {on_day(expires_at)}. Enter a later date.")
    for name, text, longest in (("label", label, LONGEST_LABEL), ("owner", owner, LONGEST_OWNER)):
        if len(text) > longest or not text.isprintable():
            raise BadKey(f"The {name} {text!r} must be {longest} printable characters or fewer.")
    key, text = _make(session, label, owner or label, now, expires_at)
    add_grants(session, f"key:{key.prefix}", wanted, by=principal.name, now=now)
    audit.record(
        session,
        actor=principal.name,
        action="key.create",
        subject=f"key:{key.prefix}",
        roles=listed(wanted),
        expires_at=None if expires_at is None else expires_at.isoformat(),
    )
    return key, text


def _make(
    session: WriteSession, label: str, owner: str, now: datetime, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    prefix = secrets.token_hex(4)
    text = f"gt_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        prefix=prefix,
        label=label,
        owner=owner,
        digest=digest_of(text),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return key, text


def list_keys(session: ReadSession, principal: Principal) -> list[KeyHeld]:
    check_manages(principal)
    keys = session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.prefix)).all()
    grants = held_by(session, (f"key:{key.prefix}" for key in keys))
    return [KeyHeld(key, grants.get(f"key:{key.prefix}", [])) for key in keys]


def held(session: Session, key: ApiKey) -> KeyHeld:
    """A key with its roles."""
    holder = f"key:{key.prefix}"
    return KeyHeld(key, held_by(session, [holder]).get(holder, []))


def revoke_key(session: WriteSession, principal: Principal, prefix: str) -> ApiKey:
    """Revoke a key and all that it made; a running service notices within seconds."""
    key = _find(session, principal, prefix)
    if key.revoked_at is not None:
        raise Conflict(f"Key {prefix} was already revoked, on {on_day(key.revoked_at)}.")
    key.revoked_at = database_now(session)
    session.flush()
    audit.record(session, actor=principal.name, action="key.revoke", subject=f"key:{prefix}")
    return key


def rotate_key(
    session: WriteSession,
    principal: Principal,
    prefix: str,
    *,
    keep_old: timedelta = KEEP_OLD,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key with the label, owner and roles of an old one, which ends after `keep_old`.

    Unless `expires_at` says when, the new key lasts as long as the old one was made for.
    """
    old = _find(session, principal, prefix)
    now = database_now(session)
    if old.revoked_at is not None:
        raise Conflict(f"Key {prefix} was revoked, on {on_day(old.revoked_at)}. Create a new one.")
    if old.replaced_by is not None:
        raise Conflict(f"Key {prefix} was already rotated, to {old.replaced_by}. Rotate that.")
    if expires_at is None and old.expires_at is not None:
        expires_at = now + (old.expires_at - old.created_at)
    key, text = _make(session, old.label, old.owner, now, expires_at)
    holder = f"key:{key.prefix}"
    grants = map(grant_of, held(session, old).grants)
    add_grants(session, holder, grants, by=principal.name, now=now)
    old.replaced_by = key.prefix
    ends = now + keep_old
    old.expires_at = ends if old.expires_at is None else min(old.expires_at, ends)
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="key.rotate",
        subject=f"key:{prefix}",
        to=holder,
        old_expires_at=old.expires_at.isoformat(),
    )
    return key, text


def _find(session: WriteSession, principal: Principal, prefix: str) -> ApiKey:
    check_manages(principal)
    key = session.get(ApiKey, prefix, with_for_update=True)
    if key is None:
        raise NotFound(f"There is no key {prefix!r}. Run `givetake keys list` to see the keys.")
    return key


def principal_of(
    session: ReadSession | WriteSession, text: str, now: datetime | None = None
) -> Principal:
    """Whom a key stands for, with the roles that it holds now.

    Raises `Unauthenticated` with the same words whatever is wrong with it.
    """
    matched = _KEY.fullmatch(text)
    found = session.execute(_KEY_OF, {"prefix": matched[1]}).one_or_none() if matched else None
    now = now or database_now(session)
    same = secrets.compare_digest(digest_of(text), found.digest if found else _NOBODYS_DIGEST)
    if found is None or matched is None or not same or _is_over(found.expires_at, now):
        raise Unauthenticated(
            "The key is not valid. Ask your administrator for a key, or run `givetake keys create`."
        )
    name = f"key:{matched[1]}"
    return Principal(name, grants_of(session, name, now), found.label)


def principal_of_key(session: Session, prefix: str, now: datetime) -> Principal | None:
    """The same of a key that somebody showed before; None where it has ended since."""
    found = session.execute(_KEY_OF, {"prefix": prefix}).one_or_none()
    if found is None or _is_over(found.expires_at, now):
        return None
    return Principal(f"key:{prefix}", grants_of(session, f"key:{prefix}", now), found.label)


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


def note_use(database: Database, principal: Principal) -> None:
    """Write down that a key was used; where somebody else writes for long, do without."""
    prefix = principal.name.removeprefix("key:")
    with suppress(OperationalError), database.write() as session:
        now = database_now(session)
        session.execute(update(ApiKey).where(ApiKey.prefix == prefix).values(last_used_at=now))
