"""What every importer shares: reports, comparing with what is stored, writing only differences."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, insert, select, text, update

from app.access.policy import Principal
from app.database import WriteSession
from app.errors import Fault, FaultyFile
from app.events import audit
from app.files.csv_reading import R, read_rows
from app.progress import Progress
from models.base import Base
from models.register import ImportBatch

CHUNK = 2_000
"""Rows written at once: enough to be fast, few enough to be small in memory."""

COUNTERS = ("revision", "version")
"""Where a row counts its changes: the first of these that its table has."""

Key = tuple[Any, ...]
Row = dict[str, Any]
Item = TypeVar("Item")


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
class ImportReport:
    """What an import did, thing by thing, and what a reader should know besides."""

    kind: str
    files: dict[str, str]
    digest: str
    things: dict[str, Counts] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def any_change(self) -> bool:
        return any(counts.any_change for counts in self.things.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Upserted:
    """The keys that were written, and how many were not."""

    added: list[Key] = field(default_factory=list)
    changed: list[Key] = field(default_factory=list)
    closed: list[Key] = field(default_factory=list)
    unchanged: int = 0
    absent: int = 0

    @property
    def counts(self) -> Counts:
        return Counts(
            added=len(self.added),
            changed=len(self.changed),
            closed=len(self.closed),
            unchanged=self.unchanged,
            absent=self.absent,
        )


def chunked(rows: Iterable[Row], size: int = CHUNK) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, size)):
        yield chunk


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
    result = Upserted()
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
        elif before == tuple(row[name] for name in columns):
            result.unchanged += 1
        else:
            differing.append(row)
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
        session.connection().execute(
            change, [{f"new_{name}": row[name] for name in (*key, *columns)} for row in differing]
        )


def watched(rows: Iterable[Item], total: int, stage: str, on_progress: Progress) -> Iterator[Item]:
    """The same rows, telling how many of them have passed."""
    for passed, row in enumerate(rows):
        if passed % 1000 == 0:
            on_progress(stage, passed / max(1, total))
        yield row


def read_file(
    path: Path, model: type[R], faults: list[Fault], on_progress: Progress, **options: bool
) -> list[tuple[int, R]]:
    """Like `read_rows`, but one of several files: what makes it unreadable is a fault as well."""
    before = len(faults)
    try:
        rows = read_rows(path, model, faults=faults, on_progress=on_progress, **options)
    except FaultyFile as unreadable:
        faults.extend(unreadable.faults)
        return []
    if not rows and len(faults) == before:
        faults.append(Fault(path.name, None, None, None, "holds a header but no rows"))
    return rows


def check_unique(
    path: Path,
    rows: Iterable[tuple[int, R]],
    column: str,
    key: Callable[[R], Hashable],
    faults: list[Fault],
) -> None:
    """Add a fault for every row whose key, unless it is None, stood on an earlier line."""
    lines: dict[Hashable, int] = {}
    for line, row in rows:
        identity = key(row)
        if identity is None:
            continue
        first = lines.setdefault(identity, line)
        if first != line:
            parts = identity if isinstance(identity, tuple) else (identity,)
            value = " / ".join("" if part is None else str(part) for part in parts)
            faults.append(Fault(path.name, line, column, value, f"stands already on line {first}"))


def raise_faults(faults: list[Fault]) -> None:
    """Refuse the import if anything was found wrong, file by file in the order of lines."""
    if faults:
        files = list(dict.fromkeys(fault.file for fault in faults))
        raise FaultyFile(
            sorted(faults, key=lambda fault: (files.index(fault.file), fault.line or 0))
        )


def present(row: Row, sources: Mapping[str, str], columns: frozenset[str]) -> Row:
    """The row without what comes from a column that the file does not have."""
    return {
        name: value
        for name, value in row.items()
        if name not in sources or sources[name] in columns
    }


def new_report(kind: str, paths: Mapping[str, Path]) -> ImportReport:
    """An empty report on these files, by role; the digest is over roles and bytes."""
    digest = hashlib.sha256()
    for role, path in sorted(paths.items()):
        with path.open("rb") as file:
            digest.update(role.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return ImportReport(kind, {role: path.name for role, path in paths.items()}, digest.hexdigest())


def record(session: WriteSession, principal: Principal, report: ImportReport) -> ImportReport:
    """Keep what an import did as one batch and one audit event; nothing done leaves no trace."""
    if not report.any_change:
        return report
    # The planner of queries would else go by what was there before, perhaps nothing at all.
    session.execute(text("ANALYZE"))
    things = {thing: asdict(counts) for thing, counts in report.things.items()}
    session.add(
        ImportBatch(
            kind=report.kind,
            files=report.files,
            digest=report.digest,
            counts=things,
            actor=principal.name,
            imported_at=datetime.now(UTC),
        )
    )
    audit.record(
        session,
        actor=principal.name,
        action=f"import.{report.kind}",
        subject=f"import:{report.kind}",
        digest=report.digest,
        counts=things,
    )
    return report
