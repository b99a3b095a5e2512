"""When a solver is to stop, and what it hands back: what every backend and method speaks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from solver.arrays import IntArray
from solver.parameters import DEFAULTS, BackendParameters

OnNews = Callable[[int | None, float], None]
"""Called with the best objective any backend has, and the lowest bound."""

Report = Callable[[int | None, float | None, IntArray | None], None]
"""Called with an objective, a bound and the plan's column values, each if there is news of it."""


def unheard(points: int | None, bound: float | None, values: IntArray | None) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop.

    Attributes
    ----------
    deadline
        On the clock of `time.time`, in seconds; may be infinite.
    gap
        Fraction at which a plan is good enough, >= 0.
    work
        Deterministic limit, what repeats: CP-SAT's deterministic seconds, and HiGHS's nodes by the
        hundred; >= 1, None for none.
    seed, workers
        Of the search. With one worker HiGHS runs alone, as it proves sooner; with more, CP-SAT
        has the others. With `work` both run whatever the workers.
    parameters
        What these limits mean to each backend.
    """

    deadline: float = math.inf
    gap: float = 0.0
    work: int | None = None
    seed: int = 0
    workers: int = 1
    parameters: BackendParameters = DEFAULTS.backends

    def part_of_time(self, share: float) -> float:
        """Return the deadline of a share of the time left, on the clock of `time.time`."""
        now = time.time()
        return now + share * (self.deadline - now)

    def seconds(self) -> float:
        """Return the seconds that a backend may still take, >= 0.1."""
        return max(0.1, self.deadline - self.parameters.hand_back_s - time.time())


@dataclass(frozen=True, slots=True, eq=False)
class BackendResult:
    """What a backend found.

    Attributes
    ----------
    values
        One per column of the formulation, None where no plan was found.
    bound
        Points that no plan exceeds; infinite where not known.
    infeasible
        Whether it proved that there is no plan.
    """

    values: IntArray | None
    bound: float
    infeasible: bool = False
