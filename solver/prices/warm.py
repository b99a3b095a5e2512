"""Warm start: a state's prices and plan, mapped onto another problem's candidates.

Most candidates are the same, their prices nearly right and most of the plan still good. What is
new gets a price between what its offer asks and what its need bids, as the candidates known tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solver.arrays import BoolArray, FloatArray, IntArray, SingleArray, SmallArray
from solver.formats.problem import Problem
from solver.formats.state import FINEST, Prices, State
from solver.parameters import DEFAULTS, SolveParameters
from solver.prices.decomposition import Decomposition, decompose
from solver.prices.multipliers import few_digits
from solver.prices.price_search import DualPoint, PriceSearch
from solver.prices.repair import Repair


@dataclass(frozen=True, slots=True, eq=False)
class WarmStart:
    """What a state says of another problem, per candidate of its decomposition.

    Attributes
    ----------
    half_days
        Its plan, as far as the decomposition has it; limits may be broken.
    dual_point
        Prices to start from; they prove nothing yet. None where the state has none.
    frequency
        Column frequency: how often each candidate was wanted, 0 to 1.
    known
        Which candidates the state has.
    """

    half_days: SmallArray
    dual_point: DualPoint | None
    frequency: SingleArray
    known: BoolArray


def state_of_search(problem: Problem, search: PriceSearch, half_days: IntArray) -> State:
    """Return the state of a plan at the best prices.

    Parameters
    ----------
    half_days
        Per candidate of the decomposition.
    """
    decomposition, dual_point = search.decomposition, search.best
    assert dual_point is not None
    points = (dual_point.multiplier / decomposition.part).tolist()
    return State(
        problem.offers.id,
        problem.needs.id,
        decomposition.incidence.offer.astype(np.int64),
        decomposition.incidence.need.astype(np.int64),
        half_days,
        Prices(
            dual_point.price,
            dual_point.rate,
            decomposition.high.astype(np.int64),
            np.rint(FINEST * search.column_frequency).astype(np.int64),
            decomposition.part,
            {link.id: m for link, m in zip(decomposition.links, points, strict=True)},
        ),
    )


def warm_start(
    state: State,
    problem: Problem,
    decomposition: Decomposition,
    parameters: SolveParameters = DEFAULTS,
) -> WarmStart:
    """Return what the state says of another problem's candidates."""
    known, at = _found(state, problem, decomposition)
    has = np.zeros(len(decomposition), np.bool_)
    has[known] = True
    half_days = np.zeros(len(decomposition), np.int32)
    half_days[known] = np.minimum(state.half_days[at], decomposition.high[known])
    half_days[half_days < decomposition.low] = 0
    frequency = np.zeros(len(decomposition), np.float32)
    if state.prices is None:
        return WarmStart(half_days, None, frequency, has)
    frequency[known] = state.prices.frequency[at] / FINEST
    dual_point = _dual_point(decomposition, state.prices, known, at, frequency, parameters)
    return WarmStart(half_days, dual_point, frequency, has)


def warm_plan(
    state: State, problem: Problem, parameters: SolveParameters = DEFAULTS
) -> IntArray | None:
    """Return a state's plan repaired for another problem, half-days per candidate of that."""
    decomposition = decompose(problem, parameters.prices)
    repair = Repair(problem, decomposition, parameters.repair)
    start = warm_start(state, problem, decomposition, parameters)
    kept = repair.plan(repair.within_limits(start.half_days))
    if kept is None:
        return None
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[decomposition.candidate] = kept.half_days
    return half_days


