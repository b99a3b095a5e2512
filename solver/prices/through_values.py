r"""Through-values: a participant's optimal value with each candidate of its forced in, at once.

What a side has taken before a group and what may still follow it are two tables, one filled
forwards and one backwards. Their sum over a group's own table with the candidate in is the best
response through it, as the length of a shortest path through an arc is known from both its ends.
The tables of a group without one item each come by divide and conquer. With U before group
:math:`b`, D behind it, and P of the group without the candidate,

.. math:: \max_{c, w, x} P(c, w) + r(x) + R(c + 1, w + x), \quad
          R(c', w') = \max_{c, w} U(c, w) + D(c + c', w + w').
"""

from __future__ import annotations

import numpy as np
from numba import njit

from solver.arrays import BoolArray, IntArray
from solver.prices.knapsack_items import (
    KnapsackTables,
    Profits,
    Side,
    TableSizes,
    profit_of,
    select,
    tables_of,
)
from solver.prices.knapsack_tables import NEVER, POSSIBLE, add_item, fill_side, merge
from solver.prices.subproblems import BALANCED, BOTH_ROLES, Subproblems, best_place


@njit(cache=True, nogil=True)
def _fill(
    side: Side, profits: Profits, participant: int, unit: int, floor: int, out: KnapsackTables
) -> IntArray:
    """Fill V of one side and return it; compiled once, as it is asked for twice."""
    return fill_side(side, profits, participant, unit, floor, out)


@njit(cache=True, nogil=True)
def _add(
    side: Side,
    profits: Profits,
    unit: int,
    item: int,
    group: int,
    top: tuple[int, int],
    table: IntArray,
    out: KnapsackTables,
) -> tuple[int, int]:
    """Let P hold one item more, recording nothing; return the furthest place in use."""
    most, room = side.group_most[group], side.group_days[group]
    return add_item(side, profits, unit, item, most, room, top, table, out.window, out.choice[:0])


@njit(cache=True, nogil=True)
def _join(
    behind: IntArray,
    shape: tuple[int, int],
    other: IntArray,
    other_shape: tuple[int, int],
    role: int,
    allowance: int,
    gives: bool,
) -> None:
    """Write the best that the other side adds to each place of this side's V, a candidate in.

    Parameters
    ----------
    behind
        Written: D behind the last group, of shape `shape` flat, pairings and days each plus one.
    other
        V of the other side.
    gives
        Whether this side is the give side.
    """
    width, other_width = shape[1] + 1, other_shape[1] + 1
    size, other_size = (shape[0] + 1) * width, (other_shape[0] + 1) * other_width
    if role == BALANCED:
        most = np.full(other_width, NEVER, np.int64)
        for at in range(other_size):
            most[at % other_width] = max(most[at % other_width], other[at])
        if gives:
            for days in range(1, other_width):
                most[days] = max(most[days], most[days - 1])
        else:
            for days in range(other_width - 2, -1, -1):
                most[days] = max(most[days], most[days + 1])
        for at in range(size):
            days = at % width
            if gives:
                behind[at] = most[min(days + allowance, other_width - 1)]
            else:
                least = max(0, days - allowance)
                behind[at] = most[least] if least < other_width else NEVER
        return
    least = 1 if role == BOTH_ROLES and not gives else 0
    best = NEVER
    for at in range(other_size):
        if at % other_width >= least:
            best = max(best, other[at])
    behind[:size] = best


@njit(cache=True, nogil=True)
def _fill_group(
    side: Side, profits: Profits, unit: int, group: int, start: int, end: int, out: KnapsackTables
) -> tuple[int, int]:
    """Fill P of a group from its selected items; return its last place, pairings and days."""
    most, room = side.group_most[group], side.group_days[group]
    shape = (max(most, 0), max(room, 0))
    size = (shape[0] + 1) * (shape[1] + 1)
    out.group[:size] = NEVER
    out.group[0] = 0
    top = (0, 0)
    for place in range(start, end):
        top = _add(side, profits, unit, out.selected[place], group, top, out.group, out)
    return shape


