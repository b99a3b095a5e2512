"""HiGHS, given the formulation. Imported only where a solve runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from ortools.math_opt import model_pb2
from ortools.math_opt.python.model import Model
from ortools.math_opt.python.model_parameters import ModelSolveParameters, SolutionHint
from ortools.math_opt.python.parameters import SolveParameters, SolverType
from ortools.math_opt.python.result import TerminationReason
from ortools.math_opt.python.solve import solve
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from solver.arrays import FloatArray, IntArray
from solver.backends.limits import BackendResult, Limits, Report
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE

NEARLY_WHOLE: Final = 1e-6
"""From a whole number: HiGHS's own tolerance of feasibility."""


def solve_highs(
    formulation: Formulation, start: IntArray | None, limits: Limits, report: Report
) -> BackendResult:
    """Solve by HiGHS through MathOpt.

    HiGHS is of Huangfu and Hall (Parallelizing the dual revised simplex method, Mathematical
    Programming Computation 10, 2018).

    Parameters
    ----------
    start
        A value per column to start from, shape (columns,); None for none.
    report
        Called with news on the way, in another thread.
    """
    model = Model.from_model_proto(model_proto(formulation))
    # MathOpt refuses `threads` for HiGHS, so it is never set.
    parameters = SolveParameters(
        relative_gap_tolerance=limits.gap,
        absolute_gap_tolerance=0.5,
        random_seed=limits.seed,
        time_limit=None if math.isinf(limits.deadline) else timedelta(seconds=limits.seconds()),
        node_limit=None
        if limits.work is None
        else limits.work * limits.parameters.highs_nodes_per_work,
    )
    hints = []
    if start is not None:
        hint = {model.get_variable(at): float(value) for at, value in enumerate(start.tolist())}
        hints.append(SolutionHint(variable_values=hint))
    result = solve(
        model,
        SolverType.HIGHS,
        params=parameters,
        model_params=ModelSolveParameters(solution_hints=hints),
        msg_cb=lambda lines: _relay(lines, report),
    )
    reason = result.termination.reason
    if reason == TerminationReason.INFEASIBLE:
        return BackendResult(None, -math.inf, infeasible=True)
    bound = whole_bound(result.termination.objective_bounds.dual_bound)
    if not result.has_primal_feasible_solution():
        return BackendResult(None, bound)
    found = result.variable_values()
    values = np.array([found[variable] for variable in model.variables()])
    return BackendResult(_whole(formulation, values, limits.seconds()), bound)


def _whole(formulation: Formulation, values: FloatArray, seconds: float) -> IntArray | None:
    """Return values as whole numbers; days between two vertices go to the best one."""
    rounded: IntArray = np.rint(values).astype(np.int64)
    if np.abs(values - rounded)[~formulation.integer].max(initial=0) <= NEARLY_WHOLE:
        return rounded
    return best_continuous(formulation, rounded, seconds)


def best_continuous(formulation: Formulation, values: IntArray, seconds: float) -> IntArray | None:
    """Return values with the best of the columns that need not be told to be whole.

    A linear program by the simplex method, which ends at a vertex: that is whole.

    Parameters
    ----------
    values
        A value per column; those of columns that must be whole stay.
    seconds
        What it may take, > 0.

    Returns
    -------
    A value per column; None where time was too short.
    """
    days = ~formulation.integer
    if not days.any():
        return values
    program = formulation.neighbourhood(values, days)
    shape = len(program.row_lower), len(program.upper)
    matrix = sparse.csr_array((program.coefficient, program.column, program.row_start), shape)
    lower, upper = _row_bounds(program)
    found = milp(
        -program.points.astype(np.float64),
        bounds=Bounds(0, program.upper),
        constraints=LinearConstraint(matrix, lower, upper),
        options={"time_limit": seconds},
    )
    if found.x is None:
        return None
    better = values.copy()
    better[days] = np.rint(found.x)
    return better if formulation.holds(better) else None


