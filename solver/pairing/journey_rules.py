"""The rules of a pair about the journey between its two sides."""

from typing import Final

import numpy as np

from models.vocabulary import miles_text
from solver.arrays import BoolArray, IntArray
from solver.pairing.geography import miles_from_metres
from solver.pairing.pair_rule import GIVER, TAKER, Columns, Figures, PairRule, counted, rounded
from solver.pairing.pairs import PairTables
from solver.pairing.travel import road_m

NO_WAY: Final = ""
"""What a way goes by that is not there."""
NOTHING_LEADS_ACROSS: Final = (
    "There is water between the two, and nothing that takes vehicles leads across it."
)


class UnknownPosition(PairRule):
    name = "unknown_position"
    short = "unknown position"
    statement = "The position of one side, or how long the journey takes, is not known."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        _, unknown = _journey(tables, need, offer)
        return unknown & ~remote

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {"remote": remote.tolist()}

    def passed(self, figures: Figures) -> str:
        if figures["remote"]:
            return "Support is remote, so no position is needed."
        return "The positions of both sides are known."


class TooFar(PairRule):
    name = "too_far"
    short = "too far"
    statement = "The journey is longer than the travel limit of one side."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        near, unknown = _journey(tables, need, offer)
        return ~near & ~unknown & ~remote

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        # Also where the distance alone rules it out: the sentence names every limit exceeded.
        limit = np.minimum(tables.need_limits.minutes[need], tables.offer_limits.minutes[offer])
        timed = np.isfinite(limit) & ~remote
        minutes = np.full(len(need), np.nan)
        minutes[timed] = tables.minutes(need[timed], offer[timed])
        return {
            "remote": remote.tolist(),
            "miles": rounded(miles_from_metres(tables.distance_m(need, offer)), 1),
            "minutes": rounded(minutes, 0),
            "taker_miles": rounded(miles_from_metres(tables.need_limits.metres[need]), 2),
            "giver_miles": rounded(miles_from_metres(tables.offer_limits.metres[offer]), 2),
            "taker_minutes": rounded(tables.need_limits.minutes[need], 0),
            "giver_minutes": rounded(tables.offer_limits.minutes[offer], 0),
            **_round_water(tables, need, offer, remote),
        }

    def passed(self, figures: Figures) -> str:
        if figures["remote"]:
            return "Support is remote, so distance does not limit it."
        if figures.get("by") == NO_WAY:  # and yet a router knows one
            limits = " and ".join(self._limits(figures))
            return f"The journey takes {counted(figures['minutes'], 'minutes')}, within {limits}."
        return f"{_apart(figures)}, within {' and '.join(self._limits(figures))}."

    def refused(self, figures: Figures) -> str:
        if figures.get("by") == NO_WAY:
            return NOTHING_LEADS_ACROSS
        return f"{_apart(figures)}, beyond {' or '.join(self._limits(figures, exceeded=True))}."

    def measure(self, figures: Figures) -> tuple[float | None, float | None]:
        limits = [figures[name] for name in ("taker_miles", "giver_miles")]
        return figures["miles"], min((each for each in limits if each is not None), default=None)

    @staticmethod
    def _limits(figures: Figures, *, exceeded: bool = False) -> list[str]:
        """Limits in words; only those exceeded, if any is by the figures as rounded."""
        limits = [
            (f"the {side}'s limit of {counted(limit, unit)}", figures[unit], limit)
            for who, side in (("taker", TAKER), ("giver", GIVER))
            for unit in ("miles", "minutes")
            if (limit := figures[f"{who}_{unit}"]) is not None
        ]
        over = [text for text, value, limit in limits if value is not None and value > limit]
        return over if exceeded and over else [text for text, _, _ in limits]


def _round_water(tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray) -> Columns:
    """Return what each way goes by and its road miles where there is water between; else None."""
    by: list[str | None] = [None] * len(need)
    miles: list[float | None] = [None] * len(need)
    site = np.flatnonzero(~remote)
    ways = tables.ways(need[site], offer[site])
    road = rounded(miles_from_metres(road_m(ways.land_m) + ways.crossing_m), 0)
    for row, words, far in zip(
        site[ways.row].tolist(), tables.water.words(ways), road, strict=True
    ):
        by[row], miles[row] = words, far
    return {"by": by, "road_miles": miles}


def _journey(tables: PairTables, need: IntArray, offer: IntArray) -> tuple[BoolArray, BoolArray]:
    """`near` and `unknown` of `PairTables.journey`; unknown also where a position is."""
    chord = tables.chord_m(need, offer)
    known = np.isfinite(chord)
    near, unknown = np.zeros(len(need), np.bool_), ~known
    near[known], unknown[known], _, _ = tables.journey(need[known], offer[known], chord[known])
    return near, unknown


def _apart(figures: Figures) -> str:
    minutes, by = figures["minutes"], figures.get("by")
    journey = "" if minutes is None else f" ({counted(minutes, 'minutes')})"
    way = f" {by}, some {miles_text(figures['road_miles'])} by road" if by else ""
    return f"The two are {miles_text(figures['miles'])} apart{way}{journey}"
