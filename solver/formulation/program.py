"""From a problem to one mixed-integer program, the same for CP-SAT and HiGHS.

Columns are y_k for each candidate kept, then x_k for those whose half-days are free. Where
half-days are fixed, h_k * y_k stands for x_k. `solver.formulation.loop_columns` adds columns of
its own after these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from solver.arrays import BoolArray, IntArray
from solver.formats.problem import Problem
from solver.formulation.presolve import presolve, ranges
from solver.formulation.rows import Rows
from solver.formulation.rules import ChangePenalty, LinkingRule, Rule, rules_of


@dataclass(frozen=True, slots=True, eq=False)
class Formulation:
    """Maximise `points @ columns + constant` over whole numbers within rows and bounds.

    Attributes
    ----------
    candidate
        Positions of the candidates kept; column j < len(candidate) is y of candidate[j].
    low, high
        Half-days of each kept candidate if chosen.
    free
        Positions in `candidate` of those with x columns, in the columns' order.
    points
        Objective coefficient per column.
    constant
        Points whatever is chosen.
    upper
        Upper bound per column; the lower is 0.
    integer
        Per column, whether a solver must be told that it is whole. Half-days outside linking rules
        are whole by themselves once pairings are chosen: what is left is a circulation.
    row_start, column, coefficient
        The matrix in compressed rows, shapes (rows + 1,), (entries,), (entries,).
    row_lower, row_upper
        Bounds per row, beyond +-FREE / 2 where there is none.
    row_rule, row_subject
        Number of the rule in `rules` and what the row binds.
    rules
        The rules stated.
    """

    candidate: IntArray
    low: IntArray
    high: IntArray
    free: IntArray
    points: IntArray
    constant: int
    upper: IntArray
    integer: BoolArray
    row_start: IntArray
    column: IntArray
    coefficient: IntArray
    row_lower: IntArray
    row_upper: IntArray
    row_rule: IntArray
    row_subject: IntArray
    rules: tuple[Rule, ...]

    def half_days(self, problem: Problem, values: IntArray) -> IntArray:
        """Return half-days per candidate of the problem, 0 where not chosen.

        Parameters
        ----------
        values
            One per column, shape (columns,).
        """
        days = self.low.copy()
        days[self.free] = values[len(self.candidate) :][: len(self.free)]
        result = np.zeros(len(problem.candidates), np.int64)
        result[self.candidate] = np.where(values[: len(self.candidate)] > 0, days, 0)
        return result

    def restricted(self, keep: BoolArray) -> Formulation:
        """Return the restricted problem: the same program without the candidates outside `keep`.

        Parameters
        ----------
        keep
            Per candidate of the program, shape (len(candidate),).
        """
        kept = np.concatenate([keep, keep[self.free]])
        return replace(self, upper=np.where(kept, self.upper, 0))

    def neighbourhood(self, values: IntArray, inside: BoolArray) -> Formulation:
        """Return the program of the columns inside, the others fixed at their values.

        Its columns and rows alone are of use: it keeps the candidates of the whole.

        Parameters
        ----------
        values, inside
            Per column, shapes (columns,).
        """
        rows = np.repeat(np.arange(len(self.row_lower)), np.diff(self.row_start))
        fixed = np.where(inside, 0, values)
        done = np.zeros(len(self.row_lower), np.int64)
        np.add.at(done, rows, self.coefficient * fixed[self.column])
        kept = inside[self.column]
        sizes = np.bincount(rows[kept], minlength=len(done))
        live = sizes > 0
        return replace(
            self,
            points=self.points[inside],
            constant=self.objective(fixed),
            upper=self.upper[inside],
            integer=self.integer[inside],
            row_start=np.concatenate([[0], np.cumsum(sizes[live])]),
            column=(np.cumsum(inside) - 1)[self.column[kept]],
            coefficient=self.coefficient[kept],
            row_lower=(self.row_lower - done)[live],
            row_upper=(self.row_upper - done)[live],
            row_rule=self.row_rule[live],
            row_subject=self.row_subject[live],
        )

    def holds(self, values: IntArray) -> bool:
        """Return whether a value per column keeps every row and bound."""
        rows = np.repeat(np.arange(len(self.row_lower)), np.diff(self.row_start))
        left = np.zeros(len(self.row_lower), np.int64)
        np.add.at(left, rows, self.coefficient * values[self.column])
        inside = ((values >= 0) & (values <= self.upper)).all()
        return bool(inside and (left >= self.row_lower).all() and (left <= self.row_upper).all())

    def objective(self, values: IntArray) -> int:
        """Return the objective value, in points, of a value per column."""
        return int(self.points @ values) + self.constant

    def values(self, half_days: IntArray) -> IntArray:
        """Return a value per column, from half-days per candidate of the problem."""
        kept = half_days[self.candidate]
        return np.concatenate([(kept > 0).astype(np.int64), kept[self.free]])


def formulate(problem: Problem, *, prune: bool = True) -> Formulation:
    """State a problem as a mixed-integer program.

    Parameters
    ----------
    prune
        Leave out candidates and rows that no plan needs. Only without it does every row appear
        under its rule, as finding a conflict asks.

    Returns
    -------
    The program; presolved if pruned.
    """
    low, high = ranges(problem)
    keep = np.ones(len(low), np.bool_)
    if prune:
        keep, high = presolve(problem, low, high)
    candidate = np.flatnonzero(keep)
    low, high = low[candidate], high[candidate]
    free = np.flatnonzero(low != high)
    rules = rules_of(problem)
    saved = ChangePenalty().kept_points(problem)
    candidates = problem.candidates
    chosen_points = candidates.bonus[candidate] + saved[candidate]
    chosen_points += np.where(low == high, candidates.points[candidate] * low, 0)
    points = np.concatenate([chosen_points, candidates.points[candidate[free]]])
    upper = np.concatenate([np.ones(len(candidate), np.int64), high[free]])
    column_of = np.full(len(candidates), -1)
    column_of[candidate] = np.arange(len(candidate))
    days_column = np.arange(len(candidate))
    days_column[free] = len(candidate) + np.arange(len(free))
    scale = np.where(low == high, low, 1)
    blocks = [
        _matrix(rule.rows(problem), column_of, days_column, scale, upper, prune) for rule in rules
    ]
    integer = np.ones(len(upper), np.bool_)
    integer[len(candidate) :] = False
    for rule, block in zip(rules, blocks, strict=True):
        if isinstance(rule, LinkingRule):
            integer[block.column] = True
    sizes = [len(block.subject) for block in blocks]
    entries = np.concatenate([np.diff(block.start) for block in blocks])
    return Formulation(
        candidate=candidate,
        low=low,
        high=high,
        free=free,
        points=points,
        constant=-int(saved.sum()),
        upper=upper,
        integer=integer,
        row_start=np.concatenate([[0], np.cumsum(entries)]),
        column=np.concatenate([block.column for block in blocks]),
        coefficient=np.concatenate([block.coefficient for block in blocks]),
        row_lower=np.concatenate([block.lower for block in blocks]),
        row_upper=np.concatenate([block.upper for block in blocks]),
        row_rule=np.repeat(np.arange(len(rules)), sizes),
        row_subject=np.concatenate([block.subject for block in blocks]),
        rules=rules,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    start: IntArray
    column: IntArray
    coefficient: IntArray
    lower: IntArray
    upper: IntArray
    subject: IntArray


def simple_bound(formulation: Formulation, problem: Problem) -> int:
    """Return points that no plan exceeds: every need served at its best, nothing else asked."""
    kept = formulation.candidate
    points = formulation.points[: len(kept)].copy()
    points[formulation.free] += formulation.points[len(kept) :] * formulation.high[formulation.free]
    need = problem.candidates.need[kept]
    single = problem.needs.max_givers[need] == 1
    best = np.zeros(len(problem.needs), np.int64)
    np.maximum.at(best, need[single], points[single])
    return int(best.sum() + points[~single].sum()) + formulation.constant


def _matrix(
    rows: Rows,
    column_of: IntArray,
    days_column: IntArray,
    scale: IntArray,
    column_upper: IntArray,
    prune: bool,
) -> _Block:
    """Put a rule's rows over columns; drop those that cannot bind when pruning."""
    kept = column_of[rows.candidate] >= 0
    row, count, days = rows.row[kept], rows.count[kept], rows.days[kept]
    choice = column_of[rows.candidate[kept]]
    row = np.concatenate([row, row])
    column = np.concatenate([choice, days_column[choice]])
    coefficient = np.concatenate([count, days * scale[choice]])
    # Entries of one row and column are one: x of a whole pairing is y times its days.
    key = row * max(len(column_upper), 1) + column
    unique, place = np.unique(key, return_inverse=True)
    summed = np.zeros(len(unique), np.int64)
    np.add.at(summed, place, coefficient)
    row, column = np.divmod(unique[summed != 0], max(len(column_upper), 1))
    coefficient = summed[summed != 0]
    live = np.ones(len(rows), np.bool_)
    if prune:
        reach = coefficient * column_upper[column]
        most, least = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
        np.add.at(most, row, np.maximum(reach, 0))
        np.add.at(least, row, np.minimum(reach, 0))
        live = (most > rows.upper) | (least < rows.lower)
    inside = live[row]
    row, column, coefficient = row[inside], column[inside], coefficient[inside]
    sizes = np.bincount(row, minlength=len(rows))[live]
    return _Block(
        start=np.concatenate([[0], np.cumsum(sizes)]),
        column=column,
        coefficient=coefficient,
        lower=rows.lower[live],
        upper=rows.upper[live],
        subject=rows.subject[live],
    )
