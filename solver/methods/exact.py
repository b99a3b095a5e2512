"""The exact method: the whole formulation, by CP-SAT and HiGHS in a race."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from solver.arrays import IntArray
from solver.backends.conflict import send_conflict
from solver.backends.limits import BackendResult, Limits, OnNews, Report
from solver.backends.portfolio import Best, race
from solver.backends.processes import in_child
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formulation.greedy import greedy
from solver.formulation.program import Formulation, formulate, simple_bound
from solver.formulation.standing import standing
from solver.methods.result import Result
from solver.parameters import DEFAULTS, SolveParameters

if TYPE_CHECKING:
    from solver.formats.state import State


def solve_exact(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
    parameters: SolveParameters = DEFAULTS,
) -> Result:
    """Solve the whole formulation, starting from the greedy plan, or from a state's if better.

    Parameters
    ----------
    problem
        Its reciprocity is anything but `closed_loops`.
    on_news
        Called with the incumbent's objective and the bound.
    warm
        State of a problem like this one, for a warm start.

    Returns
    -------
    A plan or none, its bound, and why the method ended; a conflict where it is infeasible.
    """
    formulation = formulate(problem)
    start = greedy(problem)
    values = None if start is None else formulation.values(start)
    best = Best(formulation, values, simple_bound(formulation, problem))
    kept = standing(problem)
    if warm is not None and kept is None:
        # Late, as the compiled kernel is worth loading for a warm start only.
        from solver.prices.warm import warm_plan

        kept = warm_plan(warm, problem, parameters)
    best.take(None, None, None if kept is None else formulation.values(kept))
    on_news(best.seen, best.bound)
    if best.gap() <= 0:
        stopped = Stopped.PROVED
    else:
        backends = (partial(by_highs, parameters=parameters), by_cp_sat)
        stopped = race(
            backends, problem, formulation, best, limits, on_news=on_news, cancelled=cancelled
        )
    if best.infeasible:
        conflict = in_child(
            send_conflict,
            (problem, parameters.loops),
            deadline=limits.deadline,
            cancelled=cancelled,
        )
        return Result(None, best.bound, Stopped.INFEASIBLE, conflict=conflict or ())
    given_up = best.given_up
    if best.values is None:
        return Result(None, best.bound, stopped, given_up=given_up)
    half_days = formulation.half_days(problem, best.values)
    objective = formulation.objective(best.values)
    bound = max(best.bound, objective)
    return Result(half_days, bound, stopped, objective, given_up=given_up)


def by_highs(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
    *,
    parameters: SolveParameters,
) -> BackendResult:
    """Solve by HiGHS, helped by prices; imported only where it runs."""
    from solver.methods.exact_restricted import solve_restricted

    return solve_restricted(problem, formulation, start, limits, report, parameters=parameters)


def by_cp_sat(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
) -> BackendResult:
    """Solve by CP-SAT; imported only where it runs."""
    from solver.backends.cp_sat import solve_cp_sat

    return solve_cp_sat(formulation, start, limits, report)
