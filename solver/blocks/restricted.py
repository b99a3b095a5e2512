"""The restricted problem: the candidates (columns) that prices want, and a plan in it.

Large neighbourhood search makes the plan better block by block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.arrays import BoolArray, FloatArray, IntArray, SingleArray, SmallArray
from solver.blocks.block_program import Crossing, Program, restrict
from solver.blocks.neighbourhoods import cut, cut_by_partners
from solver.formats.problem import Problem
from solver.formulation.program import Formulation
from solver.parameters import DEFAULTS, BlockParameters
from solver.prices.decomposition import Decomposition
from solver.prices.multipliers import lagrangian_terms
from solver.prices.price_search import DualPoint


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A block to solve.

    Attributes
    ----------
    program
        Its formulation.
    columns
        Columns of the restricted problem that it decides.
    start
        Values of these to start from; None to start from nothing.
    """

    program: Formulation
    columns: IntArray
    start: IntArray | None = None


class RestrictedProblem:
    """A program of few candidates, and values of its columns.

    It has the candidates of `kept`, those pinned, and those that `base` holds.

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
    points
        Objective coefficient of each column, with a bonus for floors not yet met.

    Parameters
    ----------
    kept, frequency
        Per candidate of the decomposition: whether to keep it, and its column frequency.
    base
        Half-days per candidate of the decomposition, that values start from.
    days
        Half-days that candidates without a place in `base` are to have; open by default.
    """

    def __init__(
        self,
        problem: Problem,
        decomposition: Decomposition,
        kept: BoolArray,
        frequency: SingleArray,
        base: IntArray | SmallArray | None = None,
        days: IntArray | None = None,
        parameters: BlockParameters = DEFAULTS.blocks,
    ) -> None:
        self._parameters = parameters
        kept = kept | decomposition.pinned
        if base is not None:
            kept |= base > 0
        self._problem, self._decomposition = problem, decomposition
        order = np.flatnonzero(kept)
        self._place = order[np.argsort(decomposition.candidate[order])]
        if days is not None:
            days = np.clip(days, decomposition.low, decomposition.high)
            days = (days if base is None else np.where(base > 0, base, days))[self._place]
        self.program = Program.of(restrict(problem, decomposition.candidate[self._place], days))
        self._whole = self.program.formulation
        self._place = self._place[self._whole.candidate]
        self._frequency = frequency[self._place]
        self.column_candidate = self.program.column_candidate
        self.giver = decomposition.incidence.giver[self._place]
        self.taker = decomposition.incidence.taker[self._place]
        self.values = np.zeros(len(self._whole.upper), np.int64)
        if base is not None:
            self.values = self._columns(base[self._place])
        self.points = self.program.points_at(self.values)

    def _columns(self, half_days: IntArray | SmallArray) -> IntArray:
        x = half_days.astype(np.int64)
        return np.concatenate([(x > 0).astype(np.int64), x[self._whole.free]])

    def cut(self, size: float, angle: float) -> IntArray:
        """Return a block number for each participant: by the map, or by partners without one.

        Parameters
        ----------
        size
            Most participants of a block.
        angle
            Radians, 0 to pi.
        """
        people = self._problem.participants
        if size >= len(people):
            return np.zeros(len(people), np.int64)
        if np.isnan(people.lat + people.lon).mean() > self._parameters.unplaced_share:
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
            Optimality gap of each participant, in any unit; >= 0.
        """
        inside, labelled = self.inside(label), label >= 0
        blocks = np.unique(inside[inside >= 0])
        size = int(label.max()) + 1
        total = np.bincount(label[labelled], regret[labelled], minlength=size)
        people = np.bincount(label[labelled], minlength=size)
        blocks = blocks[
            total[blocks] > self._parameters.calm_regret * regret.mean() * people[blocks]
        ]
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

    def crossing(self, dual_point: DualPoint) -> Crossing:
        """Return what each side of a pairing is worth at a dual point, in points."""
        decomposition, place, whole = self._decomposition, self._place, self._whole
        terms, _ = lagrangian_terms(decomposition, dual_point.multiplier, 0)
        free = place[whole.free]
        low = np.where(whole.low == whole.high, whole.low, 0)
        sides = []
        for base, slope, sign in (
            (terms.give_base, terms.give_slope, 1),
            (terms.take_base, terms.take_slope, -1),
        ):
            rate = slope + sign * dual_point.rate
            fixed = base[place] + sign * dual_point.price[place] + rate[place] * low
            sides.append(np.concatenate([fixed, rate[free]]) // decomposition.part)
        return Crossing(sides[0], sides[1], self._frequency > self._parameters.credited_frequency)

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

    def half_days(self, values: IntArray | None = None) -> IntArray:
        """Return half-days per candidate of the decomposition, of other values if given."""
        whole, values = self._whole, self.values if values is None else values
        days = whole.low.copy()
        days[whole.free] = values[len(whole.candidate) :]
        result = np.zeros(len(self._decomposition), np.int64)
        result[self._place] = np.where(values[: len(days)] > 0, days, 0)
        return result
