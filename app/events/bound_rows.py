"""Whether rows are still what the events say that bind them."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    RowMapping,
    Select,
    Table,
    and_,
    cast,
    column,
    select,
    values,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.events import chain
from models.access import AuditSalt
from models.base import Base
from models.exchange import Expertise, Limits, Need, Offer, Period
from models.history import NEED_VERSION, OFFER_VERSION
from models.matching import (
    Agreement,
    Decision,
    Proposal,
    PublicationConsent,
    RuleException,
    Steering,
)
from models.partnerships import Support
from models.register import Circumstance, CircumstanceRule, Network


def _tables(*models: type[Base]) -> dict[str, Table]:
    return {each.__tablename__: each.metadata.tables[each.__tablename__] for each in models}


BOUND: Final = _tables(Agreement, Decision, Proposal, PublicationConsent, RuleException, Steering)
"""Tables whose rows stay as they were decided."""
VERSIONED: Final[dict[str, Table]] = {
    Need.__tablename__: NEED_VERSION,
    Offer.__tablename__: OFFER_VERSION,
}
"""Tables of which every version is kept, by the name of that of the newest."""
CURRENT: Final = _tables(
    Circumstance, CircumstanceRule, Expertise, Limits, Network, Period, Support
)
"""Tables of which only the newest is kept: it is what the last event says, or changed since."""
DELETED: Final = frozenset(each.__tablename__ for each in (Circumstance, CircumstanceRule, Period))
"""Of these, those whose rows are deleted when they are withdrawn."""
COMPARED: Final = BOUND | VERSIONED | CURRENT
AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Binding:
    """What an event says of a row that it is of."""

    sequence: int
    at: str
    action: str
    digest: str | None
    table: str
    key: str
    version: int | None
    terms: str | None
    salt: str | None
    """The digest of the salt, so that it does not change unnoticed either."""

    @property
    def words(self) -> str:
        number = self.row[0]
        number = f"{number:,}" if isinstance(number, int) else number
        row = f"{self.table.replace('_', ' ')} {number}"
        if self.table in VERSIONED:
            return f"Version {self.version} of {row}"
        return row[0].upper() + row[1:]

    @property
    def row(self) -> tuple[Any, ...]:
        """The primary key of the row."""
        (first, *_) = COMPARED[self.table].primary_key
        key = int(self.key) if first.type.python_type is int else self.key
        return (key, self.version) if self.table in VERSIONED else (key,)


Wrong = tuple[int, str]
"""The event whose row is not as it was, and what is wrong."""


def binding_of(
    sequence: int, at: str, action: str, digest: str | None, detail: str
) -> Binding | None:
    """What an event binds, if it is of a row that is compared or has a salt."""
    if '"of": "' not in detail:
        return None
    content = json.loads(detail)
    table, _, key = str(content["of"]).partition(":")
    return Binding(
        *(sequence, at, action, digest, table, key),
        *(content.get("version"), content.get("terms"), content.get("salt")),
    )


class Comparison:
    """Rows of one look at the audit: of what changes, only the last event counts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: dict[tuple[str, str], Binding] = {}
        self.rows = 0
        """How many were as their events say."""

    def compare(self, bindings: Sequence[Binding]) -> Wrong | None:
        """Look at what stays as it was; the first that does not, by its event."""
        salts = self._salts(bindings)
        stored = self._stored([each for each in bindings if each.table not in CURRENT])
        for each in bindings:
            if each.salt is not None and each.sequence not in salts:
                return each.sequence, f"The salt of event {each.sequence:,} was changed."
            if each.table in CURRENT:
                self._last[each.table, each.key] = each
            elif each.table in BOUND or each.table in VERSIONED:
                row = stored.get((each.table, each.row))
                if row is None:
                    return each.sequence, _missing(each)
                if not _is_same(each, row, salts):
                    return each.sequence, _unlike(each)
                self.rows += 1
        return None

    def compare_last(self) -> Wrong | None:
        """Look at what changes, once every event was read."""
        last = sorted(self._last.values(), key=lambda each: each.sequence)
        for start in range(0, len(last), AT_ONCE):
            some = last[start : start + AT_ONCE]
            salts, stored = self._salts(some), self._stored(some)
            for each in some:
                row = stored.get((each.table, each.row))
                is_over = each.table in DELETED and each.action.endswith(".withdraw")
                if row is None and not is_over:
                    return each.sequence, _missing(each)
                if row is None or is_over:
                    continue
                if _is_same(each, row, salts):
                    self.rows += 1
                elif not _changed_since(each, row):
                    return each.sequence, _unlike(each)
        return None

    def _salts(self, bindings: Sequence[Binding]) -> dict[int, str]:
        """Salts by event, those that are as the event says."""
        wanted = {each.sequence: each.salt for each in bindings if each.salt is not None}
        query = select(AuditSalt.sequence, as_stored(self._session, AuditSalt.salt))
        held = self._session.execute(query.where(AuditSalt.sequence.in_(wanted)))
        found = {sequence: str(as_text(salt)) for sequence, salt in held}
        return {
            sequence: salt
            for sequence, salt in found.items()
            if chain.digest_of({"salt": salt}) == wanted[sequence]
        }

    def _stored(self, bindings: Sequence[Binding]) -> dict[tuple[str, tuple[Any, ...]], RowMapping]:
        wanted: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for each in bindings:
            if each.table in COMPARED:
                wanted[each.table].add(each.row)
        return {
            (name, tuple(row[column.key] for column in table.primary_key)): row
            for name, table in COMPARED.items()
            for row in _rows(self._session, table, list(wanted[name]))
        }


