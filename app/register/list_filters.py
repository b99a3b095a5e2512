"""Conditions of lists for what lies in somebody's patch: an area, trust, network or phase.

Each takes the columns that name participants: of a pair it is enough that one side lies there.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, or_, select, true

from app.register.group_members import MEMBERS, belongs_on
from app.register.lookups import NETWORK, Scope, is_in
from app.register.search import each_word, groups_with, search_words
from models.register import Group, Institution, Participant
from models.vocabulary import Phase

Condition = ColumnElement[bool]


def in_area(code: str, *people: Any) -> Condition:
    """`code` is of an area, as kind:code."""
    kind, _, rest = code.partition(":")
    return _any_of(people, select(Participant.id).where(is_in(Scope(kind, rest, ""), _today())))


def in_network(key: str, *people: Any) -> Condition:
    """Who is in the network with this key today."""
    here = is_in(Scope(NETWORK, key, ""), _today())
    return _any_of(people, select(Participant.id).where(here))


def in_trust(text: str, *people: Any) -> Condition:
    """Who belongs today to a group that `text` names: by UID, reference or words of the name."""
    named: list[Condition] = [Group.reference == text.strip().upper()]
    if text.isascii() and text.isdigit() and len(text) < 10:
        named.append(Group.uid == int(text))
    if words := search_words(text):
        named.append(Group.id.in_(groups_with(words)))
    groups = select(Group.id).where(or_(*named))
    members = select(MEMBERS.c.participant_id).where(
        belongs_on(_today()), MEMBERS.c.group_id.in_(groups)
    )
    return _any_of(people, members)


def of_phase(phase: Phase, *people: Any) -> Condition:
    """Institutions that teach this phase."""
    teaching = cast(Institution.phases, String).contains(f'"{phase}"')
    return _any_of(people, select(Institution.participant_id).where(teaching))


def called(text: str, *people: Any) -> Condition:
    """Whether the sides together have every word in name, town, postcode or local authority.

    A whole number is a URN, too.
    """
    each_in = (select(Participant.id).where(each) for each in each_word(text, Participant))
    holding = and_(true(), *(_any_of(people, ids) for ids in each_in))
    number = text.strip()
    if not (number.isascii() and number.isdigit()):
        return holding
    numbered = select(Participant.id).where(Participant.reference == f"urn:{number}")
    return or_(holding, _any_of(people, numbered))


def _any_of(people: tuple[Any, ...], ids: Select[Any]) -> Condition:
    return or_(*(column.in_(ids.correlate(None)) for column in people))


def _today() -> date:
    return datetime.now(UTC).date()
