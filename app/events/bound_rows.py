"""Whether rows of decisions are still what the events say that bind them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, LargeBinary, RowMapping, Table, cast, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.events import chain
from models.access import AuditSalt
from models.matching import (
    Agreement,
    Decision,
    Proposal,
    PublicationConsent,
    RuleException,
    Steering,
)

BOUND: Final[dict[str, Table]] = {
    model.__tablename__: model.metadata.tables[model.__tablename__]
    for model in (Agreement, Decision, Proposal, PublicationConsent, RuleException, Steering)
}
"""Tables whose rows stay as they were decided; of others an event only tells what a row was."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What an event says of a row that it is of."""

    sequence: int
    digest: str | None
    table: str
    number: int
    terms: str | None
    salt: str | None
    """The digest of the salt, so that it does not change unnoticed either."""

    @property
    def words(self) -> str:
        return f"{self.table.replace('_', ' ').capitalize()} {self.number:,}"


def binding_of(sequence: int, digest: str | None, detail: str) -> Binding | None:
    """What an event binds, if it is of a row that stays or has a salt."""
    if '"of": "' not in detail:
        return None
    content = json.loads(detail)
    table, _, number = str(content["of"]).partition(":")
    binds = table in BOUND and number.isdecimal()
    if not binds and "salt" not in content:
        return None
    terms, salt = content.get("terms"), content.get("salt")
    return Binding(sequence, digest, table, int(number) if binds else 0, terms, salt)


def compare(session: Session, bindings: Sequence[Binding]) -> tuple[int, tuple[int, str] | None]:
    """How many rows are as they were, and of the first that is not the event and what is wrong."""
    found: dict[tuple[str, int], RowMapping] = {}
    for name in {each.table for each in bindings} & set(BOUND):
        numbers = sorted({each.number for each in bindings if each.table == name})
        found |= {(name, row["id"]): row for row in _rows(session, BOUND[name], numbers)}
    salts = _salts(session, [each.sequence for each in bindings if each.salt is not None])
    same = 0
    for each in bindings:
        salt = salts.get(each.sequence)
        if each.salt is not None and (salt is None or chain.digest_of({"salt": salt}) != each.salt):
            return same, (each.sequence, f"The salt of event {each.sequence:,} was changed.")
        if each.table not in BOUND:
            continue
        row = found.get((each.table, each.number))
        if row is None:
            reason = f"{each.words} of event {each.sequence:,} is missing or cannot be read."
            return same, (each.sequence, reason)
        # Text where there was none has no salt: any other gives another digest.
        content = chain.content_of(BOUND[each.table], dict(row), salt or "")
        if chain.digest_of(content | {"on_terms": each.terms}) != each.digest:
            reason = f"{each.words} is not as event {each.sequence:,} recorded it."
            return same, (each.sequence, reason)
        same += 1
    return same, None


def _salts(session: Session, sequences: Sequence[int]) -> dict[int, str]:
    query = select(AuditSalt.sequence, as_stored(session, AuditSalt.salt))
    held = session.execute(query.where(AuditSalt.sequence.in_(sequences)))
    return {sequence: str(as_text(salt)) for sequence, salt in held}


def _rows(session: Session, table: Table, numbers: Sequence[int]) -> Sequence[RowMapping]:
    """Rows by id, without those that hold what cannot be read."""
    try:
        return session.execute(select(table).where(table.c.id.in_(numbers))).mappings().all()
    except (ValueError, OperationalError):
        if len(numbers) == 1:
            return []
        return [row for number in numbers for row in _rows(session, table, [number])]


def as_stored(session: Session, column: InstrumentedAttribute[str]) -> ColumnElement[Any]:
    """A column's bytes, where the database lets it hold some that are no text."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return cast(column, LargeBinary) if on_sqlite else column.expression


def as_text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
