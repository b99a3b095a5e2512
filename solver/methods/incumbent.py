"""The incumbent of a search: the best plan so far, the bound, and why to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from solver.arrays import IntArray
from solver.backends.conflict import send_conflict
from solver.backends.limits import Limits, OnNews
from solver.backends.processes import in_child
from solver.formats.plan import Stopped, gap_of
from solver.formats.problem import Problem
from solver.methods.result import Result
from solver.parameters import DEFAULTS, SolveParameters
from solver.prices.decomposition import Decomposition
from solver.prices.price_search import PriceSearch
from solver.prices.repair import FeasiblePlan
from solver.prices.warm import state_of_search


class Stop(Exception):
    """Raised where there is a reason to stop.

    Attributes
    ----------
    why
        The reason.
    """

    def __init__(self, why: Stopped) -> None:
        super().__init__(why)
        self.why = why


def check_limits(limits: Limits, cancelled: Callable[[], bool]) -> None:
    """Stop if it is cancelled, or time is up.

    Raises
    ------
    Stop
        With the reason.
    """
    if cancelled():
        raise Stop(Stopped.CANCELLED)
    if time.time() >= limits.deadline:
        raise Stop(Stopped.TIME)


def check_gap(objective: int, bound: float, limits: Limits) -> None:
    """Stop if a plan is the best there is, or near enough.

    Raises
    ------
    Stop
        With the reason.
    """
    if bound <= objective:
        raise Stop(Stopped.PROVED)
    if gap_of(objective, bound) <= limits.gap:
        raise Stop(Stopped.GAP)


class Incumbent:
    """The best plan so far and the bound of a price search.

    Attributes
    ----------
    half_days
        Of the best plan, one per candidate of the decomposition; None as long as there is none.
    objective
        Its points.
    conflict
        Whether it is proved that there is no plan.
    proven
        Points that no plan exceeds, as known beside the prices; infinite until then.
    given_up
        Blocks that went without an answer as their processes died.
    """

    def __init__(
        self,
        problem: Problem,
        decomposition: Decomposition,
        search: PriceSearch,
        limits: Limits,
        on_news: OnNews,
        cancelled: Callable[[], bool],
        parameters: SolveParameters = DEFAULTS,
    ) -> None:
        self.half_days: IntArray | None = None
        self.objective = 0
        self._earlier: IntArray | None = None
        self.conflict = False
        self.proven = math.inf
        self.given_up = 0
        self._problem, self._decomposition, self._search = problem, decomposition, search
        self._limits, self._on_news, self._cancelled = limits, on_news, cancelled
        self._loops = parameters.loops
        self._steps = 0

    def update(self, plan: FeasiblePlan | None) -> bool:
        """Make a plan the incumbent if it is the best so far, and return whether; None is none."""
        if plan is None or (self.half_days is not None and plan.objective <= self.objective):
            return False
        self._earlier = self.half_days
        self.half_days, self.objective = plan.half_days, plan.objective
        return True

    def gap(self) -> float:
        """Return the proven gap as a fraction; infinite without a plan."""
        if self.half_days is None:
            return math.inf
        return gap_of(self.objective, self.bound())

    def bound(self) -> float:
        """Return points that no plan exceeds."""
        return min(self._search.bound(), self.proven)

    def check(self) -> None:
        """Stop if it is cancelled, or time is up.

        Raises
        ------
        Stop
            With the reason.
        """
        check_limits(self._limits, self._cancelled)

    def report(self) -> None:
        """Tell objective and bound; stop if these are good enough, or `check` says so.

        Raises
        ------
        Stop
            With the reason.
        """
        self._steps += 1
        bound = self.bound()
        self._on_news(None if self.half_days is None else self.objective, bound)
        if self.half_days is not None:
            check_gap(self.objective, bound, self._limits)
        self.check()

    def result(self, stopped: Stopped) -> Result:
        """Return what was found, half-days per candidate of the problem."""
        if self.conflict:
            conflict = in_child(
                send_conflict,
                (self._problem, self._loops),
                deadline=self._limits.deadline,
                cancelled=self._cancelled,
            )
            return Result(None, -math.inf, Stopped.INFEASIBLE, conflict=conflict or ())
        bound = self.bound() if self._search.best is not None else math.inf
        if self.half_days is None:
            return Result(None, bound, stopped, rounds=self._steps, given_up=self.given_up)
        state = None
        if self._search.best is not None:
            state = state_of_search(self._problem, self._search, self.half_days)
        return Result(
            self._of_problem(self.half_days),
            bound,
            stopped,
            self.objective,
            rounds=self._steps,
            state=state,
            earlier=() if self._earlier is None else (self._of_problem(self._earlier),),
            given_up=self.given_up,
        )

    def _of_problem(self, half_days: IntArray) -> IntArray:
        """Return half-days per candidate of the problem."""
        whole = np.zeros(len(self._problem.candidates), np.int64)
        whole[self._decomposition.candidate] = half_days
        return whole
