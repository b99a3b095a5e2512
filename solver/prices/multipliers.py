"""Multipliers of linking constraints: what they charge each side, and what the bound gains.

With the points and the bonus of pins this is all that a side gains or pays whatever the price.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from solver.arrays import FloatArray, IntArray
from solver.prices.decomposition import Decomposition, Link
from solver.prices.subgradient import LagrangianTerms


def lagrangian_terms(
    decomposition: Decomposition, multiplier: FloatArray, pin_bonus: int
) -> tuple[LagrangianTerms, int]:
    """Return what each side gains whatever the price, and what the bound gains.

    A link's charge is rounded down and its limit's price up, so that the bound stays one; both
    products are exact before, as multipliers have few digits.

    Parameters
    ----------
    multiplier
        Per link of the decomposition, in parts of a point per unit, >= 0.
    pin_bonus
        Parts of a point that both sides of a pinned candidate gain, see `pin_bonus_of`.
    """
    pinned = np.where(decomposition.pinned, pin_bonus, 0)
    give_base, give_slope = pinned.copy(), np.zeros(len(decomposition), np.int64)
    take_base, take_slope = pinned + decomposition.bonus, decomposition.points.copy()
    constant = -2 * int(pinned.sum())
    for m, link in zip(multiplier.tolist(), decomposition.links, strict=True):
        if not m:
            continue
        give, take = (give_slope, take_slope) if link.by_days else (give_base, take_base)
        give[link.gives] -= charge_of(m, link.give_weight)
        take[link.takes] -= charge_of(m, link.take_weight)
        constant += math.ceil(Fraction(m) * link.limit)
    return LagrangianTerms(give_base, give_slope, take_base, take_slope), constant


def charge_of(multiplier: float, weight: IntArray) -> IntArray:
    """Return the whole parts of a point charged per unit, rounded down."""
    charge: IntArray = np.floor(multiplier * weight).astype(np.int64)
    return charge


def few_digits(multiplier: FloatArray) -> FloatArray:
    """Round to 20 binary digits: times a weight below 2^30 the product is exact."""
    mantissa, exponent = np.frexp(multiplier)
    rounded: FloatArray = np.ldexp(np.rint(np.ldexp(mantissa, 20)), exponent - 20)
    return rounded


def pace_of(decomposition: Decomposition, link: Link) -> tuple[float, float]:
    """Return how fast a link's multiplier moves: typical points per unit of weight, typical excess.

    The first is in parts of a point, the second in the link's own units, >= 1.
    """
    taken = decomposition.high[link.takes] if link.by_days else np.ones(len(link.takes))
    given = decomposition.high[link.gives] if link.by_days else np.ones(len(link.gives))
    reach = float(np.abs(link.take_weight) @ taken + np.abs(link.give_weight) @ given)
    concerned = np.concatenate([link.takes, link.gives])
    if not reach:
        return 0.0, 1.0
    points = float(decomposition.contributions()[concerned].astype(np.float64).sum()) / reach
    return points, max(1.0, min(float(abs(link.limit)), reach))


def pin_bonus_of(decomposition: Decomposition, price_limit: int) -> int:
    """Return a bonus that makes responses without charges hold their pins; 0 without pins.

    Where so large a bonus would not fit 64 bits, pins are not enforced: the bound stays one.
    """
    if not decomposition.pinned.any():
        return 0
    most = most_of_one(decomposition, price_limit)
    return most if most * most_pins(decomposition) < 2**59 else 0


def most_of_one(decomposition: Decomposition, price_limit: int) -> int:
    """Return more than what any participant's responses differ by in value, pins apart."""
    span = 2 * (price_limit + 1) * decomposition.contributions()
    sides = [
        np.bincount(of, span.astype(np.float64), minlength=len(decomposition.role))
        for of in (decomposition.incidence.giver, decomposition.incidence.taker)
    ]
    return int((sides[0] + sides[1]).max(initial=0)) + 2


def most_pins(decomposition: Decomposition) -> int:
    """Return no less than the most pins of any participant."""
    pins = [
        np.bincount(of[decomposition.pinned]).max(initial=0)
        for of in (decomposition.incidence.giver, decomposition.incidence.taker)
    ]
    return int(sum(pins))
