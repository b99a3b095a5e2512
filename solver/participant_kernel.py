"""What every participant would give and take at given prices: the compiled inner loop.

A candidate's price is `fixed + daily * half_days` points, paid by its taker to its giver. Numbers
are whole, so values are exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solver.problem import IntArray

LOWEST = -(2**60)


@njit(cache=True)
def _add_candidate(
    one: IntArray, lengths: NDArray[np.int32], low: int, high: int, fixed: int, daily: int
) -> None:
    """Let an offer's table choose one candidate more, of any length from low to high."""
    for c in range(one.shape[0] - 1, 0, -1):
        for w in range(one.shape[1] - 1, low - 1, -1):
            top, length = one[c, w], 0
            for days in range(low, min(high, w) + 1):
                before = one[c - 1, w - days]
                if before > LOWEST and before + fixed + daily * days > top:
                    top, length = before + fixed + daily * days, days
            one[c, w] = top
            lengths[c, w] = length


@njit(cache=True)
def _merged(best: IntArray, one: IntArray, splits: NDArray[np.int32]) -> IntArray:
    """Return the table of all offers so far with one more; `splits` notes that one's part."""
    joined = np.full_like(best, LOWEST)
    width = best.shape[1]
    for c in range(best.shape[0]):
        for w in range(width):
            if best[c, w] == LOWEST:
                continue
            for c2 in range(min(one.shape[0], best.shape[0] - c)):
                for w2 in range(min(one.shape[1], width - w)):
                    worth = best[c, w] + one[c2, w2]
                    if one[c2, w2] > LOWEST and worth > joined[c + c2, w + w2]:
                        joined[c + c2, w + w2] = worth
                        splits[c + c2, w + w2] = c2 * width + w2
    return joined


@njit(cache=True)
def _give_table(
    first: int,
    last: int,
    offer_days: IntArray,
    offer_most: IntArray,
    days_most: int,
    pairings_most: int,
    offer_start: IntArray,
    items: IntArray,
    low: IntArray,
    high: IntArray,
    fixed: IntArray,
    daily: IntArray,
    lengths: NDArray[np.int32],
    splits: NDArray[np.int32],
) -> IntArray:
    """Return best[c, w] of giving w half-days in c pairings; fill what each step chose."""
    best = np.full((pairings_most + 1, days_most + 1), LOWEST, np.int64)
    best[0, 0] = 0
    step = 0
    for offer in range(first, last):
        most, cap = min(offer_most[offer], pairings_most), min(offer_days[offer], days_most)
        one = np.full((most + 1, cap + 1), LOWEST, np.int64)
        one[0, 0] = 0
        for place in range(offer_start[offer], offer_start[offer + 1]):
            k = items[place]
            _add_candidate(one, lengths[step], low[k], high[k], fixed[k], daily[k])
            step += 1
        best = _merged(best, one, splits[offer - first])
    return best


@njit(cache=True)
def _take_table(
    start: int,
    end: int,
    need_start: IntArray,
    items: IntArray,
    low: IntArray,
    high: IntArray,
    own_fixed: IntArray,
    own_daily: IntArray,
    fixed: IntArray,
    daily: IntArray,
    days_most: int,
    pairings_most: int,
    taken_days: IntArray,
    chosen: IntArray,
) -> IntArray:
    """Return best[c, v] of taking v half-days in c pairings; only a need's best giver matters."""
    best = np.full((pairings_most + 1, days_most + 1), LOWEST, np.int64)
    best[0, 0] = 0
    for need in range(start, end):
        alone = np.full(days_most + 1, LOWEST, np.int64)
        for place in range(need_start[need], need_start[need + 1]):
            k = items[place]
            for length in range(low[k], min(high[k], days_most) + 1):
                worth = own_fixed[k] - fixed[k] + (own_daily[k] - daily[k]) * length
                if worth > alone[length]:
                    alone[length] = worth
                    chosen[need - start, length] = k
        for c in range(pairings_most, 0, -1):
            for v in range(days_most, 0, -1):
                for length in range(1, v + 1):
                    # Taking at a loss never pays: it earns nothing.
                    if alone[length] > 0 and best[c - 1, v - length] > LOWEST:
                        worth = best[c - 1, v - length] + alone[length]
                        if worth > best[c, v]:
                            best[c, v] = worth
                            taken_days[need - start, c, v] = length
    return best