def _found(
    state: State, problem: Problem, decomposition: Decomposition
) -> tuple[IntArray, IntArray]:
    """Return the candidates of a decomposition that the state knows, and where it has them."""
    offers = _positions(state.offer_id, problem.offers.id)[state.offer]
    needs = _positions(state.need_id, problem.needs.id)[state.need]
    mine = np.flatnonzero((offers >= 0) & (needs >= 0))
    width = max(1, len(problem.needs))
    keys = offers[mine] * width + needs[mine]
    order = np.argsort(keys, kind="stable")
    mine, keys = mine[order], keys[order]
    theirs = decomposition.incidence.offer.astype(np.int64) * width + decomposition.incidence.need
    if not len(keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
    known = np.flatnonzero(keys[place] == theirs)
    return known, mine[place[known]]


def _positions(before: Sequence[str], now: Sequence[str]) -> IntArray:
    """Return where each id of before is now, -1 where it is not."""
    place = {name: at for at, name in enumerate(now)}
    return np.array([place.get(name, -1) for name in before], np.int64)


def _dual_point(
    decomposition: Decomposition,
    prices: Prices,
    known: IntArray,
    at: IntArray,
    frequency: SingleArray,
    parameters: SolveParameters,
) -> DualPoint:
    """Return the state's prices: as they were where known, else from their like.

    The price of whole days changes with their number, as offers ask by the half-day.

    Parameters
    ----------
    known, at
        Candidates of the decomposition that the state knows, and where it has them.
    """
    high, ranged = decomposition.high.astype(np.float64), decomposition.low != decomposition.high
    contribution = decomposition.contributions().astype(np.float64)
    scale = decomposition.part / prices.part
    stretch = np.where(ranged[known], 1.0, high[known] / prices.most[at])
    whole = ~ranged[known] * prices.rate[at] * prices.most[at]
    total = np.full(len(decomposition), np.nan)
    price, rate = np.zeros(len(decomposition)), np.zeros(len(decomposition))
    price[known] = (prices.price[at] + whole) * scale * stretch
    rate[known] = np.where(ranged[known], prices.rate[at] * scale, 0.0)
    total[known] = price[known] + rate[known] * high[known]
    new = np.isnan(total)
    agreed = frequency > parameters.warm.agreed_frequency
    guess = _between(decomposition, total, contribution, agreed, parameters.warm.fresh_price)
    price[new & ~ranged] = guess[new & ~ranged]
    rate[new & ranged] = (guess / high)[new & ranged]
    furthest = parameters.prices.price_limit * contribution
    return DualPoint(
        np.rint(np.clip(price, -furthest, furthest)).astype(np.int64),
        np.rint(np.clip(rate, -furthest / high, furthest / high)).astype(np.int64),
        _multiplier(decomposition, prices),
        np.zeros(0, np.int64),
        0,
    )


def _multiplier(decomposition: Decomposition, prices: Prices) -> FloatArray:
    """Return the state's multipliers, never so high that a charge would leave 64 bits."""
    points = np.array(
        [prices.multiplier.get(link.id, 0.0) for link in decomposition.links], np.float64
    )
    weights = [np.concatenate([link.give_weight, link.take_weight]) for link in decomposition.links]
    heaviest = np.array([np.abs(weight).max(initial=1) for weight in weights])
    most = float(decomposition.contributions().astype(np.float64).sum())
    return few_digits(np.minimum(points * decomposition.part, most / heaviest))


def _between(
    decomposition: Decomposition,
    total: FloatArray,
    contribution: FloatArray,
    chosen: BoolArray,
    fresh: float,
) -> FloatArray:
    """Return the middle of what each candidate's offer asks for it and its need bids.

    An offer asks, by the half-day, the least that it is paid, or else the most that it declined;
    a need bids what leaves it as much as its best pairing does.

    Parameters
    ----------
    total
        Price of each candidate at its most half-days, NaN where it is not known.
    chosen
        Candidates whose price both sides would pay.
    fresh
        Share of the contribution where nothing is known.
    """
    high = decomposition.high.astype(np.float64)
    ask = _going(decomposition.incidence.offer, total / high, chosen) * high
    surplus = _going(decomposition.incidence.need, contribution - total, chosen)
    bid = contribution - surplus
    ask, bid = np.where(np.isnan(ask), bid, ask), np.where(np.isnan(bid), ask, bid)
    middle = np.clip((ask + bid) / 2, 0, contribution)
    return np.where(np.isnan(middle), fresh * contribution, middle)


def _going(group: SmallArray, value: FloatArray, chosen: BoolArray) -> FloatArray:
    """Return the least value chosen in each candidate's group, or else the most not chosen."""
    size = int(group.max(initial=-1)) + 1
    least, most = np.full(size, np.inf), np.full(size, -np.inf)
    known = ~np.isnan(value)
    some = chosen & known
    np.minimum.at(least, group[some], value[some])
    np.maximum.at(most, group[known], value[known])
    going = np.where(np.isfinite(least), least, np.where(np.isfinite(most), most, np.nan))
    result: FloatArray = going[group]
    return result
