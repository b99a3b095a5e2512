r"""Price coordination: a bound on every plan from prices that participants answer alone.

Each candidate k carries a price that its taker pays its giver, in points: :math:`p_k` for the
pairing and :math:`q_k` for each half-day. The giver's copy and the taker's copy of a candidate
need not agree; relaxing their equality by these prices (Lagrangian decomposition, Guignard and
Kim 1987) leaves one small problem per participant,

.. math:: v_i(p, q) = \max \sum_{k \text{ given}} (p_k + q_k x_k)
          + \sum_{k \text{ taken}} (b_k - p_k + (\pi_k - q_k) x_k),

over all of *i*'s own rules, reciprocity included, which `solver.prices.subproblems` answers
exactly. Rules :math:`\sum_k a_k x_k \le b` over several participants get a multiplier
:math:`m \ge 0`. Then

.. math:: \sum_i v_i(p, q) + \sum_m m b

is not exceeded by any plan, whatever the prices. Of a plan, what participant i realises at these
prices is :math:`r_i`; bound less plan is the sum of regrets :math:`v_i - r_i`, none of them below
zero, and of what the linking rules leave unused, at their multipliers.

Prices are rounded to whole parts of a point before anybody is asked, so that bound and regrets
are whole numbers and exact. Where the two copies disagree, a price moves: down if only the giver
wants the pairing, up if only the taker does (a subgradient step, smoothed).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solver.formats.tables import BoolArray, FloatArray, IntArray
from solver.prices.decomposition import Market
from solver.prices.knapsack_tables import SmallArray, Worth
from solver.prices.multipliers import (
    charge_of,
    charges,
    few_digits,
    most_of_one,
    most_pins,
    pace_of,
    pin_bonus_of,
)
from solver.prices.subgradient import Places, disagreement, first_prices, move, post
from solver.prices.subproblems import Respondents, ask, ask_forced

LEAN: Final = (0.4, 0.1)
"""How much a price follows what its offer, need, giver and taker disagree about in sum: if all days
are whole, and where days range."""
MOSTLY: Final = 0.5
FIRST_STEP: Final = (0.4, 0.8)
"""The step to begin with from prices that nobody knows: rates have further to go."""
LAST_STEP: Final = 0.0003
LAST_STEP_OF_FEW: Final = 0.001
"""Programs of few participants are better for candidates that are not quite wanted."""
ASKED_SLICES: Final = 4
FORCED_SLICES: Final = 32
"""Slices of the participants for each thread, when asked, and when asked by force."""


@dataclass(frozen=True, slots=True, eq=False)
class Quote:
    """Prices, multipliers and what they prove.

    Attributes
    ----------
    price, rate
        Per candidate of the market, in parts of a point; as rounded when asked.
    multiplier
        Per link of the market, >= 0.
    value
        Per participant: the worth of its best answer.
    total
        Parts of a point that no plan exceeds.
    """

    price: IntArray
    rate: IntArray
    multiplier: FloatArray
    value: IntArray
    total: int


class PriceSearch:
    """Prices on their way to the lowest bound.

    Attributes
    ----------
    market
        What is traded.
    best
        The quote with the lowest bound so far; None before the first round.
    often
        Fading frequency with which each candidate is wanted, 0 to 1.
    given, taken
        Half-days of each candidate in the last answers of its giver and its taker.
    impossible
        Positions in the market of pins that no answer of their giver or taker can hold, as seen
        while all multipliers are 0.
    odd
        Candidates that only one side wanted, in the last round.
    ranged
        Whether days range in most candidates.
    first_step
        The step to begin with from prices that nobody knows.
    rounds
        Rounds done.
    """

    def __init__(self, market: Market, workers: int = 1, start: Quote | None = None) -> None:
        self.market = market
        self.best: Quote | None = None
        self.rounds = 0
        self.impossible = np.zeros(0, np.int64)
        size, people = len(market), len(market.role)
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers) if workers > 1 else None
        ranged = market.low != market.high
        self._prices = first_prices(market.worth(), market.points, market.high, ranged)
        self._totals = Places(
            *(np.zeros(int(column.max(initial=0)) + 1, np.int32) for column in market.places)
        )
        self.odd = 0
        self.ranged = bool(ranged.mean() > MOSTLY) if size else False
        self.first_step = FIRST_STEP[self.ranged]
        self._lean = LEAN[self.ranged]
        self.multiplier = np.zeros(len(market.links))
        if start is not None:
            self._prices.price[:] = start.price
            self._prices.rate[:] = start.rate
            self.multiplier[:] = start.multiplier
        self._link_push = np.zeros(len(market.links))
        self._pace = np.array([pace_of(market, link) for link in market.links])
        self._pin_bonus = pin_bonus_of(market)
        self._who = Respondents(
            role=market.role,
            allowance=market.allowance,
            unit=market.unit,
            stale=np.ones(people, np.bool_),
            value=np.zeros(people, np.int64),
            given=np.zeros(size, np.int32),
            taken=np.zeros(size, np.int32),
        )
        low, high = market.low, market.high
        self._give_worth = Worth(np.zeros(size, np.int64), np.zeros(size, np.int64), low, high)
        self._take_worth = Worth(np.zeros(size, np.int64), np.zeros(size, np.int64), low, high)
        self._charge()

    @property
    def given(self) -> SmallArray:
        return self._who.given

    @property
    def taken(self) -> SmallArray:
        return self._who.taken

    @property
    def often(self) -> NDArray[np.float32]:
        return self._prices.often

    def close(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.shutdown()

    def bound(self) -> int:
        """Return whole points that no plan exceeds."""
        assert self.best is not None
        return self.best.total // self.market.part

    def quicken(self, candidates: BoolArray, factor: float) -> None:
        """Let the prices of candidates move by so many times as much from now on."""
        self._prices.size[candidates] *= factor
        self._prices.rate_size[candidates] *= factor

    def round(self, step: float, inertia: float = 0.8) -> int:
        """Ask everybody at the prices as they stand, then move them; return the bound reached.

        Parameters
        ----------
        step
            Share of its worth that the price of a candidate wanted by one side moves by.
        inertia
            Share of the last direction in the next one.
        """
        total = self.ask()
        self.odd = disagreement(self.market.places, self._totals, self._who.given, self._who.taken)
        self._each(
            len(self.market),
            lambda first, last: move(
                self._prices, self.market.places, self._totals, self._who.given, self._who.taken,
                self.market.high, step, inertia, self._lean, first, last,
            ),
        )  # fmt: skip
        if self.market.links:
            self._move_multipliers(step, inertia)
        return total // self.market.part

    def ask(self) -> int:
        """Ask everybody at the prices as they stand; return the parts no plan exceeds."""
        market, who = self.market, self._who
        self._each(
            len(market),
            lambda first, last: post(
                self._prices, self._terms, market.places, self._give_worth, self._take_worth,
                who.stale, first, last,
            ),
        )  # fmt: skip
        self._each(
            len(market.role),
            lambda first, last: ask(
                market.give, market.take, self._give_worth, self._take_worth, who,
                market.give_sizes, market.take_sizes, first, last,
            ),
        )  # fmt: skip
        self.rounds += 1
        total = int(who.value.sum()) + market.constant + self._constant
        # A multiplier may charge a pin more than its bonus, and says nothing of what can be held.
        if self._pin_bonus and not self.multiplier.any():
            pinned = market.pinned
            missing = np.flatnonzero(pinned & ((who.given == 0) | (who.taken == 0)))
            self.impossible = np.union1d(missing, market.hopeless)
        if self.best is None or total < self.best.total:
            self.best = Quote(
                np.rint(self._prices.price).astype(np.int64),
                np.rint(self._prices.rate).astype(np.int64),
                self.multiplier.copy(),
                who.value.copy(),
                total,
            )
        return total

    def return_to(self, quote: Quote) -> None:
        """Set the prices back to a quote."""
        self._prices.price[:] = quote.price
        self._prices.rate[:] = quote.rate
        self.multiplier[:] = quote.multiplier
        self._charge()

    def losses(self, deadline: float = math.inf) -> IntArray | None:
        """Return what the best bound loses if a candidate is in: its reduced cost.

        Everybody is asked again at the best prices, with one candidate of theirs forced in; what
        its giver and its taker lose by it, the bound loses.

        Parameters
        ----------
        deadline
            When to give up, on the clock of `time.time`.

        Returns
        -------
        Parts of a point per candidate of the market, >= 0; None where sums could be too large,
        or time was up.
        """
        market, quote, who = self.market, self.best, self._who
        assert quote is not None
        bonus = 4 * (most_of_one(market) + self._pin_bonus * most_pins(market)) + 1
        if bonus >= 2**59:
            return None
        before = self._prices.price.copy(), self._prices.rate.copy(), self.multiplier.copy()
        self.return_to(quote)
        self.ask()
        value, given, taken = who.value.copy(), who.given.copy(), who.taken.copy()
        gives, takes = np.zeros(len(market), np.int64), np.zeros(len(market), np.int64)

        def force(first: int, last: int) -> None:
            if time.time() < deadline:
                ask_forced(
                    market.give, market.take, self._give_worth, self._take_worth, who,
                    market.give_sizes, market.take_sizes, bonus, gives, takes, first, last,
                )  # fmt: skip

        self._each(len(market.role), force, slices=FORCED_SLICES)
        who.given[:], who.taken[:] = given, taken
        self._prices.price[:], self._prices.rate[:], self.multiplier[:] = before
        self._charge()
        if time.time() >= deadline:
            return None
        lost: IntArray = value[market.places.giver] - gives + value[market.places.taker] - takes
        return lost

    def promising(self, total: int, lost: IntArray, objective: int) -> BoolArray:
        """Return which candidates a plan worth more than `objective` might hold.

        Parameters
        ----------
        total, lost
            The total of the best quote when `losses` was called, and what it returned.
        """
        return total - lost >= (objective + 1) * self.market.part

    def regrets(self, quote: Quote, half_days: IntArray) -> IntArray:
        """Return what each participant could have at a quote beyond what a plan gives it.

        Parameters
        ----------
        half_days
            Per candidate of the market, 0 where not in the plan.

        Returns
        -------
        Parts of a point, shape (participants,); not below 0 if the plan is feasible.
        """
        market, x = self.market, half_days
        terms, _ = charges(market, quote.multiplier, self._pin_bonus)
        chosen = np.flatnonzero(x)
        x = x[chosen]
        paid = quote.price[chosen] + quote.rate[chosen] * x
        earned = terms.give_base[chosen] + terms.give_slope[chosen] * x + paid
        gained = terms.take_base[chosen] + terms.take_slope[chosen] * x - paid
        regret = quote.value.copy()
        np.subtract.at(regret, market.places.giver[chosen], earned)
        np.subtract.at(regret, market.places.taker[chosen], gained)
        return regret

    def unused(self, quote: Quote, half_days: IntArray) -> IntArray:
        """Return what a plan leaves of each link at a quote's multipliers, in parts of a point.

        Together with the regrets this is all of the gap between the quote's bound and the plan.
        """
        left = []
        for m, link in zip(quote.multiplier.tolist(), self.market.links, strict=True):
            given, taken = half_days[link.gives], half_days[link.takes]
            if not link.by_days:
                given, taken = np.minimum(given, 1), np.minimum(taken, 1)
            charged = charge_of(m, link.give_weight) @ given
            charged += charge_of(m, link.take_weight) @ taken
            left.append(math.ceil(Fraction(m) * link.limit) - int(charged))
        return np.array(left, np.int64)

    def _each(
        self, size: int, work: Callable[[int, int], object], slices: int = ASKED_SLICES
    ) -> None:
        """Do the work in slices for each thread, on all threads."""
        parts = _slices(size, slices * self._workers if size >= 256 else 1)
        each = map if self._threads is None else self._threads.map
        list(each(lambda part: work(*part), parts))

    def _charge(self) -> None:
        self._terms, self._constant = charges(self.market, self.multiplier, self._pin_bonus)

    def _move_multipliers(self, step: float, inertia: float) -> None:
        given, taken = self._who.given, self._who.taken
        for at, link in enumerate(self.market.links):
            excess = link.total(given, taken) - link.limit
            worth, most = self._pace[at]
            push = inertia * self._link_push[at] + (1 - inertia) * excess / most
            self._link_push[at] = push
            self.multiplier[at] = max(0.0, self.multiplier[at] + step * worth * push)
        self.multiplier = few_digits(self.multiplier)
        self._charge()


def _slices(size: int, parts: int) -> Iterator[tuple[int, int]]:
    edges = np.linspace(0, size, parts + 1).astype(np.int64).tolist()
    return pairwise(edges)
