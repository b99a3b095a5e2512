"""What the priority of a need is worth: once for the need, whatever its days.

Everything else that a pairing earns counts per half-day, so that a longer need earns more of it.
Within one taker this alone must not put a less urgent need first: a more urgent one is lifted, by
the least that keeps it worth more wherever both earn as much per half-day.
"""

from dataclasses import dataclass

import numpy as np

from solver.arrays import BoolArray, IntArray
from solver.pairing.weights import Weights

MOST_POINTS = 10**9
"""What a problem file can hold."""


@dataclass(frozen=True, slots=True, eq=False)
class NeedPriority:
    """What each need's priority is worth.

    Attributes
    ----------
    points : int64[N]
        For the whole need, once.
    lift : int64[N]
        How much of it was added so that no longer, less urgent need of the taker comes first.
    shared : bool[N]
        Whether several pairings may meet the need. Its points then count by the half-day, so that
        all of them together earn what one pairing for all its days would, and never more.
    per_half_day : int64[N]
        That share of each half-day, rounded down; 0 where not shared.
    """

    points: IntArray
    lift: IntArray
    shared: BoolArray
    per_half_day: IntArray


def need_priority(
    weights: Weights,
    priority: IntArray,
    taker: IntArray,
    half_days: IntArray,
    shared: BoolArray,
    need: IntArray,
    most_half_days: IntArray,
    per_half_day: IntArray,
) -> NeedPriority:
    """Value every need's priority.

    Parameters
    ----------
    weights
        With the points of each priority.
    priority, taker, half_days, shared
        Per need: 1 (first) to 5, the participant, the most half-days it asks for, and whether
        several pairings may meet it.
    need, most_half_days, per_half_day
        Per candidate: its need, the most half-days that it can have, and the points that each
        earns without priority.
    """
    plain = np.array(weights.by_priority, np.int64)[priority - 1]
    best = np.full(len(priority), -1, np.int64)
    longest = np.zeros(len(priority), np.int64)
    np.maximum.at(best, need, per_half_day)
    np.maximum.at(longest, need, most_half_days)
    # Rounding a share down may lose one point of each half-day.
    least_more = np.where(shared, half_days, 1)
    points = plain.copy()
    rows = np.flatnonzero(best >= 0)
    rows = rows[np.argsort(taker[rows], kind="stable")]
    for level in np.unique(plain[rows])[1:]:
        more, less = _of_one_taker(rows[plain[rows] == level], rows[plain[rows] < level], taker)
        longer = np.maximum(longest[less] - longest[more], 0)
        alike = np.minimum(best[more], best[less])
        np.maximum.at(points, more, points[less] + alike * longer + least_more[more])
    points = np.minimum(points, MOST_POINTS)
    share = np.where(shared, points // half_days, 0)
    return NeedPriority(points, points - plain, shared, share)


def _of_one_taker(more: IntArray, less: IntArray, taker: IntArray) -> tuple[IntArray, IntArray]:
    """Every pair of a more and a less urgent need of one taker; `less` is in order of takers."""
    first = np.searchsorted(taker[less], taker[more], side="left")
    count = np.searchsorted(taker[less], taker[more], side="right") - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(more, count), less[np.repeat(first, count) + within]
