"""Which candidates (columns) restricted problems hold: those wanted often, then by reduced cost."""

from __future__ import annotations

import numpy as np

from solver.arrays import IntArray, SmallArray
from solver.backends.limits import Limits
from solver.blocks.restricted import RestrictedProblem
from solver.formats.problem import Problem
from solver.parameters import SolveParameters
from solver.prices.price_search import PriceSearch


class ColumnChoice:
    """Chooses the columns of one restricted problem after another.

    Attributes
    ----------
    threshold
        Column frequency that a candidate must exceed to be in, 0 to 1.
    """

    def __init__(
        self, problem: Problem, search: PriceSearch, limits: Limits, parameters: SolveParameters
    ) -> None:
        self._problem, self._search, self._limits = problem, search, limits
        self._parameters, self._tuning = parameters, parameters.restricted
        few = len(problem.participants) <= parameters.prices.few_participants
        self._widening = self._tuning.widening_few if few else self._tuning.widening
        self.threshold = self._tuning.first_frequency
        if limits.work is not None:
            self.threshold = self._tuning.first_frequency_by_work
        self._near = np.zeros(len(search.decomposition), np.bool_)
        self._reached = 0
        self._known: tuple[int, IntArray] | None = None

    def restricted(
        self, base: IntArray | SmallArray | None = None, *, open_days: bool = True
    ) -> RestrictedProblem:
        """Return the restricted problem of candidates wanted.

        Parameters
        ----------
        base
            Half-days per candidate of the decomposition, to start from.
        open_days
            Whether days may range as they do in the whole; otherwise each candidate has those that
            prices want it for.
        """
        search, decomposition = self._search, self._search.decomposition
        kept = (search.column_frequency > self.threshold) | self._near
        days = None
        if not open_days and (decomposition.low < decomposition.high).any():
            days = np.where(search.taken > 0, search.taken, search.given).astype(np.int64)
        return RestrictedProblem(
            self._problem,
            decomposition,
            kept,
            search.column_frequency,
            base,
            days,
            self._parameters.blocks,
        )

    def lower(self) -> None:
        """Let the threshold fall, from one sweep to the next."""
        lower = self._tuning.frequency_factor * self.threshold
        self.threshold = max(self._tuning.last_frequency, lower)

    def widen(self, columns: int, objective: int, *, feasible: bool) -> bool:
        """Let candidates of least reduced cost into the next restricted problems.

        Parameters
        ----------
        columns
            Candidates in the last one.
        objective, feasible
            Points of the incumbent, and whether there is one.

        Returns
        -------
        Whether to go on: too many might still be better for one program of them all, and if all
        have been in, which begins anew with few, that has brought something since the last time.
        """
        total, reduced_cost = self.reduced_costs(objective, self._tuning.bound_moved)
        size, decomposition = int(self._widening * columns), self._search.decomposition
        promising = self._search.promising(total, reduced_cost, objective)
        few = promising.sum() <= self._tuning.close_at_once
        if size >= len(decomposition):
            again, self._reached = objective > self._reached, objective
            self._near[:] = False
            return again and not few and self._limits.work is None
        least = np.argsort(reduced_cost, kind="stable")[:size]
        self._near = np.zeros(len(decomposition), np.bool_)
        self._near[least] = True
        return self._limits.work is not None or not feasible or not few

    def reduced_costs(self, objective: int, moved: float = 0.0) -> tuple[int, IntArray]:
        """Return a bound in parts of a point, and each candidate's reduced cost there.

        They are computed again if the bound has moved by more than the share `moved` of the gap.
        """
        best = self._search.best
        assert best is not None
        if self._known is not None:
            then, _ = self._known
            gap = then - objective * self._search.decomposition.part
            if then - best.total <= moved * gap:
                return self._known
        reduced_cost = self._search.reduced_costs()
        self._known = best.total, reduced_cost
        return self._known
