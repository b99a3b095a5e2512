"""The audit: every state change writes one event in its own transaction, chained to the last."""

import secrets
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import inspect, select, update

from app.database import WriteSession, database_now
from app.events import chain
from models.access import AuditEvent, AuditHead, AuditSalt
from models.base import Base

log = structlog.get_logger()


def record(
    session: WriteSession,
    *,
    actor: str,
    action: str,
    subject: str,
    digest: str | None = None,
    of: Base | None = None,
    terms: Mapping[str, Any] | None = None,
    **detail: Any,
) -> AuditEvent:
    """Append one event, logged once it is committed; locking the head row gives one order to all.

    `of` is the row that holds what was decided, flushed before; with `terms`, on which terms. The
    digest binds both, and `givetake audit verify` compares it with what is stored. `detail` holds
    counts and codes, never names of people or free text.
    """
    salt: str | None = None
    if terms is not None:
        detail["terms"] = chain.digest_of(terms)
    if of is not None:
        detail["of"] = ":".join([of.__tablename__, *map(str, inspect(of).identity or ())])
        if (counter := chain.counter_of(of.__table__)) is not None:  # type: ignore[arg-type]
            detail["version"] = getattr(of, counter)
        if chain.has_free_text(of):
            salt = secrets.token_hex(16)
            detail["salt"] = chain.digest_of({"salt": salt})
        digest = chain.digest_of(_bound(of, salt) | {"on_terms": detail.get("terms")})
    head = select(AuditHead.last_sequence, AuditHead.last_hash).with_for_update()
    last, previous = session.execute(head).one()
    event = AuditEvent(
        sequence=last + 1,
        at=database_now(session),
        actor=actor,
        action=action,
        subject=subject,
        digest=digest,
        detail=detail,
        previous=previous,
    )
    event.hash = chain.link(
        previous,
        event.sequence,
        chain.moment(event.at),
        actor,
        action,
        subject,
        digest,
        chain.stored(detail),
    )
    session.add(event)
    session.flush()  # before the head moves: triggers take no event but the next
    session.execute(update(AuditHead).values(last_sequence=event.sequence, last_hash=event.hash))
    if salt is not None:
        session.add(AuditSalt(sequence=event.sequence, salt=salt))
        session.flush()
    sequence, hash_ = event.sequence, event.hash
    session.once_committed(
        # With the hash, so that logs kept elsewhere show what each event was.
        lambda: log.info(
            action, actor=actor, subject=subject, sequence=sequence, hash=hash_, **detail
        )
    )
    return event


def _bound(row: Base, salt: str | None) -> dict[str, Any]:
    columns = row.__table__.columns
    values = {column.key: getattr(row, column.key) for column in columns}
    return chain.content_of(row.__table__, values, salt)  # type: ignore[arg-type]
