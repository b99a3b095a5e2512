"""How events of the audit are chained: each is hashed with the hash of the one before.

The hash of an event is SHA-256 over a JSON array, written without spaces and in ASCII:
`["givetake-audit-1", previous, sequence, at, actor, action, subject, digest, detail]`, where `at`
is UTC like `2026-09-01 09:30:00.000000` and `detail` the stored JSON as one string, byte by byte.
A tenth element follows where the event binds rows: their digest.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Float, Table

from models.base import COUNTERS, IF_SET, SALTED, Base, UtcDateTime

FORMAT: Final = "givetake-audit-1"
FIRST: Final = "0" * 64
"""What the first event holds in place of the hash of the one before."""
MOMENT: Final = "%Y-%m-%d %H:%M:%S.%f"
"""As SQLite stores a moment, and as PostgreSQL is asked to write it."""


def link(
    previous: str,
    sequence: int,
    at: str,
    actor: str,
    action: str,
    subject: str,
    digest: str | None,
    detail: str,
    rows_digest: str | None,
) -> str:
    """The hash of an event that follows one with the hash `previous`."""
    content = [FORMAT, previous, sequence, at, actor, action, subject, digest, detail]
    if rows_digest is not None:
        content.append(rows_digest)
    return _sha256(json.dumps(content, separators=(",", ":")))


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime(MOMENT)


def stored(detail: Mapping[str, Any]) -> str:
    """`detail` as SQLAlchemy writes it into a JSON column on both databases."""
    return json.dumps(detail)


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 over content in one canonical form: sorted keys, no spaces, ASCII, dates as ISO."""
    return _sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), default=_written))


def salted(salt: str, text: str) -> str:
    return _sha256(f"{salt}\0{text}")


def content_of(
    table: Table, row: Mapping[str, Any], salt: str | None, *, called: str | None = None
) -> dict[str, Any]:
    """What the columns of a row say, free text as its salted hash; `info` says which are bound."""
    content: dict[str, Any] = {"of": called or table.name}
    for column in table.columns:
        how = column.info.get("bound_as", "plain")
        value = row[column.key]
        if how in SALTED and value is not None:
            assert salt is not None
            value = salted(salt, value)
        elif isinstance(column.type, UtcDateTime) and value is not None:
            value = moment(value)
        elif isinstance(column.type, Float) and value is not None:
            value = float(value)  # as it is read again, whether or not it was written as an int
        if how is not None and not (how in IF_SET and value is None):
            content[column.key] = value
    return content


def counter_of(table: Table) -> str | None:
    """The column that counts the changes of a row, where an event binds it."""
    for name in COUNTERS:
        if name in table.c and table.c[name].info.get("bound_as", "plain") is not None:
            return name
    return None


def has_free_text(row: Base) -> bool:
    return any(
        column.info.get("bound_as") in SALTED and getattr(row, column.key) is not None
        for column in row.__table__.columns
    )


def _written(value: Any) -> str:
    text: str = value.isoformat()
    return text


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
