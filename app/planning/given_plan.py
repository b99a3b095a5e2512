"""What is found of a plan that somebody gave, against the problem of a run."""

from dataclasses import asdict
from operator import mul
from typing import Any, Final

import numpy as np

from solver.check.verify import verify
from solver.formats.plan import Plan
from solver.formats.problem import Problem

MOST_VIOLATIONS: Final = 1_000
"""Told of one plan; how many there are in all is told besides."""


def validate(problem: Problem, plan: Plan) -> dict[str, Any]:
    """Which rules a given plan breaks."""
    violations = verify(problem, plan)
    return {
        "valid": not violations,
        "violation_count": len(violations),
        "violations": [asdict(violation) for violation in violations[:MOST_VIOLATIONS]],
    }


def evaluate(problem: Problem, plan: Plan, bound: float | None) -> dict[str, Any]:
    """The plan's figures as computed here; what its file claims is left aside."""
    found = problem.positions(np.column_stack([plan.offer, plan.need]))
    known, half_days = found[found >= 0], plan.half_days[found >= 0]
    kept = set(known.tolist())
    dropped = [each for each in problem.positions(problem.current[:, :2]).tolist() if each >= 0]
    penalty = problem.change_penalty * sum(each not in kept for each in dropped)
    # Days of a given plan are whatever its file says: too many for sums of 64 bits.
    points = problem.candidates.points[known].tolist()
    objective = (
        sum(map(mul, points, half_days.tolist()))
        + int(problem.candidates.bonus[known].sum())
        - penalty
    )
    broken = [
        each for each in verify(problem, plan) if each.rule not in ("objective", "bound", "gap")
    ]
    return {
        "objective": objective,
        "bound": bound,
        "gap": None if bound is None else (bound - objective) / max(1, objective),
        "pairings": len(plan),
        "half_days": sum(plan.half_days.tolist()),
        "needs_met": len(set(plan.need.tolist())),
        "needs": len(problem.needs),
        "violation_count": len(broken),
    }
