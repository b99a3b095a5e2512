"""Where a solve ended, by ids: its plan and prices, to start from when the problem has changed.

A problem of today resembles that of yesterday: most candidates are the same, their prices nearly
right and most of the plan still good. What is new gets a price between what its offer asks and
what its need bids, as the candidates known tell; what is gone drops out. Any prices give a valid
bound and every plan is mended and verified, so that a state can be out of date, never wrong.

The file format is `givetake-state/1`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.vocabulary import UNLIMITED
from solver.formats.json_columns import Reader, load_json, save
from solver.formats.problem import BoolArray, FloatArray, IntArray, Problem, ProblemFault, frozen
from solver.formats.problem_checks import MOST_ALIKE
from solver.prices.decomposition import Market, take_apart
from solver.prices.knapsack_tables import SmallArray
from solver.prices.multipliers import few_digits
from solver.prices.price_search import PriceSearch, Quote
from solver.prices.repair import Starter
from solver.prices.subgradient import FURTHEST

STATE_FORMAT: Final = "givetake-state/1"
MOST_PRICE: Final = 2**60
FINEST: Final = 1000
"""Parts in which a state tells how often candidates are wanted."""
AGREED: Final = 0.5
"""How often a candidate is wanted beyond which its price is one that both sides would pay."""
FRESH: Final = 0.2
"""Share of its worth that a candidate's price starts from where nothing like it is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Prices of a state's candidates.

    Attributes
    ----------
    price, rate
        Of the pairing as such and of each half-day, in parts of a point, per candidate.
    most
        Most half-days that the candidate could have, per candidate, >= 1.
    often
        How often it was wanted lately, in thousandths, per candidate.
    part
        Parts of a point, >= 1.
    multiplier
        Points per unit of each link of the market, by its id; >= 0.
    """

    price: IntArray
    rate: IntArray
    most: IntArray
    often: IntArray
    part: int
    multiplier: Mapping[str, float]


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


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A plan and, if it was found by prices, these.

    Attributes
    ----------
    offer_id, need_id
        Ids, of which `offer` and `need` are positions.
    offer, need, half_days
        One entry per candidate; 0 half-days where it is not in the plan.
    prices
        None after a method that has none.
    """

    offer_id: tuple[str, ...]
    need_id: tuple[str, ...]
    offer: IntArray
    need: IntArray
    half_days: IntArray
    prices: Prices | None = None

    @staticmethod
    def of_plan(problem: Problem, half_days: IntArray) -> State:
        """Return the state of a plan, half-days per candidate of the problem, without prices."""
        chosen = np.flatnonzero(half_days)
        candidates = problem.candidates
        return State(
            problem.offers.id,
            problem.needs.id,
            candidates.offer[chosen],
            candidates.need[chosen],
            half_days[chosen],
        )

    @staticmethod
    def of_search(problem: Problem, search: PriceSearch, half_days: IntArray) -> State:
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

    def start(self, problem: Problem, market: Market) -> Start:
        """Return what the state says of another problem's candidates."""
        known, at = self._found(problem, market)
        has = np.zeros(len(market), np.bool_)
        has[known] = True
        half_days = np.zeros(len(market), np.int32)
        half_days[known] = np.minimum(self.half_days[at], market.high[known])
        half_days[half_days < market.low] = 0
        often = np.zeros(len(market), np.float32)
        if self.prices is None:
            return Start(half_days, None, often, has)
        often[known] = self.prices.often[at] / FINEST
        quote = _quote(market, self.prices, known, at, often)
        return Start(half_days, quote, often, has)

    def plan(self, problem: Problem) -> IntArray | None:
        """Return its plan mended for another problem, half-days per candidate of that."""
        market = take_apart(problem)
        starter = Starter(problem, market)
        kept = starter.plan(starter.fitting(self.start(problem, market).half_days))
        if kept is None:
            return None
        half_days = np.zeros(len(problem.candidates), np.int64)
        half_days[market.candidate] = kept
        return half_days

    def _found(self, problem: Problem, market: Market) -> tuple[IntArray, IntArray]:
        """Return the candidates of a market that the state knows, and where it has them."""
        offers = _positions(self.offer_id, problem.offers.id)[self.offer]
        needs = _positions(self.need_id, problem.needs.id)[self.need]
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

    def to_json(self) -> dict[str, Any]:
        """Return the file's content, `givetake-state/1`."""
        pairs = {"offer": self.offer, "need": self.need, "half_days": self.half_days}
        content: dict[str, Any] = {
            "format": STATE_FORMAT,
            "offers": {"id": list(self.offer_id)},
            "needs": {"id": list(self.need_id)},
            "pairs": {name: column.tolist() for name, column in pairs.items()},
        }
        if self.prices is not None:
            prices = self.prices
            columns = ("price", "rate", "most", "often")
            content["prices"] = {name: getattr(prices, name).tolist() for name in columns}
            content["part"] = prices.part
            content["multipliers"] = dict(prices.multiplier)
        return content

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> State:
        """Return the state that a file's content describes.

        Raises
        ------
        ProblemFault
            If the content breaks the format; it lists every fault.
        """
        return _state_from_json(content)


