"""`python -m tests.benchmarks.one_method METHOD PROBLEM PLAN DEADLINE`: solve, and tell the news.

Ours are solved as the command line does; the others are given the whole formulation, without what
no plan can hold, and nothing else: no start, no bound.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from solver.backends.limits import Limits
from solver.formats.plan import Plan, Status, Stopped, gap_of, write_plan
from solver.formats.problem import Problem
from solver.formats.problem_json import read_problem
from solver.formats.tables import frozen
from solver.formulation.program import Formulation, formulate, simple_bound

OURS = ("auto", "prices", "exact")
OTHERS = ("greedy", "cp_sat", "highs", "pdlp")
CORES = os.cpu_count() or 1
ENDING_S = {"ours": 0.8, "others": 0.2}
"""What each is given less than the process, so that all end at the same time: a race already takes
off what handing back takes, and ours check their plan."""

Tell = Callable[[int | None, float | None], None]


def main(method: str, problem_file: str, plan_file: str, deadline: str) -> None:
    problem = read_problem(problem_file)
    told: list[tuple[int | None, float | None]] = []

    def tell(objective: int | None, bound: float | None) -> None:
        news = objective, bound if bound is not None and math.isfinite(bound) else None
        if not told or told[-1] != news:
            told.append(news)
            line = json.dumps(dict(zip(("objective", "bound"), news, strict=True)))
            print(line, flush=True)  # noqa: T201 - for the parent

    whose, solve = ("ours", _ours) if method in OURS else ("others", _other)
    limits = Limits(float(deadline) - ENDING_S[whose], workers=CORES)
    plan = solve(method, problem, limits, tell)
    if plan is not None:
        tell(plan.objective, plan.bound)
        write_plan(plan, Path(plan_file))


def _ours(method: str, problem: Problem, limits: Limits, tell: Tell) -> Plan:
    from solver.solve import solve

    return solve(
        problem,
        method=method,
        time_limit_s=max(1.0, limits.deadline - time.time()),
        workers=limits.workers,
        on_progress=lambda progress: tell(progress.objective, progress.bound),
    )


def _other(method: str, problem: Problem, limits: Limits, tell: Tell) -> Plan | None:
    if method == "greedy":
        from solver.formulation.greedy import greedy

        half_days = greedy(problem)
        if half_days is None:
            return None
        tell(_plan(problem, half_days, math.inf).objective, None)
        return _plan(problem, half_days, simple_bound(formulate(problem), problem))
    formulation = formulate(problem)
    if method == "pdlp":
        tell(None, _relaxed_bound(formulation, limits))
        return None
    from solver.backends.cp_sat import solve_cp_sat
    from solver.backends.highs import solve_highs

    best: list[int | None] = [None]
    least = [float(simple_bound(formulation, problem))]

    def report(objective: int | None, bound: float | None, values: object) -> None:
        if objective is not None:
            best[0] = objective if best[0] is None else max(best[0], objective)
        if bound is not None:
            least[0] = min(least[0], bound)
        tell(best[0], least[0])

    if method == "cp_sat":
        # One worker more, as in a race with HiGHS it leaves that a core.
        one_more = replace(limits, workers=limits.workers + 1)
        answer = solve_cp_sat(formulation, None, one_more, report)
    else:
        answer = solve_highs(formulation, None, limits, report)
    report(None, answer.bound, None)
    if answer.values is None:
        return None
    return _plan(problem, formulation.half_days(problem, answer.values), least[0])


def _relaxed_bound(formulation: Formulation, limits: Limits) -> float:
    """The linear relaxation's value: no plan is above it, but for the solver's tolerance."""
    from ortools.math_opt.python.model import Model
    from ortools.math_opt.python.parameters import SolveParameters, SolverType
    from ortools.math_opt.python.solve import solve

    from solver.backends.highs import model_proto

    proto = model_proto(formulation)
    proto.variables.integers[:] = [False] * len(proto.variables.ids)
    result = solve(
        Model.from_model_proto(proto),
        SolverType.PDLP,
        params=SolveParameters(time_limit=timedelta(seconds=limits.seconds())),
    )
    return float(result.termination.objective_bounds.dual_bound)


def _plan(problem: Problem, half_days: np.ndarray, bound: float) -> Plan:
    candidates, chosen = problem.candidates, np.flatnonzero(half_days)
    worth = candidates.points[chosen] * half_days[chosen] + candidates.bonus[chosen]
    objective = int(worth.sum())
    bound = max(bound, objective)
    return Plan(
        Status.FEASIBLE,
        Stopped.TIME,
        offer=frozen(candidates.offer[chosen], np.int64),
        need=frozen(candidates.need[chosen], np.int64),
        half_days=frozen(half_days[chosen], np.int64),
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
