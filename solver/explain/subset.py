"""A problem with few of its candidates: what a look at one need, or at one plan, has to carry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solver.arrays import BoolArray, IntArray
from solver.formats.plan import Plan, Status, Stopped, gap_of
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, frozen


def chosen(problem: Problem, plan: Plan) -> IntArray:
    """Return a plan's half-days per candidate of its problem, 0 where not chosen."""
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(np.column_stack([plan.offer, plan.need]))] = plan.half_days
    return half_days


def with_candidates(problem: Problem, keep: BoolArray) -> Problem:
    """Return the problem without the other candidates, pins and wishes of those left out aside.

    Parameters
    ----------
    keep
        Per candidate, shape (candidates,); pinned ones must be kept.
    """
    kept = np.flatnonzero(keep)
    place = np.full(len(keep), -1)
    place[kept] = np.arange(len(kept))
    columns = problem.candidates
    linking = []
    for rule in problem.linking:
        at = place[rule.candidates]
        inside = at >= 0
        linking.append(replace(rule, candidates=at[inside], weight=rule.weight[inside]))
    return replace(
        problem,
        candidates=Candidates.of(
            columns.offer[kept],
            columns.need[kept],
            columns.points[kept],
            half_days=columns.half_days[kept],
            bonus=columns.bonus[kept],
        ),
        linking=tuple(linking),
    )


def plan_of(problem: Problem, half_days: IntArray, objective: int) -> Plan:
    """Return half-days per candidate as a plan that claims nothing but its points."""
    at = np.flatnonzero(half_days)
    columns = problem.candidates
    order = at[np.lexsort((columns.need[at], columns.offer[at]))]
    return Plan(
        Status.FEASIBLE,
        Stopped.GAP,
        offer=frozen(columns.offer[order], np.int64),
        need=frozen(columns.need[order], np.int64),
        half_days=frozen(half_days[order], np.int64),
        objective=objective,
        bound=float(objective),
        gap=gap_of(objective, objective),
    )


def worth(problem: Problem, half_days: IntArray) -> int:
    """Return the objective of half-days per candidate, in points."""
    columns = problem.candidates
    points = int((columns.points * half_days).sum() + columns.bonus[half_days > 0].sum())
    running = problem.positions(problem.current)
    dropped = (half_days[running[running >= 0]] == 0).sum()
    return points - problem.change_penalty * int(dropped)