def whole_bound(bound: float) -> float:
    """Return the whole points that no plan exceeds, allowing for a solver's rounding."""
    return math.floor(bound + 1e-9 * abs(bound) + 1e-4) if math.isfinite(bound) else bound


def _relay(lines: Sequence[str], report: Report) -> None:
    """Report the best points that HiGHS's log tells: `... % BestBound BestSol Gap ...`.

    Never the log's bound: to complete a start, HiGHS solves a program of its own and logs that
    one's bound in the same form, which is no bound of the whole.
    """
    for line in lines:
        _, percent, rest = line.partition("%")
        figures = rest.split()
        if not percent or len(figures) < 2:
            continue
        try:
            best = float(figures[1])
        except ValueError:
            continue
        if math.isfinite(best):
            report(round(best), None, None)


def model_proto(formulation: Formulation) -> model_pb2.ModelProto:
    proto = model_pb2.ModelProto()
    columns, rows = len(formulation.upper), len(formulation.row_lower)
    proto.variables.ids.extend(range(columns))
    proto.variables.lower_bounds.extend([0.0] * columns)
    proto.variables.upper_bounds.extend(formulation.upper.astype(float).tolist())
    proto.variables.integers.extend(formulation.integer.tolist())
    lower, upper = _row_bounds(formulation)
    proto.linear_constraints.ids.extend(range(rows))
    proto.linear_constraints.lower_bounds.extend(lower.tolist())
    proto.linear_constraints.upper_bounds.extend(upper.tolist())
    matrix = proto.linear_constraint_matrix
    matrix.row_ids.extend(np.repeat(np.arange(rows), np.diff(formulation.row_start)).tolist())
    matrix.column_ids.extend(formulation.column.tolist())
    matrix.coefficients.extend(formulation.coefficient.astype(float).tolist())
    priced = np.flatnonzero(formulation.points)
    proto.objective.maximize = True
    proto.objective.offset = float(formulation.constant)
    proto.objective.linear_coefficients.ids.extend(priced.tolist())
    proto.objective.linear_coefficients.values.extend(
        formulation.points[priced].astype(float).tolist()
    )
    return proto


def _row_bounds(formulation: Formulation) -> tuple[FloatArray, FloatArray]:
    lower, upper = formulation.row_lower, formulation.row_upper
    return (
        np.where(lower <= -FREE // 2, -math.inf, lower),
        np.where(upper >= FREE // 2, math.inf, upper),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """The linear relaxation, solved.

    Attributes
    ----------
    values
        A value per column, at a vertex.
    dual
        A dual value per row: what a unit more of its limit is worth.
    """

    values: FloatArray
    dual: FloatArray


def relax(formulation: Formulation, limits: Limits) -> Relaxation | None:
    """Solve the linear relaxation by HiGHS's interior point method, to a vertex.

    None where there is no answer in time, or nothing to decide.
    """
    if not len(formulation.upper):
        return None
    shape = len(formulation.row_lower), len(formulation.upper)
    parts = formulation.coefficient, formulation.column, formulation.row_start
    matrix = sparse.csr_array(parts, shape).astype(np.float64)
    lower, upper = _row_bounds(formulation)
    above, below = np.isfinite(upper), np.isfinite(lower)
    found = linprog(  # type: ignore[call-overload]  # its stubs know no sparse matrix
        -formulation.points.astype(np.float64),
        A_ub=sparse.vstack([matrix[above], -matrix[below]]),
        b_ub=np.concatenate([upper[above], -lower[below]]),
        bounds=np.column_stack([np.zeros(shape[1]), formulation.upper]),
        method="highs-ipm",
        options={"time_limit": limits.seconds()},
    )
    if found.x is None or found.status != 0:
        return None
    dual = np.zeros(shape[0])
    dual[above] = -found.ineqlin.marginals[: above.sum()]
    dual[below] += found.ineqlin.marginals[above.sum() :]
    return Relaxation(found.x, dual)
