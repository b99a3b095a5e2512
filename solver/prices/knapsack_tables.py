"""One side's tables: knapsacks over its groups, merged, and traced back to candidates.

Dynamic programming over (pairings, days) as for multiple-choice knapsacks (Martello and Toth,
Knapsack Problems, Wiley 1990). The mathematics is in `solver.prices.subproblems`, which joins the
two sides. All of it is compiled; the codes and limits below are compile-time constants.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from solver.arrays import IntArray, SmallArray

NARROW: Final = 8
"""Days between an item's fewest and most below which each is tried."""
NEVER: Final = -(2**61)
"""Profit of what cannot be. It stays below `POSSIBLE` whatever a participant adds to it."""
POSSIBLE: Final = -(2**60)


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
def _half_days(profits: Profits, candidate: int, days: int, unit: int) -> int:
    """Return the best half-days that count as `days` units; only a coarse unit leaves a choice."""
    if profits.rate[candidate] > 0:
        return int(min(profits.high[candidate], days * unit + unit - 1))
    return int(max(profits.low[candidate], days * unit))


@njit(cache=True, nogil=True, inline="always")
def _value(profits: Profits, candidate: int, half_days: int) -> int:
    """Return a candidate's profit with so many half-days."""
    more = half_days - profits.low[candidate]
    return int(profits.least[candidate] + profits.rate[candidate] * more)


@njit(cache=True, nogil=True, inline="always")
def profit_of(profits: Profits, candidate: int, days: int, unit: int) -> int:
    """Return a candidate's profit with so many days, in the participant's unit."""
    return _value(profits, candidate, _half_days(profits, candidate, days, unit))


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
        highest = _value(profits, candidate, profits.high[candidate])
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
        and _value(profits, other, low) >= profits.least[candidate]
        and _value(profits, other, high) >= _value(profits, candidate, high)
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


@njit(cache=True, nogil=True, inline="always")
def _try_days(
    profits: Profits,
    candidate: int,
    low: int,
    high: int,
    days_count: int,
    unit: int,
    top_days: int,
    here: IntArray,
    before: IntArray,
    choice: SmallArray,
) -> None:
    """Let a row of P hold one item more, at each number of days in turn."""
    for at in range(top_days, days_count * low - 1, -1):
        best, best_days = here[at], -1
        for days in range(low, (min(high, at) if days_count else high) + 1):
            reached = before[at - days_count * days] + profit_of(profits, candidate, days, unit)
            if reached > best:
                best, best_days = reached, days
        here[at] = best
        if len(choice) > 0:
            choice[at] = best_days + 1


@njit(cache=True, nogil=True, inline="always")
def _slide_days(
    profits: Profits,
    candidate: int,
    low: int,
    high: int,
    unit: int,
    top_days: int,
    here: IntArray,
    before: IntArray,
    window: IntArray,
    choice: SmallArray,
) -> None:
    """Let a row of P hold one item more, as a sliding window maximum.

    Between its fewest and its most days an item's profit is linear, whatever the unit is, so that
    each place of the row before enters the window once and leaves it once, however wide the range
    (Pferschy, Dynamic programming revisited: improving knapsack algorithms, Computing 63, 1999).
    """
    slope = profits.rate[candidate] * unit
    least = profit_of(profits, candidate, low, unit)
    inside = profit_of(profits, candidate, low + 1, unit)
    most = profit_of(profits, candidate, high, unit)
    first, end, new = 0, 0, top_days - low - 1
    for at in range(top_days, low - 1, -1):
        best, best_days = here[at], -1
        if before[at - low] + least > best:
            best, best_days = before[at - low] + least, low
        while first < end and window[first] > at - low - 1:
            first += 1
        while new >= 0 and new > at - high:
            if before[new] > POSSIBLE:
                while first < end and (
                    before[window[end - 1]] < before[new] + slope * (window[end - 1] - new)
                ):
                    end -= 1
                window[end] = new
                end += 1
            new -= 1
        if first < end:
            days = at - window[first]
            reached = before[at - days] + inside + slope * (days - low - 1)
            if reached > best:
                best, best_days = reached, days
        if at >= high and before[at - high] + most > best:
            best, best_days = before[at - high] + most, high
        here[at] = best
        if len(choice) > 0:
            choice[at] = best_days + 1


