"""The exact method: the whole formulation, by CP-SAT and HiGHS in a race."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from solver.backends.conflict import send_conflict
from solver.backends.limits import Answer, Limits, OnNews, Report
from solver.backends.portfolio import Best, race
from solver.backends.processes import in_child
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formats.tables import IntArray
from solver.formulation.greedy import greedy
from solver.formulation.program import Formulation, formulate, simple_bound
from solver.methods.result import Result

if TYPE_CHECKING:
    from solver.formats.state import State


def solve_exact(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
) -> Result:
    """Solve the whole formulation, starting from the greedy plan, or from a state's if better.

    Reciprocity is anything but `closed_loops`.
    """
    formulation = formulate(problem)
    start = greedy(problem)
    values = None if start is None else formulation.values(start)
    best = Best(formulation, values, simple_bound(formulation, problem))
    if warm is not None:
        # Late, as the compiled kernel is worth loading for a warm start only.
        from solver.prices.warm import warm_plan

        kept = warm_plan(warm, problem)
        best.take(None, None, None if kept is None else formulation.values(kept))
    on_news(best.seen, best.bound)
    if best.gap() <= 0:
        stopped = Stopped.PROVED
    else:
        stopped = race(
            BACKENDS, problem, formulation, best, limits, on_news=on_news, cancelled=cancelled
        )
    if best.infeasible:
        conflict = in_child(send_conflict, problem, deadline=limits.deadline, cancelled=cancelled)
        return Result(None, best.bound, Stopped.INFEASIBLE, conflict=conflict or ())
    if best.values is None:
        return Result(None, best.bound, stopped)
    half_days = formulation.half_days(problem, best.values)
    objective = formulation.worth(best.values)
    return Result(half_days, max(best.bound, objective), stopped, objective)


def by_highs(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
) -> Answer:
    """Solve by HiGHS, helped by prices; imported only where it runs."""
    from solver.methods.exact_narrowed import solve_narrowed

    return solve_narrowed(problem, formulation, start, limits, report)


def by_cp_sat(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
) -> Answer:
    """Solve by CP-SAT; imported only where it runs."""
    from solver.backends.cp_sat import solve_cp_sat

    return solve_cp_sat(formulation, start, limits, report)


BACKENDS: Final = (by_highs, by_cp_sat)
