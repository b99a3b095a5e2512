"""The audit: every state change writes one event in its own transaction, chained to the last."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain as chained
from typing import Any, Final

import structlog
from sqlalchemy import event, inspect, select, update

from app.database import WriteSession, database_now
from app.events import chain, rows
from models.access import AuditEvent, AuditHead, AuditSalt
from models.base import Base
from models.bound import BOUND

log = structlog.get_logger()
BOUND_ANEW: Final = "audit.bind"
"""The action of an event that binds rows as they stand, after an upgrade of the database."""
_PENDING: Final = "events"
_ANEW: Final = "bound_anew"


@dataclass(frozen=True, slots=True)
class _Pending:
    """An event that waits for the end of its transaction."""

    actor: str
    action: str
    subject: str
    digest: str | None
    detail: dict[str, Any]
    salt: str | None


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
) -> None:
    """Append one event when the transaction commits, and log it then.

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
    pending = _Pending(actor, action, subject, digest, detail, salt)
    session.info.setdefault(_PENDING, []).append(pending)


def bind_anew(session: WriteSession, *, actor: str, tables: Collection[str]) -> None:
    """Bind all rows of some tables, and whatever else was written, as they stand.

    For migrations, which write past sessions; where there is no event yet the first binds all.
    """
    session.flush()
    last = session.scalar(select(AuditHead.last_sequence))
    if last and (tables or rows.any_written(session)):
        session.info[_ANEW] = frozenset(tables)
        record(session, actor=actor, action=BOUND_ANEW, subject="audit", tables=sorted(tables))


@event.listens_for(WriteSession, "before_commit")
def _append(session: WriteSession) -> None:
    """Append the events of a transaction; the last one binds the rows that it wrote.

    What no event tells of is bound by none, and found by `givetake audit verify`. Locking the head
    row gives one order to all.
    """
    session.flush()
    pending: list[_Pending] = session.info.pop(_PENDING, [])
    if not pending:
        rows.forget(session)
        return
    head = select(AuditHead.last_sequence, AuditHead.last_hash).with_for_update()
    last, previous = session.execute(head).one()
    if last:
        anew = session.info.pop(_ANEW, frozenset())
        written = (each for each in rows.entries_of(session) if each.table not in anew)
        entries: Iterable[rows.Entry] = chained(written, rows.standing(session, anew))
    else:  # the first event of all binds what stood before it, as what came with the schema
        rows.forget(session)
        entries = rows.standing(session, BOUND)
    at = database_now(session)
    for each in pending:
        last += 1
        previous = _write(session, each, last, at, previous, entries if each is pending[-1] else ())


def _write(
    session: WriteSession,
    each: _Pending,
    sequence: int,
    at: datetime,
    previous: str,
    entries: Iterable[rows.Entry],
) -> str:
    """Write one event, with the rows that it binds, and move the head to its hash."""
    salt = each.salt or secrets.token_hex(16)
    rows_digest = rows.write(session, sequence, salt, entries)
    made = AuditEvent(
        sequence=sequence,
        at=at,
        actor=each.actor,
        action=each.action,
        subject=each.subject,
        digest=each.digest,
        detail=each.detail,
        previous=previous,
        rows_digest=rows_digest,
    )
    made.hash = chain.link(
        previous,
        sequence,
        chain.moment(at),
        each.actor,
        each.action,
        each.subject,
        each.digest,
        chain.stored(each.detail),
        rows_digest,
    )
    session.add(made)
    session.flush()  # before the head moves: triggers take no event but the next
    session.execute(update(AuditHead).values(last_sequence=sequence, last_hash=made.hash))
    if each.salt is not None or rows_digest is not None:
        session.add(AuditSalt(sequence=sequence, salt=salt))
        session.flush()
    # With the hash, so that logs kept elsewhere show what each event was.
    tell = partial(log.info, each.action, actor=each.actor, subject=each.subject, **each.detail)
    session.once_committed(partial(tell, sequence=sequence, hash=made.hash))
    return made.hash


def _bound(row: Base, salt: str | None) -> dict[str, Any]:
    columns = row.__table__.columns
    values = {column.key: getattr(row, column.key) for column in columns}
    return chain.content_of(row.__table__, values, salt)  # type: ignore[arg-type]