@njit(cache=True, nogil=True, inline="always")
def add_item(
    side: Side,
    profits: Profits,
    unit: int,
    item: int,
    most: int,
    room: int,
    top: tuple[int, int],
    table: IntArray,
    window: IntArray,
    choice: SmallArray,
) -> tuple[int, int]:
    """Let P hold one item more; return the furthest place in use, pairings and days.

    Places are filled downwards, so that none holds an item twice.

    Parameters
    ----------
    most, room
        The group's limits, -1 where they are not counted.
    top
        The furthest place in use before.
    choice
        Changed where the item is taken, see `KnapsackTables`; empty: not recorded.
    """
    counts = 1 if most >= 0 else 0
    days_count = 1 if room >= 0 else 0
    most, room = max(most, 0), max(room, 0)
    width, record = room + 1, len(choice) > 0
    candidate = side.candidate[item]
    low, high = side.low[item], side.high[item]
    top_count = min(most, top[0] + counts)
    top_days = min(room, top[1] + days_count * high)
    for count in range(top_count, counts - 1, -1):
        here = count * width
        before = here - counts * width
        # One number of days after another, unless that would let an item in twice.
        if low == high or (counts and (not days_count or high - low < NARROW)):
            for days in range(low, high + 1):
                value, step = profit_of(profits, candidate, days, unit), days_count * days
                for at in range(top_days, step - 1, -1):
                    reached = table[before + at - step] + value
                    if reached > table[here + at]:
                        table[here + at] = reached
                        if record:
                            choice[here + at] = days + 1
            continue
        here_row, before_row = table[here : here + width], table[before : before + width]
        choice_row = choice[here : here + width]
        if not days_count or high - low < NARROW:
            _try_days(
                profits, candidate, low, high, days_count, unit, top_days,
                here_row, before_row, choice_row,
            )  # fmt: skip
        else:
            _slide_days(
                profits, candidate, low, high, unit, top_days,
                here_row, before_row, window, choice_row,
            )  # fmt: skip
    return top_count, top_days


@njit(cache=True, nogil=True, inline="always")
def merge(
    value: IntArray,
    merged: IntArray,
    group: IntArray,
    group_shape: tuple[int, int],
    shape: tuple[int, int],
    step: tuple[int, int],
    top: tuple[int, int],
) -> tuple[int, int]:
    """Put V with one more group into `merged`; return the furthest place of it in use.

    Which place of P each place of V came by is found when it is traced: here nothing but a
    maximum stands in the innermost loop.

    Parameters
    ----------
    group_shape, shape
        Pairings and days of P's and V's last places.
    step
        Whether V counts pairings, and days (0 or 1).
    top
        The furthest place of V in use.
    """
    width, group_width = shape[1] + 1, group_shape[1] + 1
    merged[: (shape[0] + 1) * width] = NEVER
    most_count, most_days = top
    for count in range(group_shape[0] + 1):
        for days in range(group_width):
            gain = group[count * group_width + days]
            if gain <= POSSIBLE:
                continue
            more_count, more_days = step[0] * count, step[1] * days
            last = min(top[1], shape[1] - more_days)
            for before in range(min(top[0], shape[0] - more_count) + 1):
                source = value[before * width : before * width + last + 1]
                start = (before + more_count) * width + more_days
                target = merged[start : start + last + 1]
                for at in range(last + 1):
                    target[at] = max(target[at], source[at] + gain)
            most_count = max(most_count, min(shape[0], top[0] + more_count))
            most_days = max(most_days, min(shape[1], top[1] + more_days))
    return most_count, most_days


