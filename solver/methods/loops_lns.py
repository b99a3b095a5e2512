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
from solver.backends.limits import BackendResult, Limits, Report, unheard
from solver.formats.problem import Problem
from solver.formulation.loop_columns import Loops
from solver.formulation.loop_packing import Packing, pack, without_implied
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE
from solver.parameters import DEFAULTS, LoopParameters


def search_neighbourhoods(
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
    report: Report,
    *,
    loops: Loops,
    parameters: LoopParameters = DEFAULTS.loops,
) -> BackendResult:
    """Make a plan better by large neighbourhood search; solve the whole program without one.

    The neighbourhoods are the participants nearest to one after another, along arcs of loops.

    Neighbourhoods shrink where HiGHS could not prove its answer, and grow where that brought
    nothing, in the end to the whole program.

    Parameters
    ----------
    formulation, loops
        The program with these loops.
    start
        A value per column; None where there is no plan.

    Returns
    -------
    The plan, with a bound only if the whole program was solved.
    """
    packing = pack(formulation, loops)
    program = without_implied(packing.program)
    neighbours = _Neighbours(problem, loops, packing, program)
    random = np.random.default_rng(limits.seed)
    values = None if start is None else start[packing.kept]
    size, left, fruitless = float(parameters.first_participants), math.inf, 0
    if limits.work is not None:
        left = limits.work * parameters.neighbourhoods_per_work
    growth = parameters.growth ** (parameters.first_participants / max(1, len(neighbours.active)))
    while values is not None and size < len(neighbours.active):
        for centre in random.permutation(neighbours.active):
            if left <= 0 or limits.seconds() <= parameters.stop_s:
                return BackendResult(packing.whole(values), math.inf)
            left -= 1
            inside = neighbours.columns(values, centre, int(size), random)
            part = program.neighbourhood(values, inside)
            seconds = parameters.neighbourhood_s * (1 + fruitless / parameters.patience)
            answer = solve_highs(part, values[inside], _short(limits, seconds), unheard)
            gained, fruitless = 0, fruitless + 1
            if answer.values is not None and part.holds(answer.values):
                gained = part.objective(answer.values) - program.objective(values)
            if gained > 0 and answer.values is not None:
                values = values.copy()
                values[inside] = answer.values
                fruitless = 0
                report(None, None, packing.whole(values))
            if answer.bound > program.objective(values):
                size = max(size / parameters.growth, parameters.least_participants)
            elif not gained:
                size *= growth
    answer = solve_highs(program, values, limits, report)
    if answer.values is None:
        return answer
    return replace(answer, values=packing.whole(answer.values))


def _short(limits: Limits, seconds: float) -> Limits:
    """Return what one neighbourhood may take: nodes where that must repeat, otherwise seconds."""
    if limits.work is not None:
        return replace(limits, work=1, gap=0.0)
    return replace(limits, deadline=min(limits.deadline, time.time() + seconds), gap=0.0)


class _Neighbours:
    """Who stands near whom, and which columns are decided among them.

    Attributes
    ----------
    active
        Participants on loops.
    """

    def __init__(
        self, problem: Problem, loops: Loops, packing: Packing, program: Formulation
    ) -> None:
        size = len(problem.participants)
        loop, arc = loops.entries()
        giver, taker = loops.giver[arc], loops.taker[arc]
        ends, others = np.concatenate([giver, taker]), np.concatenate([taker, giver])
        near = sparse.csr_array((np.ones(len(ends), np.int8), (ends, others)), shape=(size, size))
        self._first, self._near = near.indptr, near.indices
        self.active = np.unique(ends)
        candidate, free = packing.program.candidate, packing.program.free
        of = np.concatenate([candidate, candidate[free]])
        column = np.concatenate([*[np.arange(len(of))] * 2, *[len(of) + loop] * 2])
        who = np.concatenate([problem.giver[of], problem.taker[of], giver, taker])
        touched = sparse.csr_array(
            (np.ones(len(who), np.int64), (column, who)), shape=(len(packing.kept), size)
        )
        self._touched = touched[np.flatnonzero(packing.kept)]
        first, self._program = len(candidate), program
        days = np.flatnonzero(packing.kept[first : len(of)])
        self._first_loop = int(packing.kept[: len(of)].sum())
        self._along = packing.lift[free[days]]
        self._rows = np.repeat(np.arange(len(program.row_lower)), np.diff(program.row_start))
        least = np.zeros(len(program.row_lower), np.int64)
        np.minimum.at(least, self._rows, program.coefficient)
        self._ceiling = np.where(least < 0, FREE, program.row_upper)

    def columns(
        self, values: IntArray, centre: int, size: int, random: np.random.Generator
    ) -> BoolArray:
        """Return which columns so many participants around one decide; the others are fixed.

        Besides those of the participants alone these are all loops that fit beside what is fixed.
        """
        inside: BoolArray = self._touched @ ~self._around(centre, size, random) == 0
        program = self._program
        fixed = np.where(inside, 0, values)
        used = np.zeros(len(self._ceiling), np.int64)
        np.add.at(used, self._rows, program.coefficient * fixed[program.column])
        blocked = program.coefficient > (self._ceiling - used)[self._rows]
        fits = np.ones(len(inside), np.bool_)
        fits[program.column[blocked]] = False
        loops = self._first_loop
        inside[loops:] |= fits[loops:] & (values[loops:] == 0)
        days = loops - len(self._along.indptr) + 1
        inside[days:loops] |= self._along @ inside > 0
        return inside

    def _around(self, centre: int, size: int, random: np.random.Generator) -> BoolArray:
        """Return the nearest along arcs, and anybody where these are fewer."""
        members = np.zeros(len(self._first) - 1, np.bool_)
        queue = [centre]
        members[centre] = True
        for member in queue:
            for near in random.permutation(
                self._near[self._first[member] : self._first[member + 1]]
            ):
                if len(queue) == size:
                    return members
                if not members[near]:
                    members[near] = True
                    queue.append(near)
        others = random.permutation(self.active[~members[self.active]])
        members[others[: size - len(queue)]] = True
        return members
