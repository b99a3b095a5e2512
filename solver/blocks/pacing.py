"""Adaptive large neighbourhood search: which neighbourhood comes next, how large, and how long.

A neighbourhood is a way to choose blocks of participants that are decided anew while all else stays
as the incumbent has it. What each brought last decides which comes next (in the manner of Ropke and
Pisinger, An adaptive large neighborhood search heuristic for the pickup and delivery problem with
time windows, Transportation Science 40, 2006), and whether further rounds of prices pay beside.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from solver.arrays import IntArray
from solver.backends.limits import Limits
from solver.blocks.restricted import RestrictedProblem
from solver.parameters import DEFAULTS, PacingParameters
from solver.prices.price_search import PriceSearch

Label = Callable[[RestrictedProblem, int], IntArray]
"""Gives each participant the number of its block, for blocks of so many participants."""


class FurtherRounds:
    """Rounds beside the blocks, from the best dual point, where they bring more than blocks do.

    Attributes
    ----------
    pace
        Points per second that they took off the bound last.

    Parameters
    ----------
    step
        The last step of the rounds before blocks.
    """

    def __init__(
        self, search: PriceSearch, step: float, parameters: PacingParameters = DEFAULTS.pacing
    ) -> None:
        self.pace = math.inf
        self._search, self._parameters = search, parameters
        self._first = step * parameters.further_first_step
        self._fall = parameters.further_last_step / parameters.further_first_step
        self._done = 0
        self._before = 0
        self._seconds = 0.0

    def learn(self, won: float, seconds: float) -> None:
        """Learn what rounds brought at last, in points of the bound."""
        self.pace = won / max(seconds, 1e-6)

    def round(self, pace: float = 0.0) -> bool:
        """Do one round if blocks bring less than `pace` points per second; return whether."""
        search, rounds = self._search, self._parameters.further_rounds
        if pace >= self.pace:
            return False
        if self._done == 0:
            assert search.best is not None
            search.return_to(search.best)
            self._before, self._seconds = search.bound(), 0.0
        started = time.time()
        search.round(self._first * self._fall ** (self._done / rounds))
        self._seconds += time.time() - started
        self._done = (self._done + 1) % rounds
        if self._done == 0:
            self.learn(self._before - search.bound(), self._seconds)
        return True


class Neighbourhood:
    """A way to choose blocks, how large they may be, and what they brought last.

    Attributes
    ----------
    label
        Cuts the participants into blocks.
    people
        Participants of a block.
    pace
        Points per second of its last sweep.
    slow
        Whether the last sweep brought little.
    """

    def __init__(self, label: Label, people: float) -> None:
        self.label = label
        self.people = people
        self.pace = math.inf
        self.slow = False


class Neighbourhoods:
    """Ways to choose blocks, sweep after sweep, that of the best pace most often.

    Parameters
    ----------
    started
        When the search began, on the clock of `time.time`.
    """

    def __init__(
        self,
        labels: Sequence[Label],
        limits: Limits,
        started: float,
        parameters: PacingParameters = DEFAULTS.pacing,
    ) -> None:
        self._limits, self._started, self._parameters = limits, started, parameters
        self._most = parameters.most_participants
        if limits.work is not None:
            self._most = parameters.most_participants_by_work
        first = float(min(parameters.first_participants, self._most))
        self._each = [Neighbourhood(label, first) for label in labels]
        self._sweeps = 0

    @property
    def pace(self) -> float:
        """The best pace, points per second."""
        return max(each.pace for each in self._each)

    @property
    def slow(self) -> bool:
        """Whether all of them were slow at last."""
        return all(each.slow for each in self._each)

    def next(self) -> Neighbourhood:
        """Return the neighbourhood of the next sweep."""
        if self._limits.work is None and self._sweeps % self._parameters.turns:
            return max(self._each, key=lambda each: each.pace)
        return self._each[self._sweeps % len(self._each)]

    def learn(
        self,
        used: Neighbourhood,
        *,
        hard: float,
        gained: int,
        missing: float,
        took: float,
        now: float,
    ) -> None:
        """Learn from a sweep.

        Parameters
        ----------
        hard
            Share of its blocks that were hard, 0 to 1.
        gained, missing
            Points that it brought, and that the plan is still short of the bound.
        took
            Seconds.
        now
            On the clock of `time.time`.
        """
        tuning, repeatable = self._parameters, self._limits.work is not None
        used.pace = gained / max(took, 1e-6)
        spent = took / max(self._limits.deadline - now, 1e-6)
        quick = spent < tuning.quick_share and not repeatable
        growth = tuning.growth_quick if quick else tuning.growth
        factor = tuning.shrink if hard > tuning.hard_share else growth if not hard else 1.0
        used.people = min(max(factor * used.people, tuning.least_participants), self._most)
        least = tuning.slow_share
        if not repeatable:
            least = took / (tuning.patience * (now - self._started))
        used.slow = gained <= least * missing
        self._sweeps += 1
        if not gained:
            self._each.reverse()

    def widened(self) -> None:
        """Begin with small blocks again, as restricted problems have got wider."""
        for each in self._each:
            each.people = min(each.people, self._parameters.first_participants)
            each.slow = False


def block_seconds(
    limits: Limits,
    started: float,
    blocks: int,
    sweeps: int,
    parameters: PacingParameters = DEFAULTS.pacing,
) -> float:
    """Return what one of so many blocks may take, if the time left is for so many sweeps.

    Parameters
    ----------
    started
        When the search began, on the clock of `time.time`.

    Returns
    -------
    Seconds; infinite with a deterministic limit.
    """
    if limits.work is not None:
        return math.inf
    now = time.time()
    most = parameters.block_s
    if sweeps > 1:
        most = min(most, parameters.block_time_share * (now - started))
    at_once = min(1, limits.workers / max(1, blocks))
    share = parameters.sweep_time_share * (limits.deadline - now) * at_once / sweeps
    return max(parameters.least_block_s, min(most, share))
