"""What an import did to rows, packed and kept beside it, so that it can be undone."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import RowMapping, Table, select

from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.events.rows import digest_of_row, stored
from app.import_kit.upsert import Row, Upserted
from models.base import Base
from models.exchange import Limits, Need, Offer
from models.partnerships import Support
from models.register import Circumstance, ImportBatch, ImportRows
from models.targets import SupportTarget

TABLES: Final[Mapping[str, Table]] = {
    model.__tablename__: Base.metadata.tables[model.__tablename__]
    for model in (Need, Offer, Limits, Circumstance, Support, SupportTarget)
}
"""Tables whose rows can be put back as they were."""
_AGAIN: Final = "again"


@dataclass(frozen=True, slots=True)
class Touch:
    """A row that an import wrote: what it held before in what differs, and what it is since."""

    id: int
    before: Row | None
    """None of a row that is new."""
    digest: str


def keep(session: WriteSession, import_id: int, written: Iterable[Upserted]) -> None:
    """Keep what an import did to rows of `TABLES`, as they stand now."""
    content = {
        one.table.name: [
            [touch.id, touch.before, touch.digest] for touch in _touches(session, one.table, one)
        ]
        for one in written
        if one.table is not None and one.table.name in TABLES
    }
    session.add(ImportRows(import_id=import_id, content=_packed(content)))
    session.flush()


def _touches(session: WriteSession, table: Table, written: Upserted) -> Iterator[Touch]:
    before = {key: None for key in written.added} | written.before
    first = table.c[written.key[0]]
    for keys in chunked(before):
        wanted = set(keys)
        query = stored(table).where(first.in_({key[0] for key in keys}))
        for row in session.connection().execute(query).mappings():
            key = _key(table, written.key, row)
            if key in wanted:
                yield Touch(row["id"], before[key], digest_of_row(table, row))


def _key(table: Table, names: Sequence[str], row: RowMapping) -> tuple[Any, ...]:
    """A key as importers have it: dates are text where rows are read as they are stored."""
    return tuple(_restored(table, name, row[name]) for name in names)


def _restored(table: Table, name: str, value: Any) -> Any:
    is_day = isinstance(value, str) and table.c[name].type.python_type is date
    return date.fromisoformat(value) if is_day else value


def touches_of(rows: ImportRows) -> dict[str, list[Touch]]:
    """What an import did, by table."""
    content = _unpacked(rows.content)
    return {
        name: [
            Touch(
                number,
                None
                if before is None
                else {each: _restored(TABLES[name], each, value) for each, value in before.items()},
                digest,
            )
            for number, before, digest in touches
        ]
        for name, touches in content.items()
        if name in TABLES
    }


def keep_undone(session: WriteSession, rows: ImportRows, undone: Mapping[str, str]) -> None:
    """Keep of an import that was undone only what may be imported again, by reference."""
    rows.content = _packed({_AGAIN: dict(undone)})
    session.flush()


def may_come_again(session: WriteSession, table: Table, kind: str) -> set[str]:
    """References whose rows the undoing of an import ended, and nobody has changed since."""
    undone = (
        select(ImportRows.content)
        .join(ImportBatch, ImportBatch.id == ImportRows.import_id)
        .where(ImportBatch.kind == kind, ImportBatch.undone_at.is_not(None))
        .order_by(ImportRows.import_id)
    )
    digests: dict[str, str] = {}
    for content in session.scalars(undone):
        digests |= _unpacked(content).get(_AGAIN, {})
    found = set()
    for some in chunked(digests):
        for row in rows_now(session, table, table.c.reference.in_(some)):
            if digest_of_row(table, row) == digests[row["reference"]]:
                found.add(row["reference"])
    return found


def rows_now(
    session: ReadSession | WriteSession, table: Table, wanted: Any
) -> Sequence[RowMapping]:
    """Rows as they are stored, such as their digests are made of."""
    return session.connection().execute(stored(table).where(wanted)).mappings().all()


def _packed(content: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(content, default=date.isoformat).encode())


def _unpacked(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(content))
    return found
