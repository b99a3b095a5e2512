"""From a state to a start: its prices and plan, mapped onto another problem's candidates.

Most candidates are the same, their prices nearly right and most of the plan still good. What is
new gets a price between what its offer asks and what its need bids, as the candidates known tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solver.formats.problem import Problem
from solver.formats.state import FINEST, Prices, State
from solver.formats.tables import BoolArray, FloatArray, IntArray
from solver.prices.decomposition import Market, take_apart
from solver.prices.knapsack_tables import SmallArray
from solver.prices.multipliers import few_digits
from solver.prices.price_search import PriceSearch, Quote
from solver.prices.repair import Starter
from solver.prices.subgradient import FURTHEST

AGREED: Final = 0.5
"""How often a candidate is wanted beyond which its price is one that both sides would pay."""
FRESH: Final = 0.2
"""Share of its worth that a candidate's price starts from where nothing like it is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What a state says of another problem's market, per candidate of the market.

    Attributes
    ----------
    half_days
        Its plan, as far as the market has it; limits may be broken.
    quote
        Prices to start from; they prove nothing yet. None where the state has none.
    often
        How often each candidate was wanted, 0 to 1.
    known
        Which candidates the state has.
    """

    half_days: SmallArray
    quote: Quote | None
    often: NDArray[np.float32]
    known: BoolArray


def state_of_search(problem: Problem, search: PriceSearch, half_days: IntArray) -> State:
    """Return the state of a plan, half-days per candidate of the market, at the best prices."""
    market, quote = search.market, search.best
    assert quote is not None
    points = (quote.multiplier / market.part).tolist()
    return State(
        problem.offers.id,
        problem.needs.id,
        market.places.offer.astype(np.int64),
        market.places.need.astype(np.int64),
        half_days,
        Prices(
            quote.price,
            quote.rate,
            market.high.astype(np.int64),
            np.rint(FINEST * search.often).astype(np.int64),
            market.part,
            {link.id: m for link, m in zip(market.links, points, strict=True)},
        ),
    )


def warm_start(state: State, problem: Problem, market: Market) -> Start:
    """Return what the state says of another problem's candidates."""
    known, at = _found(state, problem, market)
    has = np.zeros(len(market), np.bool_)
    has[known] = True
    half_days = np.zeros(len(market), np.int32)
    half_days[known] = np.minimum(state.half_days[at], market.high[known])
    half_days[half_days < market.low] = 0
    often = np.zeros(len(market), np.float32)
    if state.prices is None:
        return Start(half_days, None, often, has)
    often[known] = state.prices.often[at] / FINEST
    quote = _quote(market, state.prices, known, at, often)
    return Start(half_days, quote, often, has)


def warm_plan(state: State, problem: Problem) -> IntArray | None:
    """Return a state's plan mended for another problem, half-days per candidate of that."""
    market = take_apart(problem)
    starter = Starter(problem, market)
    kept = starter.plan(starter.fitting(warm_start(state, problem, market).half_days))
    if kept is None:
        return None
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[market.candidate] = kept
    return half_days


def _found(state: State, problem: Problem, market: Market) -> tuple[IntArray, IntArray]:
    """Return the candidates of a market that the state knows, and where it has them."""
    offers = _positions(state.offer_id, problem.offers.id)[state.offer]
    needs = _positions(state.need_id, problem.needs.id)[state.need]
    mine = np.flatnonzero((offers >= 0) & (needs >= 0))
    width = max(1, len(problem.needs))
    keys = offers[mine] * width + needs[mine]
    order = np.argsort(keys, kind="stable")
    mine, keys = mine[order], keys[order]
    theirs = market.places.offer.astype(np.int64) * width + market.places.need
    if not len(keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
    known = np.flatnonzero(keys[place] == theirs)
    return known, mine[place[known]]


def _positions(before: Sequence[str], now: Sequence[str]) -> IntArray:
    """Return where each id of before is now, -1 where it is not."""
    place = {name: at for at, name in enumerate(now)}
    return np.array([place.get(name, -1) for name in before], np.int64)


def _quote(
    market: Market, prices: Prices, known: IntArray, at: IntArray, often: NDArray[np.float32]
) -> Quote:
    """Return the state's prices for a market: as they were where known, else from their like.

    The price of whole days changes with their number, as offers ask by the half-day.
    """
    high, ranged = market.high.astype(np.float64), market.low != market.high
    worth = market.worth().astype(np.float64)
    scale = market.part / prices.part
    stretch = np.where(ranged[known], 1.0, high[known] / prices.most[at])
    whole = ~ranged[known] * prices.rate[at] * prices.most[at]
    total = np.full(len(market), np.nan)
    price, rate = np.zeros(len(market)), np.zeros(len(market))
    price[known] = (prices.price[at] + whole) * scale * stretch
    rate[known] = np.where(ranged[known], prices.rate[at] * scale, 0.0)
    total[known] = price[known] + rate[known] * high[known]
    new = np.isnan(total)
    guess = _between(market, total, worth, often > AGREED)
    price[new & ~ranged] = guess[new & ~ranged]
    rate[new & ranged] = (guess / high)[new & ranged]
    furthest = FURTHEST * worth
    return Quote(
        np.rint(np.clip(price, -furthest, furthest)).astype(np.int64),
        np.rint(np.clip(rate, -furthest / high, furthest / high)).astype(np.int64),
        _multiplier(market, prices),
        np.zeros(0, np.int64),
        0,
    )


def _multiplier(market: Market, prices: Prices) -> FloatArray:
    """Return the state's multipliers, never so high that a charge would leave 64 bits."""
    points = np.array([prices.multiplier.get(link.id, 0.0) for link in market.links], np.float64)
    weights = [np.concatenate([link.give_weight, link.take_weight]) for link in market.links]
    heaviest = np.array([np.abs(weight).max(initial=1) for weight in weights])
    worth = float(market.worth().astype(np.float64).sum())
    return few_digits(np.minimum(points * market.part, worth / heaviest))


def _between(market: Market, total: FloatArray, worth: FloatArray, chosen: BoolArray) -> FloatArray:
    """Return the middle of what each candidate's offer asks for it and its need bids.

    An offer asks, by the half-day, the least that it is paid, or else the most that it declined;
    a need bids what leaves it as much as its best pairing does.
    """
    high = market.high.astype(np.float64)
    ask = _going(market.places.offer, total / high, chosen) * high
    bid = worth - _going(market.places.need, worth - total, chosen)
    ask, bid = np.where(np.isnan(ask), bid, ask), np.where(np.isnan(bid), ask, bid)
    middle = np.clip((ask + bid) / 2, 0, worth)
    return np.where(np.isnan(middle), FRESH * worth, middle)


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
