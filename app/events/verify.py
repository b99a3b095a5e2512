"""Whether the audit is what it was: every event, their chain, the head, and what they bind."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.chunks import CHUNK
from app.errors import Problem
from app.events import chain
from app.events import verify_rows as bound
from app.events.audit import BOUND_ANEW
from app.events.bound_rows import Wrong, binding_of, wrong_row
from app.events.rows import as_stored, as_text
from models.access import AuditEvent, AuditHead

_ANCHOR: Final = re.compile(r"([1-9][0-9]{0,9}):([0-9a-f]{64})")

# What is stored, byte by byte: whatever a column may hold, it is neither read as something else
# nor refused. Of SQLite also the types, as it lets any value into any column.
_SQLITE: Final = """
    select sequence, cast(at as blob), cast(actor as blob), cast(action as blob),
        cast(subject as blob), cast(digest as blob), cast(detail as blob),
        cast(previous as blob), cast(hash as blob), cast(rows_digest as blob),
        typeof(at) || typeof(actor) || typeof(action) || typeof(subject) || typeof(detail)
        || typeof(previous) || typeof(hash) || replace(typeof(digest), 'null', 'text')
        || replace(typeof(rows_digest), 'null', 'text')
    from audit_event where sequence > :after order by sequence limit :most
"""
_POSTGRESQL: Final = """
    select sequence, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), actor, action,
        subject, digest, detail::text, previous, hash, rows_digest, 'as declared'
    from audit_event where sequence > :after order by sequence limit :most
"""
_TYPES: Final = frozenset({"as declared", "text" * 9})
_BEFORE_ALL: Final = -(2**63)


class BadAnchor(Problem):
    status = 422
    title = "Invalid anchor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """An event and its hash, as they were noted elsewhere."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last event: what to note elsewhere."""

    sequence: int
    hash: str
    at: datetime | None
    """When it happened; none where nothing has."""

    @property
    def anchor(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong, in the order of events."""

    sequence: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Verified:
    head: Anchor
    """What the head row says."""
    events: int
    """How many were found in order."""
    rows: int
    """How many rows are as the last events say that bind them."""
    fault: Fault | None = None
    bound_from: int | None = None
    """The event that bound what stood when the database was upgraded; none where all events do."""


@dataclass(frozen=True, slots=True)
class _Event:
    sequence: int
    at: str
    actor: str
    action: str
    subject: str
    digest: str | None
    detail: str
    previous: str
    hash: str
    rows_digest: str | None
    types: str


def anchor(text: str) -> Anchor:
    """An anchor as `givetake audit head` prints it, SEQUENCE:HASH."""
    found = _ANCHOR.fullmatch(text.strip().lower())
    if found is None:
        raise BadAnchor(
            f"The anchor {text[:100]!r} must be the number and hash of an event, like "
            "12:0123...ef with 64 characters after the colon. `givetake audit head` prints it."
        )
    return Anchor(int(found[1]), found[2])


def head(session: Session) -> Head:
    """The last event as it is stored, without a look at those before."""
    last, hash_ = session.execute(select(AuditHead.last_sequence, AuditHead.last_hash)).one()
    at = session.scalar(select(AuditEvent.at).where(AuditEvent.sequence == last))
    return Head(last, hash_, at)


def verify(session: Session, known: Sequence[Anchor] = ()) -> Verified:
    """Look at every event in order, as of one moment, up to the first fault.

    `known` are anchors that were noted elsewhere: without one, who can write past the triggers
    could hash everything anew, or leave out the end.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    of_head = select(AuditHead.last_sequence, as_stored(session, AuditHead.last_hash))
    said = Anchor(*map(as_text, session.execute(of_head).one()))
    wanted = defaultdict(set)
    for each in known:
        wanted[each.sequence].add(each.hash)
    last, previous, bound_from = 0, chain.FIRST, None
    for events in _pages(session):
        fault = None
        read: list[_Event] = []
        for event in events:
            fault = _fault(event, last + 1, previous) or _unlike(event, wanted)
            if fault is not None:
                break
            last, previous = event.sequence, event.hash
            read.append(event)
            if event.action == BOUND_ANEW and bound_from is None:
                bound_from = event.sequence
        if (found := _wrong_rows(session, read)) is not None:
            fault = Fault(*found)
        if fault is not None:
            return Verified(said, last, 0, fault)
    fault = _of_end(said, last, previous, known)
    rows = 0
    if fault is None and last:  # the first event binds what stood before it
        rows, found = bound.compare(session, last)
        fault = Fault(*found) if found is not None else None
    return Verified(said, last, rows, fault, bound_from)


def _wrong_rows(session: Session, events: Sequence[_Event]) -> Wrong | None:
    """The first of what some events bind that is not as they recorded it."""
    bindings = (binding_of(each.sequence, each.digest, each.detail) for each in events)
    found = (
        wrong_row(session, [each for each in bindings if each is not None]),
        bound.wrong_list(session, {each.sequence: each.rows_digest for each in events}),
    )
    return min((each for each in found if each is not None), default=None)


def _pages(session: Session) -> Iterator[list[_Event]]:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    query = text(_SQLITE if on_sqlite else _POSTGRESQL)
    after = _BEFORE_ALL if on_sqlite else -(2**31)
    while True:
        found = session.execute(query, {"after": after, "most": CHUNK}).all()
        if not found:
            return
        yield [_read(row) for row in found]
        after = found[-1][0]


def _read(row: Sequence[Any]) -> _Event:
    return _Event(row[0], *(as_text(value) for value in row[1:]))


def _fault(event: _Event, expected: int, previous: str) -> Fault | None:
    number = event.sequence
    if number > expected:
        return Fault(expected, f"Event {expected:,} is missing.")
    if number < expected:
        return Fault(number, f"Event {number:,} was inserted: the first has number 1.")
    if event.types not in _TYPES:
        return Fault(number, f"Event {number:,} was changed: a value has another type.")
    content = (event.at, event.actor, event.action, event.subject, event.digest, event.detail)
    if chain.link(event.previous, number, *content, event.rows_digest) != event.hash:
        return Fault(number, f"Event {number:,} was changed: its hash is of other content.")
    if event.previous != previous:
        return Fault(number, f"Event {number:,} does not follow from the one before.")
    return None


def _unlike(event: _Event, wanted: Mapping[int, set[str]]) -> Fault | None:
    if wanted.get(event.sequence, {event.hash}) == {event.hash}:
        return None
    return Fault(
        event.sequence,
        f"Event {event.sequence:,} is not the one of the anchor: this audit was written anew.",
    )


def _of_end(said: Anchor, last: int, previous: str, known: Sequence[Anchor]) -> Fault | None:
    beyond = min((each.sequence for each in known if each.sequence > last), default=None)
    if said.sequence > last or beyond is not None:
        return Fault(last + 1, f"Event {last + 1:,} is missing: the last one found is {last:,}.")
    if said.sequence < last:
        return Fault(said.sequence + 1, f"Event {said.sequence + 1:,} was inserted after the end.")
    if said.hash != previous:
        return Fault(last, f"The head was changed: its hash is not that of event {last:,}.")
    return None
