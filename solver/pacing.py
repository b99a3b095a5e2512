"""What a search learns on its way: whether more rounds pay, and how large blocks may be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from solver.core import Core
from solver.prices import PriceSearch
from solver.problem import IntArray
from solver.race import Limits

FURTHER: Final = (0.004, 0.0003, 60)
"""First and last step, and rounds, of a further search from the best prices."""
PAYS: Final = 0.01
"""Part of the gap that a further search must close for another to follow."""
HARD: Final = 0.3
"""Share of blocks left far from solved from which the next sweep cuts smaller ones."""
BLOCK: Final = (150, 2600)
"""Fewest and most participants of a fixed block."""
QUICK: Final = 0.05
"""Share of the time left below which a sweep was quick."""
GROWTH: Final = (2.0, 1.3)
"""What blocks grow by after a quick sweep without a hard one, and after a slower such one."""
BLOCK_S: Final = 8.0
BLOCK_SHARE: Final = 0.4
"""What a fixed block may take, as a share of the time so far: a far limit is no reason to wait."""
FIRST_BLOCK: Final = 300
WORK_BLOCK: Final = 300
"""Most participants of a block where work is limited instead of time."""


class Further:
    """Rounds beside the blocks, from the best prices, while they pay for the gap there is."""

    def __init__(self, search: PriceSearch) -> None:
        self._search = search
        self._done = 0
        self._before = 0
        self._below = math.inf

    def round(self, gap: float) -> bool:
        """Do one round; return whether there was one to do."""
        first, last, rounds = FURTHER
        search = self._search
        if gap >= self._below:
            return False
        if self._done == 0:
            assert search.best is not None
            search.return_to(search.best)
            self._before = search.bound()
        search.round(first * (last / first) ** (self._done / rounds))
        self._done = (self._done + 1) % rounds
        if self._done == 0:
            won = (self._before - search.bound()) / max(1, self._before)
            self._below = math.inf if won > PAYS * gap else gap / 2
        return True


class Kind:
    """A way to choose blocks: how large they may be, and points per second they brought last."""

    def __init__(self, label: Callable[[Core, int], IntArray], repeatable: bool) -> None:
        self.label = label
        self._repeatable = repeatable
        self._most = WORK_BLOCK if repeatable else BLOCK[1]
        self.people = float(min(FIRST_BLOCK, self._most))
        self.pace = math.inf

    def learn(self, hard: float, pace: float, spent: float) -> None:
        """Learn from a sweep: the share that was hard, its pace, and its share of the time left."""
        self.pace = pace
        growth = GROWTH[0] if spent < QUICK and not self._repeatable else GROWTH[1]
        factor = 0.7 if hard > HARD else growth if not hard else 1.0
        self.people = min(max(factor * self.people, BLOCK[0]), self._most)


def block_seconds(limits: Limits, started: float, blocks: int, sweeps: int) -> float:
    """Return what one of so many blocks may take, if the time left is for so many sweeps.

    Parameters
    ----------
    started
        When the search began, on the clock of `time.time`.
    """
    if limits.work is not None:
        return math.inf
    now = time.time()
    most = BLOCK_S if sweeps == 1 else min(BLOCK_S, BLOCK_SHARE * (now - started))
    share = 0.8 * (limits.deadline - now) * limits.workers / max(1, blocks) / sweeps
    return max(0.5, min(most, share))
