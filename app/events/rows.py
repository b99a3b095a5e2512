"""Rows of bound tables: which ones a transaction wrote, and what the audit says that they are.

A session notes what a bound row was before it writes it for the first time. When it commits, the
last event of the transaction binds what each of these rows is now, and says so where one was not
what the event before had left: a change past the service stays visible after the next one.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    JSON,
    ColumnElement,
    LargeBinary,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    cast,
    column,
    event,
    insert,
    inspect,
    select,
    tuple_,
    type_coerce,
    values,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute, ORMExecuteState, Session, UOWTransaction
from sqlalchemy.types import NullType

from app.chunks import CHUNK, chunked
from app.database import WriteSession
from app.events.chain import moment
from models.access import AuditRow, AuditSalt
from models.bound import BOUND, NOT_BOUND, VERSIONS, WHILE_WORKED_ON

MISSING: Final = "missing"
"""What was found of a row that had been deleted past the service."""

Key = tuple[Any, ...]
T = TypeVar("T")
_NOTED: Final = "rows"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row is after an event; `found` where it was not what its last event said."""

    table: str
    key: str
    found: str | None
    digest: str | None

    @property
    def line(self) -> bytes:
        content = [self.table, self.key, self.found, self.digest]
        return json.dumps(content, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class ListDigest:
    """SHA-256 over a salt and entries, line by line."""

    salt: str
    sha256: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self.sha256.update(self.salt.encode("utf-8", "surrogateescape") + b"\n")

    def add(self, entry: Entry) -> None:
        self.sha256.update(entry.line)

    def hexdigest(self) -> str:
        digest: str = self.sha256.hexdigest()
        return digest


def key_text(key: Key) -> str:
    return json.dumps(list(key), separators=(",", ":"))


def digest_of_row(table: Table, row: RowMapping) -> str:
    """SHA-256 over what is stored in the bound columns, by name, without those that are empty."""
    worked_on = table.name == "run" and row["finished_at"] is None
    content = [
        [name, _plain(value)]
        for name in names_bound(table)
        if (value := row[name]) is not None and not (worked_on and name in WHILE_WORKED_ON)
    ]
    text = json.dumps([table.name, content], separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: Any) -> Any:
    """A value as both databases store it."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return int(value) if isinstance(value, bool) else value


@cache
def names_bound(table: Table) -> list[str]:
    left_out = NOT_BOUND.get(table.name, {})
    return sorted(each.key for each in table.columns if each.key not in left_out)


@cache
def stored(table: Table) -> Select[Any]:
    """Rows as they are stored: SQLite lets any value into any column, and none is read as another.

    Ordered by nothing, with columns by name.
    """
    return select(*(_as_stored(table.c[name]).label(name) for name in names_bound(table)))


def _as_stored(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, JSON):
        return cast(column, Text)
    return type_coerce(column, NullType())


def by_key(query: Select[Any], table: Table, keys: Sequence[Key]) -> Select[Any]:
    """Those rows of a query of one table that have these primary keys."""
    first, *more = table.primary_key
    if not more:
        return query.where(first.in_([key for (key,) in keys]))
    # Not as tuples IN a list, for which SQLite reads the whole table.
    columns = [column(each.key, each.type) for each in (first, *more)]
    wanted = values(*columns, name="wanted").data(list(keys)).cte("wanted")
    same = and_(*(each == wanted.c[each.key] for each in (first, *more)))
    return query.select_from(wanted.join(table, same))


def readable(
    session: Session, query: Select[Any], table: Table, keys: Sequence[Key]
) -> Sequence[RowMapping]:
    """Rows by primary key, without those that hold what cannot be read."""
    if not keys:
        return []
    try:
        return session.execute(by_key(query, table, keys)).mappings().all()
    except (ValueError, OperationalError):
        if len(keys) == 1:
            return []
        half = len(keys) // 2
        halves = (keys[:half], keys[half:])
        return [row for some in halves for row in readable(session, query, table, some)]


def key_of(table: Table, row: RowMapping) -> Key:
    return tuple(row[column.key] for column in table.primary_key)


def salts_of(session: Session, sequences: Sequence[int]) -> dict[int, str]:
    """What free text and rows were hashed with, by event."""
    query = select(AuditSalt.sequence, as_stored(session, AuditSalt.salt))
    found = session.execute(query.where(AuditSalt.sequence.in_(sequences)))
    return {sequence: str(as_text(salt)) for sequence, salt in found}


def as_stored(
    session: Session, column: InstrumentedAttribute[Any] | ColumnElement[Any]
) -> ColumnElement[Any]:
    """A column's bytes, where the database lets it hold some that are no text."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return cast(column, LargeBinary) if on_sqlite else cast(column, column.type)


def as_text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


# What a session writes.


def _noted(session: Session) -> dict[str, dict[Key, str | None]]:
    """Digests of rows before they were written, by table and key; none of new rows."""
    found: dict[str, dict[Key, str | None]] = session.info.setdefault(_NOTED, defaultdict(dict))
    return found


def _note(
    session: Session, table: Table, query: Select[Any], given: Mapping[str, Any] | None = None
) -> None:
    """Note rows as they are; locked, as whoever changes them will lock them in any case."""
    noted, query = _noted(session)[table.name], query.with_for_update(of=table)
    for row in session.connection().execute(query, given or {}).mappings():
        noted.setdefault(key_of(table, row), digest_of_row(table, row))


@event.listens_for(WriteSession, "before_flush")
def _before_flush(session: Session, _: UOWTransaction, __: Any) -> None:
    changed: dict[str, list[Key]] = defaultdict(list)
    for instance in (*session.dirty, *session.deleted):
        state = inspect(instance)
        if instance in session.deleted or session.is_modified(instance):
            changed[state.mapper.local_table.name].append(tuple(state.identity))
    for name in changed.keys() & BOUND.keys():
        new = [key for key in changed[name] if key not in _noted(session)[name]]
        for some in chunked(new):
            _note(session, BOUND[name], by_key(stored(BOUND[name]), BOUND[name], some))


@event.listens_for(WriteSession, "after_flush")
def _after_flush(session: Session, _: UOWTransaction) -> None:
    for instance in session.new:
        mapper = inspect(instance).mapper
        if mapper.local_table.name in BOUND:
            key = tuple(mapper.primary_key_from_instance(instance))
            _noted(session)[mapper.local_table.name].setdefault(key, None)


@event.listens_for(WriteSession, "do_orm_execute")
def _on_execute(state: ORMExecuteState) -> Any:
    if not (state.is_insert or state.is_update or state.is_delete):
        return None
    statement: Any = state.statement
    table = BOUND.get(statement.table.name)
    if table is None:
        return None
    given: Any = state.parameters or {}
    if state.is_insert:
        return _note_inserted(state, table, statement)
    query = stored(table)
    if statement.whereclause is not None:
        query = query.where(statement.whereclause)
    for each in given if isinstance(given, list) else [given]:
        _note(state.session, table, query, each)
    return None


def _note_inserted(state: ORMExecuteState, table: Table, statement: Any) -> Any:
    noted, names = _noted(state.session)[table.name], [each.key for each in table.primary_key]
    given = state.parameters
    if isinstance(given, list) and given and set(names) <= given[0].keys():
        for row in given:
            noted.setdefault(tuple(row[name] for name in names), None)
        return None
    made = state.invoke_statement(statement=statement.returning(*table.primary_key)).freeze()
    for row in made():
        noted.setdefault(tuple(row[-len(names) :]), None)
    return made()


def entries_of(session: WriteSession) -> list[Entry]:
    """What the rows are that were written, and forget which these are."""
    noted: dict[str, dict[Key, str | None]] = session.info.pop(_NOTED, {})
    found: list[Entry] = []
    for name in sorted(noted):
        for some in chunked(list(noted[name])):
            found += _entries(session, BOUND[name], {key: noted[name][key] for key in some})
            if name in VERSIONS:
                found += _versions(session, BOUND[name], VERSIONS[name], some)
    return found


def any_written(session: WriteSession) -> bool:
    return any(_noted(session).values())


def forget(session: WriteSession) -> None:
    session.info.pop(_NOTED, None)


def _entries(
    session: WriteSession, table: Table, before: Mapping[Key, str | None]
) -> Iterator[Entry]:
    rows = session.connection().execute(by_key(stored(table), table, list(before))).mappings()
    after = {key_of(table, row): digest_of_row(table, row) for row in rows}
    said = last_digests(session, table, list(before))
    for key, was in before.items():
        text, digest = key_text(key), after.get(key)
        if was != digest:
            found = None if was == said.get(text) else was or MISSING
            yield Entry(table.name, text, found, digest)


def _versions(
    session: WriteSession, table: Table, kept: Table, keys: Sequence[Key]
) -> Iterator[Entry]:
    """The versions that triggers kept of these rows, after the last that is bound."""
    newer = (
        stored(kept)
        .join(table, table.c.id == kept.c.id)
        .where(kept.c.id.in_([key for (key,) in keys]))
        .where(kept.c.version.between(1, table.c.version))
    )
    rows = {key_of(kept, row): row for row in session.connection().execute(newer).mappings()}
    bound = last_digests(session, kept, list(rows))
    last: dict[int, int] = defaultdict(int)
    for text in bound:
        number, version = json.loads(text)
        last[number] = max(last[number], version)
    for key, row in sorted(rows.items()):
        if key[1] > last[key[0]]:
            yield Entry(kept.name, key_text(key), None, digest_of_row(kept, row))


def last_digests(session: Session, table: Table, keys: Sequence[Key]) -> dict[str, str]:
    """What the last events on rows say that they are, by the text of their keys, if they stand."""
    if not keys:
        return {}
    wanted = (
        values(column("key", Text), name="wanted").data([(key_text(key),) for key in keys]).cte()
    )
    last = (
        select(AuditRow.digest)
        .where(AuditRow.table_name == table.name, AuditRow.key == wanted.c.key)
        .order_by(AuditRow.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = session.connection().execute(select(wanted.c.key, last))
    return {key: digest for key, digest in found if digest is not None}


def standing(session: Session, tables: Iterable[str]) -> Iterator[Entry]:
    """Every row of these tables as it is now, as if each had been written."""
    for name in sorted(tables):
        for rows in pages(session, BOUND[name]):
            for row in rows:
                key = key_text(key_of(BOUND[name], row))
                yield Entry(name, key, None, digest_of_row(BOUND[name], row))


def pages(session: Session, table: Table) -> Iterator[Sequence[RowMapping]]:
    """Every row of a table as it is stored, page by page by primary key."""
    columns = list(table.primary_key)
    query = stored(table).order_by(*columns).limit(CHUNK)
    after: Key | None = None
    while True:
        page = query if after is None else query.where(tuple_(*columns) > tuple_(*after))
        rows = session.connection().execute(page).mappings().all()
        if not rows:
            return
        yield rows
        after = key_of(table, rows[-1])


def write(session: WriteSession, sequence: int, salt: str, entries: Iterable[Entry]) -> str | None:
    """Keep what rows are after an event; the digest of all, if there are any."""
    digest, position = ListDigest(salt), 0
    for some in chunked(entries):
        made = []
        for entry in some:
            position += 1
            digest.add(entry)
            made.append(
                {"sequence": sequence, "position": position, "table_name": entry.table}
                | {"key": entry.key, "found": entry.found, "digest": entry.digest}
            )
        session.connection().execute(insert(AuditRow), made)
    return digest.hexdigest() if position else None
