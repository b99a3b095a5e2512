"""How plans of closed loops are found and proved.

Greedy loops to start from; then two processes: in one HiGHS has the whole program, which bounds it,
in the other `solver.methods.loops_lns` makes the plan better by large neighbourhood search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from solver.arrays import IntArray
from solver.backends.conflict import send_conflict
from solver.backends.limits import BackendResult, Limits, OnNews, Report
from solver.backends.portfolio import Best, race
from solver.backends.processes import in_child
from solver.formats.plan import ConflictPart, Stopped, gap_of
from solver.formats.problem import Problem
from solver.formulation.greedy import Choice
from solver.formulation.loop_columns import Loops, find_loops, pins_without_loop, with_loops
from solver.formulation.presolve import ranges
from solver.formulation.program import Formulation, formulate, simple_bound
from solver.formulation.rules import ChangePenalty, ClosedLoops, Pins, Rule
from solver.methods.exact import by_highs
from solver.methods.result import Result
from solver.parameters import DEFAULTS, LoopParameters, SolveParameters

if TYPE_CHECKING:
    from solver.formats.state import State


def solve_loops(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
    parameters: SolveParameters = DEFAULTS,
) -> Result:
    """Solve a problem whose reciprocity is `closed_loops`.

    Where loops of `max_loop` participants take too many entries, or too long to find, plans
    are of the shorter ones that do not. The bound is one of all plans even so: that of the program
    where who is not exempt only gives as often as it takes, as every union of loops does.

    Parameters
    ----------
    warm
        State of a problem like this one: loops of its plan that still stand come first.
    """
    relaxed = formulate(problem)
    tuning = parameters.loops
    lonely = pins_without_loop(problem, relaxed.candidate)
    if len(lonely):
        # Said at once: to find it again among all rules takes longer than many a limit.
        conflict = _no_way_back(problem, int(lonely[0]))
        most = simple_bound(relaxed, problem)
        return Result(None, most, Stopped.INFEASIBLE, conflict=conflict)
    loops = find_loops(problem, relaxed.candidate, tuning).split(tuning.most_entries)
    formulation = with_loops(relaxed, problem, loops)
    greedy = greedy_loops(problem, relaxed, loops, parameters=tuning)
    best = Best(formulation, greedy, simple_bound(relaxed, problem))
    if warm is not None:
        running = _running(problem, warm, parameters)
        best.take(None, None, greedy_loops(problem, relaxed, loops, running, tuning))
    on_news(best.seen, best.bound)
    if best.gap() <= 0:
        return _result(problem, formulation, best, limits, Stopped.PROVED)
    bound, early = best.bound, limits
    if not loops.complete:
        early = replace(limits, deadline=limits.part_of_time(tuning.short_time_share))
    helped = partial(by_highs, parameters=parameters)
    stopped = race(
        (
            partial(by_neighbourhoods, loops=loops, parameters=tuning),
            partial(by_bound, loops=loops, parameters=parameters),
        ),
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
                (helped,),
                problem,
                relaxed,
                every,
                limits,
                on_news=lambda points, lower: on_news(best.seen, lower),
                cancelled=cancelled,
            )
        best.bound = every.bound
        best.given_up += every.given_up
    if every.infeasible:
        conflict = in_child(
            send_conflict, (problem, tuning), deadline=limits.deadline, cancelled=cancelled
        )
        return Result(None, best.bound, Stopped.INFEASIBLE, conflict=conflict or ())
    return _result(problem, formulation, best, limits, stopped)


def _no_way_back(problem: Problem, pin: int) -> tuple[ConflictPart, ...]:
    """Return a pin and the rule that it alone cannot keep."""
    giver = int(problem.giver[problem.positions(problem.pins)[pin]])
    parts: tuple[tuple[Rule, int], ...] = ((ClosedLoops(), giver), (Pins(), pin))
    return tuple(
        ConflictPart(rule.name, rule.where(subject), rule.sentence(problem, subject))
        for rule, subject in parts
    )


def _result(
    problem: Problem, formulation: Formulation, best: Best, limits: Limits, stopped: Stopped
) -> Result:
    if stopped in (Stopped.PROVED, Stopped.GAP, Stopped.INFEASIBLE):
        stopped = Stopped.STALLED
    if best.values is None:
        return Result(None, best.bound, stopped, given_up=best.given_up)
    objective = formulation.objective(best.values)
    bound = max(best.bound, objective)
    if gap_of(objective, bound) <= limits.gap:
        stopped = Stopped.PROVED if bound == objective else Stopped.GAP
    half_days = formulation.half_days(problem, best.values)
    return Result(half_days, bound, stopped, objective, given_up=best.given_up)


def _running(problem: Problem, warm: State, parameters: SolveParameters) -> IntArray:
    """Return a state's plan, half-days per candidate of the problem; limits may be broken."""
    from solver.prices.decomposition import decompose
    from solver.prices.warm import warm_start

    decomposition = decompose(problem, parameters.prices)
    half_days = np.zeros(len(problem.candidates), np.int64)
    start = warm_start(warm, problem, decomposition, parameters)
    half_days[decomposition.candidate] = start.half_days
    return half_days


def greedy_loops(
    problem: Problem,
    formulation: Formulation,
    loops: Loops,
    wanted: IntArray | None = None,
    parameters: LoopParameters = DEFAULTS.loops,
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
    contribution = problem.candidates.points * high + problem.candidates.bonus
    contribution += ChangePenalty().kept_points(problem)
    rank = np.zeros(len(contribution), np.int64)
    if wanted is not None:
        rank[wanted > 0] = 1
    rank[problem.positions(problem.pins)] = 2
    best_first = kept[np.lexsort((-contribution[kept], -rank[kept], loops.arc))]
    ends = np.cumsum(np.bincount(loops.arc, minlength=len(loops.giver)))
    parallel = [part.tolist() for part in np.split(best_first, ends[:-1])]
    best = best_first[np.concatenate([[0], ends[:-1]])] if len(kept) else kept
    loop, arc = loops.entries()
    points, least, most = (np.zeros(len(loops), np.int64) for _ in range(3))
    least += 2
    np.add.at(points, loop, contribution[best[arc]])
    np.minimum.at(least, loop, rank[best[arc]])
    np.maximum.at(most, loop, rank[best[arc]])
    times = np.zeros(len(loops), np.int64)
    order = np.lexsort((-points, -least, most < 2))
    tried = np.cumsum((loops.arcs >= 0).sum(axis=1)[order]) <= parameters.greedy_arcs
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
    *,
    loops: Loops,
    parameters: LoopParameters,
) -> BackendResult:
    """Make the plan better among neighbours; imported only where it runs."""
    from solver.methods.loops_lns import search_neighbourhoods

    return search_neighbourhoods(
        problem, formulation, start, limits, report, loops=loops, parameters=parameters
    )


def by_bound(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
    *,
    loops: Loops,
    parameters: SolveParameters,
) -> BackendResult:
    """Bound all plans, and find the best where that is near; imported only where it runs."""
    from solver.methods.loops_bound import bound_loops

    return bound_loops(
        problem, formulation, start, limits, report, loops=loops, parameters=parameters
    )
