"""Generalised assignment, by its linear relaxation and neighbourhoods of givers.

Where taking does not depend on giving, and each giver has many of the needs, the relaxation is
near, and its dual values rank candidates: at a vertex no more needs are split than givers' limits
bind (Benders, van Nunen, A property of assignment type mixed integer linear programming problems,
Operations Research Letters 2, 1983). Large neighbourhood search decides anew what some givers give,
with all else fixed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.backends.highs import NEARLY_WHOLE, relax, whole_bound
from solver.backends.limits import Limits, OnNews
from solver.backends.pdlp import exact_bound_of, worth_at
from solver.blocks.workers import NOTHING_FOUND, answers, solve_block
from solver.formats.plan import Stopped, gap_of
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formulation.greedy import greedy
from solver.formulation.presolve import ranges
from solver.formulation.program import Formulation, formulate
from solver.methods.incumbent import Stop, check_gap, check_limits
from solver.methods.result import Result
from solver.parameters import DEFAULTS, SolveParameters
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.prices.warm import warm_plan

T = TypeVar("T")


def is_assignment(problem: Problem, parameters: SolveParameters = DEFAULTS) -> bool:
    """Return whether a problem is large generalised assignment.

    Then taking depends on no giving, days are fixed, few givers give much each, and most could
    serve most needs. Elsewhere prices prove more than the relaxation, and find better plans.
    """
    if problem.rules.reciprocity is not Reciprocity.NONE or problem.linking:
        return False
    tuning, candidates = parameters.assignment, len(problem.candidates)
    givers, needs = len(np.unique(problem.giver)), len(np.unique(problem.candidates.need))
    low, high = ranges(problem)
    return (
        tuning.least_candidates <= candidates <= tuning.most_candidates
        and needs >= tuning.needs_per_giver * givers
        and candidates >= tuning.density * needs * givers
        and bool((low == high).all())
    )


def solve_assignment(
    problem: Problem,
    limits: Limits,
    executor: Executor,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
    parameters: SolveParameters = DEFAULTS,
) -> Result:
    """Solve a problem without reciprocity and linking rules; of use where it `is_assignment`.

    Parameters
    ----------
    executor
        Solves the relaxation and the neighbourhoods.
    warm
        State of a problem like this one, whose plan may be the first.

    Returns
    -------
    The result; without a plan where the relaxation was not solved, or has none near it.
    """
    search = _AssignmentSearch(problem, limits, executor, on_news, cancelled, parameters)
    try:
        kept = None if warm is None else warm_plan(warm, problem, parameters)
        if not search.relax() or not search.begin(kept):
            return search.result(Stopped.STALLED)
        search.report()
        search.tighten()
        search.large_neighbourhood_search()
        search.close()
    except Stop as stop:
        return search.result(stop.why)
    late = limits.seconds() < parameters.pacing.late_s
    return search.result(Stopped.TIME if late else Stopped.STALLED)


def reduced_costs(program: Formulation, dual: FloatArray) -> FloatArray:
    """Return what the bound of dual values loses with each candidate in, below 0 if it is anyway.

    Parameters
    ----------
    dual
        One per row of the program, of either sign.

    Returns
    -------
    Points per candidate of the program.
    """
    worth, size = worth_at(program, dual), len(program.candidate)
    lost = -worth[:size]
    lost[program.free] -= worth[size:].clip(max=0) * program.low[program.free]
    return lost


class _AssignmentSearch:
    """One solve: the relaxation, the best plan so far, and neighbourhoods of it."""

    def __init__(
        self,
        problem: Problem,
        limits: Limits,
        pool: Executor,
        on_news: OnNews,
        cancelled: Callable[[], bool],
        parameters: SolveParameters,
    ) -> None:
        self._problem, self._limits, self._pool = problem, limits, pool
        self._on_news, self._cancelled = on_news, cancelled
        self._tuning, self._prices = parameters.assignment, parameters.prices
        self._random = np.random.default_rng(limits.seed)
        self._program = program = formulate(problem)
        self._values: IntArray | None = None
        self._relaxed = np.zeros(len(program.upper))
        self._bound = self._most = math.inf
        self._giver = problem.giver[program.candidate]
        self._need = problem.candidates.need[program.candidate]
        self._givers = np.unique(self._giver)
        self._lost = np.zeros(len(program.candidate))
        self._steps = 0
        self._given_up = 0

    def relax(self) -> bool:
        """Solve the linear relaxation; return whether that was done in time."""
        limits = self._limits
        if limits.work is None:
            limits = replace(limits, deadline=limits.part_of_time(self._tuning.time_share))
        calls = [self._pool.submit(relax, self._program, limits)]
        for _, found in self._done(calls, None):
            if found is not None:
                self._relaxed = found.values
                self._take_dual(found.dual)
        return self._bound < math.inf

    def _take_dual(self, dual: FloatArray) -> None:
        """Take dual values: the bound that they prove, and what it loses with a candidate in."""
        program = self._program
        self._most = exact_bound_of(program, dual)
        self._bound = whole_bound(self._most)
        self._lost = reduced_costs(program, dual)

    def begin(self, start: IntArray | None) -> bool:
        """Begin with the best plan at hand; return whether there is one."""
        program = self._program
        whole = self._relaxed[: len(program.candidate)] > 1 - NEARLY_WHOLE
        days = np.floor(self._relaxed[len(program.candidate) :] + NEARLY_WHOLE)
        self._take(np.concatenate([whole, days * whole[program.free]]).astype(np.int64))
        for half_days in (start, greedy(self._problem)):
            if half_days is not None:
                self._take(program.values(half_days))
        return self._values is not None

    def tighten(self) -> None:
        """Lower the bound by rounds of prices, where they are quick.

        Their subproblems are exact, so that the best ones prove more than the relaxation.
        """
        tuning, prices = self._tuning, self._prices
        if len(self._lost) > tuning.priced_candidates:
            return
        decomposition = decompose(self._problem, prices)
        check = partial(check_limits, self._limits, self._cancelled)
        search = PriceSearch(decomposition, self._limits.workers, None, prices, check)
        late = self._limits.part_of_time(tuning.rounds_time_share)
        with closing(search):
            fall = prices.last_step_few / search.first_step
            for done in range(tuning.rounds):
                search.round(search.first_step * fall ** (done / tuning.rounds))
                if self._limits.work is None and time.time() > late:
                    return
            lost = np.full(len(self._problem.candidates), math.inf)
            lost[decomposition.candidate] = search.reduced_costs() / decomposition.part
            assert search.best is not None
            if search.bound() < self._bound:
                self._bound, self._lost = search.bound(), lost[self._program.candidate]
                self._most = search.best.total / decomposition.part
        self.report()

    def _take(self, values: IntArray) -> None:
        """Keep a plan if it is one and better than the last."""
        points = self.points()
        better = points is None or self._program.objective(values) > points
        if better and self._program.holds(values):
            self._values = values

    def points(self) -> int | None:
        """Return the plan's, None without one."""
        return None if self._values is None else self._program.objective(self._values)

    def large_neighbourhood_search(self) -> None:
        """Decide anew what groups of givers give, sweep after sweep.

        It ends where one program can hold all that might still be better, or one group all givers.
        """
        tuning, idle, sweep = self._tuning, 0, 0
        givers, columns, share = tuning.givers, float(tuning.columns), tuning.gap_share
        while not self._few_left(idle):
            if self._limits.work is not None and sweep >= self._limits.work:
                raise Stop(Stopped.WORK)
            groups = max(1, round(len(self._givers) / givers))
            before = self.points()
            hard = self._sweep(groups, int(columns), share)
            idle = 0 if self.points() != before else idle + 1
            if hard > tuning.hard_share:
                givers = max(tuning.least_givers, givers * tuning.shrink)
            elif not hard and groups > 1:
                givers *= tuning.growth
            if idle:
                if groups == 1 and columns > len(self._givers):
                    return
                share *= tuning.closer
                columns *= tuning.growth
            sweep += 1

    def _sweep(self, groups: int, columns: int, share: float) -> float:
        """Decide on each of so many groups of givers; return the share of them that was hard."""
        assert self._values is not None
        label = np.zeros(len(self._problem.participants), np.int64)
        label[self._givers] = self._random.permutation(len(self._givers)) % groups
        inside, group_of = self._inside(label, columns), label[self._giver]
        gap = share / groups * gap_of(self._program.objective(self._values), self._bound)
        limits = replace(self._limits, gap=min(gap, self._tuning.widest_gap), workers=1)
        if limits.work is not None:
            limits = replace(limits, work=1)
        parts, blocks, calls = [], [], []
        seconds = self._seconds(groups)
        for group in range(groups):
            chosen = inside & (group_of == group)
            part = np.concatenate([chosen, chosen[self._program.free]])
            block = self._program.neighbourhood(self._values, part)
            calls.append(self._pool.submit(solve_block, block, self._values[part], limits, seconds))
            parts.append(part)
            blocks.append(block)
        hard = 0
        for at, (found, bound) in self._done(calls, NOTHING_FOUND):
            if found is None:
                hard += 1
                continue
            values = self._values.copy()
            values[parts[at]] = found
            self._take(values)
            reached = blocks[at].objective(found)
            hard += bound > reached + max(1, self._tuning.hard_gap * limits.gap * reached)
            self.report()
        return hard / groups

    def _inside(self, label: IntArray, columns: int) -> BoolArray:
        """Return which candidates a sweep decides on: those chosen, and the best of each need.

        A need is decided on by one group: by that of a giver it has, or without one by any.

        Parameters
        ----------
        label
            The group of each participant that gives.
        columns
            Candidates of each need besides, those of least reduced cost in its group.
        """
        assert self._values is not None
        chosen = self._values[: len(self._need)] > 0
        order = self._random.permutation(len(self._need))
        order = np.concatenate([order, np.flatnonzero(chosen)])
        group = np.full(len(self._problem.needs), -1)
        group[self._need[order]] = label[self._giver[order]]
        able = np.flatnonzero(label[self._giver] == group[self._need])
        ranked = able[np.lexsort((self._lost[able], self._need[able]))]
        need = self._need[ranked]
        rank = np.arange(len(need)) - np.searchsorted(need, need)
        inside: BoolArray = chosen.copy()
        inside[ranked[rank < columns]] = True
        return inside

    def _promising(self) -> BoolArray:
        """Return which candidates a better plan might hold (reduced-cost fixing)."""
        points = self.points()
        assert points is not None
        promising: BoolArray = self._most - self._lost >= points + 1 - NEARLY_WHOLE
        return promising

    def _few_left(self, idle: int) -> bool:
        """Return whether one program may take all that is left, after so many idle sweeps."""
        tuning = self._tuning
        most = tuning.close_at_end if idle >= tuning.idle_sweeps else tuning.close_at_once
        return idle > 0 and bool(self._promising().sum() <= most)

    def close(self) -> None:
        """Solve all that might still be better in one program."""
        assert self._values is not None
        kept = self._promising() | (self._values[: len(self._need)] > 0)
        part = np.concatenate([kept, kept[self._program.free]])
        block = self._program.neighbourhood(np.zeros_like(self._values), part)
        limits = replace(self._limits, workers=1)
        call = self._pool.submit(solve_block, block, self._values[part], limits, math.inf)
        for _, (found, bound) in self._done([call], NOTHING_FOUND):
            if found is not None:
                values = np.zeros_like(self._values)
                values[part] = found
                self._take(values)
            # A better plan holds only what was kept, so that the rest has no say in the bound.
            bound = max(bound, self._program.objective(self._values))
            self._bound = min(self._bound, bound)
        self.report()

    def _seconds(self, groups: int) -> float:
        """Return what one of so many groups may take."""
        if self._limits.work is not None:
            return math.inf
        tuning = self._tuning
        share = tuning.sweep_time_share * min(1, self._limits.workers / groups)
        return min(tuning.block_s, max(tuning.least_block_s, share * self._limits.seconds()))

    def _done(self, calls: Sequence[Future[T]], instead: T) -> Iterator[tuple[int, T]]:
        """Give the number and the answer of each call as it is done, or what stands in for it."""

        def check() -> bool:
            check_limits(self._limits, self._cancelled)
            return False

        def given_up() -> T:
            self._given_up += 1
            return instead

        return answers(calls, check, given_up)

    def report(self) -> None:
        """Tell objective and bound; stop where these are good enough.

        Raises
        ------
        Stop
            With the reason.
        """
        points = self.points()
        assert points is not None
        self._steps += 1
        self._on_news(points, self._bound)
        check_gap(points, self._bound, self._limits)
        check_limits(self._limits, self._cancelled)

    def result(self, stopped: Stopped) -> Result:
        """Return what was found, half-days per candidate of the problem."""
        points, half_days = self.points(), None
        if self._values is not None:
            half_days = self._program.half_days(self._problem, self._values)
        return Result(
            half_days,
            self._bound,
            stopped,
            points or 0,
            rounds=self._steps,
            given_up=self._given_up,
        )