def read_state(path: Path | str) -> State:
    """Read a state file, gzip if its name ends in `.gz`.

    Raises
    ------
    ProblemFault
        If the file is no state of the format; it lists every fault.
    OSError
        If the file cannot be read.
    """
    return State.from_json(load_json(Path(path)))


def write_state(state: State, path: Path | str) -> None:
    """Write a state file, gzip if its name ends in `.gz`."""
    save(state.to_json(), path)


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


def _state_from_json(content: Mapping[str, Any]) -> State:
    if content.get("format") != STATE_FORMAT:
        raise ProblemFault(
            [f"format: expected {STATE_FORMAT!r}, got {content.get('format')!r:.40}"]
        )
    reader = Reader()
    priced = ("prices", "part", "multipliers") if "prices" in content else ()
    reader.known_fields("", content, ("format", "offers", "needs", "pairs", *priced), ())
    sections: dict[str, tuple[str, ...]] = {
        "offers": ("id",),
        "needs": ("id",),
        "pairs": ("offer", "need", "half_days"),
    }
    if priced:
        sections["prices"] = ("price", "rate", "most", "often")
    for section, columns in sections.items():
        if section in content:
            reader.section(section, content[section], columns, ())
    part, multiplier = 1, {}
    if priced:
        part = reader.number("part", content.get("part", 1))
        multiplier = _multipliers(reader, content.get("multipliers", {}))
        if not 1 <= part <= 2**20:
            reader.faults.append(f"part: {part} is not between 1 and {2**20}")
    if not reader.faults:
        reader.faults += _faults(reader.columns)
    if reader.faults:
        raise ProblemFault(reader.faults)
    pairs = {name: frozen(column, np.int64) for name, column in reader.columns["pairs"].items()}
    prices = None
    if priced:
        columns_ = {name: frozen(c, np.int64) for name, c in reader.columns["prices"].items()}
        prices = Prices(**columns_, part=part, multiplier=multiplier)
    offer_id, need_id = (tuple(reader.columns[table]["id"]) for table in ("offers", "needs"))
    return State(offer_id, need_id, **pairs, prices=prices)


def _multipliers(reader: Reader, content: Any) -> dict[str, float]:
    if not isinstance(content, dict):
        reader.faults.append("multipliers: expected an object of numbers")
        return {}
    reader.faults += [
        f"multipliers[{name!a:.40}]: {value!r:.40} is no number from 0 to 2^53"
        for name, value in content.items()
        if type(value) not in (int, float) or not 0 <= value <= 2**53
    ]
    return content


def _faults(columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with columns that are of the right types."""
    faults = []
    for table in ("offers", "needs"):
        names = columns[table]["id"]
        if len(set(names)) < len(names):
            faults.append(f"{table}.id: an id is given twice")
    pairs, prices = columns["pairs"], columns.get("prices", {})
    size = len(pairs["offer"])
    if prices and len(prices["price"]) != size:
        faults.append(f"prices.price: has {len(prices['price'])} entries, pairs.offer has {size}")
    allowed = {
        "offer": (0, len(columns["offers"]["id"]) - 1),
        "need": (0, len(columns["needs"]["id"]) - 1),
        "half_days": (0, UNLIMITED),
        "price": (-MOST_PRICE, MOST_PRICE),
        "rate": (-MOST_PRICE, MOST_PRICE),
        "most": (1, UNLIMITED),
        "often": (0, FINEST),
    }
    for section, names in (("pairs", pairs), ("prices", prices)):
        for name, values in names.items():
            low, high = allowed[name]
            wrong = np.flatnonzero((values < low) | (values > high))
            faults += [
                f"{section}.{name}[{at}]: {values[at]} is not between {low} and {high}"
                for at in wrong[:MOST_ALIKE]
            ]
    keys = pairs["offer"] * max(1, len(columns["needs"]["id"])) + pairs["need"]
    if not faults and not np.diff(np.sort(keys)).all():
        faults.append("pairs: an offer and a need stand together twice")
    return faults
