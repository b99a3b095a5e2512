"""Which loops a participant would pick at its shares of their points, alone with its own limits.

A set packing problem of each participant, by branch and bound; all of it is compiled. In all of
these functions entries of `first_use` to the next say which rows a loop uses and how often, and
`first_row` whose rows they are (`solver.methods.loop_shares`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from solver.arrays import BoolArray, FloatArray, IntArray


@njit(cache=True, nogil=True)
def at_once(
    first: IntArray,
    first_use: IntArray,
    row: IntArray,
    use: IntArray,
    first_row: IntArray,
    room: IntArray,
) -> IntArray:
    """Return how many loops each participant can be on at once, by rows that all use."""
    most = np.zeros(len(first) - 1, np.int64)
    for who in range(len(most)):
        begin, loops = first[who], first[who + 1] - first[who]
        limits = room[first_row[who] : first_row[who + 1]]
        uses = np.zeros((len(limits), loops), np.bool_)
        times = np.zeros(len(limits), np.int64)
        for loop in range(loops):
            for at in range(first_use[begin + loop], first_use[begin + loop + 1]):
                uses[row[at], loop] = True
                times[row[at]] = max(times[row[at]], limits[row[at]] // use[at])
        most[who] = loops
        if loops == 0 or len(limits) == 0:
            continue
        total, rest = 0, np.ones(loops, np.bool_)
        for at in range(len(limits)):
            if uses[at].all():
                most[who] = min(most[who], times[at])
        while rest.any():
            widest, width = 0, 0
            for at in range(len(limits)):
                wide = (uses[at] & rest).sum()
                if wide > width or (wide == width > 0 and times[at] < times[widest]):
                    widest, width = at, wide
            if width == 0:
                total += rest.sum()
                break
            total += times[widest]
            rest &= ~uses[widest]
        most[who] = min(most[who], total)
    return most


@njit(cache=True, nogil=True)
def pick(
    first: IntArray,
    first_use: IntArray,
    row: IntArray,
    use: IntArray,
    first_row: IntArray,
    room: IntArray,
    most: IntArray,
    shares: FloatArray,
    paid: FloatArray,
    paid_whole: FloatArray,
    most_nodes: int,
    wanted: BoolArray,
) -> float:
    """Pick for each participant the loops worth most to it; return what all are worth, or more.

    Depth first, the loops of greatest share first, cut off where the next ones, one of each row
    that allows one, and as many as may still be added, cannot beat the best.
    """
    total = 0.0
    wanted[:] = False
    for who in range(len(first) - 1):
        begin, end = first[who], first[who + 1]
        limits = room[first_row[who] : first_row[who + 1]]
        best, ended = _pick_one(
            shares[begin:end],
            first_use[begin : end + 1],
            row,
            use,
            limits,
            most[who],
            most_nodes,
            wanted[begin:end],
        )
        if not ended:
            linear = paid_whole[who]
            for at in range(begin, end):
                linear += max(0.0, shares[at] - paid[at])
            best = min(best, linear)
        total += best
    return total


@njit(cache=True, nogil=True)
def _pick_one(
    shares: FloatArray,
    first_use: IntArray,
    row: IntArray,
    use: IntArray,
    limits: IntArray,
    most: int,
    most_nodes: int,
    wanted: BoolArray,
) -> tuple[float, bool]:
    """Pick for one participant; return what that is worth or more, and whether it is exact."""
    order = np.argsort(-shares)
    count = 0
    while count < len(shares) and shares[order[count]] > 0:
        count += 1
    one, before = _alternatives(order[:count], first_use, row, limits)
    left = limits.copy()
    path, best_path = np.empty((2, count + 1), np.int64)
    depth = at = best_depth = nodes = 0
    worth = best = 0.0
    while True:
        while at < count and depth < most:
            reach = worth + _ahead(shares, order, one, before, left, at, count, most - depth)
            if reach <= best:
                break
            if nodes >= most_nodes:
                best = reach
                break
            nodes += 1
            loop = order[at]
            if _fits(left, first_use[loop], first_use[loop + 1], row, use):
                for step in range(first_use[loop], first_use[loop + 1]):
                    left[row[step]] -= use[step]
                worth += shares[loop]
                path[depth] = at
                depth += 1
                if worth > best:
                    best, best_depth = worth, depth
                    best_path[:depth] = path[:depth]
            at += 1
        if depth == 0:
            break
        depth -= 1
        at = path[depth]
        loop = order[at]
        worth -= shares[loop]
        for step in range(first_use[loop], first_use[loop + 1]):
            left[row[step]] += use[step]
        at += 1
    for at in range(best_depth):
        wanted[order[best_path[at]]] = True
    return best, nodes < most_nodes


@njit(cache=True, nogil=True)
def _ahead(
    shares: FloatArray,
    order: IntArray,
    one: IntArray,
    before: IntArray,
    left: IntArray,
    at: int,
    count: int,
    more: int,
) -> float:
    """Return what so many more loops are worth at most, from one on in order."""
    worth = 0.0
    first = at
    while more > 0 and at < count:
        if one[at] < 0 or (before[at] < first and left[one[at]] > 0):
            worth += shares[order[at]]
            more -= 1
        at += 1
    return worth


@njit(cache=True, nogil=True)
def _fits(left: IntArray, first: int, end: int, row: IntArray, use: IntArray) -> bool:
    fits = True
    for step in range(first, end):
        fits &= left[row[step]] >= use[step]
    return fits


@njit(cache=True, nogil=True)
def _alternatives(
    order: IntArray, first_use: IntArray, row: IntArray, limits: IntArray
) -> tuple[IntArray, IntArray]:
    """Return for each loop in order a row that allows one loop, -1 for none, and the last in it.

    Of the rows that a loop uses it is that of most loops.
    """
    users, last = np.zeros(len(limits), np.int64), np.full(len(limits), -1)
    for loop in order:
        for step in range(first_use[loop], first_use[loop + 1]):
            users[row[step]] += limits[row[step]] == 1
    one, before = np.full((2, len(order)), -1)
    for at in range(len(order)):
        loop, widest = order[at], 0
        for step in range(first_use[loop], first_use[loop + 1]):
            if users[row[step]] > widest:
                one[at], widest = row[step], users[row[step]]
        if one[at] >= 0:
            before[at] = last[one[at]]
            last[one[at]] = at
    return one, before
