"""Whether needs and offers are the last of their kept versions, and none of these is missing."""

from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from app.events.bound_rows import VERSIONED, as_stored, as_text
from models.base import Base

FIRST: Final = 1


def wrong_version(session: Session) -> str | None:
    """What is wrong with the first need or offer whose versions do not lead up to it.

    The first that is kept has number 1, or whatever it had when versions began to be kept.
    """
    for name in VERSIONED:
        for look in (_inserted, _missing, _not_the_last):
            if (found := look(session, name)) is not None:
                return found
    return None


def _inserted(session: Session, name: str) -> str | None:
    """A version that its need or offer has not come to, or before the first."""
    newest, kept = Base.metadata.tables[name], VERSIONED[name]
    query = (
        select(kept.c.version, kept.c.id, as_stored(session, newest.c.reference).label("reference"))
        .join_from(kept, newest, newest.c.id == kept.c.id, isouter=True)
        .where(
            or_(newest.c.id.is_(None), kept.c.version > newest.c.version, kept.c.version < FIRST)
        )
        .order_by(kept.c.id, kept.c.version)
    )
    found = session.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    if found.reference is None:
        return f"{name.capitalize()} {found.id} is missing: its version {found.version} is kept."
    return f"Version {found.version} of {name} {as_text(found.reference)} was inserted."


def _missing(session: Session, name: str) -> str | None:
    newest, kept = Base.metadata.tables[name], VERSIONED[name]
    before = func.lag(kept.c.version).over(partition_by=kept.c.id, order_by=kept.c.version)
    steps = select(kept.c.id, kept.c.version, before.label("before")).subquery()
    query = (
        select(steps.c.before + 1, as_stored(session, newest.c.reference).label("reference"))
        .join_from(steps, newest, newest.c.id == steps.c.id)
        .where(steps.c.version != steps.c.before + 1)
        .order_by(steps.c.id, steps.c.version)
    )
    found = session.execute(query.limit(1)).one_or_none()
    return (
        None if found is None else f"Version {found[0]} of {name} {as_text(found[1])} is missing."
    )


def _not_the_last(session: Session, name: str) -> str | None:
    newest, kept = Base.metadata.tables[name], VERSIONED[name]
    same = and_(kept.c.id == newest.c.id, kept.c.version == newest.c.version)
    query = (
        select(newest.c.version, as_stored(session, newest.c.reference), kept.c.id)
        .join_from(newest, kept, same, isouter=True)
        .where(or_(*(_differ(newest.c[column.key], column) for column in kept.columns)))
        .order_by(newest.c.id)
    )
    found = session.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    version, reference, kept_id = found[0], as_text(found[1]), found[2]
    if kept_id is None:
        return f"Version {version} of {name} {reference} is missing."
    return f"{name.capitalize()} {reference} is not as its version {version} was kept."


def _differ(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[bool]:
    if isinstance(other.type, JSON):  # which cannot be compared with another on PostgreSQL
        one, other = cast(one, Text), cast(other, Text)
    return one.is_distinct_from(other)
