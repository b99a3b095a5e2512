"""The candidates that prices want, as a program with a plan in it that blocks make better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solver.blocks.block_program import Crossing, Program, restricted
from solver.blocks.neighbourhoods import cut, cut_by_partners
from solver.formats.problem import Problem
from solver.formats.tables import BoolArray, FloatArray, IntArray
from solver.formulation.program import Formulation
from solver.prices.decomposition import Market
from solver.prices.knapsack_tables import SmallArray
from solver.prices.multipliers import charges
from solver.prices.price_search import Quote

SURE: Final = 0.7
"""How often a pairing over a block's border must be wanted to count as given."""


CALM: Final = 0.2
"""Share of the average regret below which a block is left as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A block to solve: its program, the columns of the whole that it decides, and a start."""

    program: Formulation
    columns: IntArray
    start: IntArray | None = None


class Core:
    """A program of few candidates, and values of its columns.

    Attributes
    ----------
    program
        The formulation of the candidates kept.
    of
        Candidate of each of its columns.
    giver, taker
        Participants of each of its candidates.
    values
        The plan, one value per column.
    """

    def __init__(
        self,
        problem: Problem,
        market: Market,
        kept: BoolArray,
        often: NDArray[np.float32],
        base: IntArray | SmallArray | None = None,
        days: IntArray | None = None,
    ) -> None:
        """Keep the candidates of `kept`, those pinned, and those that `base` holds.

        Parameters
        ----------
        kept, often
            Per candidate of the market: whether to keep it, and how often it is wanted.
        base
            Half-days per candidate of the market, that values start from.
        days
            Half-days that candidates without a place in `base` are to have; open by default.
        """
        kept = kept | market.pinned
        if base is not None:
            kept |= base > 0
        self._problem, self._market = problem, market
        order = np.flatnonzero(kept)
        self._place = order[np.argsort(market.candidate[order])]
        if days is not None:
            days = np.clip(days, market.low, market.high)
            days = (days if base is None else np.where(base > 0, base, days))[self._place]
        self.program = Program.of(restricted(problem, market.candidate[self._place], days))
        self._whole = self.program.formulation
        self._place = self._place[self._whole.candidate]
        self._often = often[self._place]
        self.of = self.program.column_candidate
        self.giver = market.places.giver[self._place]
        self.taker = market.places.taker[self._place]
        self.values = np.zeros(len(self._whole.upper), np.int64)
        if base is not None:
            self.values = self._columns(base[self._place])
        self.points = self.program.points_at(self.values)

    def _columns(self, half_days: IntArray | SmallArray) -> IntArray:
        x = half_days.astype(np.int64)
        return np.concatenate([(x > 0).astype(np.int64), x[self._whole.free]])

    def cut(self, size: float, angle: float) -> IntArray:
        """Return a block number for each participant: by the map, or by partners without one."""
        people = self._problem.participants
        if size >= len(people):
            return np.zeros(len(people), np.int64)
        if np.isnan(people.lat + people.lon).mean() > 0.5:
            return cut_by_partners(self.giver, self.taker, len(people), int(size), angle)
        return cut(people.lat, people.lon, int(size), angle)

    def inside(self, label: IntArray) -> IntArray:
        """Return the block that decides each candidate, -1 for those that cross a border."""
        giver, taker = label[self.giver], label[self.taker]
        return np.where(giver == taker, giver, -1)

    def fixed_blocks(self, label: IntArray, regret: FloatArray) -> list[Job]:
        """Return the blocks of a labelling that have regret to lose, those with most first.

        Parameters
        ----------
        label
            Block of each participant, -1 for none.
        regret
            Per participant.
        """
        inside, labelled = self.inside(label), label >= 0
        blocks = np.unique(inside[inside >= 0])
        size = int(label.max()) + 1
        total = np.bincount(label[labelled], regret[labelled], minlength=size)
        people = np.bincount(label[labelled], minlength=size)
        blocks = blocks[total[blocks] > CALM * regret.mean() * people[blocks]]
        blocks = blocks[np.argsort(-total[blocks], kind="stable")]
        share, used = self.share(len(blocks)), self.program.matrix @ self.values
        order = np.argsort(inside, kind="stable")
        starts = np.searchsorted(inside[order], blocks)
        ends = np.searchsorted(inside[order], blocks, side="right")
        jobs = []
        for start, end in zip(starts, ends, strict=True):
            candidate = order[start:end]
            columns = self.program.columns(candidate)
            program = self.program.fixed(candidate, self.values, used, share, self.points)
            jobs.append(Job(program, columns, self.values[columns]))
        return jobs

    def crossing(self, quote: Quote) -> Crossing:
        """Return what each side of a pairing is worth at a quote."""
        market, place, whole = self._market, self._place, self._whole
        terms, _ = charges(market, quote.multiplier, 0)
        free = place[whole.free]
        low = np.where(whole.low == whole.high, whole.low, 0)
        sides = []
        for base, slope, sign in (
            (terms.give_base, terms.give_slope, 1),
            (terms.take_base, terms.take_slope, -1),
        ):
            rate = slope + sign * quote.rate
            fixed = base[place] + sign * quote.price[place] + rate[place] * low
            sides.append(np.concatenate([fixed, rate[free]]) // market.part)
        return Crossing(sides[0], sides[1], self._often > SURE)

    def share(self, blocks: int) -> FloatArray:
        """Return the share of each row's slack that one of so many blocks may use."""
        return np.where(self.program.shared, 1.0 / max(1, blocks), 1.0)

    def take(self, columns: IntArray, found: IntArray) -> None:
        """Take a block's values in if they are no worse."""
        points = self.points[columns]
        if points @ found >= points @ self.values[columns]:
            values = self.values.copy()
            values[columns] = found
            self.values = values

    def holds(self) -> bool:
        """Return whether the values are a plan."""
        return self._whole.holds(self.values)

    def half_days(self, values: IntArray | None = None) -> IntArray:
        """Return half-days per candidate of the market, of other values if given."""
        whole, values = self._whole, self.values if values is None else values
        days = whole.low.copy()
        days[whole.free] = values[len(whole.candidate) :]
        result = np.zeros(len(self._market), np.int64)
        result[self._place] = np.where(values[: len(days)] > 0, days, 0)
        return result
