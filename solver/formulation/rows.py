"""The neutral linear form that rules are stated in, once for every solver.

A candidate k has y_k in {0, 1}, whether it is chosen, and x_k, its half-days (0 if not chosen).
A row is `lower <= sum of count * y_k + days * x_k <= upper`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from solver.arrays import IntArray

FREE: Final = 2**60
"""A bound that never binds; `-FREE` below."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one rule, as entries of two sparse matrices.

    Attributes
    ----------
    row, candidate, count, days
        One entry each: row number, candidate, coefficient of y, coefficient of x.
    lower, upper
        One per row.
    subject
        One per row: position of what the row binds (a need, an offer, a participant, ...).
    """

    row: IntArray
    candidate: IntArray
    count: IntArray
    days: IntArray
    lower: IntArray
    upper: IntArray
    subject: IntArray

    def __len__(self) -> int:
        return len(self.subject)

    def values(self, half_days: IntArray) -> IntArray:
        """Return the rows' left sides, for half-days per candidate (0: not chosen)."""
        chosen = half_days[self.candidate]
        terms = self.count * (chosen > 0) + self.days * chosen
        totals = np.zeros(len(self), np.int64)
        np.add.at(totals, self.row, terms)
        return totals


def grouped(
    subject_of: IntArray,
    candidate: IntArray,
    *,
    count: int | IntArray = 0,
    days: int | IntArray = 0,
    upper: IntArray | int = FREE,
    lower: IntArray | int = -FREE,
) -> Rows:
    """Return one row per subject, over the candidates that belong to it.

    Parameters
    ----------
    subject_of
        Subject of each entry.
    candidate
        Candidate of each entry.
    count, days
        Coefficients of y and of x, one for all or one per entry.
    upper, lower
        Limits by subject (indexed by position), or one for all.
    """
    subject, row = np.unique(subject_of, return_inverse=True)
    size = len(candidate)
    return Rows(
        row=row.astype(np.int64),
        candidate=candidate,
        count=np.broadcast_to(np.asarray(count, np.int64), size),
        days=np.broadcast_to(np.asarray(days, np.int64), size),
        lower=_by_subject(lower, subject),
        upper=_by_subject(upper, subject),
        subject=subject,
    )


def _by_subject(limit: IntArray | int, subject: IntArray) -> IntArray:
    return np.full(len(subject), limit) if isinstance(limit, int) else limit[subject]


def stacked(parts: Sequence[Rows]) -> Rows:
    """Return all rows one below the other."""
    if not parts:
        nothing = np.zeros(0, np.int64)
        return Rows(*[nothing] * 7)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    return Rows(
        row=np.concatenate([part.row + start for part, start in zip(parts, starts, strict=True)]),
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("candidate", "count", "days", "lower", "upper", "subject")
        },
    )
