"""One side's tables: knapsacks over its groups, merged, and traced back to candidates.

Dynamic programming over (pairings, days) as for multiple-choice knapsacks (Martello and Toth,
Knapsack Problems, Wiley 1990). The mathematics is in `solver.prices.subproblems`, which joins the
two sides. All of it is compiled; the codes and limits below are compile-time constants.
"""

from __future__ import annotations

from typing import Final

from numba import njit

from solver.arrays import IntArray, SmallArray
from solver.prices.knapsack_items import (
    KnapsackTables,
    Profits,
    Side,
    half_days_of,
    profit_of,
    select,
)

NARROW: Final = 8
"""Days between an item's fewest and most below which a loop for each is sooner done than a window.

A round of a region of `ranges`, whose days differ by five at most, takes 17 ms rather than 30.
"""
NEVER: Final = -(2**61)
"""Profit of what cannot be. It stays below `POSSIBLE` whatever a participant adds to it."""
POSSIBLE: Final = -(2**60)


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
    if not days_count:
        low = high = high if profits.rate[candidate] > 0 else low
    top_count = min(most, top[0] + counts)
    top_days = min(room, top[1] + days_count * high)
    for count in range(top_count, counts - 1, -1):
        here = count * width
        before = here - counts * width
        # One number of days after another, unless that would let an item in twice.
        if low == high or (counts and high - low < NARROW):
            for days in range(low, high + 1):
                value, step = profit_of(profits, candidate, days, unit), days_count * days
                for at in range(top_days, step - 1, -1):
                    reached = table[before + at - step] + value
                    if reached > table[here + at]:
                        table[here + at] = reached
                        if record:
                            choice[here + at] = days + 1
            continue
        _slide_days(
            profits, candidate, low, high, unit, top_days,
            table[here : here + width], table[before : before + width], window,
            choice[here : here + width],
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
                wanted[candidate] = half_days_of(profits, candidate, taken - 1, unit)
                group_count -= item_counts
                group_days -= item_days * (taken - 1)
