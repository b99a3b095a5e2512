"""Large neighbourhood search for plans of closed loops: neighbours decided anew, the rest fixed.

HiGHS alone hardly finds good plans where loops are many: on a made-up authority of 200 with its
45,438 loops of up to four it had half the points after two minutes. Among a few neighbours it
proves the best at once, and every answer is a plan of the whole.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from solver.arrays import BoolArray, IntArray
from solver.backends.highs import solve_highs
from solver.backends.limits import BackendResult, Limits, Report
from solver.formats.problem import Problem
from solver.formulation.program import Formulation
from solver.parameters import DEFAULTS, LoopParameters


def search_neighbourhoods(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
    parameters: LoopParameters = DEFAULTS.loops,
) -> BackendResult:
    """Make a plan better by large neighbourhood search; solve the whole program without one.

    The neighbourhoods are the participants nearest to one after another.

    Neighbourhoods shrink where HiGHS could not prove its answer, and grow where that brought
    nothing, in the end to the whole program.

    Parameters
    ----------
    start
        A value per column; None where there is no plan.

    Returns
    -------
    The plan, with a bound only if the whole program was solved.
    """
    neighbours = _Neighbours(problem, formulation)
    random = np.random.default_rng(limits.seed)
    values, size = start, float(parameters.first_participants)
    left = math.inf
    if limits.work is not None:
        left = limits.work * parameters.neighbourhoods_per_work
    growth = parameters.growth ** (parameters.first_participants / max(1, len(neighbours.active)))
    while values is not None and size < len(neighbours.active):
        for centre in random.permutation(neighbours.active):
            if left <= 0 or limits.seconds() <= parameters.stop_s:
                return BackendResult(values, math.inf)
            left -= 1
            inside = neighbours.columns(centre, int(size))
            program = formulation.neighbourhood(values, inside)
            answer = solve_highs(
                program, values[inside], _short(limits, parameters.neighbourhood_s), _unheard
            )
            gained = 0
            if answer.values is not None and program.holds(answer.values):
                gained = program.objective(answer.values) - formulation.objective(values)
            if gained > 0 and answer.values is not None:
                values = values.copy()
                values[inside] = answer.values
                report(None, None, values)
            if answer.bound > formulation.objective(values):
                size = max(size / parameters.growth, parameters.least_participants)
            elif not gained:
                size *= growth
    return solve_highs(formulation, values, limits, report)


def _short(limits: Limits, seconds: float) -> Limits:
    """Return what one neighbourhood may take: nodes where that must repeat, otherwise seconds."""
    if limits.work is not None:
        return replace(limits, work=1, gap=0.0)
    return replace(limits, deadline=min(limits.deadline, time.time() + seconds), gap=0.0)


def _unheard(points: int | None, bound: float | None, values: IntArray | None) -> None:
    pass


class _Neighbours:
    """Who stands near whom, and which columns are decided among them.

    Attributes
    ----------
    active
        Participants with candidates.
    """

    def __init__(self, problem: Problem, formulation: Formulation) -> None:
        self._formulation = formulation
        kept, size = formulation.candidate, len(problem.participants)
        self._giver, self._taker = problem.giver[kept], problem.taker[kept]
        ends = np.concatenate([self._giver, self._taker])
        others = np.concatenate([self._taker, self._giver])
        near = sparse.csr_array((np.ones(len(ends), np.int8), (ends, others)), shape=(size, size))
        self._first, self._near = near.indptr, near.indices
        self.active = np.unique(ends)
        row = np.repeat(np.arange(len(formulation.row_lower)), np.diff(formulation.row_start))
        loops = formulation.column >= len(kept) + len(formulation.free)
        self._loop = formulation.column[loops]
        self._loop_giver = formulation.row_subject[row[loops]]

    def columns(self, centre: int, size: int) -> BoolArray:
        """Return which columns so many participants around one decide; the others are fixed."""
        formulation, members = self._formulation, self._around(centre, size)
        chosen = members[self._giver] & members[self._taker]
        inside = np.ones(len(formulation.upper), np.bool_)
        inside[: len(chosen) + len(formulation.free)] = np.concatenate(
            [chosen, chosen[formulation.free]]
        )
        # Columns of loops stand in rows of arcs alone, whose subject is the giver.
        inside[self._loop[~members[self._loop_giver]]] = False
        return inside

    def _around(self, centre: int, size: int) -> BoolArray:
        """Return the nearest along arcs, and whoever comes next where these are fewer."""
        members = np.zeros(len(self._first) - 1, np.bool_)
        queue = [centre]
        members[centre] = True
        for member in queue:
            for near in self._near[self._first[member] : self._first[member + 1]]:
                if len(queue) == size:
                    return members
                if not members[near]:
                    members[near] = True
                    queue.append(near)
        members[self.active[~members[self.active]][: size - len(queue)]] = True
        return members
