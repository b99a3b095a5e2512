"""What a search learns on its way: whether more rounds pay, and how large blocks may be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from solver.backends.limits import Limits
from solver.blocks.restricted import Core
from solver.formats.tables import IntArray
from solver.prices.price_search import PriceSearch

FURTHER: Final = (4.0, 0.3, 60)
"""First and last step, by the last before blocks, and rounds of a search from the best prices."""
HARD: Final = 0.3
"""Share of blocks left far from solved from which the next sweep cuts smaller ones."""
BLOCK: Final = (150, 2600)
"""Fewest and most participants of a fixed block."""
QUICK: Final = 0.05
"""Share of the time left below which a sweep was quick."""
GROWTH: Final = (2.0, 1.3)
"""What blocks grow by after a quick sweep without a hard one, and after a slower such one."""
TURNS: Final = 5
"""Every so many sweeps it is a set kind's turn; else that of the best pace."""
SLOW: Final = 0.01
"""Share of what is missing that a sweep must bring not to be slow, where work is limited."""
PATIENCE: Final = 5.0
"""Else it must bring enough to close the gap, at its pace, in so many times the time so far."""
BLOCK_S: Final = 8.0
BLOCK_SHARE: Final = 0.4
"""What a fixed block may take, as a share of the time so far: a far limit is no reason to wait."""
FIRST_BLOCK: Final = 300
WORK_BLOCK: Final = 300
"""Most participants of a block where work is limited instead of time."""


class Further:
    """Rounds beside the blocks, from the best prices, where they bring more than blocks do.

    Attributes
    ----------
    pace
        Points per second that they took off the bound last.
    """

    def __init__(self, search: PriceSearch, step: float) -> None:
        self.pace = math.inf
        self._search, self._step = search, step
        self._done = 0
        self._before = 0
        self._seconds = 0.0

    def learn(self, won: float, seconds: float) -> None:
        """Learn what rounds brought at last."""
        self.pace = won / max(seconds, 1e-6)

    def round(self, pace: float = 0.0) -> bool:
        """Do one round if blocks bring less than `pace` points per second; return whether."""
        first, last, rounds = FURTHER
        search = self._search
        if pace >= self.pace:
            return False
        if self._done == 0:
            assert search.best is not None
            search.return_to(search.best)
            self._before, self._seconds = search.bound(), 0.0
        started = time.time()
        search.round(self._step * first * (last / first) ** (self._done / rounds))
        self._seconds += time.time() - started
        self._done = (self._done + 1) % rounds
        if self._done == 0:
            self.learn(self._before - search.bound(), self._seconds)
        return True


class Kind:
    """A way to choose blocks, how large they may be, and what they brought last.

    Attributes
    ----------
    label
        Gives each participant the number of its block, for blocks of so many participants.
    people
        How many that is now.
    pace
        Points per second of its last sweep.
    slow
        Whether the last sweep brought little.
    """

    def __init__(self, label: Callable[[Core, int], IntArray], most: int) -> None:
        self.label = label
        self.people = float(min(FIRST_BLOCK, most))
        self.pace = math.inf
        self.slow = False


class Kinds:
    """Ways to choose blocks, sweep after sweep, that of the best pace most often."""

    def __init__(
        self, labels: Sequence[Callable[[Core, int], IntArray]], limits: Limits, started: float
    ) -> None:
        self._limits, self._started = limits, started
        self._most = BLOCK[1] if limits.work is None else WORK_BLOCK
        self._kinds = [Kind(label, self._most) for label in labels]
        self._sweeps = 0

    @property
    def pace(self) -> float:
        """The best pace, points per second."""
        return max(kind.pace for kind in self._kinds)

    @property
    def slow(self) -> bool:
        """Whether all of them were slow at last."""
        return all(kind.slow for kind in self._kinds)

    def next(self) -> Kind:
        """Return the kind of the next sweep."""
        if self._limits.work is None and self._sweeps % TURNS:
            return max(self._kinds, key=lambda kind: kind.pace)
        return self._kinds[self._sweeps % len(self._kinds)]

    def learn(self, kind: Kind, hard: float, gained: int, missing: float, took: float) -> None:
        """Learn from a sweep.

        Parameters
        ----------
        hard
            Share of its blocks that were hard.
        gained, missing
            Points that it brought, and that the plan is still short of the bound.
        took
            Seconds.
        """
        now, repeatable = time.time(), self._limits.work is not None
        kind.pace = gained / max(took, 1e-6)
        spent = took / max(self._limits.deadline - now, 1e-6)
        growth = GROWTH[0] if spent < QUICK and not repeatable else GROWTH[1]
        factor = 0.7 if hard > HARD else growth if not hard else 1.0
        kind.people = min(max(factor * kind.people, BLOCK[0]), self._most)
        least = SLOW if repeatable else took / (PATIENCE * (now - self._started))
        kind.slow = gained <= least * missing
        self._sweeps += 1
        if not gained:
            self._kinds.reverse()

    def widened(self) -> None:
        """Begin with small blocks again, as programs have got wider."""
        for kind in self._kinds:
            kind.people = min(kind.people, FIRST_BLOCK)
            kind.slow = False


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
    share = 0.8 * (limits.deadline - now) * min(1, limits.workers / max(1, blocks)) / sweeps
    return max(0.5, min(most, share))
