"""Where a solve ended, by ids: its plan and prices, to start from when the problem has changed.

A problem of today resembles that of yesterday: most candidates are the same, their prices nearly
right and most of the plan still good. What is new gets a price between what its offer asks and
what its need bids, as the candidates known tell; what is gone drops out. Any prices give a valid
bound and every plan is repaired and verified, so that a state can be out of date, never wrong.

The file format is `givetake-state/1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.vocabulary import UNLIMITED
from solver.arrays import IntArray
from solver.formats.bounded import MOST_MIB
from solver.formats.json_columns import Reader, load_json, save
from solver.formats.problem import Problem
from solver.formats.problem_checks import MOST_ALIKE
from solver.formats.tables import ProblemFault, frozen

STATE_FORMAT: Final = "givetake-state/1"
MOST_PRICE: Final = 2**60
FINEST: Final = 1000
"""Parts in which a state tells column frequencies."""
_PRICE_COLUMNS: Final = {"price": "price", "rate": "rate", "most": "most", "often": "frequency"}
"""Columns of the file, and the fields that hold them."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Prices of a state's candidates.

    Attributes
    ----------
    price, rate
        Of the pairing as such and of each half-day, in parts of a point, per candidate.
    most
        Most half-days that the candidate could have, per candidate, >= 1.
    frequency
        Column frequency: how often it was wanted lately, in thousandths, per candidate.
    part
        Parts of a point, >= 1.
    multiplier
        Points per unit of each link of the decomposition, by its id; >= 0.
    """

    price: IntArray
    rate: IntArray
    most: IntArray
    frequency: IntArray
    part: int
    multiplier: Mapping[str, float]


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
    def of_current(problem: Problem) -> State:
        """Return the state of the plan in force, of which not all need be possible any more."""
        offer, need, half_days = problem.current.T
        return State(problem.offers.id, problem.needs.id, offer, need, half_days)

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
            content["prices"] = {
                name: getattr(prices, field).tolist() for name, field in _PRICE_COLUMNS.items()
            }
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


def read_state(path: Path | str, most_mib: int = MOST_MIB) -> State:
    """Read a state file of at most `most_mib` MiB, gzip if its name ends in `.gz`.

    Raises
    ------
    ProblemFault
        If the file is no state of the format; it lists every fault.
    OSError
        If the file cannot be read.
    """
    return State.from_json(load_json(Path(path), most_mib))


def write_state(state: State, path: Path | str) -> None:
    """Write a state file, gzip if its name ends in `.gz`."""
    save(state.to_json(), path)


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
        sections["prices"] = tuple(_PRICE_COLUMNS)
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
        columns_ = {
            _PRICE_COLUMNS[name]: frozen(column, np.int64)
            for name, column in reader.columns["prices"].items()
        }
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
