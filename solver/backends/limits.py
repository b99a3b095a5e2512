"""When a solver is to stop, and what it hands back: what every backend and method speaks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from solver.formats.tables import IntArray

HAND_BACK_S: Final = 0.6
"""What a backend is given less than the race, to hand back its plan in time."""

OnNews = Callable[[int | None, float], None]
"""Called with the best objective any backend has, and the lowest bound."""

Report = Callable[[int | None, float | None, IntArray | None], None]
"""Called with an objective, a bound and the plan's column values, each if there is news of it."""


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
        None, or what repeats: CP-SAT's deterministic seconds, and HiGHS's nodes by the hundred.
    seed, workers
        Of the search. With one worker HiGHS runs alone, as it proves sooner; with more, CP-SAT
        has the others. With `work` both run whatever the workers.
    """

    deadline: float = math.inf
    gap: float = 0.0
    work: int | None = None
    seed: int = 0
    workers: int = 1

    def seconds(self) -> float:
        """Return what a backend may still take."""
        return max(0.1, self.deadline - HAND_BACK_S - time.time())


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
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
