"""Support that did not work: who gave it to whom, and when it ended."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from solver.arrays import BoolArray, FloatArray, IntArray
from solver.pairing.columns import check_indices

NONE, UNDATED = -1, 0
"""Instead of a day: no such support is recorded, or it is without the day on which it ended."""
DAYS_OF_A_YEAR = 365.25


def _no_rows() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class FailedSupport:
    """The last support between each two participants that did not work.

    Attributes
    ----------
    between : int64[n], ascending
        Keys: giver x participants + taker.
    ended : int64[n]
        Ordinal days, `UNDATED` where not recorded.
    people : int
        Number of participants.
    day : int
        Ordinal day from which years are counted back.
    refused_years : int
        The rule refuses pairs whose support ended less than so many years ago; 0: none.
    """

    between: IntArray = field(default_factory=_no_rows)
    ended: IntArray = field(default_factory=_no_rows)
    people: int = 0
    day: int = 1
    refused_years: int = 0

    @classmethod
    def of(
        cls,
        giver: IntArray,
        taker: IntArray,
        ended: IntArray,
        people: int,
        day: date,
        refused_years: int = 0,
    ) -> "FailedSupport":
        """Keep the last of each two.

        Raises
        ------
        ValueError
            If a participant is out of range.
        """
        check_indices("FailedSupport.giver", giver, people)
        check_indices("FailedSupport.taker", taker, people)
        keys = giver * people + taker
        order = np.lexsort((ended, keys))
        keys, ended = keys[order], ended[order]
        last = np.append(keys[1:] != keys[:-1], np.ones(min(len(keys), 1), np.bool_))
        return cls(keys[last], ended[last], people, day.toordinal(), refused_years)

    def latest(self, giver: IntArray, taker: IntArray) -> IntArray:
        """Return the day on which the last such support of each pair ended, `UNDATED` or `NONE`."""
        found = np.full(len(giver), NONE, np.int64)
        if len(self.between):
            wanted = giver * self.people + taker
            at = np.minimum(np.searchsorted(self.between, wanted), len(self.between) - 1)
            found = np.where(self.between[at] == wanted, self.ended[at], NONE)
        return found

    def refused(self, ended: IntArray) -> BoolArray:
        """Whether the rule refuses support that ended then: too recently, or nobody knows when."""
        if not self.refused_years:
            return np.zeros(len(ended), np.bool_)
        too_soon = ended > _years_before(self.day, self.refused_years)
        return np.asarray((ended == UNDATED) | too_soon)

    def part_left(self, ended: IntArray, years: int) -> FloatArray:
        """Part of a cost that fades over so many years, 1 to 0; half of it where undated."""
        fading = 1 - (self.day - ended) / (years * DAYS_OF_A_YEAR)
        left = np.where(ended == UNDATED, 0.5, np.clip(fading, 0, 1))
        return np.where(ended == NONE, 0.0, left)


def _years_before(day: int, years: int) -> int:
    at = date.fromordinal(day)
    if at.year <= years:
        return UNDATED
    leap_day = (at.month, at.day) == (2, 29)
    return at.replace(year=at.year - years, day=28 if leap_day else at.day).toordinal()
