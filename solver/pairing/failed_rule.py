"""The rule of a pair about earlier support that did not work."""

import numpy as np

from solver.arrays import BoolArray, IntArray
from solver.pairing.columns import holds
from solver.pairing.failed_support import NONE
from solver.pairing.pair_rule import Columns, Figures, PairRule, dates, day
from solver.pairing.pairs import PairTables


class SupportFailed(PairRule):
    """Refuses nothing unless a run asks for it; a pinned pair is asked for by name."""

    name = "failed_support"
    short = "support between the two did not work"
    statement = "Earlier support between the two did not work, too recently for this run."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        recent = tables.failed.refused(self._ended(tables, need, offer))
        asked_for = holds(tables.kept, offer * len(tables.needs.participant) + need)
        return np.asarray(recent & ~asked_for)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        ended = self._ended(tables, need, offer)
        return {
            "failed": (ended != NONE).tolist(),
            "ended": dates(ended),
            "refused_years": [tables.failed.refused_years] * len(ended),
        }

    def passed(self, figures: Figures) -> str:
        if not figures["failed"]:
            return "No earlier support between the two that did not work is recorded."
        years = figures["refused_years"]
        if not years:
            return f"{self._said(figures)} The run did not rule such pairs out."
        return f"{self._said(figures)} The pair was pinned, or that is {_years(years)} ago or more."

    def refused(self, figures: Figures) -> str:
        years = _years(figures["refused_years"])
        return f"{self._said(figures)} The run rules out pairs for {years} after that."

    @staticmethod
    def _said(figures: Figures) -> str:
        if figures["ended"] is None:
            return "Earlier support between the two did not work; no end date is recorded."
        return f"Support between the two that ended on {day(figures['ended'])} did not work."

    @staticmethod
    def _ended(tables: PairTables, need: IntArray, offer: IntArray) -> IntArray:
        return tables.failed.latest(tables.giver(offer), tables.taker(need))


def _years(number: int) -> str:
    return "1 year" if number == 1 else f"{number} years"
