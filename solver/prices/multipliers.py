"""What each side gains or pays whatever the price: points, pins, and links' multipliers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from solver.formats.tables import FloatArray, IntArray
from solver.prices.decomposition import Link, Market
from solver.prices.subgradient import FURTHEST, Terms


def charges(market: Market, multiplier: FloatArray, pin_bonus: int) -> tuple[Terms, int]:
    """Return what each side gains whatever the price, and what the bound gains.

    A link's charge is rounded down and its limit's worth up, so that the bound stays one; both
    products are exact before, as multipliers have few digits.
    """
    pinned = np.where(market.pinned, pin_bonus, 0)
    give_base, give_slope = pinned.copy(), np.zeros(len(market), np.int64)
    take_base, take_slope = pinned + market.bonus, market.points.copy()
    constant = -2 * int(pinned.sum())
    for m, link in zip(multiplier.tolist(), market.links, strict=True):
        if not m:
            continue
        give, take = (give_slope, take_slope) if link.by_days else (give_base, take_base)
        give[link.gives] -= charge_of(m, link.give_weight)
        take[link.takes] -= charge_of(m, link.take_weight)
        constant += math.ceil(Fraction(m) * link.limit)
    return Terms(give_base, give_slope, take_base, take_slope), constant


def charge_of(multiplier: float, weight: IntArray) -> IntArray:
    charge: IntArray = np.floor(multiplier * weight).astype(np.int64)
    return charge


def few_digits(multiplier: FloatArray) -> FloatArray:
    """Round to 20 binary digits: times a weight below 2^30 the product is exact."""
    mantissa, exponent = np.frexp(multiplier)
    rounded: FloatArray = np.ldexp(np.rint(np.ldexp(mantissa, 20)), exponent - 20)
    return rounded


def pace_of(market: Market, link: Link) -> tuple[float, float]:
    """Return a link's typical worth per unit of weight, and the size of its typical excess."""
    taken = market.high[link.takes] if link.by_days else np.ones(len(link.takes))
    given = market.high[link.gives] if link.by_days else np.ones(len(link.gives))
    reach = float(np.abs(link.take_weight) @ taken + np.abs(link.give_weight) @ given)
    concerned = np.concatenate([link.takes, link.gives])
    if not reach:
        return 0.0, 1.0
    worth = float(market.worth()[concerned].astype(np.float64).sum()) / reach
    return worth, max(1.0, min(float(abs(link.limit)), reach))


def pin_bonus_of(market: Market) -> int:
    """Return a bonus that makes answers without charges hold their pins if any can; 0 without pins.

    Where so large a bonus would not fit 64 bits, pins are not enforced: the bound stays one.
    """
    if not market.pinned.any():
        return 0
    most = most_of_one(market)
    return most if most * most_pins(market) < 2**59 else 0


def most_of_one(market: Market) -> int:
    """Return more than what any participant's answers differ by, pins apart."""
    worth = 2 * (FURTHEST + 1) * market.worth()
    sides = [
        np.bincount(of, worth.astype(np.float64), minlength=len(market.role))
        for of in (market.places.giver, market.places.taker)
    ]
    return int((sides[0] + sides[1]).max(initial=0)) + 2


def most_pins(market: Market) -> int:
    """Return no less than the most pins of any participant."""
    pins = [
        np.bincount(of[market.pinned]).max(initial=0)
        for of in (market.places.giver, market.places.taker)
    ]
    return int(sum(pins))
