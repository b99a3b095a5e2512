"""Keys that other systems call with: made once, shown once, held as a digest."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select

from app.access.policy import Action, Principal, Role, authorise
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound, Problem
from app.events import audit
from app.wording import on_day
from models.access import ApiKey

_KEY = re.compile(r"gt_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
LONGEST_LABEL: Final = 60
_NOBODYS_DIGEST: Final = "0" * 64
_DIGEST_OF = select(ApiKey.digest).where(
    ApiKey.prefix == bindparam("prefix"), ApiKey.revoked_at.is_(None)
)


class Unauthenticated(Problem):
    """A request without a valid key."""

    status = 401
    title = "Authentication required"


def create_key(session: WriteSession, principal: Principal, label: str) -> tuple[ApiKey, str]:
    """A new key; its text is not stored and is never shown again."""
    authorise(principal, Action.MANAGE_KEYS)
    if len(label) > LONGEST_LABEL or not label.isprintable():
        raise Problem(f"The label {label!r} must be {LONGEST_LABEL} printable characters or fewer.")
    prefix = secrets.token_hex(4)
    text = f"gt_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey(prefix=prefix, label=label, digest=_digest(text), created_at=database_now(session))
    session.add(key)
    session.flush()
    audit.record(session, actor=principal.name, action="key.create", subject=f"key:{prefix}")
    return key, text


def list_keys(session: ReadSession, principal: Principal) -> Sequence[ApiKey]:
    authorise(principal, Action.MANAGE_KEYS)
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.prefix)).all()


def revoke_key(session: WriteSession, principal: Principal, prefix: str) -> ApiKey:
    """Revoke a key; a running service notices within seconds."""
    authorise(principal, Action.MANAGE_KEYS)
    key = session.get(ApiKey, prefix, with_for_update=True)
    if key is None:
        raise NotFound(f"There is no key {prefix!r}. Run `givetake keys list` to see the keys.")
    if key.revoked_at is not None:
        raise Conflict(f"Key {prefix} was already revoked, on {on_day(key.revoked_at)}.")
    key.revoked_at = database_now(session)
    session.flush()
    audit.record(session, actor=principal.name, action="key.revoke", subject=f"key:{prefix}")
    return key


def hold(session: WriteSession, principal: Principal) -> None:
    """Let others who call with the same key wait until this transaction ends."""
    prefix = principal.name.removeprefix("key:")
    query = select(ApiKey.prefix).where(ApiKey.prefix == prefix)
    session.execute(query.with_for_update(key_share=True)).all()


def principal_of(session: ReadSession | WriteSession, text: str) -> Principal:
    """Whom a key stands for: until sign-in comes, an administrator.

    Raises `Unauthenticated` with the same words whatever is wrong with it.
    """
    matched = _KEY.fullmatch(text)
    found = session.scalar(_DIGEST_OF, {"prefix": matched[1]}) if matched else None
    if not secrets.compare_digest(_digest(text), found or _NOBODYS_DIGEST) or matched is None:
        raise Unauthenticated(
            "The key is not valid. Ask your administrator for a key, or run `givetake keys create`."
        )
    return Principal(f"key:{matched[1]}", frozenset({Role.ADMINISTRATOR}))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
