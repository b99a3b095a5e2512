r"""Price coordination: Lagrangian bounds from subproblems that participants answer alone.

Each candidate k carries a price that its taker pays its giver, in points: :math:`p_k` for the
pairing and :math:`q_k` for each half-day. The giver's copy and the taker's copy of a candidate
need not agree; relaxing their equality by these prices (Lagrangian decomposition, Guignard and
Kim, Mathematical Programming 39, 1987) leaves one small subproblem per participant,

.. math:: v_i(p, q) = \max \sum_{k \text{ given}} (p_k + q_k x_k)
          + \sum_{k \text{ taken}} (b_k - p_k + (\pi_k - q_k) x_k),

over all of *i*'s own rules, reciprocity included, which `solver.prices.subproblems` solves
exactly. Rules :math:`\sum_k a_k x_k \le b` over several participants get a multiplier
:math:`m \ge 0`. Then

.. math:: \sum_i v_i(p, q) + \sum_m m b

is not exceeded by any plan, whatever the prices: a *dual point* is prices with the bound that they
prove. Of a plan, what participant i realises at these prices is :math:`r_i`; bound less plan is the
sum of :math:`v_i - r_i`, the optimality gap of each participant (its *regret*), none of them below
zero, and of what the linking rules leave unused, at their multipliers.

Prices are rounded to whole parts of a point before any subproblem is solved, so that bound and
regrets are whole numbers and exact. Where the two copies disagree, a price moves: down if only the
giver wants the pairing, up if only the taker does (a subgradient step, smoothed).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solver.arrays import BoolArray, FloatArray, IntArray, SingleArray, SmallArray
from solver.parameters import DEFAULTS, PriceParameters
from solver.prices.decomposition import Decomposition
from solver.prices.knapsack_items import Profits
from solver.prices.knapsack_tables import POSSIBLE
from solver.prices.multipliers import (
    charge_of,
    few_digits,
    lagrangian_terms,
    pace_of,
    pin_bonus_of,
)
from solver.prices.subgradient import (
    Incidence,
    SubgradientState,
    count_disagreements,
    initial_state,
    subgradient_step,
    update_profits,
)
from solver.prices.subproblems import Subproblems, solve_subproblems
from solver.prices.through_values import through_values


@dataclass(frozen=True, slots=True, eq=False)
class DualPoint:
    """Prices and multipliers, and the bound that they prove.

    Attributes
    ----------
    price, rate
        Of the pairing as such and of each half-day, per candidate, in rounded parts of a point.
    multiplier
        Per link of the decomposition, in parts of a point per unit, >= 0.
    value
        Optimal value of each participant's subproblem, in parts of a point.
    total
        Parts of a point that no plan exceeds.
    """

    price: IntArray
    rate: IntArray
    multiplier: FloatArray
    value: IntArray
    total: int


class PriceSearch:
    """Subgradient search for the dual point with the lowest bound.

    Attributes
    ----------
    decomposition
        The problem, decomposed by participant.
    best
        The dual point with the lowest bound so far; None before the first round.
    column_frequency
        Fading frequency with which each candidate is wanted, 0 to 1.
    given, taken
        Half-days of each candidate in the last responses of its giver and its taker.
    give_profits, take_profits
        What each candidate is worth to its giver and its taker at the last prices.
    impossible
        Positions in the decomposition of pins that no response of their giver or taker can hold, as
        seen while all multipliers are 0.
    disagreements
        Candidates that only one side wanted, in the last round: violated copies.
    ranged
        Whether days range in most candidates.
    first_step
        The step to begin a cold start with.
    rounds
        Rounds done.

    Parameters
    ----------
    workers
        Threads, >= 1.
    start
        Prices to start from, as of a warm start; by default those of a cold one.
    check
        Called every `check_every_s`; what it raises ends a round or `reduced_costs` at once.
    """

    def __init__(
        self,
        decomposition: Decomposition,
        workers: int = 1,
        start: DualPoint | None = None,
        parameters: PriceParameters = DEFAULTS.prices,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.decomposition = decomposition
        self.best: DualPoint | None = None
        self.rounds = 0
        self.impossible = np.zeros(0, np.int64)
        self._parameters = parameters
        size, people = len(decomposition), len(decomposition.role)
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers)
        self._check, self._stop = check, np.zeros(1, np.bool_)
        self._short = _most_places(decomposition) <= parameters.short_places
        low, high = decomposition.low, decomposition.high
        ranged = low != high
        self._state = self._cold_state()
        self._totals = Incidence(
            *(
                np.zeros(int(column.max(initial=0)) + 1, np.int32)
                for column in decomposition.incidence
            )
        )
        self.disagreements = 0
        self.ranged = bool(ranged.mean() > parameters.ranged_share) if size else False
        self.first_step = (
            parameters.first_step_ranged if self.ranged else parameters.first_step_whole
        )
        self._lean = parameters.lean_ranged if self.ranged else parameters.lean_whole
        self.multiplier = np.zeros(len(decomposition.links))
        if start is not None:
            self._state.price[:] = start.price
            self._state.rate[:] = start.rate
            self.multiplier[:] = start.multiplier
        self._link_direction = np.zeros(len(decomposition.links))
        self._pace = np.array([pace_of(decomposition, link) for link in decomposition.links])
        self._pin_bonus = pin_bonus_of(decomposition, parameters.price_limit)
        self._subproblems = Subproblems(
            role=decomposition.role,
            allowance=decomposition.allowance,
            unit=decomposition.unit,
            stale=np.ones(people, np.bool_),
            value=np.zeros(people, np.int64),
            given=np.zeros(size, np.int32),
            taken=np.zeros(size, np.int32),
        )
        self.give_profits = Profits(np.zeros(size, np.int64), np.zeros(size, np.int64), low, high)
        self.take_profits = Profits(np.zeros(size, np.int64), np.zeros(size, np.int64), low, high)
        self._charge()

    def _cold_state(self) -> SubgradientState:
        decomposition = self.decomposition
        high, ranged = decomposition.high, decomposition.low != decomposition.high
        contributions = decomposition.contributions()
        return initial_state(contributions, decomposition.points, high, ranged, self._parameters)

    @property
    def given(self) -> SmallArray:
        return self._subproblems.given

    @property
    def taken(self) -> SmallArray:
        return self._subproblems.taken

    @property
    def column_frequency(self) -> SingleArray:
        return self._state.frequency

    def begin_anew(self) -> None:
        """Go back to the prices of a cold start; the best dual point so far stays."""
        self._state = self._cold_state()
        self.multiplier[:] = 0
        self._link_direction[:] = 0
        self._charge()

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown()

    def bound(self) -> int:
        """Return whole points that no plan exceeds."""
        assert self.best is not None
        return self.best.total // self.decomposition.part

    def quicken(self, candidates: BoolArray, factor: float) -> None:
        """Let the prices of candidates move by so many times as much from now on."""
        self._state.scale[candidates] *= factor
        self._state.rate_scale[candidates] *= factor

    def round(self, step: float) -> int:
        """Solve the subproblems at the prices as they stand, then move these; return the bound.

        Parameters
        ----------
        step
            Share of its scale that the price of a candidate wanted by one side moves by, > 0.

        Returns
        -------
        Whole points that no plan exceeds, as proved by this round.
        """
        total = self.solve_subproblems()
        state, incidence, totals = self._state, self.decomposition.incidence, self._totals
        given, taken, high = self.given, self.taken, self.decomposition.high
        inertia, latest = self._parameters.inertia, self._parameters.frequency_weight
        self.disagreements = count_disagreements(incidence, totals, given, taken)
        self._each(
            len(self.decomposition),
            lambda first, last: subgradient_step(
                state, incidence, totals, given, taken, high,
                step, inertia, self._lean, latest, first, last,
            ),
        )  # fmt: skip
        if self.decomposition.links:
            self._move_multipliers(step, inertia)
        return total // self.decomposition.part

    def solve_subproblems(self) -> int:
        """Solve the subproblems at the prices as they stand; return the parts no plan exceeds."""
        decomposition, subproblems = self.decomposition, self._subproblems
        self._each(
            len(decomposition),
            lambda first, last: update_profits(
                self._state, self._terms, decomposition.incidence, self.give_profits,
                self.take_profits, subproblems.stale, first, last,
            ),
        )  # fmt: skip
        self._each(
            len(decomposition.role),
            lambda first, last: solve_subproblems(
                decomposition.give, decomposition.take, self.give_profits, self.take_profits,
                subproblems, decomposition.give_sizes, decomposition.take_sizes,
                self._stop, first, last,
            ),
        )  # fmt: skip
        self.rounds += 1
        total = int(subproblems.value.sum()) + decomposition.constant + self._constant
        # A multiplier may charge a pin more than its bonus, and says nothing of what can be held.
        if self._pin_bonus and not self.multiplier.any():
            pinned = decomposition.pinned
            missing = np.flatnonzero(pinned & ((subproblems.given == 0) | (subproblems.taken == 0)))
            self.impossible = np.union1d(missing, decomposition.hopeless)
        if self.best is None or total < self.best.total:
            self.best = DualPoint(
                np.rint(self._state.price).astype(np.int64),
                np.rint(self._state.rate).astype(np.int64),
                self.multiplier.copy(),
                subproblems.value.copy(),
                total,
            )
        return total

    def return_to(self, dual_point: DualPoint) -> None:
        """Set prices and multipliers back to a dual point."""
        self._state.price[:] = dual_point.price
        self._state.rate[:] = dual_point.rate
        self.multiplier[:] = dual_point.multiplier
        self._charge()

    def reduced_costs(self) -> IntArray:
        """Return each candidate's reduced cost: what the best bound loses if it is in.

        That is what its giver and its taker lose at the best prices with it forced in.

        Returns
        -------
        Parts of a point per candidate of the decomposition, >= 0.
        """
        decomposition, dual_point, subproblems = self.decomposition, self.best, self._subproblems
        assert dual_point is not None
        before = self._state.price.copy(), self._state.rate.copy(), self.multiplier.copy()
        self.return_to(dual_point)
        self.solve_subproblems()
        gives, takes = (np.full(len(decomposition), POSSIBLE, np.int64) for _ in range(2))
        self._each(
            len(decomposition.role),
            lambda first, last: through_values(
                decomposition.give, decomposition.take, self.give_profits, self.take_profits,
                subproblems, decomposition.give_sizes, decomposition.take_sizes,
                gives, takes, self._stop, first, last,
            ),
            self._parameters.forced_slices_per_thread,
        )  # fmt: skip
        value = subproblems.value.copy()
        self._state.price[:], self._state.rate[:], self.multiplier[:] = before
        self._charge()
        incidence = decomposition.incidence
        lost: IntArray = value[incidence.giver] - gives + value[incidence.taker] - takes
        return lost

    def promising(self, total: int, reduced_cost: IntArray, objective: int) -> BoolArray:
        """Return which candidates a plan of more than `objective` might hold.

        All others can be fixed out (reduced-cost fixing).

        Parameters
        ----------
        total, reduced_cost
            The total of the best dual point when `reduced_costs` was called, and what it returned.
        objective
            Points of the incumbent.
        """
        return total - reduced_cost >= (objective + 1) * self.decomposition.part

    def regrets(self, dual_point: DualPoint, half_days: IntArray) -> IntArray:
        """Return the optimality gap of each participant (its regret) in a plan.

        It is what the participant could have at the dual point beyond what the plan gives it.

        Parameters
        ----------
        half_days
            Per candidate of the decomposition, 0 where not in the plan.

        Returns
        -------
        Parts of a point, shape (participants,); not below 0 if the plan is feasible.
        """
        decomposition, x = self.decomposition, half_days
        terms, _ = lagrangian_terms(decomposition, dual_point.multiplier, self._pin_bonus)
        chosen = np.flatnonzero(x)
        x = x[chosen]
        paid = dual_point.price[chosen] + dual_point.rate[chosen] * x
        earned = terms.give_base[chosen] + terms.give_slope[chosen] * x + paid
        gained = terms.take_base[chosen] + terms.take_slope[chosen] * x - paid
        regret = dual_point.value.copy()
        np.subtract.at(regret, decomposition.incidence.giver[chosen], earned)
        np.subtract.at(regret, decomposition.incidence.taker[chosen], gained)
        return regret

    def unused(self, dual_point: DualPoint, half_days: IntArray) -> IntArray:
        """Return what a plan leaves of each link at its multiplier, in parts of a point.

        Together with the regrets this is all of the gap between the dual point and the plan.
        """
        left = []
        for m, link in zip(dual_point.multiplier.tolist(), self.decomposition.links, strict=True):
            given, taken = half_days[link.gives], half_days[link.takes]
            if not link.by_days:
                given, taken = np.minimum(given, 1), np.minimum(taken, 1)
            charged = charge_of(m, link.give_weight) @ given
            charged += charge_of(m, link.take_weight) @ taken
            left.append(math.ceil(Fraction(m) * link.limit) - int(charged))
        return np.array(left, np.int64)

    def _each(
        self, size: int, work: Callable[[int, int], object], slices: int | None = None
    ) -> None:
        """Do the work in slices for each thread, on all threads, and ask whether to go on."""
        slices = slices or self._parameters.slices_per_thread
        sliced = size >= self._parameters.sliced_from
        parts = _slices(size, slices * self._workers if sliced else 1)
        if self._short:
            for first, last in parts:
                work(first, last)
            return
        self._stop[0] = False
        running = {self._threads.submit(work, first, last) for first, last in parts}
        try:
            while running:
                done, running = wait(running, timeout=self._parameters.check_every_s)
                for part in done:
                    part.result()
                if running:
                    self._check()
        except BaseException:
            # Kernels look at it: what is left ends at once, and nothing of it counts.
            self._stop[0] = True
            wait(running)
            raise

    def _charge(self) -> None:
        self._terms, self._constant = lagrangian_terms(
            self.decomposition, self.multiplier, self._pin_bonus
        )

    def _move_multipliers(self, step: float, inertia: float) -> None:
        """Move each multiplier by what its rule is over (a projected subgradient step)."""
        for at, link in enumerate(self.decomposition.links):
            excess = link.total(self.given, self.taken) - link.limit
            points, most = self._pace[at]
            direction = inertia * self._link_direction[at] + (1 - inertia) * excess / most
            self._link_direction[at] = direction
            self.multiplier[at] = max(0.0, self.multiplier[at] + step * points * direction)
        self.multiplier = few_digits(self.multiplier)
        self._charge()


def _most_places(decomposition: Decomposition) -> int:
    """Return no fewer than the places of all tables that a round fills, again for each merge."""
    places = 0
    for side, sizes in (
        (decomposition.give, decomposition.give_sizes),
        (decomposition.take, decomposition.take_sizes),
    ):
        places += len(side.candidate) * sizes.group
        places += len(side.group_days) * sizes.group * sizes.value
    return places


def _slices(size: int, parts: int) -> Iterator[tuple[int, int]]:
    edges = np.linspace(0, size, parts + 1).astype(np.int64).tolist()
    return pairwise(edges)
