"""Subgradient steps on the prices: compiled loops over all candidates.

The subgradient of the Lagrangian bound at a candidate is its disagreement, whether its giver's copy
is chosen less whether its taker's is (Held and Karp, The traveling-salesman problem and minimum
spanning trees: part II, Mathematical Programming 1, 1971). Here it is smoothed over rounds and
leans on the disagreement of whole offers, needs, givers and takers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from solver.arrays import BoolArray, FloatArray, IntArray, SingleArray, SmallArray
from solver.parameters import PriceParameters
from solver.prices.knapsack_items import Profits


class SubgradientState(NamedTuple):
    """Prices (the Lagrangian multipliers) and where they are going; shapes (candidates,).

    Attributes
    ----------
    price, rate
        Of the pairing as such, and of each half-day; in parts of a point, not yet rounded.
    direction, rate_direction
        Smoothed disagreement: above 0 where only the giver wants it, below where only the taker.
    scale, rate_scale
        Parts of a point that the price moves by in a step of 1.
    limit
        What the price, and the rate times the most half-days, stay within; parts of a point.
    frequency
        Column frequency: fading frequency of being wanted, 0 to 1.
    """

    price: FloatArray
    rate: FloatArray
    direction: FloatArray
    rate_direction: FloatArray
    scale: FloatArray
    rate_scale: FloatArray
    limit: FloatArray
    frequency: SingleArray


class Incidence(NamedTuple):
    """Where each candidate belongs.

    Attributes
    ----------
    offer, need, giver, taker
        Positions in the problem, shapes (candidates,).
    """

    offer: SmallArray
    need: SmallArray
    giver: SmallArray
    taker: SmallArray


def initial_state(
    contribution: IntArray,
    points: IntArray,
    high: SmallArray,
    ranged: BoolArray,
    parameters: PriceParameters,
) -> SubgradientState:
    """Return the state to begin a cold start with.

    Parameters
    ----------
    contribution
        The most that each candidate adds to the objective, in parts of a point.
    points, high
        Parts of a point of a half-day, and the most half-days, per candidate.
    ranged
        Where days range.
    """
    most, size = contribution.astype(np.float64), len(contribution)
    return SubgradientState(
        price=np.zeros(size),
        rate=np.where(ranged, parameters.first_rate * points, 0.0),
        direction=np.zeros(size),
        rate_direction=np.zeros(size),
        scale=most - np.where(ranged, points * high, 0) / 2,
        rate_scale=np.where(ranged, parameters.rate_speed * points, 0.0),
        limit=parameters.price_limit * most,
        frequency=np.zeros(size, np.float32),
    )


@njit(cache=True, nogil=True)
def count_disagreements(
    incidence: Incidence, totals: Incidence, given: SmallArray, taken: SmallArray
) -> int:
    """Sum by offer, need, giver and taker how many more are given than taken.

    An offer that many want at once is too cheap for those who do not yet want it, too.

    Parameters
    ----------
    totals
        Written: the sums, one entry per offer, need and participant.
    given, taken
        Half-days of each candidate in the responses of its giver and its taker.

    Returns
    -------
    Disagreements: candidates of which only one copy is chosen.
    """
    totals.offer[:] = 0
    totals.need[:] = 0
    totals.giver[:] = 0
    totals.taker[:] = 0
    disagreements = 0
    for k in range(len(given)):
        more = int(given[k] > 0) - int(taken[k] > 0)
        if more != 0:
            disagreements += 1
            totals.offer[incidence.offer[k]] += more
            totals.need[incidence.need[k]] += more
            totals.giver[incidence.giver[k]] += more
            totals.taker[incidence.taker[k]] += more
    return disagreements


@njit(cache=True, nogil=True)
def _sign(value: int) -> int:
    return int(value > 0) - int(value < 0)


@njit(cache=True, nogil=True)
def subgradient_step(
    state: SubgradientState,
    incidence: Incidence,
    totals: Incidence,
    given: SmallArray,
    taken: SmallArray,
    high: SmallArray,
    step: float,
    inertia: float,
    lean: float,
    latest: float,
    first: int,
    last: int,
) -> None:
    """Move the prices of candidates first..last against the disagreement of the two sides.

    A price leans on what its offer, need, giver and taker disagree about in sum. This is a
    subgradient step in another metric: own disagreement and that of the four groups are both
    images of it under positive semidefinite maps, up to the signs taken.

    Parameters
    ----------
    step
        Share of its scale that a price moves by.
    inertia, lean, latest
        `inertia`, `lean_whole` or `lean_ranged`, and `frequency_weight` of `PriceParameters`.
    """
    for k in range(first, last):
        gives, takes = given[k] > 0, taken[k] > 0
        wanted = 0.5 * latest * (int(gives) + int(takes))
        state.frequency[k] = (1 - latest) * state.frequency[k] + wanted
        leaning = lean * (
            _sign(totals.offer[incidence.offer[k]])
            + _sign(totals.need[incidence.need[k]])
            + _sign(totals.giver[incidence.giver[k]])
            + _sign(totals.taker[incidence.taker[k]])
        )
        disagreement = int(gives) - int(takes) + leaning
        direction = inertia * state.direction[k] + (1 - inertia) * disagreement
        state.direction[k] = direction
        price = state.price[k] - step * state.scale[k] * direction
        state.price[k] = min(state.limit[k], max(-state.limit[k], price))
        if state.rate_scale[k] > 0:
            apart = (given[k] - taken[k]) / high[k]
            direction = inertia * state.rate_direction[k] + (1 - inertia) * (apart + leaning)
            state.rate_direction[k] = direction
            rate = state.rate[k] - step * state.rate_scale[k] * direction
            most = state.limit[k] / high[k]
            state.rate[k] = min(most, max(-most, rate))


class LagrangianTerms(NamedTuple):
    """What each side gains or pays whatever the price: points, pins and charges of links.

    Attributes
    ----------
    give_base, take_base
        For the pairing as such, in parts of a point, shape (candidates,).
    give_slope, take_slope
        For each half-day, in parts of a point, shape (candidates,).
    """

    give_base: IntArray
    give_slope: IntArray
    take_base: IntArray
    take_slope: IntArray


@njit(cache=True, nogil=True)
def update_profits(
    state: SubgradientState,
    terms: LagrangianTerms,
    incidence: Incidence,
    give_profits: Profits,
    take_profits: Profits,
    stale: BoolArray,
    first: int,
    last: int,
) -> None:
    """Round the prices of candidates first..last, and write their profits to both sides.

    Parameters
    ----------
    stale
        Written: participants that some profit has changed for, shape (participants,).
    """
    for k in range(first, last):
        price, rate = np.int64(np.rint(state.price[k])), np.int64(np.rint(state.rate[k]))
        low = give_profits.low[k]
        give_rate, take_rate = terms.give_slope[k] + rate, terms.take_slope[k] - rate
        give_least = terms.give_base[k] + price + give_rate * low
        take_least = terms.take_base[k] - price + take_rate * low
        if give_least != give_profits.least[k] or give_rate != give_profits.rate[k]:
            give_profits.least[k] = give_least
            give_profits.rate[k] = give_rate
            stale[incidence.giver[k]] = True
        if take_least != take_profits.least[k] or take_rate != take_profits.rate[k]:
            take_profits.least[k] = take_least
            take_profits.rate[k] = take_rate
            stale[incidence.taker[k]] = True
