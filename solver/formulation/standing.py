"""The plan in force, `current`: whether it is still possible, and the worth of plans beside it."""

from __future__ import annotations

import numpy as np

from solver.arrays import IntArray
from solver.formats.problem import Problem
from solver.formulation.presolve import ranges
from solver.formulation.rules import ChangePenalty, rules_of


def standing(problem: Problem) -> IntArray | None:
    """Return the plan in force as it is, if it still keeps every rule.

    Returns
    -------
    Half-days per candidate, shape (candidates,), within what each may have; None if there is no
    such plan, or not all of it is possible any more.
    """
    at = problem.positions(problem.current)
    if not len(at) or (at < 0).any():
        return None
    low, high = ranges(problem)
    half_days = np.zeros(len(low), np.int64)
    half_days[at] = np.clip(problem.current[:, 2], low[at], high[at])
    if any(rule.check(problem, half_days) for rule in rules_of(problem)):
        return None
    return half_days


def worth(problem: Problem, half_days: IntArray) -> int:
    """Return the objective of a plan: its points, less the penalty of what it does not keep.

    Parameters
    ----------
    half_days
        Per candidate, shape (candidates,).
    """
    saved = ChangePenalty().kept_points(problem)
    points = problem.candidates.points * half_days + problem.candidates.bonus + saved
    return int(points[half_days > 0].sum() - saved.sum())