def _is_same(binding: Binding, row: RowMapping, salts: Mapping[int, str]) -> bool:
    table = COMPARED[binding.table]
    # Text where there was none has no salt: any other gives another digest.
    salt = salts.get(binding.sequence, "")
    content = chain.content_of(table, dict(row), salt, called=binding.table)
    return chain.digest_of(content | {"on_terms": binding.terms}) == binding.digest


def _changed_since(binding: Binding, row: RowMapping) -> bool:
    """Whether a row says itself that it was changed after the event, as by an import."""
    counter = chain.counter_of(CURRENT[binding.table])
    if counter is None:
        return bool(chain.moment(row["updated_at"]) > binding.at)
    return binding.version is None or row[counter] > binding.version


def _missing(binding: Binding) -> str:
    return f"{binding.words} of event {binding.sequence:,} is missing or cannot be read."


def _unlike(binding: Binding) -> str:
    return f"{binding.words} is not as event {binding.sequence:,} recorded it."


def _rows(session: Session, table: Table, keys: Sequence[tuple[Any, ...]]) -> Sequence[RowMapping]:
    """Rows by primary key, without those that hold what cannot be read."""
    if not keys:
        return []
    try:
        return session.execute(_among(table, keys)).mappings().all()
    except (ValueError, OperationalError):
        if len(keys) == 1:
            return []
        half = len(keys) // 2
        return [*_rows(session, table, keys[:half]), *_rows(session, table, keys[half:])]


def _among(table: Table, keys: Sequence[tuple[Any, ...]]) -> Select[Any]:
    first, *more = table.primary_key
    if not more:
        return select(table).where(first.in_([key for (key,) in keys]))
    # Not as tuples IN a list, for which SQLite reads the whole table.
    columns = [column(each.key, each.type) for each in (first, *more)]
    wanted = values(*columns, name="wanted").data(list(keys)).cte("wanted")
    same = and_(*(each == wanted.c[each.key] for each in (first, *more)))
    return select(table).join_from(wanted, table, same)


def as_stored(
    session: Session, column: InstrumentedAttribute[str] | Column[Any]
) -> ColumnElement[Any]:
    """A column's bytes, where the database lets it hold some that are no text."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return cast(column, LargeBinary) if on_sqlite else column.expression


def as_text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
