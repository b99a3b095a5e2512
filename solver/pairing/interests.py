"""Declared interests: what the two sides of a pair, or their groups, are to each other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from models.vocabulary import InterestKind
from solver.arrays import BoolArray, IntArray
from solver.pairing.columns import check_indices, holds


@dataclass(frozen=True, slots=True)
class Declared:
    """What was declared of a holder and another, and what the rules make of it.

    Attributes
    ----------
    starts, ends
        First and last day; None where not known.
    refuses
        Whether it rules the pair out; else it is shown.
    exceptions
        Whether an approver may let a pair that it rules out go on.
    """

    reference: str
    kind: InterestKind
    starts: date | None
    ends: date | None
    declared_on: date
    refuses: bool
    exceptions: bool


@dataclass(frozen=True, slots=True)
class Through:
    """How two participants are joined by two interests, each with somebody else.

    Attributes
    ----------
    name
        Of who has something to do with both.
    second_kind
        The kind of the second interest; that of the first is the path's own.
    held_by_first, held_by_second
        Whether the pair's own participants hold the interest on their side, not the one between.
    """

    name: str
    second_kind: InterestKind
    held_by_first: bool
    held_by_second: bool


@dataclass(frozen=True, slots=True)
class Interest:
    """An interest between two participants, or a path of two interests between them.

    Attributes
    ----------
    holder, about
        Rows of the participants.
    holder_group, about_group
        Whether it is that of the participant's trust or other group.
    through
        Of a path: through whom. It begins at `holder` and ends at `about`.
    """

    holder: int
    about: int
    declared: Declared
    holder_group: bool = False
    about_group: bool = False
    through: Through | None = None


def _no_rows() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Interests:
    """The interests between each two participants, whichever of them gives.

    Attributes
    ----------
    people : int
        Number of participants.
    between
        What is declared of two, by their key: the lower row x participants + the higher.
    refused : int64[n], ascending
        Keys of those of whom one refuses.
    """

    people: int = 0
    between: Mapping[int, tuple[Interest, ...]] = field(default_factory=dict)
    refused: IntArray = field(default_factory=_no_rows)

    @classmethod
    def of(cls, interests: Iterable[Interest], people: int) -> "Interests":
        """Sort interests by the two that they are between; of one declared twice keep the first.

        Raises
        ------
        ValueError
            If a participant is out of range.
        """
        found: defaultdict[int, dict[str, Interest]] = defaultdict(dict)
        for each in interests:
            sides = np.array([each.holder, each.about])
            check_indices("Interests", sides, people)
            key = int(sides.min()) * people + int(sides.max())
            found[key].setdefault(each.declared.reference, each)
        refused = [
            key
            for key, declared in found.items()
            if any(each.declared.refuses for each in declared.values())
        ]
        return cls(
            people,
            {key: tuple(declared.values()) for key, declared in found.items()},
            np.array(sorted(refused), np.int64),
        )

    def refuse(self, one: IntArray, other: IntArray) -> BoolArray:
        """Whether something declared between each two rules their pair out, bool[n]."""
        return holds(self.refused, self._keys(one, other))

    def of_pairs(self, one: IntArray, other: IntArray) -> list[tuple[Interest, ...]]:
        """Return what is declared between each two."""
        if not self.between:
            return [()] * len(one)
        return [self.between.get(key, ()) for key in self._keys(one, other).tolist()]

    def _keys(self, one: IntArray, other: IntArray) -> IntArray:
        return np.asarray(np.minimum(one, other) * self.people + np.maximum(one, other))
