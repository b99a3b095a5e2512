"""Priced blocks in waves: all participants once, with no plan around them."""

from __future__ import annotations

from typing import Final

import numpy as np

from solver.blocks.block_program import Sides
from solver.blocks.restricted import Core, Job
from solver.formats.tables import IntArray
from solver.prices.price_search import Quote

WAVES: Final = 4


class Waves:
    """Blocks of a core that see those of later waves by prices, and know what earlier ones want.

    Attributes
    ----------
    blocks
        Numbers of the blocks of each wave.
    """

    def __init__(self, core: Core, label: IntArray, quote: Quote) -> None:
        self._core, self._label = core, label
        self._crossing = core.crossing(quote)
        self._gives, self._takes = label[core.giver][core.of], label[core.taker][core.of]
        self._sides = Sides(np.zeros_like(core.values), np.zeros_like(core.values))
        every = np.arange(int(label.max()) + 1)
        self.blocks = [every[wave::WAVES] for wave in range(min(WAVES, len(every)))]

    def jobs(self, blocks: IntArray) -> list[Job]:
        """Return the programs of a wave's blocks, once those of earlier waves are settled."""
        settled = self._label % WAVES < blocks[0] % WAVES
        return [
            Job(
                self._core.program.priced(
                    self._label == block, self._crossing, settled, self._sides
                ),
                np.flatnonzero((self._gives == block) | (self._takes == block)),
            )
            for block in blocks.tolist()
        ]

    def settle(self, block: int, job: Job, found: IntArray) -> None:
        """Take in what a block wants, as giver and as taker."""
        mine, theirs = self._gives[job.columns] == block, self._takes[job.columns] == block
        self._sides.given[job.columns[mine]] = found[mine]
        self._sides.taken[job.columns[theirs]] = found[theirs]

    def agreed(self) -> IntArray:
        """Return half-days per candidate of the market that both sides want."""
        return self._core.half_days(np.minimum(self._sides.given, self._sides.taken))
