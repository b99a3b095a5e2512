"""CP-SAT, given the formulation. Imported only where it runs: that takes longer than HiGHS's."""

from __future__ import annotations

import math

import numpy as np
from ortools.sat.python import cp_model

from solver.arrays import IntArray
from solver.backends.highs import whole_bound
from solver.backends.limits import BackendResult, Limits, Report
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE


def solve_cp_sat(
    formulation: Formulation, start: IntArray | None, limits: Limits, report: Report
) -> BackendResult:
    """Solve by CP-SAT.

    Parameters
    ----------
    start
        A value per column to start from, shape (columns,); None for none.
    report
        Called with news on the way, in another thread.

    Raises
    ------
    RuntimeError
        If CP-SAT refuses the formulation, which is a fault of the solver.
    """
    model = cp_model.CpModel()
    columns = [
        model.new_bool_var("") if upper == 1 else model.new_int_var(0, upper, "")
        for upper in formulation.upper.tolist()
    ]
    binary = formulation.upper == 1
    for at, (low, high) in enumerate(
        zip(formulation.row_lower.tolist(), formulation.row_upper.tolist(), strict=True)
    ):
        entries = slice(formulation.row_start[at], formulation.row_start[at + 1])
        inside, coefficients = formulation.column[entries], formulation.coefficient[entries]
        if not len(inside) and (low > 0 or high < 0):
            return BackendResult(None, -math.inf, infeasible=True)
        terms = [columns[column] for column in inside]
        if low <= -FREE and high == 1 and (coefficients == 1).all() and binary[inside].all():
            model.add_at_most_one(terms)
        else:
            model.add_linear_constraint(
                cp_model.LinearExpr.weighted_sum(terms, coefficients.tolist()), low, high
            )
    model.maximize(
        cp_model.LinearExpr.weighted_sum(columns, formulation.points.tolist())
        + formulation.constant
    )
    if start is not None:
        for column, value in zip(columns, start.tolist(), strict=True):
            model.add_hint(column, value)
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.random_seed = limits.seed
    parameters.relative_gap_limit = limits.gap
    parameters.num_workers = 1 if limits.work is not None else max(1, limits.workers - 1)
    if limits.work is not None:
        parameters.max_deterministic_time = limits.work
    if math.isfinite(limits.deadline):
        parameters.max_time_in_seconds = limits.seconds()
    told = [math.inf]

    def on_bound(bound: float) -> None:
        told[0] = min(told[0], whole_bound(bound))
        report(None, told[0], None)

    solver.best_bound_callback = on_bound
    status = solver.solve(model, _CpSatReport(columns, report))
    if status == cp_model.INFEASIBLE:
        return BackendResult(None, -math.inf, infeasible=True)
    if status == cp_model.MODEL_INVALID:
        raise RuntimeError(f"CP-SAT refuses the formulation: {model.validate()}")
    if status == cp_model.UNKNOWN:
        # Stopped before its search began, CP-SAT calls 0 its bound.
        return BackendResult(None, told[0])
    bound = whole_bound(solver.best_objective_bound)
    return BackendResult(np.array(solver.values(columns), np.int64), bound)


class _CpSatReport(cp_model.CpSolverSolutionCallback):
    def __init__(self, columns: list[cp_model.IntVar], report: Report) -> None:
        super().__init__()
        self._columns = columns
        self._report = report

    def on_solution_callback(self) -> None:
        values = np.array([self.value(column) for column in self._columns], np.int64)
        bound = whole_bound(self.best_objective_bound)
        self._report(round(self.objective_value), bound, values)
