"""Items of knapsacks: what they are worth to one side, and which of them a response can need.

An item is a candidate in its group: an offer's on the give side, a need's on the take side. Of
items that others stand in for only as many stay as a response can hold (dominance). All of it is
compiled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from solver.arrays import IntArray, SmallArray


class Side(NamedTuple):
    """All give sides, or all take sides, of a decomposition.

    Attributes
    ----------
    groups
        First group of each participant, shape (participants + 1,).
    items
        First item of each group, shape (groups + 1,).
    candidate
        Candidate of each item; within a group those with fixed days come first, by days.
    low, high
        Fewest and most days of each item, in the participant's unit.
    group_days, group_most
        Most days (in the participant's unit) and pairings of a group; -1 where it cannot bind.
    days, most
        The same of each participant; -1 where it cannot bind.
    """

    groups: IntArray
    items: IntArray
    candidate: IntArray
    low: SmallArray
    high: SmallArray
    group_days: SmallArray
    group_most: SmallArray
    days: SmallArray
    most: SmallArray


class Profits(NamedTuple):
    """What candidates are worth to one side at given prices, in parts of a point.

    The profits of knapsack problems; the days are their weights.

    Attributes
    ----------
    least
        Profit with the fewest half-days, shape (candidates,).
    rate
        Profit of each half-day more, shape (candidates,).
    low, high
        Fewest and most half-days, shape (candidates,).
    """

    least: IntArray
    rate: IntArray
    low: SmallArray
    high: SmallArray


class KnapsackTables(NamedTuple):
    """Room for the tables of one side, enough for every participant of a slice.

    Attributes
    ----------
    value
        V without a group, then with one group more each, flat.
    group, group_at
        P of each group, flat, and the first place of each.
    window
        Days that may still be the best, of one item and row of P.
    choice
        Per item and place of P: days + 1 that the item has there, 0 if it is not in.
    choice_at
        First choice of each selected item.
    selected, profit
        Items selected, and their profits: the highest that each can have, before more are left out.
    ends, widths
        Per group: where its selected items end, and the width of P.
    """

    value: IntArray
    group: IntArray
    group_at: IntArray
    window: IntArray
    choice: SmallArray
    choice_at: IntArray
    selected: IntArray
    profit: IntArray
    ends: IntArray
    widths: IntArray


class TableSizes(NamedTuple):
    """Places that the tables of one side need, see `KnapsackTables`.

    Attributes
    ----------
    value, group
        Of the largest V and P.
    values, group_places
        Of all V and of all P of one participant.
    choice, items, groups
        Choices, items and groups of one participant.
    """

    value: int
    group: int
    values: int
    group_places: int
    choice: int
    items: int
    groups: int


@njit(cache=True, nogil=True, inline="always")
def tables_of(sizes: TableSizes) -> KnapsackTables:
    """Return room for tables, not yet filled."""
    return KnapsackTables(
        np.empty(sizes.values, np.int64),
        np.empty(sizes.group_places, np.int64),
        np.empty(sizes.groups + 1, np.int64),
        np.empty(sizes.group, np.int64),
        np.empty(sizes.choice, np.int32),
        np.empty(sizes.items, np.int64),
        np.empty(sizes.items, np.int64),
        np.empty(sizes.items, np.int64),
        np.empty(sizes.groups, np.int64),
        np.empty(sizes.groups, np.int64),
    )


@njit(cache=True, nogil=True, inline="always")
def half_days_of(profits: Profits, candidate: int, days: int, unit: int) -> int:
    """Return the best half-days that count as `days` units; only a coarse unit leaves a choice."""
    if profits.rate[candidate] > 0:
        return int(min(profits.high[candidate], days * unit + unit - 1))
    return int(max(profits.low[candidate], days * unit))


@njit(cache=True, nogil=True, inline="always")
def value_of(profits: Profits, candidate: int, half_days: int) -> int:
    """Return a candidate's profit with so many half-days."""
    more = half_days - profits.low[candidate]
    return int(profits.least[candidate] + profits.rate[candidate] * more)


@njit(cache=True, nogil=True, inline="always")
def profit_of(profits: Profits, candidate: int, days: int, unit: int) -> int:
    """Return a candidate's profit with so many days, in the participant's unit."""
    return value_of(profits, candidate, half_days_of(profits, candidate, days, unit))


@njit(cache=True, nogil=True, inline="always")
def _select_ranged(
    side: Side,
    profits: Profits,
    group: int,
    first: int,
    floor: int,
    most: int,
    start: int,
    out: KnapsackTables,
) -> int:
    """Select the items of a group whose days range, which are its last, from `first` on.

    Betters are looked for among as many of the highest profit as a response can hold.
    """
    end = start
    for item in range(first, side.items[group + 1]):
        candidate = side.candidate[item]
        highest = value_of(profits, candidate, profits.high[candidate])
        highest = max(profits.least[candidate], highest)
        if highest > floor:
            out.selected[end], out.profit[end] = item, highest
            end += 1
    if most < 0 or most >= end - start:
        return end
    for better in range(start, start + most):
        best = better
        for place in range(better + 1, end):
            if out.profit[place] > out.profit[best]:
                best = place
        out.selected[better], out.selected[best] = out.selected[best], out.selected[better]
        out.profit[better], out.profit[best] = out.profit[best], out.profit[better]
    kept = start + most
    for place in range(start + most, end):
        item = out.selected[place]
        for better in range(start, start + most):
            other = side.candidate[out.selected[better]]
            if not _stands_in(profits, other, side.candidate[item]):
                out.selected[kept] = item
                kept += 1
                break
    return kept


@njit(cache=True, nogil=True, inline="always")
def _stands_in(profits: Profits, other: int, candidate: int) -> bool:
    """Return whether another candidate is worth no less on all days that a candidate can have."""
    low, high = profits.low[candidate], profits.high[candidate]
    return bool(
        profits.low[other] <= low
        and profits.high[other] >= high
        and value_of(profits, other, low) >= profits.least[candidate]
        and value_of(profits, other, high) >= value_of(profits, candidate, high)
    )


@njit(cache=True, nogil=True, inline="always")
def select(
    side: Side,
    profits: Profits,
    group: int,
    floor: int,
    most: int,
    room: int,
    start: int,
    out: KnapsackTables,
) -> int:
    """Select the items of a group that some optimal response holds; return where they end.

    An item with a profit of no more than `floor` is left out. So is one that has as many betters
    of the same days, or of any days that it can have, as a response can hold: one of the betters is
    free to stand in for it.
    """
    end = start
    run, run_days = start, -1
    for item in range(side.items[group], side.items[group + 1]):
        candidate = side.candidate[item]
        value = profits.least[candidate]
        if profits.low[candidate] != profits.high[candidate]:
            return _select_ranged(side, profits, group, item, floor, most, end, out)
        if value <= floor:
            continue
        days = side.low[item]
        if days != run_days:
            run, run_days = end, days
        alike = end - run
        if (most >= 0 and alike >= most) or (room >= 0 and (alike + 1) * days > room):
            if alike == 0 or value <= out.profit[end - 1]:
                continue
            end -= 1
        place = end
        while place > run and out.profit[place - 1] < value:
            out.profit[place] = out.profit[place - 1]
            out.selected[place] = out.selected[place - 1]
            place -= 1
        out.profit[place] = value
        out.selected[place] = item
        end += 1
    return end
