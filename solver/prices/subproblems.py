r"""The Lagrangian subproblems: one participant's optimal response to prices, exactly.

A participant has two sides, alike in form. On its give side it serves candidates of its offers,
on its take side it takes candidates of its needs. Offers and needs are *groups*: a group :math:`b`
has at most :math:`m_b` pairings and :math:`d_b` days, a side at most :math:`m` and :math:`d`.

Dynamic programming over one group's candidates, each with profit :math:`r_k` and days :math:`x_k`,

.. math:: P_b(c, w) = \max_{S} \Bigl\{ \sum_{k \in S} r_k : |S| = c, \sum_{k \in S} x_k = w \Bigr\},

and over the groups of a side,

.. math:: V(c, w) = \max \Bigl\{ \sum_b P_b(c_b, w_b) : \sum_b c_b = c, \sum_b w_b = w \Bigr\},

gives T for the take side and F for the give side. The two meet in reciprocity: with an allowance
:math:`a`, the optimal response is worth

.. math:: \max_v \Bigl\{ \max_c T(c, v) + \max_{w \ge v - a} \max_c F(c, w) \Bigr\}.

A dimension that cannot bind is not counted: its table has one place and its weight is 0. Days are
counted in a unit of the participant's own, the largest that divides all of its days.

All sums are of 64-bit integers. Nothing here rounds, so a sum of optimal values is a bound exactly.
The codes of roles are compile-time constants.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from solver.arrays import BoolArray, IntArray, SmallArray
from solver.prices.knapsack_items import KnapsackTables, Profits, Side, TableSizes, tables_of
from solver.prices.knapsack_tables import NEVER, clear, fill_side, trace

FREE_ROLES: Final = 0
BALANCED: Final = 1
BOTH_ROLES: Final = 2


@njit(cache=True, nogil=True, inline="always")
def best_place(value: IntArray, most: int, room: int, least: int) -> tuple[int, int, int]:
    """Return the best value in V with at least `least` days, and its place."""
    best, best_count, best_days = NEVER, 0, 0
    width = max(room, 0) + 1
    for count in range(max(most, 0) + 1):
        for days in range(least, width):
            if value[count * width + days] > best:
                best, best_count, best_days = value[count * width + days], count, days
    return best, best_count, best_days


@njit(cache=True, nogil=True, inline="always")
def solve_subproblem(
    give: Side,
    take: Side,
    role: int,
    allowance: int,
    unit: int,
    give_profits: Profits,
    take_profits: Profits,
    participant: int,
    giving: KnapsackTables,
    taking: KnapsackTables,
    given: SmallArray,
    taken: SmallArray,
    credit: IntArray,
) -> int:
    """Return the value of a participant's optimal response, and write its half-days.

    Giving at a loss can pay only for taking, so that some optimal response does without what is
    given at a loss of the value of all taking or more: that is the floor of the give side.

    Parameters
    ----------
    role, allowance, unit
        How the two sides are held together, see `Subproblems`.
    giving, taking, credit
        Room to work in.
    given, taken
        Written: the response, half-days per candidate.

    Returns
    -------
    Parts of a point.
    """
    take_most, take_room = take.most[participant], take.days[participant]
    give_most, give_room = give.most[participant], give.days[participant]
    take_value = fill_side(take, take_profits, participant, unit, 0, taking)
    most_taken = best_place(take_value, take_most, take_room, 0)
    floor = 0 if role == FREE_ROLES else -most_taken[0]
    give_value = fill_side(give, give_profits, participant, unit, floor, giving)
    best_take, best_give = most_taken, best_place(give_value, give_most, give_room, 0)
    total = best_take[0] + best_give[0]
    takes = True
    if role == BOTH_ROLES:
        some = best_place(give_value, give_most, give_room, 1)
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
                if place < 0 or give_value[at] > give_value[place]:
                    place = at
            credit[days] = place
        for days in range(width):
            least = max(0, days - allowance)
            if least > give_room:
                break
            for count in range(max(take_most, 0) + 1):
                value = take_value[count * width + days]
                if value + give_value[credit[least]] > total:
                    total = value + give_value[credit[least]]
                    best_take = (value, count, days)
                    at = credit[least]
                    best_give = (give_value[at], at // (give_room + 1), at % (give_room + 1))
    clear(take, participant, taken)
    if takes:
        trace(take, take_profits, participant, unit, best_take[1], best_take[2], taking, taken)
    clear(give, participant, given)
    trace(give, give_profits, participant, unit, best_give[1], best_give[2], giving, given)
    return total


class Subproblems(NamedTuple):
    """The subproblems of all participants, and where their responses go.

    Attributes
    ----------
    role, allowance, unit
        How giving and taking are held together, per participant: the code of its reciprocity, its
        allowance in its unit, and the half-days of the unit.
    stale
        Participants that some price of theirs has moved for, to be solved again; cleared then.
    value
        Optimal value of each participant, in parts of a point.
    given, taken
        Half-days of each candidate in its giver's and its taker's response, 0 for none.
    """

    role: SmallArray
    allowance: SmallArray
    unit: SmallArray
    stale: BoolArray
    value: IntArray
    given: SmallArray
    taken: SmallArray


@njit(cache=True, nogil=True)
def solve_subproblems(
    give: Side,
    take: Side,
    give_profits: Profits,
    take_profits: Profits,
    problems: Subproblems,
    give_sizes: TableSizes,
    take_sizes: TableSizes,
    stop: BoolArray,
    first: int,
    last: int,
) -> int:
    """Solve the subproblems of participants first..last whose prices moved; return how many.

    Slices share nothing that is written, so that several threads may solve at once.

    Parameters
    ----------
    stop
        One entry, looked at between participants: whether to leave off.
    """
    giving, taking = tables_of(give_sizes), tables_of(take_sizes)
    credit = np.empty(give_sizes.value, np.int64)
    solved = 0
    for participant in range(first, last):
        if stop[0]:
            break
        if not problems.stale[participant]:
            continue
        problems.stale[participant] = False
        solved += 1
        problems.value[participant] = solve_subproblem(
            give,
            take,
            problems.role[participant],
            problems.allowance[participant],
            problems.unit[participant],
            give_profits,
            take_profits,
            participant,
            giving,
            taking,
            problems.given,
            problems.taken,
            credit,
        )
    return solved