@njit(cache=True, nogil=True)
def _rest(
    before: IntArray,
    behind: IntArray,
    shape: tuple[int, int],
    step: tuple[int, int],
    group_shape: tuple[int, int],
    rest: IntArray,
) -> None:
    """Write R: the best that all but a group adds to each place of its P."""
    width, group_width = shape[1] + 1, group_shape[1] + 1
    for entry in range((group_shape[0] + 1) * group_width):
        count, days = step[0] * (entry // group_width), step[1] * (entry % group_width)
        best = NEVER
        for before_count in range(shape[0] - count + 1):
            source = before_count * width
            target = (before_count + count) * width + days
            for at in range(width - days):
                if before[source + at] > POSSIBLE and behind[target + at] > POSSIBLE:
                    best = max(best, before[source + at] + behind[target + at])
        rest[entry] = best


@njit(cache=True, nogil=True)
def _step_back(
    behind: IntArray,
    spare: IntArray,
    group: IntArray,
    shape: tuple[int, int],
    step: tuple[int, int],
    group_shape: tuple[int, int],
) -> None:
    """Put D before a group into `behind`, from D behind it."""
    width, group_width = shape[1] + 1, group_shape[1] + 1
    size = (shape[0] + 1) * width
    spare[:size] = NEVER
    for entry in range((group_shape[0] + 1) * group_width):
        gain = group[entry]
        if gain <= POSSIBLE:
            continue
        count, days = step[0] * (entry // group_width), step[1] * (entry % group_width)
        for before_count in range(shape[0] - count + 1):
            source = before_count * width
            target = (before_count + count) * width + days
            for at in range(width - days):
                spare[source + at] = max(spare[source + at], behind[target + at] + gain)
    behind[:size] = spare[:size]


@njit(cache=True, nogil=True)
def _through_item(
    side: Side, profits: Profits, unit: int, item: int, group: int, table: IntArray, rest: IntArray
) -> int:
    """Return the best value with an item added to a group's table without it."""
    most, room = side.group_most[group], side.group_days[group]
    counts, days_count = 1 if most >= 0 else 0, 1 if room >= 0 else 0
    most, room = max(most, 0), max(room, 0)
    width = room + 1
    best = POSSIBLE
    for days in range(side.low[item], side.high[item] + 1):
        value, step = profit_of(profits, side.candidate[item], days, unit), days_count * days
        for count in range(most - counts + 1):
            source, target = count * width, (count + counts) * width + step
            for at in range(width - step):
                if table[source + at] > POSSIBLE and rest[target + at] > POSSIBLE:
                    best = max(best, table[source + at] + value + rest[target + at])
    return best


@njit(cache=True, nogil=True)
def _through_group(
    side: Side,
    profits: Profits,
    unit: int,
    group: int,
    start: int,
    end: int,
    size: int,
    out: KnapsackTables,
    rest: IntArray,
    through: IntArray,
    stop: BoolArray,
) -> None:
    """Write the values through all items of a group, whose P stands in `out.group`.

    Parameters
    ----------
    size
        Places of P.
    rest
        R of the group.
    """
    chosen = np.zeros(side.items[group + 1] - side.items[group], np.bool_)
    for place in range(start, end):
        chosen[out.selected[place] - side.items[group]] = True
    for item in range(side.items[group], side.items[group + 1]):
        # What is not selected has betters enough to fill any response without it.
        if not chosen[item - side.items[group]]:
            through[side.candidate[item]] = _through_item(
                side, profits, unit, item, group, out.group, rest
            )
    if end == start:
        return
    # Divide and conquer: the table at a depth holds all items but those of its part.
    depth = 2
    while 2 ** (depth - 2) < end - start:
        depth += 1
    without = np.full((depth, size), NEVER, np.int64)
    without[0, 0] = 0
    top = np.zeros((depth, 2), np.int64)
    parts = np.zeros((2 * depth, 5), np.int64)
    parts[0, 0], parts[0, 1] = start, end
    waiting = 1
    while waiting and not stop[0]:
        waiting -= 1
        first, last, level = parts[waiting, 0], parts[waiting, 1], parts[waiting, 2]
        if level:
            without[level] = without[level - 1]
            top[level] = top[level - 1]
        for place in range(parts[waiting, 3], parts[waiting, 4]):
            item, table = out.selected[place], without[level]
            top[level, 0], top[level, 1] = _add(
                side, profits, unit, item, group, (top[level, 0], top[level, 1]), table, out
            )
        if last - first == 1:
            item = out.selected[first]
            through[side.candidate[item]] = _through_item(
                side, profits, unit, item, group, without[level], rest
            )
            continue
        middle = (first + last) // 2
        for part_first, part_last, other_first, other_last in (
            (middle, last, first, middle),
            (first, middle, middle, last),
        ):
            parts[waiting, 0], parts[waiting, 1] = part_first, part_last
            parts[waiting, 2] = level + 1
            parts[waiting, 3], parts[waiting, 4] = other_first, other_last
            waiting += 1


@njit(cache=True, nogil=True)
def _through_side(
    side: Side,
    profits: Profits,
    participant: int,
    unit: int,
    floor: int,
    behind: IntArray,
    out: KnapsackTables,
    through: IntArray,
    stop: BoolArray,
) -> None:
    """Write the values through all items of one side; `behind` holds what the other side adds."""
    first, last = side.groups[participant], side.groups[participant + 1]
    most, room = side.most[participant], side.days[participant]
    step = (1 if most >= 0 else 0, 1 if room >= 0 else 0)
    shape = (max(most, 0), max(room, 0))
    size = (shape[0] + 1) * (shape[1] + 1)
    before = np.full((last - first + 1, size), NEVER, np.int64)
    before[0, 0] = 0
    top = (0, 0)
    ends = np.zeros(last - first + 1, np.int64)
    for group in range(first, last):
        at = group - first
        group_most, group_room = side.group_most[group], side.group_days[group]
        ends[at + 1] = select(side, profits, group, floor, group_most, group_room, ends[at], out)
        group_shape = _fill_group(side, profits, unit, group, ends[at], ends[at + 1], out)
        top = merge(before[at], before[at + 1], out.group, group_shape, shape, step, top)
        if stop[0]:
            return
    rest, spare = np.empty(len(out.window), np.int64), np.empty(size, np.int64)
    for group in range(last - 1, first - 1, -1):
        at = group - first
        group_shape = _fill_group(side, profits, unit, group, ends[at], ends[at + 1], out)
        places = (group_shape[0] + 1) * (group_shape[1] + 1)
        _rest(before[at], behind, shape, step, group_shape, rest)
        _through_group(
            side, profits, unit, group, ends[at], ends[at + 1], places, out, rest, through, stop
        )
        if stop[0]:
            return
        _step_back(behind, spare, out.group, shape, step, group_shape)


@njit(cache=True, nogil=True)
def through_values(
    give: Side,
    take: Side,
    give_profits: Profits,
    take_profits: Profits,
    problems: Subproblems,
    give_sizes: TableSizes,
    take_sizes: TableSizes,
    gives: IntArray,
    takes: IntArray,
    stop: BoolArray,
    first: int,
    last: int,
) -> None:
    """Write the optimal values of participants first..last with one candidate of theirs forced in.

    What is lost by that, at both ends, is the candidate's reduced cost.

    Parameters
    ----------
    gives, takes
        Written, one entry per candidate: the values of its giver and of its taker, in parts of a
        point; `POSSIBLE` where no response holds it.
    stop
        One entry, looked at between groups and items: whether to leave off.
    """
    giving, taking = tables_of(give_sizes), tables_of(take_sizes)
    behind = np.empty(max(give_sizes.value, take_sizes.value), np.int64)
    for participant in range(first, last):
        if stop[0]:
            return
        role, unit = problems.role[participant], problems.unit[participant]
        allowance = problems.allowance[participant]
        take_shape = (max(take.most[participant], 0), max(take.days[participant], 0))
        give_shape = (max(give.most[participant], 0), max(give.days[participant], 0))
        taken = _fill(take, take_profits, participant, unit, 0, taking)
        best = best_place(taken, take_shape[0], take_shape[1], 0)[0]
        if give.items[give.groups[participant]] < give.items[give.groups[participant + 1]]:
            floor = -best if role in (BALANCED, BOTH_ROLES) else 0
            _join(behind, give_shape, taken, take_shape, role, allowance, True)
            _through_side(give, give_profits, participant, unit, floor, behind, giving, gives, stop)
        if take.items[take.groups[participant]] < take.items[take.groups[participant + 1]]:
            # Taking may be forced at any loss, and so be worth giving at any loss.
            floor = POSSIBLE if role in (BALANCED, BOTH_ROLES) else 0
            given = _fill(give, give_profits, participant, unit, floor, giving)
            _join(behind, take_shape, given, give_shape, role, allowance, False)
            _through_side(take, take_profits, participant, unit, 0, behind, taking, takes, stop)
