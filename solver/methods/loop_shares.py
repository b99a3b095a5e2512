"""A bound of plans of closed loops: each loop's points shared out among those on it.

Lagrangian decomposition by participant (Guignard, Kim, Lagrangean decomposition, Mathematical
Programming 39, 1987): each participant on a loop has a copy of the loop, and a share of its points.
Alone with its shares it picks the loops that its needs, offers and limits allow together and that
are worth most; the sum of what these are worth is a bound, whatever the shares. At the shares that
the linear relaxation's dual values say it is no looser than that relaxation, and shares are moved
from there: away from participants that want a loop which others do not.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from solver.arrays import FloatArray, IntArray
from solver.backends.highs import whole_bound
from solver.backends.pdlp import dual_sides
from solver.formats.problem import Problem
from solver.formulation.loop_columns import Loops
from solver.formulation.loop_packing import Packing
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE
from solver.methods.loop_picks import at_once, pick


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
    packing
        Of loops whose arcs have one candidate each: its columns are days, then loops.
    dual
        A value per row, of the linear relaxation or any others.
    most_nodes
        Steps of one participant's search in one round, >= 1.
    """

    def __init__(
        self,
        problem: Problem,
        packing: Packing,
        loops: Loops,
        dual: FloatArray,
        most_nodes: int,
    ) -> None:
        program = packing.program
        self._charges = _Charges(packing, len(loops), dual, _owner(problem, program))
        own, owner, room, charged = self._charges.own()
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
        self._room = room[order]
        entry = own.tocoo()
        row, column = entry.coords
        place = np.searchsorted(at, owner[row] * len(loops) + column)
        by_place = np.argsort(place, kind="stable")
        self._first_use = np.searchsorted(place[by_place], np.arange(len(at) + 1))
        self._row, self._use = local[row[by_place]], entry.data[by_place]
        self._most = at_once(
            self._first, self._first_use, self._row, self._use, self._first_row, self._room
        )
        self.several = bool((self._most > 1).any())
        self._nodes = most_nodes
        self._paid = np.zeros(len(at))
        np.add.at(self._paid, place, entry.data * charged[row])
        self._paid_whole = np.zeros(participants)
        np.add.at(self._paid_whole, owner, charged * room)
        self._shares, self._dual = self._paid, self._charges.dual
        self._best = self._shares, self._dual
        self._direction, self._unused = np.zeros(len(at)), np.zeros(len(self._dual))
        self._wanted = np.zeros(len(at), np.bool_)
        self.bound = np.inf

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
        worth, days, constant = self._charges.worth(self._dual)
        short = worth - np.bincount(self._loop, self._shares, minlength=len(self._on))
        shares = self._shares + (short / self._on)[self._loop]
        picked = pick(
            self._first,
            self._first_use,
            self._row,
            self._use,
            self._first_row,
            self._room,
            self._most,
            shares,
            self._paid,
            self._paid_whole,
            self._nodes,
            self._wanted,
        )
        value = picked + constant
        better = value < self.bound
        if better:
            self.bound, self._best = value, (shares, self._dual)
        agreed = np.bincount(self._loop, self._wanted, minlength=len(self._on)) / self._on
        against = memory * self._direction + (1 - memory) * (self._wanted - agreed[self._loop])
        unused = memory * self._unused + (1 - memory) * self._charges.unused(agreed, days)
        self._direction, self._unused = against, unused
        scale = self._charges.scale
        size = float(against @ against + unused @ (scale * unused))
        if size > 0:
            way = step * (value - (1 - aim) * self.bound) / size
            self._dual = self._charges.kept(self._dual - way * scale * unused)
            self._shares = shares - way * against
        return better

    def back(self) -> None:
        """Return to the best shares."""
        self._shares, self._dual = self._best
        self._direction, self._unused = 0 * self._direction, 0 * self._unused

    def whole(self) -> float:
        """Return the bound in whole points."""
        return whole_bound(self.bound)


