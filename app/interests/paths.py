"""Paths of declared interests: two that join a pair through a third participant.

A direct interest is a path of one step. A path of two steps is forbidden where the rules let each
of its interests refuse pairs at two steps, and both hold on some day.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.chunks import chunked
from models.register import Participant
from models.vocabulary import InterestKind
from solver.pairing.interests import Declared, Through
from solver.pairing.interests import Interest as Between

MOST_STEPS: Final = 2


class Refusing(NamedTuple):
    """What a kind of interest that rules pairs out does."""

    exceptions: bool
    """Whether an approver may let a proposal go on."""
    steps: int = 1
    """Up to how many interests a path may have that it is a part of."""


@dataclass(frozen=True, slots=True)
class _Step:
    """An interest of somebody with another, whichever of them holds it."""

    other: int
    interest: Between


def reach_further(refusing: Mapping[InterestKind, Refusing]) -> bool:
    """Whether some kinds count for more than the two sides that an interest is declared of."""
    return any(rule.steps > 1 for rule in refusing.values())


def names_of(session: Session, participants: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunked(sorted(participants)):
        query = select(Participant.id, Participant.name).where(Participant.id.in_(some))
        found.update(dict(session.execute(query).all()))
    return found


def with_paths(
    direct: Iterable[Between],
    refusing: Mapping[InterestKind, Refusing],
    names: Mapping[int, str],
    only: Collection[int] | None = None,
) -> Iterator[Between]:
    """The interests themselves, and a path for each two that no interest rules out already.

    Of several paths the first by the references of its interests. `only`: those between whom a
    path is looked for.
    """
    steps: defaultdict[int, list[_Step]] = defaultdict(list)
    refused: set[frozenset[int]] = set()
    for each in direct:
        yield each
        if each.declared.refuses:
            refused.add(frozenset((each.holder, each.about)))
        rule = refusing.get(each.declared.kind)
        if rule is not None and rule.steps > 1:
            steps[each.holder].append(_Step(each.about, each))
            steps[each.about].append(_Step(each.holder, each))
    found: dict[frozenset[int], tuple[tuple[str, str, int], Between]] = {}
    for middle, others in steps.items():
        for one in others:
            for other in others:
                pair = frozenset((one.other, other.other))
                if one.other >= other.other or pair in refused:
                    continue
                if only is not None and not (one.other in only and other.other in only):
                    continue
                path = _path(one, other, middle, names)
                if path is None:
                    continue
                references = sorted(each.interest.declared.reference for each in (one, other))
                order = (references[0], references[1], middle)
                if pair not in found or order < found[pair][0]:
                    found[pair] = (order, path)
    yield from (path for _, path in found.values())


def _path(one: _Step, other: _Step, middle: int, names: Mapping[int, str]) -> Between | None:
    first, second = one.interest.declared, other.interest.declared
    if first.reference == second.reference:
        return None  # one interest, of two members of a group
    starts, ends = _latest(first.starts, second.starts), _earliest(first.ends, second.ends)
    if starts is not None and ends is not None and starts > ends:
        return None
    declared = Declared(
        f"{first.reference} and {second.reference}",
        first.kind,
        starts,
        ends,
        max(first.declared_on, second.declared_on),
        refuses=True,
        exceptions=first.exceptions and second.exceptions,
    )
    through = Through(
        names.get(middle, "another organisation"),
        second.kind,
        held_by_first=one.interest.holder == one.other,
        held_by_second=other.interest.holder == other.other,
    )
    return Between(
        one.other,
        other.other,
        declared,
        _is_group(one.interest, one.other),
        _is_group(other.interest, other.other),
        through,
    )


def _is_group(interest: Between, who: int) -> bool:
    return interest.holder_group if interest.holder == who else interest.about_group


def _latest(one: date | None, other: date | None) -> date | None:
    return max((day for day in (one, other) if day is not None), default=None)


def _earliest(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day is not None), default=None)
