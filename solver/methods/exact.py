"""The exact method: the whole formulation, by CP-SAT and HiGHS in a race."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.backends.conflict import send_conflict
from solver.backends.portfolio import Best, Limits, OnNews, in_child, race
from solver.formats.plan import ConflictPart, Stopped
from solver.formats.problem import IntArray, Problem
from solver.formulation.greedy import greedy
from solver.formulation.program import formulate, simple_bound

if TYPE_CHECKING:
    from solver.formats.state import State


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the exact method ended with.

    Attributes
    ----------
    half_days
        Per candidate, shape (candidates,); None where there is no plan.
    bound
        Points that no plan exceeds.
    objective
        Points of the plan; 0 where there is none.
    stopped
        Why it ended; `infeasible` is proved.
    conflict
        Where there is no plan, an irreducible set of pins and rules; empty if time ran out.
    rounds
        Rounds or sub-solves done.
    state
        Plan and prices to start from another time, if there are prices.
    """

    half_days: IntArray | None
    bound: float
    stopped: Stopped
    objective: int = 0
    conflict: tuple[ConflictPart, ...] = ()
    rounds: int = 1
    state: State | None = None


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
        kept = warm.plan(problem)
        best.take(None, None, None if kept is None else formulation.values(kept))
    on_news(best.seen, best.bound)
    if best.gap() <= 0:
        stopped = Stopped.PROVED
    else:
        stopped = race(problem, formulation, best, limits, on_news=on_news, cancelled=cancelled)
    if best.infeasible:
        conflict = in_child(send_conflict, problem, deadline=limits.deadline, cancelled=cancelled)
        return Result(None, best.bound, Stopped.INFEASIBLE, conflict=conflict or ())
    if best.values is None:
        return Result(None, best.bound, stopped)
    half_days = formulation.half_days(problem, best.values)
    objective = formulation.worth(best.values)
    return Result(half_days, max(best.bound, objective), stopped, objective)
