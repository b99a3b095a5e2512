"""The rule about participants that close: nothing is planned past the day that one does."""

from typing import Any

import numpy as np

from models.vocabulary import HALF_DAYS_PER_DAY, days_text
from solver.arrays import BoolArray, IntArray
from solver.pairing.columns import CLOSES_UNDATED
from solver.pairing.pair_rule import GIVER, TAKER, Columns, Figures, PairRule, dates, day
from solver.pairing.pairs import PairTables

EPOCH_ORDINAL = 719_163
"""The ordinal of 1 January 1970, from which numpy counts days."""
_SIDES = {"taker": TAKER, "giver": GIVER}


class Closes(PairRule):
    """One side closes before the need's minimum could be given on working days."""

    name = "closes"
    short = "closing too early"
    statement = "One side closes too early for the need's minimum."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        last = np.minimum(*self._last_days(tables, need, offer))
        refused = last < np.minimum(
            tables.needs.window_ends[need], tables.offers.window_ends[offer]
        )
        # Of few pairs a side closes: only for these working days are counted.
        at = np.flatnonzero(refused)
        left = self._half_days_until(tables, need[at], offer[at], last[at])
        refused[at] = left < tables.needs.half_days_min[need[at]]
        return np.asarray(refused)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        ends = np.minimum(tables.needs.window_ends[need], tables.offers.window_ends[offer])
        days = dict(zip(_SIDES, self._last_days(tables, need, offer), strict=True))
        last = np.minimum(*days.values())
        binding = last < ends
        left = np.zeros(len(need), np.int64)
        left[binding] = self._half_days_until(tables, need[binding], offer[binding], last[binding])
        found: dict[str, list[Any]] = {
            f"{side}_closes": dates(np.where(each < ends, each, 0)) for side, each in days.items()
        }
        found |= {
            f"{side}_undated": (each == CLOSES_UNDATED).tolist() for side, each in days.items()
        }
        found["half_days_left"] = [
            value if limited else None
            for value, limited in zip(left.tolist(), binding.tolist(), strict=True)
        ]
        found["half_days_min"] = tables.needs.half_days_min[need].tolist()
        return found

    def passed(self, figures: Figures) -> str:
        if sentences := self._sentences(figures):
            ends = " Support must end by then." if figures["half_days_left"] is not None else ""
            return f"{' '.join(sentences)}{ends}"
        return "Neither side is known to close before the support can end."

    def refused(self, figures: Figures) -> str:
        left, least = figures["half_days_left"] or 0, figures["half_days_min"]
        return (
            f"{' '.join(self._sentences(figures))} At most {days_text(left)} can be given "
            f"before that; the need's minimum is {days_text(least)}."
        )

    def measure(self, figures: Figures) -> tuple[float | None, float | None]:
        left, least = figures["half_days_left"], figures["half_days_min"]
        if left is None:
            return None, None
        return left / HALF_DAYS_PER_DAY, least / HALF_DAYS_PER_DAY

    def warns(self, figures: Figures) -> bool:
        return bool(self._sentences(figures))

    @staticmethod
    def _sentences(figures: Figures) -> list[str]:
        found = []
        for side, name in _SIDES.items():
            if figures[f"{side}_closes"] is not None:
                found.append(f"The {name} closes on {day(figures[f'{side}_closes'])}.")
            elif figures[f"{side}_undated"]:
                found.append(f"The {name} is proposed to close; no date is known.")
        return found

    @staticmethod
    def _last_days(
        tables: PairTables, need: IntArray, offer: IntArray
    ) -> tuple[IntArray, IntArray]:
        last = tables.participants.last_day
        return last[tables.taker(need)], last[tables.giver(offer)]

    @staticmethod
    def _half_days_until(
        tables: PairTables, need: IntArray, offer: IntArray, last: IntArray
    ) -> IntArray:
        """Half-days on Mondays to Fridays from the first day of both windows to `last`."""
        first = np.maximum(tables.needs.window_starts[need], tables.offers.window_starts[offer])
        begin, end = (
            (ordinal - EPOCH_ORDINAL).astype("datetime64[D]")
            for ordinal in (first, np.maximum(last + 1, first))
        )
        return np.asarray(np.busday_count(begin, end) * HALF_DAYS_PER_DAY, np.int64)
