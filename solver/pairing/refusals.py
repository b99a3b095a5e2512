"""How many offers the rules of a pair refused each need."""

from dataclasses import dataclass

from solver.arrays import IntArray
from solver.pairing.pair_rule import Reason
from solver.pairing.pair_rules import REASONS


@dataclass(frozen=True, slots=True, eq=False)
class Refusals:
    """How many offers were refused, by need and reason.

    Attributes
    ----------
    by_need : int64[N, reasons]
        Columns in the order of `REASONS`.
    """

    by_need: IntArray

    def total(self) -> dict[Reason, int]:
        """Refusals of all needs by reason, without zeros."""
        return _named(self.by_need.sum(axis=0))

    def of_need(self, need: int) -> dict[Reason, int]:
        """Refusals of one need by reason, without zeros."""
        return _named(self.by_need[need])

    def sentence(self, need: int) -> str:
        """Return for example "12 refused: 7 too far, 5 wrong phase", most frequent first."""
        counts = sorted(self.of_need(need).items(), key=lambda item: -item[1])
        if not counts:
            return "no offer of this expertise was refused"
        parts = ", ".join(f"{count:,} {reason.short}" for reason, count in counts)
        return f"{sum(count for _, count in counts):,} refused: {parts}"


def _named(counts: IntArray) -> dict[Reason, int]:
    return {reason: int(n) for reason, n in zip(REASONS, counts, strict=True) if n}
