"""Priced blocks in waves: all participants once, with no plan around them."""

from __future__ import annotations

import numpy as np

from solver.arrays import IntArray
from solver.blocks.block_program import Copies
from solver.blocks.restricted import Job, RestrictedProblem
from solver.prices.price_search import DualPoint


class Waves:
    """Blocks that see those of later waves by prices, and know what earlier ones want.

    Attributes
    ----------
    blocks
        Numbers of the blocks of each wave.

    Parameters
    ----------
    label
        Block of each participant, from 0.
    waves
        How many waves, >= 1.
    """

    def __init__(
        self, restricted: RestrictedProblem, label: IntArray, dual_point: DualPoint, waves: int
    ) -> None:
        self._restricted, self._label, self._waves = restricted, label, waves
        self._crossing = restricted.crossing(dual_point)
        self._gives = label[restricted.giver][restricted.column_candidate]
        self._takes = label[restricted.taker][restricted.column_candidate]
        self._copies = Copies(np.zeros_like(restricted.values), np.zeros_like(restricted.values))
        every = np.arange(int(label.max()) + 1)
        self.blocks = [every[wave::waves] for wave in range(min(waves, len(every)))]

    def jobs(self, blocks: IntArray) -> list[Job]:
        """Return the programs of a wave's blocks, once those of earlier waves are settled."""
        settled = self._label % self._waves < blocks[0] % self._waves
        return [
            Job(
                self._restricted.program.priced(
                    self._label == block, self._crossing, settled, self._copies
                ),
                np.flatnonzero((self._gives == block) | (self._takes == block)),
            )
            for block in blocks.tolist()
        ]

    def settle(self, block: int, job: Job, found: IntArray) -> None:
        """Take in what a block wants, as giver and as taker."""
        mine, theirs = self._gives[job.columns] == block, self._takes[job.columns] == block
        self._copies.given[job.columns[mine]] = found[mine]
        self._copies.taken[job.columns[theirs]] = found[theirs]

    def agreed(self) -> IntArray:
        """Return half-days per candidate of the decomposition that both sides want."""
        return self._restricted.half_days(np.minimum(self._copies.given, self._copies.taken))
