"""Closed loops of participants, and the program that makes a plan of them.

With reciprocity `closed_loops` each pairing lies on exactly one loop: a giver, its taker, the taker
of that one, and so on back to the first, nobody twice, `max_loop` participants at most. An exempt
participant need not return what it takes: a loop may begin at one and end at another, or at the
same, with none between. Days along a loop may differ.

Pairings between the same two participants stand in for each other on a loop. So loops are those
of **arcs**, from one participant to another, and a plan says how often it uses each: w_c whole,
with the sum of y over the pairings of an arc equal to the sum of w over the loops along it. Any
such choice can be told apart into loops of pairings, each pairing on one. (One column per cycle:
Abraham, Blum, Sandholm, Clearing algorithms for barter exchange markets, EC 2007.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numba import njit
from scipy import sparse

from solver.arrays import BoolArray, IntArray, SmallArray
from solver.formats.problem import Problem
from solver.formulation.program import Formulation
from solver.formulation.rules import ClosedLoops
from solver.parameters import DEFAULTS, LoopParameters

ALL_STEPS: Final = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Loops:
    """The loops that candidates can close.

    Attributes
    ----------
    giver, taker
        Of each arc; arcs are in this order.
    candidate, arc
        The candidates given, and the arc of each.
    arcs
        Arcs of each loop in their order, -1 beyond its end, shape (loops, longest).
    complete
        Whether these are all loops that the problem allows; otherwise longer ones were too many.
    """

    giver: IntArray
    taker: IntArray
    candidate: IntArray
    arc: IntArray
    arcs: SmallArray
    complete: bool

    def __len__(self) -> int:
        return len(self.arcs)

    def entries(self) -> tuple[IntArray, IntArray]:
        """Return the loop and the arc of each step of all loops."""
        loop, step = np.nonzero(self.arcs >= 0)
        return loop, self.arcs[loop, step].astype(np.int64)

    def split(self, most_entries: int) -> Loops:
        """Return loops with an arc for each candidate, or these if such would be too many.

        Parameters
        ----------
        most_entries
            Loops then at most, times the participants of the longest.
        """
        parallel = np.bincount(self.arc, minlength=len(self.giver))
        on_loop = np.where(self.arcs < 0, 1, parallel[self.arcs])
        if on_loop.astype(np.float64).prod(axis=1).sum() * self.arcs.shape[1] > most_entries:
            return self
        order = np.argsort(self.arc, kind="stable")
        first = np.cumsum(parallel) - parallel
        loop = np.arange(len(self))
        arcs = np.zeros((len(self), 0), np.int32)
        for step in range(self.arcs.shape[1]):
            of, times = self.arcs[loop, step], on_loop[loop, step]
            again = np.repeat(np.arange(len(loop)), times)
            which = np.arange(len(again)) - np.repeat(np.cumsum(times) - times, times)
            at = np.where(of[again] < 0, -1, first[of[again]] + which)
            loop, arcs = loop[again], np.column_stack([arcs[again], at.astype(np.int32)])
        giver, taker = self.giver[self.arc[order]], self.taker[self.arc[order]]
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return Loops(giver, taker, self.candidate, place, arcs, self.complete)


def find_loops(
    problem: Problem, candidate: IntArray, parameters: LoopParameters = DEFAULTS.loops
) -> Loops:
    """Return the loops that some candidates of a problem can close, the shorter first.

    Parameters
    ----------
    candidate
        Positions of the candidates that may be chosen, ascending.
    parameters
        Where there are more loops than `most_entries` allows, or they take more than `most_steps`
        to find, those of the lengths up to which they do not are returned. Those of two
        participants are returned however many.
    """
    size = len(problem.participants)
    key = problem.giver[candidate] * size + problem.taker[candidate]
    arcs, arc = np.unique(key, return_inverse=True)
    giver, taker = np.divmod(arcs, max(size, 1))
    exempt = problem.participants.exempt
    of = np.flatnonzero(_on_circles(giver, taker, exempt))
    first = np.searchsorted(giver[of], np.arange(size + 1))
    longest = min(problem.rules.max_loop, size)

    def loops_of(length: int, room: int, steps: int) -> tuple[SmallArray | None, int]:
        found = np.zeros((0, length), np.int32)
        count, left = _walk(first, taker[of], exempt, length, room, steps, found)
        if count > room:
            return None, left
        if count:
            found = np.full((count, length), -1, np.int32)
            _walk(first, taker[of], exempt, length, room, steps, found)
        return found, left

    # All at once if they are few, as of one ring; otherwise longer and longer ones.
    most, steps = parameters.most_entries, parameters.most_steps // 2
    found = None
    if longest > 2:
        found, _ = loops_of(longest, most // longest, steps)
    complete = longest <= 2 or found is not None
    if found is None:
        longer, _ = loops_of(2, 2 * len(arcs), ALL_STEPS)
        length = 2
        while longer is not None:
            found, length = longer, length + 1
            if length >= longest:
                break
            longer, steps = loops_of(length, most // length, steps)
    assert found is not None
    order = np.argsort((found >= 0).sum(axis=1), kind="stable")
    found = found[order]
    if len(of):
        found = np.where(found < 0, -1, of[found]).astype(np.int32)
    return Loops(giver, taker, candidate, arc.reshape(-1), found, complete)


def pins_without_loop(problem: Problem, candidate: IntArray) -> IntArray:
    """Return which pins no loop of the problem's longest can close, whatever else is chosen.

    The way back from a pin's taker to its giver is too long, or there is none. That is seen at
    once; that several pins cannot hold together is for the solver to find.

    Parameters
    ----------
    candidate
        Positions of the candidates that some plan might hold.

    Returns
    -------
    Rows of `problem.pins`, shape (n,).
    """
    size = len(problem.participants)
    # Exempt participants count as one: a loop may end at one and begin at another.
    node = np.where(problem.participants.exempt, size, np.arange(size))
    arcs = node[problem.giver[candidate]], node[problem.taker[candidate]]
    graph = sparse.csr_array((np.ones(len(candidate), np.int8), arcs), shape=(size + 1, size + 1))
    pinned = problem.positions(problem.pins)
    back = problem.rules.max_loop - 1
    lonely = []
    for row, at in enumerate(pinned.tolist()):
        giver, taker = node[problem.giver[at]], node[problem.taker[at]]
        steps = sparse.csgraph.dijkstra(graph, indices=taker, unweighted=True, limit=back)
        if steps[giver] > back:
            lonely.append(row)
    return np.array(lonely, np.int64)


def _on_circles(giver: IntArray, taker: IntArray, exempt: BoolArray) -> BoolArray:
    """Return which arcs lie on any loop, were none too long: all exempt count as one for that."""
    size = len(exempt)
    node = np.where(exempt, size, np.arange(size))
    arcs = np.ones(len(giver), np.int8), (node[giver], node[taker])
    graph = sparse.csr_array(arcs, shape=(size + 1, size + 1))
    part = sparse.csgraph.connected_components(graph, connection="strong")[1]
    same: BoolArray = part[node[giver]] == part[node[taker]]
    return same


@njit(cache=True, nogil=True)
def _walk(
    first: IntArray,
    taker: IntArray,
    exempt: BoolArray,
    longest: int,
    room: int,
    steps: int,
    found: SmallArray,
) -> tuple[int, int]:
    """Write the loops, and return how many there are: `room` + 1 if more, or if not known.

    The other number is of the steps that are left.

    Depth first along arcs from each participant. A loop of participants that are not exempt
    begins at the lowest of them, so that it is met once.
    """
    path, arc, at = np.empty((3, longest), np.int64)
    passed = np.zeros(len(first), np.bool_)
    count = 0
    for begin in range(len(first) - 1):
        depth = 0
        path[0], at[0] = begin, first[begin]
        passed[begin] = True
        while depth >= 0:
            here = path[depth]
            last = depth + 1 == longest
            if last and not exempt[begin] and at[depth] == first[here]:
                # Only the arc back to the beginning is of use.
                back = np.searchsorted(taker[first[here] : first[here + 1]], begin)
                at[depth] += back
            steps -= 1
            if steps < 0:
                return room + 1, 0
            if at[depth] == first[here + 1] or (
                last and not exempt[begin] and taker[at[depth]] != begin
            ):
                passed[here] = False
                depth -= 1
                continue
            arc[depth] = at[depth]
            there = taker[at[depth]]
            at[depth] += 1
            if there == begin or (exempt[begin] and exempt[there] and not last):
                if count == room:
                    return room + 1, steps
                if len(found):
                    found[count, : depth + 1] = arc[: depth + 1]
                count += 1
            elif (
                not (last or exempt[there])
                and (there > begin or exempt[begin])
                and not passed[there]
            ):
                depth += 1
                path[depth], at[depth] = there, first[there]
                passed[there] = True
    return count, steps


def with_loops(formulation: Formulation, problem: Problem, loops: Loops) -> Formulation:
    """Return a problem's program with a column for each loop, and a row for each arc.

    Parameters
    ----------
    formulation
        The program without; the candidates that the loops are of are among its own.

    Returns
    -------
    The program; its last columns are how often each loop is used.
    """
    size = len(formulation.upper)
    loop, arc = loops.entries()
    parallel = np.bincount(loops.arc, minlength=len(loops.giver))
    upper = np.full(len(loops), len(problem.candidates), np.int64)
    np.minimum.at(upper, loop, parallel[arc])
    row = np.concatenate([loops.arc, arc])
    own = np.searchsorted(formulation.candidate, loops.candidate)
    column = np.concatenate([own, size + loop])
    order = np.argsort(row, kind="stable")
    entries = np.bincount(row, minlength=len(loops.giver))
    closed = next(at for at, rule in enumerate(formulation.rules) if isinstance(rule, ClosedLoops))
    nothing = np.zeros(len(loops.giver), np.int64)
    return replace(
        formulation,
        points=np.concatenate([formulation.points, np.zeros(len(loops), np.int64)]),
        upper=np.concatenate([formulation.upper, upper]),
        integer=np.concatenate([formulation.integer, np.ones(len(loops), np.bool_)]),
        row_start=np.concatenate(
            [formulation.row_start, formulation.row_start[-1] + np.cumsum(entries)]
        ),
        column=np.concatenate([formulation.column, column[order]]),
        coefficient=np.concatenate(
            [formulation.coefficient, np.where(column[order] < size, 1, -1)]
        ),
        row_lower=np.concatenate([formulation.row_lower, nothing]),
        row_upper=np.concatenate([formulation.row_upper, nothing]),
        row_rule=np.concatenate([formulation.row_rule, np.full(len(nothing), closed)]),
        row_subject=np.concatenate([formulation.row_subject, loops.giver]),
    )
