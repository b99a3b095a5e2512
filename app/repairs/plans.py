"""Repaired plans of a problem: nobody else moved, the neighbours free, and all planned again.

What stands is `current` of the problem, without the pairing that broke. Each plan keeps as much of
it as is worth the price of a change, and none has fewer points than keeping all that can be kept.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.vocabulary import RepairSize
from solver.arrays import BoolArray, IntArray
from solver.explain.resolve_around import Around, Resolved, needs_near, resolve
from solver.explain.subset import chosen, with_candidates
from solver.formats.plan import Status
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formats.tables import frozen, pairs
from solver.formulation.standing import standing, worth
from solver.parameters import DEFAULTS
from solver.solve import solve

MOST_SECONDS: Final = 3.0
"""For all repairs of one pairing together; a county then has them within 5 seconds."""
NEIGHBOURS: Final = replace(DEFAULTS.explain, most_candidates=1_500)
NEIGHBOURS_PRICE: Final = 4
"""Times the price of a change, for moving neighbours: they are to move for this pairing's sake, and
not for what little a plan that stopped at its gap has left everywhere."""
GAP: Final = 0.001
FOUND: Final = (Status.OPTIMAL, Status.FEASIBLE)


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """A plan in the place of what stood: half-days per candidate, and its objective.

    The objective is its points less the price of each change.
    """

    size: RepairSize
    half_days: IntArray
    objective: int


@dataclass(frozen=True, slots=True, eq=False)
class Repairs:
    """Up to three repaired plans, the smallest first, each better than the one before.

    `kept` is what can still be kept of what stood, and `bound` the objective that no plan of the
    problem exceeds, None where that is not known.
    """

    kept: IntArray
    found: Sequence[Repaired]
    bound: float | None


def repairs_of(
    problem: Problem,
    lost: Sequence[int],
    freed: Sequence[int],
    apart: Sequence[int] = (),
    *,
    seconds: float = MOST_SECONDS,
    workers: int = 2,
    seed: int = 0,
) -> Repairs:
    """Work out what to do about a pairing that broke.

    Parameters
    ----------
    problem
        What stands is `current`; pins are for pairings that stand.
    lost
        Positions of the needs that lost their support; none where the need was withdrawn.
    freed
        Positions of the participants whose days are free again.
    apart
        Positions of needs whose own pairing broke too: only the largest repair plans them.
    """
    ends = time.monotonic() + seconds
    problem = _with_days_fixed(problem)
    kept = _still_possible(problem)
    problem = replace(problem, pins=pairs(_of(problem, kept)))
    first = np.zeros(len(problem.needs), np.bool_)
    first[list(lost)] = True
    first[problem.current[:, 1]] |= kept[problem.positions(problem.current)] == 0
    near = first.copy()
    account = problem.participants.account
    given = np.isin(account[problem.giver], account[list(freed)])
    met = np.zeros(len(problem.needs), np.bool_)
    met[problem.candidates.need[kept > 0]] = True
    # Whoever has nobody may want the days that are free again.
    near[problem.candidates.need[given & ~met[problem.candidates.need]]] = True
    near, _ = needs_near(problem, kept, near, NEIGHBOURS)
    near[list(apart)] = False
    best = Repaired(RepairSize.SMALLEST, kept, worth(problem, kept))
    found: list[Repaired] = []
    dear = replace(problem, change_penalty=problem.change_penalty * NEIGHBOURS_PRICE)
    for size, needs, moves in (
        (RepairSize.SMALLEST, first, False),
        (RepairSize.MIDDLE, near, True),
    ):
        inside = needs[problem.candidates.need]
        free = inside if moves else inside & (kept == 0)
        half_days = _solved(dear, kept, inside | (kept > 0), free)
        if half_days is None:
            continue
        objective = worth(problem, half_days)
        if objective > best.objective or not found:
            best = Repaired(size, half_days, objective)
            found.append(best)
    left = max(ends - time.monotonic(), seconds / 4)
    half_days, bound = _again(problem, best.half_days, left, workers, seed)
    if half_days is not None and (objective := worth(problem, half_days)) > best.objective:
        found.append(Repaired(RepairSize.LARGEST, half_days, objective))
    return Repairs(kept, found, bound)


def _again(
    problem: Problem, start: IntArray, seconds: float, workers: int, seed: int
) -> tuple[IntArray | None, float | None]:
    """The whole problem planned again from a plan of it, if that is found, and its bound."""
    if len(problem.candidates) <= NEIGHBOURS.most_candidates:
        everything = np.ones(len(problem.candidates), np.bool_)
        resolved = _resolved(problem, start, everything, everything)
        return resolved.half_days, resolved.bound if np.isfinite(resolved.bound) else None
    plan = solve(
        problem,
        time_limit_s=seconds,
        gap=GAP,
        seed=seed,
        workers=workers,
        warm=State.of_plan(problem, start) if start.any() else None,
    )
    return chosen(problem, plan) if plan.status in FOUND else None, plan.bound


def _with_days_fixed(problem: Problem) -> Problem:
    """The problem in which what stands keeps its days, or ends."""
    fixed = problem.candidates.half_days.copy()
    fixed[problem.positions(problem.current)] = problem.current[:, 2]
    columns = replace(problem.candidates, half_days=frozen(fixed, np.int64))
    return replace(problem, candidates=columns)


def _still_possible(problem: Problem) -> IntArray:
    """The most of what stands that can be kept together: half-days per candidate."""
    if (everything := standing(problem)) is not None:
        return everything
    none = np.zeros(len(problem.candidates), np.int64)
    stands = none > 0
    stands[problem.positions(problem.current)] = True
    if not stands.any():
        return none
    kept = _solved(replace(problem, pins=pairs()), none, stands, stands)
    return none if kept is None else kept


def _of(problem: Problem, kept: IntArray) -> IntArray:
    """The pins that what is kept has."""
    at = problem.positions(problem.pins)
    return problem.pins[(at >= 0) & (kept[at] > 0)]


def _solved(problem: Problem, plan: IntArray, keep: BoolArray, free: BoolArray) -> IntArray | None:
    """The best plan of the candidates to `keep` that leaves those not `free` as they are."""
    half_days = _resolved(problem, plan, keep, free).half_days
    if half_days is None:
        return None
    whole = np.zeros(len(keep), np.int64)
    whole[keep] = half_days
    return whole


def _resolved(problem: Problem, plan: IntArray, keep: BoolArray, free: BoolArray) -> Resolved:
    """Solve exactly, in this process and under a limit of work; what is found is verified.

    To start another process takes longer than to solve so little.
    """
    at = np.flatnonzero(keep)
    view = Around(with_candidates(problem, keep), plan[at], free[at], at, 0, whole=False)
    return resolve(view, parameters=NEIGHBOURS)
