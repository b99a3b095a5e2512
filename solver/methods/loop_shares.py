"""A bound of plans of closed loops: each loop's points shared out among those on it.

Lagrangian decomposition by participant (Guignard, Kim, Lagrangean decomposition, Mathematical
Programming 39, 1987): each participant on a loop has a copy of the loop, and a share of its points.
Alone with its shares it picks the loops that its needs, offers and limits allow together and that
are worth most; the sum of what these are worth is a bound, whatever the shares. At the shares that
the linear relaxation's dual values say it is no looser than that relaxation, and shares are moved
from there: away from participants that want a loop which others do not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from scipy import sparse

from solver.arrays import BoolArray, FloatArray, IntArray
from solver.backends.highs import whole_bound
from solver.backends.pdlp import dual_sides
from solver.formats.problem import Problem
from solver.formulation.loop_columns import Loops
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE

ONE_SIDED: Final = ("needs", "offers", "participants", "candidates")
"""Tables whose rows bind one participant's loops (a candidate's those of its taker)."""


class LoopShares:
    """Shares of loops' points, moved round by round.

    Attributes
    ----------
    bound
        Points that no plan exceeds, by the best shares so far.
    several
        Whether anybody can be on two loops at once: if not, shares bound no better than the linear
        relaxation.

    Parameters
    ----------
    program
        Columns are days of candidates, then loops, as `loop_packing.pack` leaves them where every
        arc has one candidate.
    dual
        A value per row, of the linear relaxation or any others. Rows that bind more than one
        participant, or days that are free, stay at these.
    most_nodes
        Steps of one participant's search in one round, >= 1.
    """

    def __init__(
        self,
        problem: Problem,
        program: Formulation,
        loops: Loops,
        dual: FloatArray,
        most_nodes: int,
    ) -> None:
        days = len(program.upper) - len(loops)
        matrix = sparse.csr_array(
            (program.coefficient, program.column, program.row_start),
            shape=(len(program.row_lower), len(program.upper)),
        )
        ceiling, floor = dual_sides(program, dual)
        owner = _owner(problem, program, matrix, days)
        shared = owner < 0
        paid = np.where(shared, ceiling + floor, 0)
        left = program.points - matrix.T @ paid
        proved = np.where(shared, ceiling, 0) @ program.row_upper
        proved += np.where(shared, floor, 0) @ program.row_lower + program.constant
        self._constant = float(proved + left[:days].clip(min=0) @ program.upper[:days])
        self._worth = left[days:]
        own, owner = matrix[~shared][:, days:], owner[~shared]
        loop, arc = loops.entries()
        at = np.unique(
            np.concatenate([loops.giver[arc], loops.taker[arc]]) * len(loops) + np.tile(loop, 2)
        )
        who, self._loop = np.divmod(at, max(1, len(loops)))
        participants = len(problem.participants)
        self._first = np.searchsorted(who, np.arange(participants + 1))
        self._on = np.bincount(self._loop, minlength=len(loops))
        order = np.argsort(owner, kind="stable")
        self._first_row = np.searchsorted(owner[order], np.arange(participants + 1))
        local = np.empty(len(owner), np.int64)
        local[order] = np.arange(len(owner)) - self._first_row[owner[order]]
        self._room = program.row_upper[~shared][order]
        entry = own.tocoo()
        row, column = entry.coords
        place = np.searchsorted(at, owner[row] * len(loops) + column)
        by_place = np.argsort(place, kind="stable")
        self._first_use = np.searchsorted(place[by_place], np.arange(len(at) + 1))
        self._row, self._use = local[row[by_place]], entry.data[by_place]
        self._most = _at_once(
            self._first, self._first_use, self._row, self._use, self._first_row, self._room
        )
        self.several = bool((self._most > 1).any())
        self._nodes = most_nodes
        self._paid = np.zeros(len(at))
        np.add.at(self._paid, place, entry.data * ceiling[~shared][row])
        self._paid_whole = np.zeros(participants)
        np.add.at(self._paid_whole, owner, ceiling[~shared] * program.row_upper[~shared])
        self._shares = self._best_shares = self._whole(self._paid)
        self._wanted = np.zeros(len(at), np.bool_)
        self._direction = np.zeros(len(at))
        self.bound = np.inf
        self._stalled = 0

    def round(self, step: float, aim: float, memory: float) -> bool:
        """Let each participant pick, and move the shares; return whether the bound is lower.

        Parameters
        ----------
        step
            Share of the way to the aim, > 0.
        aim
            Points below the best bound, as a fraction of it, that the step reaches for; 0 to 1.
        memory
            Weight of directions before, 0 to below 1.
        """
        worth = _pick(
            self._first,
            self._first_use,
            self._row,
            self._use,
            self._first_row,
            self._room,
            self._most,
            self._shares,
            self._paid,
            self._paid_whole,
            self._nodes,
            self._wanted,
        )
        value = worth + self._constant
        better = value < self.bound
        if better:
            self.bound, self._best_shares = value, self._shares
        agreed = np.bincount(self._loop, self._wanted, minlength=len(self._on)) / self._on
        against = self._wanted - agreed[self._loop]
        self._direction = memory * self._direction + (1 - memory) * against
        size = float(self._direction @ self._direction)
        if size > 0:
            way = step * (value - (1 - aim) * self.bound) / size
            self._shares = self._whole(self._shares - way * self._direction)
        return better

    def back(self) -> None:
        """Return to the best shares."""
        self._shares, self._direction = self._best_shares, np.zeros_like(self._direction)

    def whole(self) -> float:
        """Return the bound in whole points."""
        return whole_bound(self.bound)

    def _whole(self, shares: FloatArray) -> FloatArray:
        """Return shares that add up to what each loop is worth."""
        short = self._worth - np.bincount(self._loop, shares, minlength=len(self._on))
        added: FloatArray = shares + (short / self._on)[self._loop]
        return added


def _owner(problem: Problem, program: Formulation, matrix: sparse.csr_array, days: int) -> IntArray:
    """Return whose loops each row binds, -1 where it binds more than those."""
    owner = np.full(len(program.row_lower), -1)
    tables = np.array([rule.table for rule in program.rules])[program.row_rule]
    subject = program.row_subject
    for table, of in zip(
        ONE_SIDED,
        (
            problem.needs.participant,
            problem.offers.participant,
            np.arange(len(problem.participants)),
            problem.taker,
        ),
        strict=True,
    ):
        owner[tables == table] = of[subject[tables == table]]
    rows = np.repeat(np.arange(len(owner)), np.diff(matrix.indptr))
    # Free days, and rows that are no plain ceiling, are left to their dual values.
    owner[rows[(matrix.indices < days) | (matrix.data < 0)]] = -1
    plain: BoolArray = (program.row_lower <= 0) & (program.row_upper < FREE // 2)
    return np.where(plain, owner, -1)


@njit(cache=True, nogil=True)
def _at_once(
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
def _pick(
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
