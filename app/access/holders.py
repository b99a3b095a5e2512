"""Whoever holds roles: a key, `key:0a1b2c3d`, or a user, `user:17`, as the audit names them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.access.grants import grants_of
from app.access.keys import principal_of_key
from app.access.persons import KEY
from app.access.policy import Principal
from app.database import WriteSession
from models.access import ApiKey
from models.people import User


def user_name(user_id: int) -> str:
    return f"user:{user_id}"


def user_id_of(holder: str) -> int | None:
    """The id of a holder who is a user."""
    kind, _, found = holder.partition(":")
    return int(found) if kind == "user" and found.isdecimal() else None


def principal_of_holder(session: Session, holder: str, now: datetime) -> Principal | None:
    """A key or user with the roles that they hold now; None where they have ended."""
    user_id = user_id_of(holder)
    if user_id is None:
        kind, _, prefix = holder.partition(":")
        return principal_of_key(session, prefix, now) if kind == "key" else None
    label = session.scalar(select(User.label).where(User.id == user_id, User.revoked_at.is_(None)))
    return None if label is None else Principal(holder, grants_of(session, holder, now), label)


def hold(session: WriteSession, names: Collection[str]) -> None:
    """Let others who call under these names, all of one person, wait until this transaction ends.

    One order of keys for all, so that no two wait for each other.
    """
    prefixes = [name.removeprefix(KEY) for name in names]
    user_ids = [found for name in names if (found := user_id_of(name)) is not None]
    query: Select[Any] = (
        select(User.id).where(User.id.in_(user_ids))
        if user_ids
        else select(ApiKey.prefix).where(ApiKey.prefix.in_(prefixes)).order_by(ApiKey.prefix)
    )
    session.execute(query.with_for_update(key_share=True)).all()
