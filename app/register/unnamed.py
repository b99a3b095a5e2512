"""Cells that name no participant by URN, key or reference: DfE numbers, and names to ask about."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select, true, tuple_

from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.register import search
from app.search_index import PARTICIPANT_SEARCH
from models.register import Institution, Participant

NEAREST: Final = 3
ASKED_ABOUT: Final = 50
"""Names that are looked up of one file: whoever writes more has chosen another column."""
_DFE_NUMBER: Final = re.compile(r"([0-9]{3})\s*[/ -]?\s*([0-9]{4})(?:\.0*)?")

AnySession = ReadSession | WriteSession


class Numbered(NamedTuple):
    """An institution that has a DfE number."""

    participant_id: int
    reference: str
    name: str
    in_scope: bool

    @property
    def words(self) -> str:
        return f"{self.reference.partition(':')[2]} {self.name}"


def by_dfe_number(session: AnySession, cells: Collection[str]) -> Mapping[str, list[Numbered]]:
    """Institutions by the cells that are their DfE numbers: 886/1234, or 8861234.

    An academy often keeps the number of the school before it: open ones come alone, if there are.
    """
    numbers = {cell: found.groups() for cell in cells if (found := _DFE_NUMBER.fullmatch(cell))}
    having: dict[tuple[str, str], list[Numbered]] = defaultdict(list)
    columns = Participant.local_authority_code, Institution.establishment_number
    for some in chunked(sorted(set(numbers.values()))):
        query = (
            select(
                *columns,
                Participant.id,
                Participant.reference,
                Participant.name,
                Institution.in_scope,
            )
            .join(Institution)
            .where(
                Institution.establishment_number.in_([number for _, number in some]),
                tuple_(*columns).in_(some),
            )
            .order_by(Institution.urn)
        )
        for authority, number, who, reference, name, in_scope in session.execute(query):
            one = Numbered(who, reference, name, in_scope)
            having[(str(authority), str(number))].append(one)
    named = {cell: having[number] for cell, number in numbers.items() if number in having}
    return {
        cell: [one for one in several if one.in_scope] or several for cell, several in named.items()
    }


def said_to_mean(session: AnySession, name: str, on: date | None = None) -> str | None:
    """A question after those whom a name most likely means; none where it is like nobody's."""
    today = on or datetime.now(UTC).date()
    meant = search.asked(session, name)
    if not search.search_words(meant.text):
        return None
    query = (
        select(Participant.reference, Participant.name)
        .outerjoin(Institution)
        .outerjoin(PARTICIPANT_SEARCH, PARTICIPANT_SEARCH.c.rowid == Participant.id)
        .where(search.holds(meant.text, today), func.coalesce(Institution.in_scope, true()))
        .order_by(*search.by_relevance(meant.text))
        .limit(NEAREST)
    )
    near = [f"{reference.partition(':')[2]} {found}" for reference, found in session.execute(query)]
    return f"Did you mean {' or '.join(near)}?" if near else None