@njit(cache=True)
def _join(
    giving: IntArray, taking: IntArray, slack: int, joining: int
) -> tuple[int, int, int, int, int]:
    """Return the best worth of giving and taking together, and the pairings and days of both."""
    days_most = giving.shape[1] - 1
    # tail[w] is the best of giving w or more.
    tail = np.full(days_most + 2, LOWEST, np.int64)
    tail_pairings = np.zeros(days_most + 2, np.int64)
    tail_days = np.zeros(days_most + 2, np.int64)
    for w in range(days_most, -1, -1):
        tail[w], tail_pairings[w], tail_days[w] = (
            tail[w + 1],
            tail_pairings[w + 1],
            tail_days[w + 1],
        )
        for c in range(giving.shape[0]):
            if giving[c, w] > tail[w]:
                tail[w], tail_pairings[w], tail_days[w] = giving[c, w], c, w
    top, pairings, days, at = LOWEST, 0, 0, 0
    for v in range(taking.shape[1]):
        least = 0
        if joining == 1:
            least = max(0, v - slack)
        elif joining == 2 and v > 0:
            least = 1
        if least > days_most or tail[least] == LOWEST:
            continue
        for c in range(taking.shape[0]):
            if taking[c, v] > LOWEST and taking[c, v] + tail[least] > top:
                top, pairings, days, at = taking[c, v] + tail[least], c, v, least
    return top, pairings, days, tail_pairings[at], tail_days[at]


@njit(cache=True)
def respond(
    offer_first: IntArray,
    offer_start: IntArray,
    offer_items: IntArray,
    offer_days: IntArray,
    offer_most: IntArray,
    need_first: IntArray,
    need_start: IntArray,
    need_items: IntArray,
    low: IntArray,
    high: IntArray,
    give_days: IntArray,
    give_most: IntArray,
    take_days: IntArray,
    take_most: IntArray,
    slack: IntArray,
    joining: IntArray,
    fixed: IntArray,
    daily: IntArray,
    own_fixed: IntArray,
    own_daily: IntArray,
    give: IntArray,
    take: IntArray,
) -> int:
    """Fill half-days that givers and takers want of each candidate; return the values' sum.

    `offer_first[i]` and `need_first[i]` start participant i's offers and needs, `offer_start`
    and `need_start` their items, candidates in `offer_items` and `need_items`. `joining` is 0
    where giving and taking are apart, 1 where taking v asks for giving v - slack at least, 2
    where taking asks for giving at all.
    """
    give[:] = 0
    take[:] = 0
    total = 0
    for i in range(len(give_days)):
        first, last = offer_first[i], offer_first[i + 1]
        start, end = need_first[i], need_first[i + 1]
        days_most, pairings_most = give_days[i], give_most[i]
        count = offer_start[last] - offer_start[first]
        lengths = np.zeros((max(count, 1), pairings_most + 1, days_most + 1), np.int32)
        splits = np.zeros((max(last - first, 1), pairings_most + 1, days_most + 1), np.int32)
        giving = _give_table(
            first,
            last,
            offer_days,
            offer_most,
            days_most,
            pairings_most,
            offer_start,
            offer_items,
            low,
            high,
            fixed,
            daily,
            lengths,
            splits,
        )
        taken_days = np.full((max(end - start, 1), take_most[i] + 1, take_days[i] + 1), -1)
        chosen = np.zeros((max(end - start, 1), take_days[i] + 1), np.int64)
        taking = _take_table(
            start,
            end,
            need_start,
            need_items,
            low,
            high,
            own_fixed,
            own_daily,
            fixed,
            daily,
            take_days[i],
            take_most[i],
            taken_days,
            chosen,
        )
        worth, pairings, days, given_pairings, given_days = _join(
            giving, taking, slack[i], joining[i]
        )
        total += worth
        for need in range(end - 1, start - 1, -1):
            length = taken_days[need - start, pairings, days]
            if length > 0:
                take[chosen[need - start, length]] = length
                pairings -= 1
                days -= length
        step = count
        for offer in range(last - 1, first - 1, -1):
            c, w = divmod(splits[offer - first, given_pairings, given_days], days_most + 1)
            given_pairings -= c
            given_days -= w
            for place in range(offer_start[offer + 1] - 1, offer_start[offer] - 1, -1):
                step -= 1
                length = lengths[step, c, w]
                if length > 0:
                    give[offer_items[place]] = length
                    c -= 1
                    w -= length
    return total
