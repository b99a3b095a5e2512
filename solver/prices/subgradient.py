"""Prices on the move: compiled steps over all candidates."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solver.prices.knapsack_tables import IntArray, SmallArray, Worth

BoolArray = NDArray[np.bool_]

FURTHEST: Final = 4
"""Prices stay within so many times the candidate's worth."""
FIRST_RATE: Final = 0.2
"""Share of its worth that a half-day costs at first, where days range; whole days cost nothing."""


class Prices(NamedTuple):
    """Where prices stand and where they are going, per candidate.

    Attributes
    ----------
    price, rate
        Of the pairing as such, and of each half-day; in parts of a point, not yet rounded.
    push, rate_push
        Smoothed disagreement: above 0 where only the giver wants it, below where only the taker.
    size, rate_size
        What the price moves by in a step of 1.
    most
        What the price, and the rate times the most half-days, stay within.
    often
        Fading frequency of being wanted, 0 to 1.
    """

    price: NDArray[np.float64]
    rate: NDArray[np.float64]
    push: NDArray[np.float64]
    rate_push: NDArray[np.float64]
    size: NDArray[np.float64]
    rate_size: NDArray[np.float64]
    most: NDArray[np.float64]
    often: NDArray[np.float32]


class Places(NamedTuple):
    """Where each candidate belongs: positions of its offer and need, its giver and taker."""

    offer: SmallArray
    need: SmallArray
    giver: SmallArray
    taker: SmallArray


def first_prices(worth: IntArray, points: IntArray, high: SmallArray, ranged: BoolArray) -> Prices:
    """Return prices to begin with.

    Parameters
    ----------
    worth
        The most that each candidate is worth, in parts of a point.
    points, high
        Worth of a half-day, and the most half-days, per candidate.
    ranged
        Where days range.
    """
    most, size = worth.astype(np.float64), len(worth)
    return Prices(
        price=np.zeros(size),
        rate=np.where(ranged, FIRST_RATE * points, 0.0),
        push=np.zeros(size),
        rate_push=np.zeros(size),
        size=most - np.where(ranged, points * high, 0) / 2,
        rate_size=np.where(ranged, 2.0 * points, 0.0),
        most=FURTHEST * most,
        often=np.zeros(size, np.float32),
    )


@njit(cache=True, nogil=True)
def disagreement(places: Places, totals: Places, given: SmallArray, taken: SmallArray) -> int:
    """Sum by offer, need, giver and taker how many more are given than taken; count the odd ones.

    An offer that many want at once is too cheap for those who do not yet want it, too.
    """
    totals.offer[:] = 0
    totals.need[:] = 0
    totals.giver[:] = 0
    totals.taker[:] = 0
    odd = 0
    for k in range(len(given)):
        more = int(given[k] > 0) - int(taken[k] > 0)
        if more != 0:
            odd += 1
            totals.offer[places.offer[k]] += more
            totals.need[places.need[k]] += more
            totals.giver[places.giver[k]] += more
            totals.taker[places.taker[k]] += more
    return odd


@njit(cache=True, nogil=True)
def _sign(value: int) -> int:
    return int(value > 0) - int(value < 0)


@njit(cache=True, nogil=True)
def move(
    prices: Prices,
    places: Places,
    totals: Places,
    given: SmallArray,
    taken: SmallArray,
    high: SmallArray,
    step: float,
    inertia: float,
    lean: float,
    first: int,
    last: int,
) -> None:
    """Move the prices of candidates first..last against the disagreement of the two sides.

    A price leans, by `lean` for each, on what its offer, need, giver and taker disagree about in
    sum. This is a subgradient step in another metric: own disagreement and that of the four
    groups are both images of it under positive semidefinite maps, up to the signs taken.
    """
    for k in range(first, last):
        gives, takes = given[k] > 0, taken[k] > 0
        prices.often[k] = 0.9 * prices.often[k] + 0.05 * (int(gives) + int(takes))
        leaning = lean * (
            _sign(totals.offer[places.offer[k]])
            + _sign(totals.need[places.need[k]])
            + _sign(totals.giver[places.giver[k]])
            + _sign(totals.taker[places.taker[k]])
        )
        push = inertia * prices.push[k] + (1 - inertia) * (int(gives) - int(takes) + leaning)
        prices.push[k] = push
        price = prices.price[k] - step * prices.size[k] * push
        prices.price[k] = min(prices.most[k], max(-prices.most[k], price))
        if prices.rate_size[k] > 0:
            apart = (given[k] - taken[k]) / high[k]
            push = inertia * prices.rate_push[k] + (1 - inertia) * (apart + leaning)
            prices.rate_push[k] = push
            rate = prices.rate[k] - step * prices.rate_size[k] * push
            most = prices.most[k] / high[k]
            prices.rate[k] = min(most, max(-most, rate))


class Terms(NamedTuple):
    """What each side gains or pays whatever the price: points and pins, and multipliers.

    Attributes
    ----------
    give_base, take_base
        For the pairing as such, shape (candidates,).
    give_slope, take_slope
        For each half-day, shape (candidates,).
    """

    give_base: IntArray
    give_slope: IntArray
    take_base: IntArray
    take_slope: IntArray


@njit(cache=True, nogil=True)
def post(
    prices: Prices,
    terms: Terms,
    places: Places,
    give_worth: Worth,
    take_worth: Worth,
    stale: NDArray[np.bool_],
    first: int,
    last: int,
) -> None:
    """Round the prices of candidates first..last, and post what they are worth to both sides."""
    for k in range(first, last):
        price, rate = np.int64(np.rint(prices.price[k])), np.int64(np.rint(prices.rate[k]))
        low = give_worth.low[k]
        give_rate, take_rate = terms.give_slope[k] + rate, terms.take_slope[k] - rate
        give_least = terms.give_base[k] + price + give_rate * low
        take_least = terms.take_base[k] - price + take_rate * low
        if give_least != give_worth.least[k] or give_rate != give_worth.rate[k]:
            give_worth.least[k] = give_least
            give_worth.rate[k] = give_rate
            stale[places.giver[k]] = True
        if take_least != take_worth.least[k] or take_rate != take_worth.rate[k]:
            take_worth.least[k] = take_least
            take_worth.rate[k] = take_rate
            stale[places.taker[k]] = True
