"""The rules of a pair about the journey between its two sides."""

import numpy as np

from models.vocabulary import miles_text
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.pairing.geography import miles_from_metres
from solver.pairing.pair_rule import GIVER, TAKER, Columns, Figures, PairRule, counted, rounded
from solver.pairing.pairs import PairTables


class UnknownPosition(PairRule):
    name = "unknown_position"
    short = "unknown position"
    statement = "The position of one side, or how long the journey takes, is not known."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        _, unknown, _ = _journey(tables, need, offer)
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
        near, unknown, _ = _journey(tables, need, offer)
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
        }

    def passed(self, figures: Figures) -> str:
        if figures["remote"]:
            return "Support is remote, so distance does not limit it."
        return f"{_apart(figures)}, within {' and '.join(self._limits(figures))}."

    def refused(self, figures: Figures) -> str:
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


def _journey(
    tables: PairTables, need: IntArray, offer: IntArray
) -> tuple[BoolArray, BoolArray, FloatArray]:
    """As `PairTables.journey`; unknown also where a position is."""
    chord = tables.chord_m(need, offer)
    known = np.isfinite(chord)
    near, unknown = np.zeros(len(need), np.bool_), ~known
    minutes = np.full(len(need), np.nan)
    near[known], unknown[known], minutes[known] = tables.journey(
        need[known], offer[known], chord[known]
    )
    return near, unknown, minutes


def _apart(figures: Figures) -> str:
    minutes = figures["minutes"]
    journey = "" if minutes is None else f" ({counted(minutes, 'minutes')})"
    return f"The two are {miles_text(figures['miles'])} apart{journey}"
