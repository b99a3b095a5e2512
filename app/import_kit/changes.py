"""Which rows an import adds and changes, field by field, as its preview shows them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Table, select

from app.chunks import chunked
from app.database import WriteSession
from app.import_kit.upsert import Key, Row, Upserted
from models.vocabulary import in_days

HALF_DAYS: Final = "half_days"
_CODE: Final = "_code"
_REFERRED: Final = {"participant": "reference", "support": "reference", "network": "key"}
"""Tables whose rows people know by something else than their number."""


class RowChange(StrEnum):
    """What becomes of a row."""

    ADDED = "added"
    CHANGED = "changed"
    CLOSED = "closed"


@dataclass(slots=True)
class FieldChange:
    """One field of a row, in the words of its file; blank where there is nothing."""

    field: str
    before: str
    after: str


@dataclass(slots=True)
class Change:
    """A row that is added, changed or ended, by what it is known by."""

    record: str
    name: str
    became: RowChange
    fields: list[FieldChange] = field(default_factory=list)


def changes_of(session: WriteSession, record: str, written: Upserted) -> list[Change]:
    """The first rows that were written, in the order of the file."""
    table, rows = written.table, written.shown
    if table is None or not rows:
        return []
    keys = [dict(zip(written.key, key, strict=True)) for key, *_ in rows]
    words = _Words.load(session, table, [*keys, *(row for _, *both in rows for row in both)])
    ended = written.ended
    return [
        Change(
            record,
            words.key(written.key, key),
            _became(key, before, ended),
            [
                FieldChange(called(name), words.of(name, (before or {}).get(name)), said)
                for name, value in after.items()
                if name not in written.key
                and ((said := words.of(name, value)) or before is not None)
            ],
        )
        for key, before, after in rows
    ]


def _became(key: Key, before: Row | None, ended: Collection[Key]) -> RowChange:
    if before is None:
        return RowChange.ADDED
    return RowChange.CLOSED if key in ended else RowChange.CHANGED


def called(column: str) -> str:
    """What a file calls a column: days for half_days, participant for participant_id."""
    if HALF_DAYS in column:
        return column.replace(HALF_DAYS, "days")
    return column.removesuffix("_id").removesuffix(_CODE).removesuffix("_reference") or column


@dataclass(frozen=True, slots=True)
class _Words:
    """How values of a table's columns are told."""

    known: Mapping[str, Mapping[int, str]]
    """By column that refers to another row, what people know that row by."""

    @classmethod
    def load(cls, session: WriteSession, table: Table, rows: Iterable[Any]) -> "_Words":
        held = [row for row in rows if isinstance(row, dict)]
        known = {}
        for column in table.columns:
            referred = {key.column.table for key in column.foreign_keys}
            other = next((each for each in referred if each.name in _REFERRED), None)
            if other is not None:
                ids = {row[column.key] for row in held if row.get(column.key) is not None}
                known[column.key] = _known_by(session, other, ids)
        return cls(known)

    def of(self, name: str, value: Any) -> str:
        if value is None or value == []:
            return ""
        if name in self.known:
            return self.known[name].get(value, str(value))
        if HALF_DAYS in name:
            return in_days(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list | tuple):
            return "; ".join(map(str, value))
        return value.isoformat() if isinstance(value, date) else str(value)

    def key(self, names: Iterable[str], key: Key) -> str:
        said = (self.of(name, part) for name, part in zip(names, key, strict=True))
        return ", ".join(part.removeprefix("urn:").removeprefix("org:") for part in said if part)


def _known_by(session: WriteSession, table: Table, ids: Iterable[int]) -> dict[int, str]:
    column = table.c[_REFERRED[table.name]]
    found: dict[int, str] = {}
    for some in chunked(sorted(ids)):
        for number, text in session.execute(select(table.c.id, column).where(table.c.id.in_(some))):
            found[number] = text.removeprefix("urn:").removeprefix("org:")
    return found
