"""From prices to a plan: restricted programs, block by block.

The candidates that prices want often enough make a program small enough to cut up. Each block of
the map is solved to near optimality with everything outside fixed at the plan so far, so that
every result is a plan; blocks of one sweep share no participant and run side by side. The next
sweep cuts at another angle.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from solver.formulation import Formulation, formulate
from solver.problem import BoolArray, Candidates, FloatArray, IntArray, Linking, Problem
from solver.race import HAND_BACK_S, Limits


def restricted(problem: Problem, kept: IntArray) -> Problem:
    """Return the problem with only the candidates kept, which hold every pin."""
    place = np.full(len(problem.candidates), -1)
    place[kept] = np.arange(len(kept))
    candidates = problem.candidates
    return replace(
        problem,
        candidates=Candidates(
            *(getattr(candidates, name)[kept] for name in candidates.__dataclass_fields__)
        ),
        linking=tuple(_linking(rule, place) for rule in problem.linking),
    )


def _linking(rule: Linking, place: IntArray) -> Linking:
    inside = place[rule.candidates] >= 0
    return replace(rule, candidates=place[rule.candidates[inside]], weight=rule.weight[inside])


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The formulation of the candidates kept, ready to be cut.

    Attributes
    ----------
    problem
        The problem of these candidates.
    formulation
        Its formulation.
    matrix
        The formulation's matrix by columns, shape (rows, columns).
    column_candidate
        Place in `formulation.candidate` of each column.
    """

    problem: Problem
    formulation: Formulation
    matrix: sparse.csc_array
    column_candidate: IntArray

    @staticmethod
    def of(problem: Problem) -> Program:
        """Return the program of a problem that holds only the candidates kept."""
        formulation = formulate(problem)
        shape = len(formulation.row_lower), len(formulation.upper)
        parts = (formulation.coefficient, formulation.column, formulation.row_start)
        kept = np.arange(len(formulation.candidate))
        return Program(
            problem,
            formulation,
            sparse.csr_array(parts, shape=shape).tocsc(),
            np.concatenate([kept, formulation.free]),
        )

    def points_at(self, values: IntArray) -> IntArray:
        """Return the points per column, with a bonus for what a floor not yet met still lacks."""
        short = self.matrix @ values < self.formulation.row_lower
        points = self.formulation.points
        if not short.any():
            return points
        bonus = 2 * int(points.max(initial=0)) * np.asarray(self.matrix[short].sum(axis=0))
        return points + np.maximum(bonus.astype(np.int64), 0)

    def block(
        self, free: BoolArray, values: IntArray, share: FloatArray, points: IntArray
    ) -> Formulation:
        """Return the program of some candidates, with all others fixed.

        Parameters
        ----------
        free
            Which of `formulation.candidate` are decided.
        values
            A plan, one value per column.
        share
            Per row, the share of what the plan leaves of it that the block may use, 0 to 1.
        points
            Per column of the whole.
        """
        whole = self.formulation
        columns = np.flatnonzero(free[self.column_candidate])
        inside = self.matrix[:, columns].tocsr()
        used = self.matrix @ values
        mine = inside @ values[columns]
        touched = np.flatnonzero(np.diff(inside.indptr))
        inside = inside[touched]
        used, mine, share = used[touched], mine[touched], share[touched]
        # A floor not yet met must not get worse.
        lower = mine - _part_of(np.maximum(used - whole.row_lower[touched], 0), share)
        upper = mine + _part_of(whole.row_upper[touched] - used, share)
        candidate = np.flatnonzero(free)
        return replace(
            whole,
            candidate=whole.candidate[candidate],
            low=whole.low[candidate],
            high=whole.high[candidate],
            free=np.flatnonzero(np.isin(candidate, whole.free)),
            points=points[columns],
            constant=0,
            upper=whole.upper[columns],
            row_start=inside.indptr.astype(np.int64),
            column=inside.indices.astype(np.int64),
            coefficient=inside.data,
            row_lower=lower,
            row_upper=upper,
            row_rule=whole.row_rule[touched],
            row_subject=whole.row_subject[touched],
            rules=(),
        )


def _part_of(slack: IntArray, share: FloatArray) -> IntArray:
    """Return a share of a slack, rounded down; all of it where the share is 1."""
    return np.where(share >= 1, slack, np.floor(slack * share).astype(np.int64))


def cut(lat: FloatArray, lon: FloatArray, size: int, angle: float) -> IntArray:
    """Return a block number for each participant, by recursive bisection of a turned map.

    Parameters
    ----------
    lat, lon
        Degrees; who has none is dealt out among the blocks.
    size
        Most participants of a block.
    angle
        Radians by which the map is turned first.
    """
    unknown = np.isnan(lat) | np.isnan(lon)
    x, y = np.radians(np.where(unknown, 0.0, lon)), np.radians(np.where(unknown, 0.0, lat))
    x = x * np.cos(y[~unknown].mean() if not unknown.all() else 0.0)
    turned = np.column_stack(
        [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)]
    )
    block = np.zeros(len(lat), np.int64)
    known = np.flatnonzero(~unknown)
    count = 0
    for ids in _bisected(known, turned, size):
        block[ids] = count
        count += 1
    missing = np.flatnonzero(unknown)
    block[missing] = np.arange(len(missing)) % max(count, 1)
    return block


def cut_by_partners(
    giver: NDArray[np.integer],
    taker: NDArray[np.integer],
    participants: int,
    size: int,
    angle: float,
) -> IntArray:
    """Return a block number for each participant where positions are unknown.

    Participants are put in a line that keeps partners near each other (Cuthill and McKee 1969);
    the line is cut into stretches of `size`, at places that move with the angle, 0 to pi.
    """
    ones = np.ones(len(giver), np.int8)
    links = sparse.csr_array((ones, (giver, taker)), shape=(participants, participants))
    line = reverse_cuthill_mckee(sparse.csr_matrix(links + links.T), symmetric_mode=True)
    rank = np.empty(participants, np.int64)
    rank[line] = np.arange(participants)
    return (rank + int(size * angle / np.pi)) // size


def _bisected(ids: IntArray, at: FloatArray, size: int) -> Iterator[IntArray]:
    if len(ids) <= size:
        yield ids
        return
    widest = int(np.argmax(np.ptp(at[ids], axis=0)))
    ordered = ids[np.argsort(at[ids, widest], kind="stable")]
    half = len(ordered) // 2
    yield from _bisected(ordered[:half], at, size)
    yield from _bisected(ordered[half:], at, size)


def solve_block(
    block: Formulation, start: IntArray | None, limits: Limits, seconds: float
) -> tuple[IntArray | None, float]:
    """Solve a block by HiGHS; return a value per column, None if nothing was found, and a bound.

    Parameters
    ----------
    seconds
        What it may take from now on, within the limits.
    """
    from solver.backends import solve_highs

    deadline = min(limits.deadline, time.time() + seconds + HAND_BACK_S)
    answer = solve_highs(block, start, replace(limits, deadline=deadline), _tell_nobody)
    return answer.values, answer.bound


def _tell_nobody(points: int | None, bound: float | None, values: IntArray | None) -> None:
    pass
