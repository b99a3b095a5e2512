"""How plans of closed loops are found and proved.

Greedy loops to start from; then two processes: in one HiGHS has the whole program, which bounds it,
in the other `loops_around` makes the plan better among neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from solver.backends.conflict import send_conflict
from solver.backends.limits import Answer, Limits, OnNews, Report
from solver.backends.portfolio import Best, race
from solver.backends.processes import in_child
from solver.formats.plan import Stopped, gap_of
from solver.formats.problem import Problem
from solver.formats.tables import IntArray
from solver.formulation.greedy import Choice
from solver.formulation.loop_columns import MOST_ENTRIES, Loops, find_loops, with_loops
from solver.formulation.presolve import ranges
from solver.formulation.program import Formulation, formulate, simple_bound
from solver.formulation.rules import ChangePenalty
from solver.methods.exact import by_highs
from solver.methods.result import Result

if TYPE_CHECKING:
    from solver.formats.state import State

MOST_TRIED: Final = 400_000
"""Arcs of the loops that the greedy plan tries, the best ones."""


def solve_loops(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
    most: int = MOST_ENTRIES,
) -> Result:
    """Solve a problem whose reciprocity is `closed_loops`.

    Where loops of `max_loop` participants take more than `most` entries, or too long to find, plans
    are of the shorter ones that do not. The bound is one of all plans even so: that of the program
    where who is not exempt only gives as often as it takes, as every union of loops does.
    """
    relaxed = formulate(problem)
    loops = find_loops(problem, relaxed.candidate, most=most)
    formulation = with_loops(relaxed, problem, loops)
    best = Best(formulation, greedy_loops(problem, relaxed, loops), simple_bound(relaxed, problem))
    if warm is not None:
        best.take(None, None, greedy_loops(problem, relaxed, loops, _running(problem, warm)))
    on_news(best.seen, best.bound)
    if best.gap() <= 0:
        return _result(problem, formulation, best, limits, Stopped.PROVED)
    bound, early = best.bound, limits
    if not loops.complete:
        early = replace(limits, deadline=(time.time() + limits.deadline) / 2)
    stopped = race(
        BACKENDS,
        problem,
        formulation,
        best,
        early,
        on_news=lambda points, lower: on_news(points, lower if loops.complete else bound),
        cancelled=cancelled,
    )
    every = best
    if not loops.complete:
        every = Best(relaxed, None, bound)
        if not cancelled():
            race(
                BACKENDS[1:],
                problem,
                relaxed,
                every,
                limits,
                on_news=lambda points, lower: on_news(best.seen, lower),
                cancelled=cancelled,
            )
        best.bound = every.bound
    if every.infeasible:
        conflict = in_child(send_conflict, problem, deadline=limits.deadline, cancelled=cancelled)
        return Result(None, best.bound, Stopped.INFEASIBLE, conflict=conflict or ())
    return _result(problem, formulation, best, limits, stopped)


def _result(
    problem: Problem, formulation: Formulation, best: Best, limits: Limits, stopped: Stopped
) -> Result:
    if stopped in (Stopped.PROVED, Stopped.GAP, Stopped.INFEASIBLE):
        stopped = Stopped.STALLED
    if best.values is None:
        return Result(None, best.bound, stopped)
    objective = formulation.worth(best.values)
    bound = max(best.bound, objective)
    if gap_of(objective, bound) <= limits.gap:
        stopped = Stopped.PROVED if bound == objective else Stopped.GAP
    return Result(formulation.half_days(problem, best.values), bound, stopped, objective)


def _running(problem: Problem, warm: State) -> IntArray:
    """Return a state's plan, half-days per candidate of the problem; limits may be broken."""
    from solver.prices.decomposition import take_apart
    from solver.prices.warm import warm_start

    market = take_apart(problem)
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[market.candidate] = warm_start(warm, problem, market).half_days
    return half_days


def greedy_loops(
    problem: Problem, formulation: Formulation, loops: Loops, wanted: IntArray | None = None
) -> IntArray:
    """Choose loops by points, best first, each as often as it fits.

    Parameters
    ----------
    formulation
        The program without loops; its candidates are those that the loops are of.
    wanted
        Half-days per candidate of the problem: loops of such pairings come before others.

    Returns
    -------
    A value per column of the program with loops. Pins and floors may be missed.
    """
    kept = formulation.candidate
    low, high = ranges(problem)
    high[kept] = formulation.high
    choice = Choice(problem, low, high)
    worth = problem.candidates.points * high + problem.candidates.bonus
    worth += ChangePenalty().kept_points(problem)
    rank = np.zeros(len(worth), np.int64)
    if wanted is not None:
        rank[wanted > 0] = 1
    rank[problem.positions(problem.pins)] = 2
    best_first = kept[np.lexsort((-worth[kept], -rank[kept], loops.arc))]
    ends = np.cumsum(np.bincount(loops.arc, minlength=len(loops.giver)))
    parallel = [part.tolist() for part in np.split(best_first, ends[:-1])]
    best = best_first[np.concatenate([[0], ends[:-1]])] if len(kept) else kept
    loop, arc = loops.entries()
    points, least, most = (np.zeros(len(loops), np.int64) for _ in range(3))
    least += 2
    np.add.at(points, loop, worth[best[arc]])
    np.minimum.at(least, loop, rank[best[arc]])
    np.maximum.at(most, loop, rank[best[arc]])
    times = np.zeros(len(loops), np.int64)
    order = np.lexsort((-points, -least, most < 2))
    tried = np.cumsum((loops.arcs >= 0).sum(axis=1)[order]) <= MOST_TRIED
    for at in order[tried].tolist():
        path = [parallel[each] for each in loops.arcs[at].tolist() if each >= 0]
        while _added(choice, path):
            times[at] += 1
    return np.concatenate([formulation.values(np.array(choice.half_days, np.int64)), times])


def _added(choice: Choice, path: list[list[int]]) -> bool:
    """Add a pairing of each arc of a loop, if all fit."""
    added: list[int] = []
    for parallel in path:
        fits = next((each for each in parallel if choice.add(each, pinned=True)), None)
        if fits is None:
            for each in added:
                choice.drop(each)
            return False
        added.append(fits)
    return True


def by_neighbourhoods(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
) -> Answer:
    """Make the plan better among neighbours; imported only where it runs."""
    from solver.methods.loops_lns import solve_around

    return solve_around(problem, formulation, start, limits, report)


BACKENDS: Final = (by_neighbourhoods, by_highs)
