"""Blocks: programs of a part of the participants, cut from a restricted problem.

The candidates that prices want often enough make a program small enough to be cut up. A *priced*
block is solved with no plan around it: of a pairing that crosses its border it sees its own side
alone, at the price, or what the other side wants, if that was solved before. A *fixed* block is
solved with everything outside it as the plan has it, so that its result is a plan of the whole,
too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import sparse

from solver.arrays import BoolArray, CodeArray, FloatArray, IntArray
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Linking
from solver.formulation.program import Formulation, formulate
from solver.formulation.rows import FREE

BOTH: Final = 0
GIVER: Final = 1
TAKER: Final = 2
GIVERS_RULES: Final = ("offer days", "offer pairings", "give limit", "most given")
TAKERS_RULES: Final = ("need givers", "need days", "most taken", "linking")
RECIPROCITY: Final = ("balance", "both roles")


def restrict(problem: Problem, kept: IntArray, half_days: IntArray | None = None) -> Problem:
    """Return the restricted problem: with only the candidates kept, which hold every pin.

    Parameters
    ----------
    kept
        Positions of candidates.
    half_days
        What each of them is to have if chosen, 0 where that stays open; by default as before.
    """
    place = np.full(len(problem.candidates), -1)
    place[kept] = np.arange(len(kept))
    columns = {
        name: getattr(problem.candidates, name)[kept]
        for name in problem.candidates.__dataclass_fields__
    }
    if half_days is not None:
        columns["half_days"] = half_days
    return replace(
        problem,
        candidates=Candidates(**columns),
        linking=tuple(_linking(rule, place) for rule in problem.linking),
    )


def _linking(rule: Linking, place: IntArray) -> Linking:
    inside = place[rule.candidates] >= 0
    return replace(rule, candidates=place[rule.candidates[inside]], weight=rule.weight[inside])


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """What each side of a pairing is worth at prices, in points, per column of the program.

    Attributes
    ----------
    give, take
        To the giver, and to the taker.
    credit
        Per candidate of the program: whether giving it counts for reciprocity before its taker
        has agreed.
    """

    give: IntArray
    take: IntArray
    credit: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """The giver's and the taker's copy of each column of the program.

    Attributes
    ----------
    given, taken
        Half-days, or 0 and 1; shapes (columns,).
    """

    given: IntArray
    taken: IntArray


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
    entry_side
        Of each entry of the matrix, in its order: the side that it binds.
    column_candidate
        Place in `formulation.candidate` of each column.
    days_column
        Column of each candidate's half-days, -1 where they are fixed.
    row_size
        Sum of each row's coefficients without their signs.
    shared
        Rows that several participants share: linking rules and balances held by a group.
    """

    problem: Problem
    formulation: Formulation
    matrix: sparse.csc_array
    entry_side: CodeArray
    column_candidate: IntArray
    days_column: IntArray
    row_size: IntArray
    shared: BoolArray

    @staticmethod
    def of(problem: Problem) -> Program:
        """Return the program of a problem that holds only the candidates kept."""
        formulation = formulate(problem)
        rows = np.repeat(np.arange(len(formulation.row_lower)), np.diff(formulation.row_start))
        order = np.lexsort((rows, formulation.column))
        columns = len(formulation.upper)
        coefficient, rows = formulation.coefficient[order], rows[order]
        starts = np.searchsorted(formulation.column[order], np.arange(columns + 1))
        names = [rule.name for rule in formulation.rules]
        kept = np.arange(len(formulation.candidate))
        days_column = np.full(len(kept), -1)
        days_column[formulation.free] = len(kept) + np.arange(len(formulation.free))
        row_size = np.zeros(len(formulation.row_lower), np.int64)
        np.add.at(row_size, rows, np.abs(coefficient))
        return Program(
            problem,
            formulation,
            sparse.csc_array(
                (coefficient, rows, starts), shape=(len(formulation.row_lower), columns)
            ),
            _sides(names, formulation.row_rule[rows], coefficient),
            np.concatenate([kept, formulation.free]),
            days_column,
            row_size,
            _shared(problem, formulation, names),
        )

    def points_at(self, values: IntArray) -> IntArray:
        """Return the points per column, with a bonus for what a floor not yet met still lacks.

        Parameters
        ----------
        values
            A plan, one value per column.
        """
        short = self.matrix @ values < self.formulation.row_lower
        points = self.formulation.points
        if not short.any():
            return points
        bonus = 2 * int(points.max(initial=0)) * np.asarray(self.matrix[short].sum(axis=0))
        return points + np.maximum(bonus.astype(np.int64), 0)

    def columns(self, candidate: IntArray) -> IntArray:
        """Return the columns of candidates: whether they are chosen, then half-days not fixed."""
        days = self.days_column[candidate]
        return np.concatenate([candidate, days[days >= 0]])

    def fixed(
        self,
        candidate: IntArray,
        values: IntArray,
        used: IntArray,
        share: FloatArray,
        points: IntArray,
    ) -> Formulation:
        """Return the program of some candidates, with all others as a plan has them.

        Parameters
        ----------
        candidate
            Places in `formulation.candidate` of those decided, rising.
        values
            A plan, one value per column. A row that it breaks must be repaired.
        used
            What the plan uses of each row: `matrix @ values`.
        share
            Per row, the share of what the plan leaves of it that the block may use, 0 to 1.
        points
            Per column of the whole.
        """
        whole = self.formulation
        columns = self.columns(candidate)
        inside, touched = _rows(self.matrix[:, columns])
        used, mine = used[touched], inside @ values[columns]
        # A floor not yet met must not get worse.
        over = np.maximum(used - whole.row_lower[touched], 0)
        lower = mine - _part_of(over, share[touched])
        upper = mine + _part_of(whole.row_upper[touched] - used, share[touched])
        return self._part(candidate, inside, touched, points[columns], (lower, upper))

    def priced(
        self, member: BoolArray, crossing: Crossing, settled: BoolArray, copies: Copies
    ) -> Formulation:
        """Return the program of some participants, at prices where a pairing leaves them.

        With those who are settled there are no prices: what they want of the block is there in
        full, what they do not want is not. Of a row that others share, the block has as much as
        its part of the row's entries; floors are left to the multipliers that the crossing's
        worths hold.

        Parameters
        ----------
        member, settled
            Per participant of the problem: whether of this block, and of one solved before.
        crossing
            What each side of a pairing is worth at the prices.
        copies
            What those settled want.
        """
        whole, problem = self.formulation, self.problem
        gives = member[problem.giver[whole.candidate]]
        takes = member[problem.taker[whole.candidate]]
        chosen = np.flatnonzero(gives | takes)
        columns = self.columns(chosen)
        of = self.column_candidate[columns]
        known = ((settled[problem.giver] | settled[problem.taker])[whole.candidate])[of]
        mine = self.matrix[:, columns]
        sizes = np.diff(mine.indptr)
        entries = np.repeat(self.matrix.indptr[columns], sizes) + _steps(sizes)
        side, candidate = self.entry_side[entries], np.repeat(of, sizes)
        sure = crossing.credit | settled[problem.taker[whole.candidate]]
        uncredited = (mine.data < 0) & ~takes[candidate] & ~sure[candidate]
        uncredited &= np.isin(whole.row_rule[mine.indices], self._reciprocal())
        out = ((side == GIVER) & (~gives[candidate] | uncredited)) | (
            (side == TAKER) & ~takes[candidate]
        )
        mine.data = np.where(out, 0, mine.data)
        mine.eliminate_zeros()
        inside, touched = _rows(mine)
        lower, upper = whole.row_lower[touched], whole.row_upper[touched]
        shared = self.shared[touched]
        part = np.asarray(abs(inside).sum(axis=1)) / np.maximum(self.row_size[touched], 1)
        upper = np.where(shared & (upper < FREE // 2), _part_of(upper, part), upper)
        lower = np.where(shared, -FREE, lower)
        points = np.where(gives[of], crossing.give[columns], 0)
        points = points + np.where(takes[of], crossing.take[columns], 0)
        wanted = np.where(gives[of], copies.taken[columns], copies.given[columns])
        points = np.where(known, whole.points[columns], points)
        block = self._part(chosen, inside, touched, points, (lower, upper))
        return replace(
            block,
            upper=np.where(known, np.minimum(block.upper, wanted), block.upper),
            # Days that count for an offer but not for its giver's balance are no circulation.
            integer=np.ones_like(block.integer),
        )

    def _reciprocal(self) -> list[int]:
        rules = self.formulation.rules
        return [at for at, rule in enumerate(rules) if rule.name in RECIPROCITY]

    def _part(
        self,
        candidate: IntArray,
        inside: sparse.csr_array,
        touched: IntArray,
        points: IntArray,
        limits: tuple[IntArray, IntArray],
    ) -> Formulation:
        whole = self.formulation
        return replace(
            whole,
            candidate=whole.candidate[candidate],
            low=whole.low[candidate],
            high=whole.high[candidate],
            free=np.flatnonzero(self.days_column[candidate] >= 0),
            points=points,
            constant=0,
            upper=whole.upper[self.columns(candidate)],
            integer=whole.integer[self.columns(candidate)],
            row_start=inside.indptr.astype(np.int64),
            column=inside.indices.astype(np.int64),
            coefficient=inside.data,
            row_lower=limits[0],
            row_upper=limits[1],
            row_rule=whole.row_rule[touched],
            row_subject=whole.row_subject[touched],
            rules=(),
        )


def _sides(names: list[str], rule: IntArray, coefficient: IntArray) -> CodeArray:
    """Return the side that each entry binds; giving has a coefficient below 0 in reciprocity."""
    side = np.zeros(len(names), np.int8)
    side[[at for at, name in enumerate(names) if name in GIVERS_RULES]] = GIVER
    side[[at for at, name in enumerate(names) if name in TAKERS_RULES]] = TAKER
    reciprocal = np.array([name in RECIPROCITY for name in names], np.bool_)[rule]
    return np.where(reciprocal, np.where(coefficient < 0, GIVER, TAKER), side[rule]).astype(np.int8)


def _shared(problem: Problem, formulation: Formulation, names: list[str]) -> BoolArray:
    members = np.bincount(problem.participants.account, minlength=len(problem.participants))
    shared = np.array([name == "linking" for name in names], np.bool_)[formulation.row_rule]
    held = np.array([name == "balance" for name in names], np.bool_)[formulation.row_rule]
    shared[held] = members[formulation.row_subject[held]] > 1
    return shared


def _rows(columns: sparse.csc_array) -> tuple[sparse.csr_array, IntArray]:
    """Return the rows with entries, and their numbers: few of the whole's."""
    touched, row = np.unique(columns.indices.astype(np.int64), return_inverse=True)
    shape = len(touched), columns.shape[1]
    return sparse.csc_array((columns.data, row, columns.indptr), shape=shape).tocsr(), touched


def _steps(sizes: IntArray) -> IntArray:
    """Return 0, 1, ... up to each size, one after another."""
    steps: IntArray = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return steps


def _part_of(slack: IntArray, share: FloatArray) -> IntArray:
    """Return a share of a slack, rounded down; all of it where the share is 1."""
    whole = (share >= 1) | (slack < 0)
    part: IntArray = np.where(whole, slack, np.floor(slack * share)).astype(np.int64)
    return part
