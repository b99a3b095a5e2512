"""A plan that moves fewer schools, of those that the search cannot tell from the one found.

A search that time ended leaves open by how much its plan could be better. To move schools for less
than that is to move them for nothing that anybody knows of.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from app.planning.options import MatchOptions
from solver.arrays import IntArray
from solver.check.verify import verify
from solver.explain.resolve_around import Around, resolve
from solver.explain.subset import chosen, with_candidates, worth
from solver.formats.plan import Plan, Status, gap_of
from solver.formats.problem import Problem
from solver.formats.tables import frozen
from solver.formulation.standing import standing
from solver.parameters import DEFAULTS
from solver.solve import DEFAULT_TIME_LIMIT_S, solve

MOST_TIMES: Final = 64
"""The highest price of a change that is tried, as a multiple of the price of the run."""
TRIES: Final = 6
"""Prices tried at most, each between one that gives up too much and one that does not."""
AT_ONCE: Final = 3_000
"""Candidates up to which the choice between two plans is solved in this process."""
PART_OF_TIME: Final = 0.1
"""Of the run's time limit, for all choices between two plans."""
LARGE_TRIES: Final = 3
"""Tries among which that time is divided where each is solved as any problem."""


def divided(options: MatchOptions, problem: Problem) -> tuple[MatchOptions, MatchOptions]:
    """The options with what is left of their time for the search, and for fewer moves after it."""
    if (options.time_limit_s is None and options.work is not None) or not len(problem.current):
        return options, options
    seconds = options.time_limit_s or DEFAULT_TIME_LIMIT_S
    after = seconds * PART_OF_TIME

    def within(limit: float) -> MatchOptions:
        return options.model_copy(update={"time_limit_s": limit})

    return within(seconds - after), within(after)


def fewer_moves(
    problem: Problem,
    plan: Plan,
    options: MatchOptions,
    cancelled: Callable[[], bool] = lambda: False,
) -> Plan:
    """A plan made of one found and the one in force that moves fewer, for points left open.

    It gives up no more points than `change_tolerance` of all, than the plan's own gap leaves open,
    and than leaves it within the gap that the run asks for, if it is. Its bound stays that of the
    search.

    Parameters
    ----------
    plan
        Of the problem; `current` of the problem is what stands.
    options
        With the time that is left for it.
    """
    ends = time.monotonic() + (options.time_limit_s or math.inf)
    at = problem.positions(problem.current)
    half_days = chosen(problem, plan)
    moved = _moved(at, half_days)
    if plan.objective is None or plan.bound is None or not moved or not problem.change_penalty:
        return plan
    given_up = min(options.change_tolerance * plan.objective, plan.bound - plan.objective)
    if plan.gap is not None and plan.gap <= options.gap:
        given_up = min(given_up, plan.objective - plan.bound / (1 + options.gap))
    if given_up < 1:
        return plan
    free = replace(problem, change_penalty=0)
    least = worth(free, half_days) - given_up
    keep = half_days > 0
    keep[at[at >= 0]] = True
    kept = standing(problem)
    floor = -math.inf if kept is None else worth(problem, kept)
    best, fewest, low, high = plan, moved, 1.0, float(MOST_TIMES)
    for _ in range(TRIES):
        if time.monotonic() >= ends or cancelled():
            break
        times = math.sqrt(low * high)
        mixed = _between(problem, half_days, np.flatnonzero(keep), times, options, cancelled)
        if mixed is None or worth(free, mixed) < least:
            high = times
            continue
        low, moves = times, _moved(at, mixed)
        made = _as_plan(problem, plan, mixed)
        if moves < fewest and worth(problem, mixed) >= floor and not verify(problem, made):
            best, fewest = made, moves
    return best


def _moved(at: IntArray, half_days: IntArray) -> int:
    """Pairings in force that are possible, and not in a plan."""
    return int((half_days[at[at >= 0]] == 0).sum())


def _between(
    problem: Problem,
    half_days: IntArray,
    keep: IntArray,
    times: float,
    options: MatchOptions,
    cancelled: Callable[[], bool],
) -> IntArray | None:
    """The best plan of these candidates at a multiple of the price: half-days per candidate."""
    is_kept = np.zeros(len(half_days), np.bool_)
    is_kept[keep] = True
    part = with_candidates(problem, is_kept)
    part = replace(part, change_penalty=round(problem.change_penalty * times))
    if len(keep) <= AT_ONCE:
        everything = np.ones(len(keep), np.bool_)
        view = Around(part, half_days[keep], everything, keep, 0, whole=False)
        found = resolve(view, parameters=replace(DEFAULTS.explain, work=50)).half_days
    else:
        seconds = options.time_limit_s and options.time_limit_s / LARGE_TRIES
        plan = solve(
            part,
            time_limit_s=seconds,
            work=options.work and max(1, options.work // TRIES),
            gap=options.gap,
            seed=options.seed,
            workers=options.workers,
            cancelled=cancelled,
        )
        found = None if plan.objective is None else chosen(part, plan)
    if found is None:
        return None
    whole = np.zeros(len(half_days), np.int64)
    whole[keep] = found
    return whole


def _as_plan(problem: Problem, plan: Plan, half_days: IntArray) -> Plan:
    at = np.flatnonzero(half_days)
    columns = problem.candidates
    at = at[np.lexsort((columns.need[at], columns.offer[at]))]
    objective = worth(problem, half_days)
    assert plan.bound is not None
    return replace(
        plan,
        status=Status.FEASIBLE,
        offer=frozen(columns.offer[at], np.int64),
        need=frozen(columns.need[at], np.int64),
        half_days=frozen(half_days[at], np.int64),
        objective=objective,
        gap=gap_of(objective, plan.bound),
    )
