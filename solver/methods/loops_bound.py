"""A bound of plans of closed loops, and the best plan where that is near.

The linear relaxation of the packing first, by whose reduced costs HiGHS is given few loops; then
shares of loops where participants can be on several; then HiGHS again, with all loops that could
still better the plan.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from solver.arrays import BoolArray, FloatArray, IntArray
from solver.backends.highs import solve_highs
from solver.backends.limits import BackendResult, Limits, Report, unheard
from solver.backends.pdlp import bound_of, linear_dual, worth_at
from solver.formats.problem import Problem
from solver.formulation.loop_columns import Loops
from solver.formulation.loop_packing import Packing, implied_rows, pack, without
from solver.formulation.program import Formulation
from solver.parameters import DEFAULTS, LoopParameters, SolveParameters


def bound_loops(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
    *,
    loops: Loops,
    parameters: SolveParameters = DEFAULTS,
) -> BackendResult:
    """Bound all plans of given loops, and find the best if that takes little.

    Parameters
    ----------
    formulation, loops
        The program with these loops.
    start
        A value per column, or None.

    Returns
    -------
    The best plan found and the lowest bound.
    """
    tuning = parameters.loops
    packing = pack(formulation, loops)
    implied = implied_rows(packing.program)
    search = _Search(packing, without(packing.program, implied), len(loops), limits, report)
    if start is not None:
        search.take(start[packing.kept])
    small = len(search.program.upper) <= tuning.simplex_columns
    dual = linear_dual(search.program, limits, simplex=small)
    if dual is not None:
        search.relax(dual)
        most, share = tuning.restricted_columns, tuning.restricted_time_share
        search.solve(most, limits.part_of_time(share))
        if not search.closed() and not packing.kept[: len(formulation.candidate)].any():
            every = np.zeros(len(implied))
            every[~implied] = dual
            _share(problem, search, loops, every, tuning)
        while not search.closed() and search.useful().sum() > tuning.restricted_growth * most:
            most *= tuning.restricted_growth
            search.solve(most, limits.part_of_time(share))
    if not search.closed():
        search.solve(len(search.program.upper), limits.deadline)
    return search.result()


class _Search:
    """The best plan and bound so far of a packing, told as they come."""

    def __init__(
        self, packing: Packing, program: Formulation, loops: int, limits: Limits, report: Report
    ) -> None:
        self.packing, self.program, self.limits = packing, program, limits
        self.bound = math.inf
        self.infeasible = False
        self._report = report
        self._values: IntArray | None = None
        self._first_loop = len(program.upper) - loops
        self._linear, self._cost = math.inf, np.zeros(len(program.upper))

    def take(self, values: IntArray) -> None:
        """Keep a plan if it is one and better."""
        if not self.program.holds(values) or self.program.objective(values) <= self.points():
            return
        self._values = values
        self._report(None, None, self.packing.whole(values))

    def lower(self, bound: float) -> None:
        """Keep a bound if it is lower."""
        if bound < self.bound:
            self.bound = bound
            self._report(None, bound, None)

    def points(self) -> float:
        """Return the plan's, minus infinity without one."""
        return -math.inf if self._values is None else self.program.objective(self._values)

    def closed(self) -> bool:
        """Return whether the plan is near enough, or there is none."""
        points = self.points()
        near = self.bound - points <= self.limits.gap * max(1.0, points)
        return self.infeasible or (self._values is not None and near)

    def relax(self, dual: FloatArray) -> None:
        """Take dual values of the linear relaxation: a bound, and what each loop would cost."""
        self._linear = bound_of(self.program, dual)
        self.lower(self._linear)
        self._cost = np.maximum(0, -worth_at(self.program, dual))
        # Days are no loops: each step of them costs little, and they are of no use alone.
        self._cost[: self._first_loop] = 0

    def useful(self) -> BoolArray:
        """Return which columns could make a plan better than this one, with this one's."""
        useful: BoolArray = self._linear - self._cost > self.points()
        if self._linear == math.inf:
            useful[:] = True
        else:
            useful[: self._first_loop] = True
        if self._values is not None:
            useful |= self._values > 0
        return useful

    def solve(self, most: int, deadline: float) -> None:
        """Let HiGHS decide on the useful columns of least reduced cost, so many at most."""
        inside = useful = self.useful()
        left_out: float = -math.inf
        if useful.sum() > most:
            # Of equal loops any: the first would all be of the same few participants.
            random = np.random.default_rng(self.limits.seed).random(len(inside))
            ranked = np.lexsort((random, np.where(useful, self._cost, np.inf)))
            inside = np.zeros_like(useful)
            inside[ranked[:most]] = True
            # The relaxation's bound is rounded down, by less than a point.
            left_out = math.ceil(self._linear - self._cost[ranked[most]])
            if self._values is not None:
                inside |= self._values > 0
        program = self.program
        if not inside.all():
            program = program.neighbourhood(np.zeros(len(inside), np.int64), inside)
        start = None if self._values is None else self._values[inside]
        limits = replace(self.limits, deadline=min(deadline, self.limits.deadline))
        answer = solve_highs(program, start, limits, unheard)
        if answer.values is not None:
            values = np.zeros(len(inside), np.int64)
            values[inside] = answer.values
            self.take(values)
        if answer.infeasible and left_out == -math.inf and self._values is None:
            self.infeasible = True
        elif not answer.infeasible or left_out > -math.inf:
            self.lower(max(answer.bound, left_out, self.points()))

    def result(self) -> BackendResult:
        values = None if self._values is None else self.packing.whole(self._values)
        return BackendResult(values, self.bound, self.infeasible)


def _share(
    problem: Problem, search: _Search, loops: Loops, dual: FloatArray, tuning: LoopParameters
) -> None:
    """Lower the bound by shares of loops, until they stall."""
    # Late, as the compiled kernel is worth loading for large problems only.
    from solver.methods.loop_shares import LoopShares

    shares = LoopShares(problem, search.packing, loops, dual, tuning.shares_nodes)
    if not shares.several:
        return
    limits = search.limits
    deadline = limits.part_of_time(tuning.shares_time_share)
    left = math.inf if limits.work is None else limits.work * tuning.shares_per_work
    step, better, worse = tuning.shares_step, 0, 0
    while left > 0 and step > tuning.shares_least_step and not search.closed():
        if time.time() > deadline:
            return
        left -= 1
        if shares.round(step, tuning.shares_aim, tuning.shares_memory):
            search.lower(shares.whole())
            better, worse = better + 1, 0
        else:
            better, worse = 0, worse + 1
        if better == tuning.shares_patience:
            step, better = step / tuning.shares_shrink, 0
        elif worse == tuning.shares_patience:
            step, worse = step * tuning.shares_shrink, 0
            shares.back()