@njit(cache=True, nogil=True, inline="always")
def fill_side(
    side: Side, profits: Profits, participant: int, unit: int, floor: int, out: KnapsackTables
) -> IntArray:
    """Fill V of one side group by group, and return it.

    Parameters
    ----------
    unit
        Half-days that a day of the tables stands for.
    floor
        Items with no more profit are left out.
    """
    first, last = side.groups[participant], side.groups[participant + 1]
    most, room = side.most[participant], side.days[participant]
    step = (1 if most >= 0 else 0, 1 if room >= 0 else 0)
    shape = (max(most, 0), max(room, 0))
    size = (shape[0] + 1) * (shape[1] + 1)
    out.value[:size] = NEVER
    out.value[0] = 0
    out.group_at[0] = 0
    top = (0, 0)
    end, choice_end = 0, 0
    for group in range(first, last):
        group_most, group_room = side.group_most[group], side.group_days[group]
        at, start = group - first, end
        end = select(side, profits, group, floor, group_most, group_room, start, out)
        # A table need not go further than its items do.
        if group_most > end - start:
            group_most = end - start
        group_shape = (max(group_most, 0), max(group_room, 0))
        places = (group_shape[0] + 1) * (group_shape[1] + 1)
        out.ends[at], out.widths[at] = end, group_shape[1] + 1
        out.group_at[at + 1] = out.group_at[at] + places
        table = out.group[out.group_at[at] : out.group_at[at + 1]]
        table[:] = NEVER
        table[0] = 0
        group_top = (0, 0)
        for place in range(start, end):
            item, choice = out.selected[place], out.choice[choice_end : choice_end + places]
            choice[:] = 0
            out.choice_at[place] = choice_end
            choice_end += places
            group_top = add_item(
                side, profits, unit, item, group_most, group_room, group_top, table,
                out.window, choice,
            )  # fmt: skip
        value, merged = out.value[at * size :], out.value[(at + 1) * size :]
        top = merge(value, merged, table, group_shape, shape, step, top)
    return out.value[(last - first) * size : (last - first + 1) * size]


@njit(cache=True, nogil=True, inline="always")
def clear(side: Side, participant: int, wanted: SmallArray) -> None:
    """Write that a participant wants nothing on a side."""
    first, last = side.groups[participant], side.groups[participant + 1]
    for item in range(side.items[first], side.items[last]):
        wanted[side.candidate[item]] = 0


@njit(cache=True, nogil=True, inline="always")
def trace(
    side: Side,
    profits: Profits,
    participant: int,
    unit: int,
    count: int,
    days: int,
    out: KnapsackTables,
    wanted: SmallArray,
) -> None:
    """Write the half-days that led to a place of V into `wanted`, which is clear.

    Parameters
    ----------
    count, days
        The place: pairings, and days in the participant's unit.
    wanted
        Half-days per candidate, shape (candidates,).
    """
    first, last = side.groups[participant], side.groups[participant + 1]
    counts = 1 if side.most[participant] >= 0 else 0
    days_count = 1 if side.days[participant] >= 0 else 0
    width = max(side.days[participant], 0) + 1
    size = (max(side.most[participant], 0) + 1) * width
    for group in range(last - 1, first - 1, -1):
        at = group - first
        group_width = out.widths[at]
        reached = out.value[(at + 1) * size + count * width + days]
        group_count, group_days = 0, 0
        for entry in range(out.group_at[at + 1] - out.group_at[at]):
            gain = out.group[out.group_at[at] + entry]
            fewer_count = count - counts * (entry // group_width)
            fewer_days = days - days_count * (entry % group_width)
            if gain <= POSSIBLE or fewer_count < 0 or fewer_days < 0:
                continue
            if out.value[at * size + fewer_count * width + fewer_days] + gain == reached:
                group_count, group_days = entry // group_width, entry % group_width
                count, days = fewer_count, fewer_days
                break
        item_counts = 1 if side.group_most[group] >= 0 else 0
        item_days = 1 if side.group_days[group] >= 0 else 0
        start = out.ends[at - 1] if at > 0 else 0
        for place in range(out.ends[at] - 1, start - 1, -1):
            taken = out.choice[out.choice_at[place] + group_count * group_width + group_days]
            if taken > 0:
                candidate = side.candidate[out.selected[place]]
                wanted[candidate] = _half_days(profits, candidate, taken - 1, unit)
                group_count -= item_counts
                group_days -= item_days * (taken - 1)
