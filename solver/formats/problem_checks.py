"""What a problem must satisfy before any work; every fault names its column and position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from itertools import islice
from typing import Final

import numpy as np

from models.vocabulary import UNLIMITED, Reciprocity
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.formats.tables import Linking, Tables

EXACT: Final = 2**53
"""Whole numbers below it are exact in double precision."""
MOST_ALIKE: Final = 100


def faults_of(tables: Tables) -> list[str]:
    """Return what is wrong with tables, a sentence each; an empty list if nothing is."""
    faults = list(_shape_faults(tables))
    if faults:
        return faults
    faults += _value_faults(tables)
    if faults:
        return faults
    faults += _pair_faults(tables)
    for linking in range(len(tables.linking)):
        faults += _linking_faults(tables, linking)
    faults += _repeated_texts("linking", [rule.id for rule in tables.linking], ".id")
    if not faults:
        faults += _size_faults(tables)
    return faults


def _shape_faults(tables: Tables) -> Iterator[str]:
    for table in ("participants", "needs", "offers", "candidates"):
        columns = getattr(tables, table)
        size = len(columns)
        for name in columns.__dataclass_fields__:
            column = getattr(columns, name)
            shape = (len(column),) if isinstance(column, tuple) else column.shape
            if shape != (size,):
                yield f"{table}.{name}: has {shape[0] if shape else 1} entries, expected {size}"
    for name, width in (("pins", 2), ("exclusions", 2), ("current", 3)):
        shape = getattr(tables, name).shape
        if len(shape) != 2 or shape[1] != width:
            yield f"{name}: expected rows of {width} numbers"


def _value_faults(tables: Tables) -> Iterator[str]:
    participants, needs, offers = tables.participants, tables.needs, tables.offers
    candidates = tables.candidates
    for table, ids in (
        ("participants.id", participants.id),
        ("needs.id", needs.id),
        ("offers.id", offers.id),
    ):
        yield from _repeated_texts(table, ids)
    for column in ("give_limit", "max_given", "max_taken", "allowance"):
        yield from _outside(f"participants.{column}", getattr(participants, column))
    yield from _no_position(
        "participants.account", participants.account, "participant", participants
    )
    yield from _no_degrees("participants.lat", participants.lat, 90)
    yield from _no_degrees("participants.lon", participants.lon, 180)
    yield from _no_position("needs.participant", needs.participant, "participant", participants)
    yield from _outside("needs.days", needs.days, low=1)
    yield from _outside("needs.days_min", needs.days_min, low=1)
    yield from _where(
        needs.days_min > needs.days,
        lambda at: f"needs.days_min[{at}]: {needs.days_min[at]} is over days ({needs.days[at]})",
    )
    yield from _outside("needs.max_givers", needs.max_givers)
    yield from _outside("needs.priority", needs.priority, low=1)
    yield from _no_position("offers.participant", offers.participant, "participant", participants)
    yield from _outside("offers.days", offers.days)
    yield from _outside("offers.max_pairings", offers.max_pairings)
    yield from _no_position("candidates.offer", candidates.offer, "offer", offers)
    yield from _no_position("candidates.need", candidates.need, "need", needs)
    for column in ("points", "half_days", "bonus"):
        yield from _outside(f"candidates.{column}", getattr(candidates, column))
    for name in ("pins", "exclusions", "current"):
        rows: IntArray = getattr(tables, name)
        yield from _no_position(name, rows[:, 0], "offer", offers)
        yield from _no_position(name, rows[:, 1], "need", needs)
    yield from _outside("current", tables.current[:, 2], low=1)
    yield from _rules_faults(tables)


def _rules_faults(tables: Tables) -> Iterator[str]:
    if tables.rules.reciprocity not in tuple(Reciprocity):
        known = ", ".join(Reciprocity)
        yield f"rules.reciprocity: {tables.rules.reciprocity!r} is none of {known}"
    if not 2 <= tables.rules.max_loop <= UNLIMITED:
        yield f"rules.max_loop: {tables.rules.max_loop} is not between 2 and {UNLIMITED}"
    if not 0 <= tables.change_penalty <= UNLIMITED:
        yield f"change_penalty: {tables.change_penalty} is not between 0 and {UNLIMITED}"


def _pair_faults(tables: Tables) -> Iterator[str]:
    candidates = tables.candidates
    width = max(len(tables.needs), 1)
    own = tables.giver == tables.taker
    yield from _where(
        own,
        lambda at: (
            f"candidates[{at}]: participant {tables.giver[at]} would be giver and taker "
            f"(offer {candidates.offer[at]}, need {candidates.need[at]})"
        ),
    )
    yield from _repeated_pairs("candidates", candidates.offer * width + candidates.need, width)
    keys = {
        name: rows[:, 0] * width + rows[:, 1]
        for name, rows in (
            ("pins", tables.pins),
            ("exclusions", tables.exclusions),
            ("current", tables.current),
        )
    }
    yield from _repeated_pairs("pins", keys["pins"], width)
    yield from _repeated_pairs("current", keys["current"], width)
    if len(tables.pins):
        offer, need = tables.pins.T
        yield from _where(
            np.isin(keys["pins"], keys["exclusions"]),
            lambda at: f"pins[{at}]: offer {offer[at]} and need {need[at]} are excluded as well",
        )
        yield from _where(
            tables.positions(tables.pins) < 0,
            lambda at: f"pins[{at}]: offer {offer[at]} and need {need[at]} are no candidate",
        )


def _linking_faults(tables: Tables, at: int) -> Iterator[str]:
    rule: Linking = tables.linking[at]
    where = f"linking[{at}]"
    if not rule.id:
        yield f"{where}.id: is empty"
    if rule.sense not in ("<=", ">="):
        yield f"{where}.sense: {rule.sense!r} is neither '<=' nor '>='"
    if rule.unit not in ("half_days", "pairings"):
        yield f"{where}.unit: {rule.unit!r} is neither 'half_days' nor 'pairings'"
    if not 0 <= rule.limit < EXACT:
        yield f"{where}.limit: {rule.limit} is not between 0 and 2^53"
    if rule.weight.shape != rule.candidates.shape:
        yield (
            f"{where}.weight: has {rule.weight.size} entries, expected {rule.candidates.size}"
            " (as many as candidates)"
        )
        return
    inside = list(
        _no_position(f"{where}.candidates", rule.candidates, "candidate", tables.candidates)
    )
    inside += _outside(f"{where}.weight", rule.weight)
    yield from inside
    _, first, counts = np.unique(rule.candidates, return_index=True, return_counts=True)
    for position in np.sort(first[counts > 1])[:MOST_ALIKE]:
        value = rule.candidates[position]
        yield f"{where}.candidates[{position}]: candidate {value} is named more than once"
    if not inside:
        days = tables.needs.days[tables.candidates.need[rule.candidates]]
        if _exact_sum(rule.weight, days) >= EXACT:
            yield f"{where}.weight: weight times days could reach 2^53; use a coarser unit"


def _size_faults(tables: Tables) -> Iterator[str]:
    """Refuse points that some plan could sum beyond what double precision holds exactly."""
    candidates, needs = tables.candidates, tables.needs
    best_points = np.zeros(len(needs), np.int64)
    np.maximum.at(best_points, candidates.need, candidates.points)
    best_bonus = np.zeros(len(needs), np.int64)
    np.maximum.at(best_bonus, candidates.need, candidates.bonus)
    several = needs.max_givers[candidates.need] != 1
    most = (
        _exact_sum(best_points, needs.days)
        + _exact_sum(best_bonus, (needs.max_givers == 1).astype(np.int64))
        + _exact_sum(candidates.bonus, several.astype(np.int64))
    )
    most = max(most, tables.change_penalty * len(tables.current))
    if most >= EXACT:
        yield (
            f"candidates.points: the objective could reach {most}, which is not below 2^53; "
            "use coarser points"
        )


def _exact_sum(left: IntArray, right: IntArray) -> int:
    """Return the sum of products, each below 2^62, without overflow."""
    products = left * right
    return (int((products >> 31).sum()) << 31) + int((products & (2**31 - 1)).sum())


def _where(bad: BoolArray, sentence: Callable[[int], str]) -> Iterator[str]:
    for position in np.flatnonzero(bad)[:MOST_ALIKE]:
        yield sentence(int(position))


def _outside(column: str, values: IntArray, *, low: int = 0) -> Iterator[str]:
    return _where(
        (values < low) | (values > UNLIMITED),
        lambda at: f"{column}[{at}]: {values[at]} is not between {low} and {UNLIMITED}",
    )


def _no_position(column: str, values: IntArray, what: str, table: Sized) -> Iterator[str]:
    size = len(table)
    return _where(
        (values < 0) | (values >= size),
        lambda at: f"{column}[{at}]: {values[at]} is no {what} (there are {size})",
    )


def _no_degrees(column: str, values: FloatArray, most: int) -> Iterator[str]:
    return _where(
        np.isinf(values) | (np.abs(values) > most),
        lambda at: f"{column}[{at}]: {values[at]} is not between -{most} and {most} degrees",
    )


def _repeated_texts(column: str, values: Sequence[str], suffix: str = "") -> Iterator[str]:
    empty = (position for position, value in enumerate(values) if not value)
    for position in islice(empty, MOST_ALIKE):
        yield f"{column}[{position}]{suffix}: is empty"
    if len(set(values)) == len(values):
        return
    first: dict[str, int] = {}
    repeated = (
        (position, value)
        for position, value in enumerate(values)
        if first.setdefault(value, position) != position
    )
    for position, value in islice(repeated, MOST_ALIKE):
        yield f"{column}[{position}]{suffix}: {value!r} is also at position {first[value]}"


def _repeated_pairs(column: str, keys: IntArray, width: int) -> Iterator[str]:
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    again = order[1:][ordered[1:] == ordered[:-1]]
    for position in np.sort(again)[:MOST_ALIKE]:
        offer, need = divmod(int(keys[position]), width)
        yield f"{column}[{position}]: offer {offer} and need {need} are there already"
