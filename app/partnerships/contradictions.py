"""Whether what several supporters want of one school can be had together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from app.partnerships.targets import shown_value, stored_measure
from app.wording import on_day
from models.targets import TargetColumns
from models.vocabulary import ContradictionKind, TargetDirection


@dataclass(frozen=True, slots=True)
class Target:
    """A target as it is compared; it runs from the start of its support to its date."""

    support: str
    """Reference of the arrangement."""
    supporter: str
    measure: str
    measure_label: str
    direction: TargetDirection
    value: float | str | None
    """A word for a measure that is told in words; none: as it is."""
    shown: str
    """The value with its unit."""
    starts: date | None
    by_date: date
    arrangement: str = ""
    """Of a partnership, whose rows are one arrangement; blank: the reference names it."""

    @classmethod
    def of(
        cls,
        stored: TargetColumns,
        support: str,
        supporter: str,
        starts: date | None,
        arrangement: str = "",
    ) -> "Target":
        """A stored target of somebody who supports a school."""
        return cls(
            support=support,
            supporter=supporter,
            measure=stored.measure,
            measure_label=stored_measure(stored).label,
            direction=TargetDirection(stored.direction),
            value=stored.word if stored.value is None else stored.value,
            shown=shown_value(stored),
            starts=starts,
            by_date=stored.by_date,
            arrangement=arrangement,
        )

    def is_of(self, other: "Target") -> bool:
        """Whether both are of one arrangement."""
        return (self.arrangement or self.support) == (other.arrangement or other.support)

    @property
    def aim(self) -> str:
        """What is wanted, in words that follow "to"."""
        how = f"{self.direction.value} it"
        if self.value is not None:
            how += f" {'at' if self.direction is TargetDirection.KEEP else 'to'} {self.shown}"
        else:
            how += " as it is"
        until = "until" if self.direction is TargetDirection.KEEP else "by"
        return f"{how} {until} {on_day(self.by_date)}"

    def runs_with(self, other: "Target") -> bool:
        """Whether both run on some day; where a start is not known, it has begun."""
        first = max(self.starts or date.min, other.starts or date.min)
        return first <= min(self.by_date, other.by_date)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two targets that cannot both be met, or that say two things of one."""

    first: Target
    second: Target
    kind: ContradictionKind

    @property
    def sentence(self) -> str:
        one, two = self.first, self.second
        if one.is_of(two):
            wants = f"{one.supporter} wants to {one.aim}, and also to {two.aim}"
        else:
            wants = f"{one.supporter} wants to {one.aim}, and {two.supporter} to {two.aim}"
        return f"{one.measure_label}: {wants}. Agree one target."


def contradictions(targets: Iterable[Target]) -> Iterator[Contradiction]:
    """Every two targets of one school that contradict each other, in the order given."""
    for one, two in combinations(targets, 2):
        if (kind := contradiction(one, two)) is not None:
            yield Contradiction(one, two, kind)


def contradiction(one: Target, two: Target) -> ContradictionKind | None:
    """What is at odds in two targets that run at the same time; none if nothing is.

    Within one arrangement, values by several dates are steps on one way.
    """
    if one.measure != two.measure or not one.runs_with(two):
        return None
    if one.direction is not two.direction:
        return ContradictionKind.DIRECTION
    if one.is_of(two) and one.by_date != two.by_date:
        return None
    if one.value != two.value:
        return ContradictionKind.VALUE
    return ContradictionKind.DATE if one.by_date != two.by_date else None
