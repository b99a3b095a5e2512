"""Compare rows with what is stored, and write only what differs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, insert, select, update

from app.chunks import chunked
from app.database import WriteSession
from models.base import COUNTERS, Base

SHOWN = 200
"""Rows of which what they become is kept, to be shown."""

Key = tuple[Any, ...]
Row = dict[str, Any]
Shown = tuple[Key, Row | None, Row]
"""A key with what its row held, of a new one nothing, and holds."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of one kind of thing; `absent` is stored but not in the file, and kept."""

    added: int = 0
    changed: int = 0
    closed: int = 0
    unchanged: int = 0
    absent: int = 0

    @property
    def any_change(self) -> bool:
        return bool(self.added or self.changed or self.closed)


@dataclass(slots=True)
class Upserted:
    """The keys that were written, and how many were not."""

    table: Table | None = None
    key: tuple[str, ...] = ()
    added: list[Key] = field(default_factory=list)
    changed: list[Key] = field(default_factory=list)
    closed: list[Key] = field(default_factory=list)
    unchanged: int = 0
    absent: int = 0
    before: dict[Key, Row] = field(default_factory=dict)
    """What changed rows held in the columns that differ."""
    shown: list[Shown] = field(default_factory=list)

    @property
    def ended(self) -> frozenset[Key]:
        return frozenset(self.closed)

    @property
    def counts(self) -> Counts:
        return Counts(
            added=len(self.added),
            changed=len(self.changed),
            closed=len(self.closed),
            unchanged=self.unchanged,
            absent=self.absent,
        )


def upsert(
    session: WriteSession,
    model: type[Base],
    key: tuple[str, ...],
    rows: Iterable[Row],
    *,
    closes: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] | None = None,
    among: ColumnElement[bool] | None = None,
) -> Upserted:
    """Insert the rows whose key is new, update those that differ, and leave the rest alone.

    All rows carry the same columns, and no key twice. `closes` tells from the stored and the
    new row whether the change ends the thing; `among` limits what is stored to compare with.
    `updated_at` and what counts a row's changes, where the table has them, move by themselves.
    """
    table = cast(Table, model.__table__)
    result = Upserted(table, key)
    stored: dict[Key, Key] | None = None
    columns: list[str] = []
    for chunk in chunked(rows):
        if stored is None:
            columns = [name for name in chunk[0] if name not in key]
            stored = _stored(session, table, key, columns, among)
        new, differing = _compare(chunk, key, columns, stored, result, closes)
        _write(session, table, key, columns, new, differing)
    if stored is None:
        stored = _stored(session, table, key, [], among)
    result.absent = len(stored)
    return result


def _stored(
    session: WriteSession,
    table: Table,
    key: tuple[str, ...],
    columns: list[str],
    among: ColumnElement[bool] | None,
) -> dict[Key, Key]:
    query = select(*(table.c[name] for name in (*key, *columns)))
    if among is not None:
        query = query.where(among)
    width = len(key)
    return {tuple(row[:width]): tuple(row[width:]) for row in session.execute(query)}


def _compare(
    chunk: list[Row],
    key: tuple[str, ...],
    columns: list[str],
    stored: dict[Key, Key],
    result: Upserted,
    closes: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] | None,
) -> tuple[list[Row], list[Row]]:
    new: list[Row] = []
    differing: list[Row] = []
    for row in chunk:
        identity = tuple(row[name] for name in key)
        before = stored.pop(identity, None)
        if before is None:
            new.append(row)
            result.added.append(identity)
            if len(result.shown) < SHOWN:
                result.shown.append((identity, None, row))
        elif before == tuple(row[name] for name in columns):
            result.unchanged += 1
        else:
            differing.append(row)
            was = {
                name: value
                for name, value in zip(columns, before, strict=True)
                if value != row[name]
            }
            result.before[identity] = was
            if len(result.shown) < SHOWN:
                result.shown.append((identity, was, {name: row[name] for name in was}))
            ended = closes is not None and closes(dict(zip(columns, before, strict=True)), row)
            (result.closed if ended else result.changed).append(identity)
    return new, differing


def _write(
    session: WriteSession,
    table: Table,
    key: tuple[str, ...],
    columns: list[str],
    new: list[Row],
    differing: list[Row],
) -> None:
    moment = {"updated_at": datetime.now(UTC)} if "updated_at" in table.c else {}
    if new:
        session.execute(insert(table), [row | moment for row in new])
    if differing:
        change = update(table).values({name: bindparam(f"new_{name}") for name in columns})
        counter = next((name for name in COUNTERS if name in table.c), None)
        if counter is not None:
            change = change.values({counter: table.c[counter] + 1})
        if moment:
            change = change.values(moment)
        for name in key:
            given: BindParameter[Any] = bindparam(f"new_{name}")
            column = table.c[name]
            change = change.where(
                column.is_not_distinct_from(given) if column.nullable else column == given
            )
        session.execute(
            change, [{f"new_{name}": row[name] for name in (*key, *columns)} for row in differing]
        )
