r"""The kernel of price coordination: one participant's true best answer to prices.

A participant has two sides, alike in form. On its give side it serves candidates of its offers,
on its take side it takes candidates of its needs. Offers and needs are *groups*: a group :math:`b`
has at most :math:`m_b` pairings and :math:`d_b` days, a side at most :math:`m` and :math:`d`.

Dynamic programming over one group's candidates, each with worth :math:`r_k` and days :math:`x_k`,

.. math:: P_b(c, w) = \max_{S} \Bigl\{ \sum_{k \in S} r_k : |S| = c, \sum_{k \in S} x_k = w \Bigr\},

and over the groups of a side,

.. math:: V(c, w) = \max \Bigl\{ \sum_b P_b(c_b, w_b) : \sum_b c_b = c, \sum_b w_b = w \Bigr\},

gives T for the take side and F for the give side. The two meet in reciprocity: with an allowance
:math:`a`, the best answer is worth

.. math:: \max_v \Bigl\{ \max_c T(c, v) + \max_{w \ge v - a} \max_c F(c, w) \Bigr\}.

A dimension that cannot bind is not counted: its table has one place and its weight is 0. Days are
counted in a unit of the participant's own, the largest that divides all of its days.

All sums are of 64-bit integers. Nothing here rounds, so a sum of answers is a bound exactly.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solver.prices.knapsack_tables import (
    NEVER,
    IntArray,
    Side,
    Sizes,
    SmallArray,
    Tables,
    Worth,
    clear,
    fill_side,
    tables_of,
    trace,
)

FREE_ROLES: Final = 0
BALANCED: Final = 1
BOTH_ROLES: Final = 2


@njit(cache=True, nogil=True, inline="always")
def _best(out: Tables, most: int, room: int, least: int) -> tuple[int, int, int]:
    """Return the best worth in V with at least `least` days, and its place."""
    best, best_count, best_days = NEVER, 0, 0
    width = max(room, 0) + 1
    for count in range(max(most, 0) + 1):
        for days in range(least, width):
            if out.value[count * width + days] > best:
                best, best_count, best_days = out.value[count * width + days], count, days
    return best, best_count, best_days


@njit(cache=True, nogil=True, inline="always")
def answer(
    give: Side,
    take: Side,
    role: int,
    allowance: int,
    unit: int,
    give_worth: Worth,
    take_worth: Worth,
    participant: int,
    giving: Tables,
    taking: Tables,
    given: SmallArray,
    taken: SmallArray,
    credit: IntArray,
) -> int:
    """Return the worth of a participant's best answer, and write its half-days.

    Giving at a loss can pay only for taking, so that some best answer does without what is given at
    a loss of the worth of all taking or more: that is the floor of the give side.
    """
    take_most, take_room = take.most[participant], take.days[participant]
    give_most, give_room = give.most[participant], give.days[participant]
    fill_side(take, take_worth, participant, unit, 0, taking)
    most_taken = _best(taking, take_most, take_room, 0)
    floor = 0 if role == FREE_ROLES else -most_taken[0]
    fill_side(give, give_worth, participant, unit, floor, giving)
    best_take, best_give = most_taken, _best(giving, give_most, give_room, 0)
    total = best_take[0] + best_give[0]
    takes = True
    if role == BOTH_ROLES:
        some = _best(giving, give_most, give_room, 1)
        takes = some[0] + best_take[0] >= best_give[0]
        if takes:
            total, best_give = some[0] + best_take[0], some
        else:
            total = best_give[0]
    elif role == BALANCED:
        total = NEVER
        width = take_room + 1
        # credit[w]: place of the best of F with w days or more.
        place = -1
        for days in range(give_room, -1, -1):
            for count in range(max(give_most, 0) + 1):
                at = count * (give_room + 1) + days
                if place < 0 or giving.value[at] > giving.value[place]:
                    place = at
            credit[days] = place
        for days in range(width):
            least = max(0, days - allowance)
            if least > give_room:
                break
            for count in range(max(take_most, 0) + 1):
                worth = taking.value[count * width + days]
                if worth + giving.value[credit[least]] > total:
                    total = worth + giving.value[credit[least]]
                    best_take = (worth, count, days)
                    at = credit[least]
                    best_give = (giving.value[at], at // (give_room + 1), at % (give_room + 1))
    clear(take, participant, taken)
    if takes:
        trace(take, take_worth, participant, unit, best_take[1], best_take[2], taking, taken)
    clear(give, participant, given)
    trace(give, give_worth, participant, unit, best_give[1], best_give[2], giving, given)
    return total


class Respondents(NamedTuple):
    """What a slice of participants is asked with, and where their answers go.

    Attributes
    ----------
    role, allowance, unit
        How giving and taking are held together, per participant; days in its unit, and the
        half-days of the unit.
    stale
        Participants that some price of theirs has moved for, and that are asked; cleared.
    value
        Worth of each participant's best answer.
    given, taken
        Half-days of each candidate in its giver's and its taker's best answer, 0 for none.
    """

    role: SmallArray
    allowance: SmallArray
    unit: SmallArray
    stale: NDArray[np.bool_]
    value: IntArray
    given: SmallArray
    taken: SmallArray


@njit(cache=True, nogil=True)
def ask(
    give: Side,
    take: Side,
    give_worth: Worth,
    take_worth: Worth,
    who: Respondents,
    give_sizes: Sizes,
    take_sizes: Sizes,
    first: int,
    last: int,
) -> int:
    """Ask the participants first..last whose prices moved; return how many were asked.

    Slices share nothing that is written, so that several threads may ask at once.
    """
    giving, taking = tables_of(give_sizes), tables_of(take_sizes)
    credit = np.empty(give_sizes.value, np.int64)
    asked = 0
    for participant in range(first, last):
        if not who.stale[participant]:
            continue
        who.stale[participant] = False
        asked += 1
        who.value[participant] = answer(
            give,
            take,
            who.role[participant],
            who.allowance[participant],
            who.unit[participant],
            give_worth,
            take_worth,
            participant,
            giving,
            taking,
            who.given,
            who.taken,
            credit,
        )
    return asked


@njit(cache=True, nogil=True)
def ask_forced(
    give: Side,
    take: Side,
    give_worth: Worth,
    take_worth: Worth,
    who: Respondents,
    give_sizes: Sizes,
    take_sizes: Sizes,
    bonus: int,
    gives: IntArray,
    takes: IntArray,
    first: int,
    last: int,
) -> None:
    """Write what the participants first..last are worth if one candidate of theirs is in.

    `bonus` makes the best answer hold the candidate if any does; were it too small for that, what
    is written is more than the truth. `gives` and `takes`, one entry per candidate, are for its
    giver and its taker. The answers themselves are spoiled.
    """
    giving, taking = tables_of(give_sizes), tables_of(take_sizes)
    credit = np.empty(give_sizes.value, np.int64)
    for participant in range(first, last):
        for serves in (True, False):
            side = give if serves else take
            worth = give_worth if serves else take_worth
            out = gives if serves else takes
            start = side.items[side.groups[participant]]
            for item in range(start, side.items[side.groups[participant + 1]]):
                candidate = side.candidate[item]
                worth.least[candidate] += bonus
                out[candidate] = -bonus + answer(
                    give,
                    take,
                    who.role[participant],
                    who.allowance[participant],
                    who.unit[participant],
                    give_worth,
                    take_worth,
                    participant,
                    giving,
                    taking,
                    who.given,
                    who.taken,
                    credit,
                )
                worth.least[candidate] -= bonus
