"""Whether rows that stay as they were decided are still what the events of that say."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, Table, select
from sqlalchemy.orm import Session

from app.events import chain
from app.events.rows import key_of, readable, salts_of
from models.base import Base
from models.bound import VERSIONS
from models.matching import (
    Agreement,
    Decision,
    Proposal,
    PublicationConsent,
    RuleException,
    Steering,
)


def _tables(*models: type[Base]) -> dict[str, Table]:
    return {each.__tablename__: each.metadata.tables[each.__tablename__] for each in models}


DECIDED: Final = _tables(Agreement, Decision, Proposal, PublicationConsent, RuleException, Steering)
"""Tables whose rows stay as they were decided, but for columns that are marked."""
COMPARED: Final = DECIDED | VERSIONS
"""Of needs and offers the version that an event is of."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What an event says of a row that it is of."""

    sequence: int
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
        if self.table in VERSIONS:
            return f"Version {self.version} of {row}"
        return row[0].upper() + row[1:]

    @property
    def row(self) -> tuple[Any, ...]:
        """The primary key of the row."""
        (first, *_) = COMPARED[self.table].primary_key
        key = int(self.key) if first.type.python_type is int else self.key
        return (key, self.version) if self.table in VERSIONS else (key,)


Wrong = tuple[int, str]
"""The event whose row is not as it was, and what is wrong."""


def binding_of(sequence: int, digest: str | None, detail: str) -> Binding | None:
    """What an event binds, if it is of a row that is compared or has a salt."""
    if '"of": "' not in detail:
        return None
    content = json.loads(detail)
    table, _, key = str(content["of"]).partition(":")
    return Binding(
        *(sequence, digest, table, key),
        *(content.get("version"), content.get("terms"), content.get("salt")),
    )


def wrong_row(session: Session, bindings: Sequence[Binding]) -> Wrong | None:
    """The first of some rows that is not as its event recorded it."""
    salts, stored = _salts(session, bindings), _stored(session, bindings)
    for each in bindings:
        if each.salt is not None and each.sequence not in salts:
            return each.sequence, f"The salt of event {each.sequence:,} was changed."
        if each.table in COMPARED:
            row = stored.get((each.table, each.row))
            if row is None:
                return each.sequence, _missing(each)
            if not _is_same(each, row, salts):
                return each.sequence, _unlike(each)
    return None


def _salts(session: Session, bindings: Sequence[Binding]) -> dict[int, str]:
    """Salts by event, those that are as the event says."""
    wanted = {each.sequence: each.salt for each in bindings if each.salt is not None}
    found = salts_of(session, list(wanted))
    return {
        sequence: salt
        for sequence, salt in found.items()
        if chain.digest_of({"salt": salt}) == wanted[sequence]
    }


def _stored(
    session: Session, bindings: Sequence[Binding]
) -> dict[tuple[str, tuple[Any, ...]], RowMapping]:
    wanted: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for each in bindings:
        if each.table in COMPARED:
            wanted[each.table].add(each.row)
    return {
        (name, key_of(table, row)): row
        for name, table in COMPARED.items()
        for row in readable(session, select(table), table, list(wanted[name]))
    }


def _is_same(binding: Binding, row: RowMapping, salts: Mapping[int, str]) -> bool:
    table = COMPARED[binding.table]
    # Text where there was none has no salt: any other gives another digest.
    salt = salts.get(binding.sequence, "")
    content = chain.content_of(table, dict(row), salt, called=binding.table)
    return chain.digest_of(content | {"on_terms": binding.terms}) == binding.digest


def _missing(binding: Binding) -> str:
    return f"{binding.words} of event {binding.sequence:,} is missing or cannot be read."


def _unlike(binding: Binding) -> str:
    return f"{binding.words} is not as event {binding.sequence:,} recorded it."
