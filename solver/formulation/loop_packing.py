"""The program of loops without the columns that its loops decide: cycle packing.

Where a single candidate lies on an arc, its y is the sum of the loops along the arc, and is put in
wherever y stands: what remains is a column per loop, and the limits of participants, offers and
needs are rows over loops. Where several candidates share an arc, `Loops.split` makes an arc of
each, as long as that leaves loops few enough. (One column per cycle and no other: Abraham, Blum,
Sandholm, Clearing algorithms for barter exchange markets, EC 2007.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from solver.arrays import BoolArray, IntArray
from solver.formulation.loop_columns import Loops
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE
from solver.formulation.rules import PairingDays


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """A program of loops with some columns put in, and the way back.

    Attributes
    ----------
    program
        Of the columns that are left; its columns and rows alone are of use.
    kept
        Which columns of the whole program these are, shape (columns of the whole,).
    lift
        A value per column of the whole is this times a value per column left.
    """

    program: Formulation
    kept: BoolArray
    lift: sparse.csr_array

    def whole(self, values: IntArray) -> IntArray:
        """Return a value per column of the whole program."""
        lifted: IntArray = self.lift @ values
        return lifted


def pack(formulation: Formulation, loops: Loops) -> Packing:
    """Put in what loops decide, and leave out candidates that are on none.

    Parameters
    ----------
    formulation
        The program with these loops, as of `with_loops`.
    """
    columns, days = len(formulation.upper), len(formulation.candidate)
    first_loop = days + len(formulation.free)
    loop, arc = loops.entries()
    alone = np.bincount(loops.arc, minlength=len(loops.giver))[loops.arc] == 1
    own = np.searchsorted(formulation.candidate, loops.candidate)
    put_in, of_arc = own[alone], np.full(len(loops.giver), -1)
    of_arc[loops.arc[alone]] = put_in
    decided = of_arc[arc] >= 0
    kept = np.ones(columns, np.bool_)
    kept[put_in] = False
    used = kept.copy()
    used[of_arc[arc[decided]]] = True
    kept[days:first_loop] = used[formulation.free]
    place = np.cumsum(kept) - 1
    same = np.flatnonzero(kept)
    at = np.concatenate([same, of_arc[arc[decided]]])
    of = np.concatenate([place[same], place[first_loop + loop[decided]]])
    lift = sparse.csr_array(
        (np.ones(len(at), np.int64), (at, of)), shape=(columns, int(kept.sum()))
    )
    several = np.flatnonzero(~kept[:days] & (np.diff(lift.indptr[: days + 1]) > 1))
    rule = next(at for at, rule in enumerate(formulation.rules) if isinstance(rule, PairingDays))
    once = np.ones(len(several), np.int64)
    matrix = sparse.csr_array(
        (formulation.coefficient, formulation.column, formulation.row_start),
        shape=(len(formulation.row_lower), columns),
    )
    program = _with_rows(
        replace(
            formulation,
            points=np.asarray(lift.T @ formulation.points),
            upper=formulation.upper[kept],
            integer=formulation.integer[kept],
            row_lower=np.concatenate([formulation.row_lower, -FREE * once]),
            row_upper=np.concatenate([formulation.row_upper, once]),
            row_rule=np.concatenate([formulation.row_rule, rule * once]),
            row_subject=np.concatenate([formulation.row_subject, formulation.candidate[several]]),
        ),
        sparse.vstack([matrix @ lift, lift[several]], format="csr"),
    )
    return Packing(without(program, _slack(program)), kept, lift)


def without_implied(program: Formulation) -> Formulation:
    """Leave out the rows that others imply."""
    return without(program, implied_rows(program))


def implied_rows(program: Formulation) -> BoolArray:
    """Return which rows a row `sum of some columns <= 1` implies, whole values or fractions."""
    matrix = _matrix(program)
    sizes = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    least, most = np.full(len(sizes), FREE), np.full(len(sizes), -FREE)
    np.minimum.at(least, rows, matrix.data)
    np.maximum.at(most, rows, matrix.data)
    positive = (least > 0) & (program.row_lower <= 0)
    packing = np.flatnonzero(positive & (most == 1) & (program.row_upper == 1))
    small = np.flatnonzero(positive & (most <= program.row_upper))
    pattern = matrix.sign()
    shared = (pattern[small] @ pattern[packing].T).tocoo()
    row, other = small[shared.coords[0]], packing[shared.coords[1]]
    inside = (shared.data == sizes[row]) & (row != other)
    row, other = row[inside], other[inside]
    # Of two that say the same, the first stays.
    same = (sizes[row] == sizes[other]) & (most[row] == 1) & (program.row_upper[row] == 1)
    implied = np.zeros(len(sizes), np.bool_)
    implied[row[~same | (other < row)]] = True
    return implied


def _slack(program: Formulation) -> BoolArray:
    """Return which rows hold whatever the columns are."""
    matrix = _matrix(program)
    reach = matrix.data * program.upper[matrix.indices]
    rows = np.repeat(np.arange(len(program.row_lower)), np.diff(matrix.indptr))
    most, least = (np.zeros(len(program.row_lower), np.int64) for _ in range(2))
    np.add.at(most, rows, np.maximum(reach, 0))
    np.add.at(least, rows, np.minimum(reach, 0))
    slack: BoolArray = (most <= program.row_upper) & (least >= program.row_lower)
    return slack


def without(program: Formulation, gone: BoolArray) -> Formulation:
    """Leave out some rows."""
    left = np.flatnonzero(~gone)
    return _with_rows(
        replace(
            program,
            row_lower=program.row_lower[left],
            row_upper=program.row_upper[left],
            row_rule=program.row_rule[left],
            row_subject=program.row_subject[left],
        ),
        _matrix(program)[left],
    )


def _matrix(program: Formulation) -> sparse.csr_array:
    return sparse.csr_array(
        (program.coefficient, program.column, program.row_start),
        shape=(len(program.row_start) - 1, len(program.upper)),
    )


def _with_rows(program: Formulation, matrix: sparse.csr_array) -> Formulation:
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return replace(
        program,
        row_start=matrix.indptr.astype(np.int64),
        column=matrix.indices.astype(np.int64),
        coefficient=matrix.data,
    )