class _Charges:
    """Rows that bind more than one participant's loops, or days that are free, and their duals.

    Days are not shared out: at given duals each pairing on a loop has its fewest or its most.

    Attributes
    ----------
    dual
        As given, of these rows, shape (rows,).
    scale
        How far each dual moves compared with shares, shape (rows,).
    """

    def __init__(self, packing: Packing, loops: int, dual: FloatArray, owner: IntArray) -> None:
        program = packing.program
        first = len(program.upper) - loops
        matrix = sparse.csr_array(
            (program.coefficient, program.column, program.row_start),
            shape=(len(program.row_lower), len(program.upper)),
        )
        candidates = len(program.candidate)
        of = program.free[packing.kept[candidates : candidates + len(program.free)]]
        self._along = sparse.csr_array(packing.lift[of][:, first:])
        self._fewest, self._most = program.low[of], program.high[of]
        with_days = np.diff(sparse.csr_array(matrix[:, :first]).indptr) > 0
        tables = np.array([rule.table for rule in program.rules])[program.row_rule]
        # What days a pairing may have is kept by each pairing.
        shared = np.flatnonzero(np.where(with_days, tables != "candidates", owner < 0))
        ceiling, floor = dual_sides(program, dual)
        self._days, self._loops = matrix[shared][:, :first], matrix[shared][:, first:]
        self._lower, self._upper = program.row_lower[shared], program.row_upper[shared]
        self.dual = (ceiling + floor)[shared]
        square = sparse.csr_array(matrix[shared].multiply(matrix[shared]))
        entries = np.maximum(1, np.diff(square.indptr))
        self.scale = entries / np.maximum(1, square.sum(axis=1))
        self._day_points, self._points = program.points[:first], program.points[first:]
        self._constant = program.constant
        mine = np.flatnonzero(owner >= 0)
        fewest = self._along.multiply(self._fewest[:, np.newaxis])
        own = sparse.csr_array(matrix[mine][:, first:] + matrix[mine][:, :first] @ fewest)
        charged = np.where(with_days, 0, ceiling)[mine]
        self._own = own, owner[mine], program.row_upper[mine], charged

    def own(self) -> tuple[sparse.csr_array, IntArray, IntArray, FloatArray]:
        """Return rows of single participants over loops, whose, their limits and their duals.

        Of days that are free they count the fewest, at no dual.
        """
        return self._own

    def worth(self, dual: FloatArray) -> tuple[FloatArray, IntArray, float]:
        """Return points left to each loop, the days of each pairing, and points beside loops."""
        day = self._day_points - self._days.T @ dual
        days = np.where(day > 0, self._most, self._fewest)
        loops = self._points - self._loops.T @ dual + self._along.T @ (day * days)
        limits = np.where(dual > 0, self._upper, np.where(dual < 0, self._lower, 0))
        return loops, days, float(limits @ dual) + self._constant

    def unused(self, chosen: FloatArray, days: IntArray) -> FloatArray:
        """Return what is left of each row's limits, by how much each loop is chosen."""
        used = self._loops @ chosen + self._days @ (days * (self._along @ chosen))
        above, below = self._upper - used, self._lower - used
        one_sided = np.where(self._lower > -FREE // 2, below, above)
        return np.where(self._upper < FREE // 2, above, one_sided)

    def kept(self, dual: FloatArray) -> FloatArray:
        """Return duals of the signs that rows allow."""
        dual = np.where(self._upper < FREE // 2, dual, dual.clip(max=0))
        return np.where(self._lower > -FREE // 2, dual, dual.clip(min=0))


def _owner(problem: Problem, program: Formulation) -> IntArray:
    """Return whose loops each row binds (a candidate's: its taker's), -1 if not one's alone."""
    owners = {
        "needs": problem.needs.participant,
        "offers": problem.offers.participant,
        "participants": np.arange(len(problem.participants)),
        "candidates": problem.taker,
    }
    owner = np.full(len(program.row_lower), -1)
    tables = np.array([rule.table for rule in program.rules])[program.row_rule]
    for table, of in owners.items():
        owner[tables == table] = of[program.row_subject[tables == table]]
    rows = np.repeat(np.arange(len(owner)), np.diff(program.row_start))
    plain = (program.row_lower <= 0) & (program.row_upper < FREE // 2)
    plain[rows[program.coefficient < 0]] = False
    return np.where(plain, owner, -1)
