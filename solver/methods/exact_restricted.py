"""HiGHS, helped: a bound by prices first, then restricted problems of what prices want.

Each restricted problem's plan is the next one's start; the whole program comes last.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, FloatArray, IntArray
from solver.backends.highs import solve_highs
from solver.backends.limits import BackendResult, Limits, Report, unheard
from solver.backends.pdlp import linear_bound
from solver.formats.problem import Problem
from solver.formulation.program import Formulation
from solver.parameters import DEFAULTS, SolveParameters


def solve_restricted(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
    *,
    parameters: SolveParameters = DEFAULTS,
) -> BackendResult:
    """Solve by HiGHS: bound, restricted problems, then the whole one from the plan found.

    Parameters
    ----------
    start
        A value per column, or None.

    Returns
    -------
    The whole program's result, its bound never above that of prices.
    """
    bound = math.inf
    large = len(formulation.candidate) >= parameters.exact.restricted_from
    if large and problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS:
        # Loops are no rule of one participant, so that prices say little.
        bound = linear_bound(formulation, limits)
        report(None, bound, None)
    elif large:
        bound, frequency = _priced(problem, formulation, limits, parameters)
        report(None, bound, None)
        fixed = _fixed(problem, formulation)
        for stage in parameters.exact.stages:
            keep = (frequency > stage.frequency) | fixed
            deadline = limits.part_of_time(parameters.exact.stage_time_share)
            within = replace(limits, deadline=deadline, gap=max(limits.gap / 2, stage.gap))
            start = _restricted(formulation, keep, start, within)
            report(None, None, start)
            if start is not None and _close(formulation.objective(start), bound, limits.gap):
                return BackendResult(start, bound)
    answer = solve_highs(formulation, start, limits, report)
    values = start if answer.values is None and not answer.infeasible else answer.values
    return BackendResult(values, min(answer.bound, bound), answer.infeasible)


def _priced(
    problem: Problem, formulation: Formulation, limits: Limits, parameters: SolveParameters
) -> tuple[float, FloatArray]:
    """Return a bound, and the column frequency of each candidate of the formulation."""
    # Late, as the compiled kernel is worth loading for large problems only.
    from solver.methods.incumbent import Stop, check_limits
    from solver.prices.decomposition import decompose
    from solver.prices.price_search import PriceSearch

    decomposition = decompose(problem, parameters.prices)
    end = math.inf if limits.work is not None else limits.deadline - parameters.exact.stop_s
    check = partial(check_limits, replace(limits, deadline=end), lambda: False)
    rounds = parameters.exact.rounds
    with closing(PriceSearch(decomposition, parameters=parameters.prices, check=check)) as search:
        first, last = search.first_step, parameters.prices.last_step_few
        try:
            for done in range(rounds):
                search.round(first * (last / first) ** (done / rounds))
                check()
        except Stop:
            pass
    frequency = np.zeros(len(problem.candidates))
    frequency[decomposition.candidate] = search.column_frequency
    bound = math.inf if search.best is None else search.bound()
    return bound, frequency[formulation.candidate]


def _fixed(problem: Problem, formulation: Formulation) -> BoolArray:
    pinned = np.zeros(len(problem.candidates), np.bool_)
    pinned[problem.positions(problem.pins)] = True
    current = problem.positions(problem.current)
    pinned[current[current >= 0]] = True
    return pinned[formulation.candidate]


def _close(points: int, bound: float, gap: float) -> bool:
    return bound - points <= gap * max(1, points)


def _restricted(
    formulation: Formulation, keep: BoolArray, start: IntArray | None, limits: Limits
) -> IntArray | None:
    """Return the better of the start and the restricted problem's plan."""
    restricted = formulation.restricted(keep)
    inside = start is not None and restricted.holds(start)
    answer = solve_highs(
        restricted,
        start if inside else None,
        limits,
        unheard,
    )
    if answer.values is None or not formulation.holds(answer.values):
        return start
    if start is not None and formulation.objective(answer.values) <= formulation.objective(start):
        return start
    return answer.values
