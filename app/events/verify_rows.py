"""Whether rows of bound tables are what the last events on them say, and no others."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Table, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.chunks import CHUNK, chunked
from app.events.bound_rows import Wrong
from app.events.rows import (
    Entry,
    Key,
    ListDigest,
    digest_of_row,
    key_of,
    key_text,
    last_digests,
    pages,
    readable,
    salts_of,
    stored,
)
from models.access import AuditRow
from models.bound import BOUND

_ENTRY: Final = (AuditRow.table_name, AuditRow.key, AuditRow.found, AuditRow.digest)
_STREAMED: Final = {"yield_per": CHUNK}


def wrong_list(session: Session, digests: Mapping[int, str | None]) -> Wrong | None:
    """The first of some events in a row whose list of rows is not the one that it recorded.

    Or which says itself that a row was not what the event before had left.
    """
    if not digests:
        return None
    first, last = min(digests), max(digests)
    salts = salts_of(session, [each for each, digest in digests.items() if digest is not None])
    query = (
        select(AuditRow.sequence, AuditRow.position, *_ENTRY)
        .where(AuditRow.sequence.between(first, last) if first > 1 else AuditRow.sequence <= last)
        .order_by(AuditRow.sequence, AuditRow.position)
        .execution_options(**_STREAMED)
    )
    try:
        with session.execute(query) as rows:
            return _wrong_list(rows, digests, salts)
    except (ValueError, OperationalError):
        return first, f"What events {first:,} to {last:,} say of rows cannot be read."


def _wrong_list(
    listed: Iterable[Sequence[Any]], digests: Mapping[int, str | None], salts: Mapping[int, str]
) -> Wrong | None:
    found: dict[int, str] = {}
    for sequence, rows in groupby(listed, key=lambda row: int(row[0])):
        digest, bent = ListDigest(salts.get(sequence, "")), None
        for position, row in enumerate(rows, 1):
            entry = _entry(row, position)
            digest.add(entry)
            bent = bent or (entry if entry.found is not None else None)
        found[sequence] = digest.hexdigest()
        if found[sequence] != digests.get(sequence):
            return sequence, _changed_list(sequence)
        if bent is not None:
            return sequence, (
                f"{_words(bent.table, bent.key)} was changed or inserted past the service "
                f"before event {sequence:,}."
            )
    missing = (each for each, digest in digests.items() if digest != found.get(each))
    return next(((each, _changed_list(each)) for each in sorted(missing)), None)


def _entry(row: Sequence[Any], position: int) -> Entry:
    if row[1] != position or any(isinstance(each, bytes) for each in row):
        raise ValueError("not as it was written")
    _, _, table, key, found, digest = row
    return Entry(table, key, found, digest)


def compare(session: Session, last: int) -> tuple[int, Wrong | None]:
    """How many rows are what their last event says, and the first that is not.

    Of an audit up to the event `last`, whose lists were found to be right.
    """
    after = select(AuditRow.sequence).where(AuditRow.sequence > last).limit(1)
    if (inserted := session.scalar(after)) is not None:
        return 0, (last, f"Rows of event {inserted:,} were inserted: the last event is {last:,}.")
    query = (
        select(AuditRow.table_name, AuditRow.key, AuditRow.sequence, AuditRow.digest)
        .order_by(AuditRow.table_name, AuditRow.key, AuditRow.sequence)
        .execution_options(**_STREAMED)
    )
    counts = dict.fromkeys(BOUND, 0)
    with session.execute(query) as entries:
        for name, of_table in groupby(entries, key=lambda row: str(row[0])):
            newest = ([*rows][-1] for _, rows in groupby(of_table, key=lambda row: row[1]))
            for some in chunked(row for row in newest if row[3] is not None and name in BOUND):
                said = {row[1]: (row[2], str(row[3])) for row in some}
                if (wrong := _unlike(session, BOUND[name], said)) is not None:
                    return 0, wrong
                counts[name] += len(said)
    for name, table in BOUND.items():
        if session.scalar(select(func.count()).select_from(table)) != counts[name]:
            return 0, (last, _inserted(session, table))
    return sum(counts.values()), None


def _unlike(session: Session, table: Table, said: Mapping[str, tuple[int, str]]) -> Wrong | None:
    keys: Sequence[Key] = [tuple(json.loads(key)) for key in said]
    rows = readable(session, stored(table), table, keys)
    found = {key_text(key_of(table, row)): digest_of_row(table, row) for row in rows}
    wrong = []
    for key, (sequence, digest) in said.items():
        if key not in found:
            what = f"of event {sequence:,} is missing or cannot be read."
            wrong.append((sequence, f"{_words(table.name, key)} {what}"))
        elif found[key] != digest:
            what = f"is not as event {sequence:,} recorded it."
            wrong.append((sequence, f"{_words(table.name, key)} {what}"))
    return min(wrong, default=None)


def _inserted(session: Session, table: Table) -> str:
    """The first row of a table that no event tells of."""
    try:
        for rows in pages(session, table):
            keys = [key_of(table, row) for row in rows]
            said = last_digests(session, table, keys)
            for key in keys:
                if key_text(key) not in said:
                    return f"{_words(table.name, key_text(key))} was inserted: it has no event."
    except (ValueError, TypeError, OperationalError):
        pass
    return f"A row of {table.name.replace('_', ' ')} was inserted, and cannot be read."


def _words(table: str, key: str) -> str:
    parts = [f"{each:,}" if isinstance(each, int) else str(each) for each in json.loads(key)]
    name = table.replace("_", " ")
    if table.endswith("_version"):
        return f"Version {parts[1]} of {name.removesuffix(' version')} {parts[0]}"
    return f"{name[0].upper()}{name[1:]} {' '.join(parts)}"


def _changed_list(sequence: int) -> str:
    return f"What event {sequence:,} says of rows was changed."
