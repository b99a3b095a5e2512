"""A bound by the linear relaxation, where a program is too large for HiGHS to begin soon.

PDLP (Applegate and others, Practical large-scale linear programming using primal-dual hybrid
gradient, NeurIPS 2021) comes near the best dual values quickly. They need not be the best: whatever
they are, what they leave each column worth, at its upper bound, makes a bound.
"""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
from ortools.math_opt.python.model import Model
from ortools.math_opt.python.parameters import SolveParameters, SolverType
from ortools.math_opt.python.solve import solve
from ortools.pdlp import solvers_pb2

from solver.arrays import FloatArray
from solver.backends.highs import model_proto, whole_bound
from solver.backends.limits import Limits
from solver.formulation.program import Formulation
from solver.formulation.rows import FREE


def linear_bound(formulation: Formulation, limits: Limits) -> float:
    """Return points that no plan exceeds, by PDLP's dual values of the linear relaxation.

    Infinite where it does not come near in time.
    """
    dual = linear_dual(formulation, limits)
    return math.inf if dual is None else bound_of(formulation, dual)


def linear_dual(
    formulation: Formulation, limits: Limits, *, simplex: bool = False
) -> FloatArray | None:
    """Return dual values of the linear relaxation, one per row; None where time is short.

    Parameters
    ----------
    simplex
        Whether GLOP's simplex finds the best ones, instead of PDLP ones that are near.
    """
    proto = model_proto(formulation)
    proto.variables.integers[:] = [False] * len(formulation.upper)
    model = Model.from_model_proto(proto)
    pdlp = solvers_pb2.PrimalDualHybridGradientParams()
    near = pdlp.termination_criteria.simple_optimality_criteria
    near.eps_optimal_absolute = near.eps_optimal_relative = limits.parameters.pdlp_tolerance
    seconds = limits.parameters.pdlp_time_share * limits.seconds()
    steps = None
    if limits.work is not None and not simplex:
        steps = limits.work * limits.parameters.pdlp_iterations_per_work
    parameters = SolveParameters(
        time_limit=timedelta(seconds=seconds) if limits.deadline < math.inf else None,
        iteration_limit=steps,
        pdlp=pdlp,
    )
    result = solve(model, SolverType.GLOP if simplex else SolverType.PDLP, params=parameters)
    if not result.has_dual_feasible_solution():
        return None
    found = result.dual_values()
    return np.array([found[row] for row in model.linear_constraints()])


def bound_of(formulation: Formulation, dual: FloatArray) -> float:
    """Return the whole points that no plan exceeds, by any dual values, one per row."""
    return whole_bound(exact_bound_of(formulation, dual))


def exact_bound_of(formulation: Formulation, dual: FloatArray) -> float:
    """Return the bound that dual values prove, before it is rounded down to whole points.

    Reduced costs are taken off this one: off whole points they would say up to a point too much.
    What its sums may lose by rounding is added: for each of their terms, a unit in the last place
    of all of them together.

    Parameters
    ----------
    dual
        Shape (rows,), of either sign.
    """
    ceiling, floor = dual_sides(formulation, dual)
    left = worth_at(formulation, dual)
    paid = np.abs(_paid(formulation, ceiling + floor))
    size = np.abs(formulation.points.astype(np.float64))
    np.add.at(size, formulation.column, paid)
    proved = ceiling @ formulation.row_upper + floor @ formulation.row_lower
    at_most = proved + left.clip(min=0) @ formulation.upper + formulation.constant
    sizes = ceiling @ np.abs(formulation.row_upper) - floor @ np.abs(formulation.row_lower)
    sizes += size @ formulation.upper + abs(formulation.constant)
    terms = len(paid) + len(left) + len(dual)
    return float(at_most + terms * np.finfo(np.float64).eps * sizes)


def worth_at(formulation: Formulation, dual: FloatArray) -> FloatArray:
    """Return what a unit of each column is worth beyond what it pays at dual values.

    Above 0 it is in, below it loses so much of the bound (its reduced cost); shape (columns,).
    """
    ceiling, floor = dual_sides(formulation, dual)
    left = formulation.points.astype(np.float64)
    np.subtract.at(left, formulation.column, _paid(formulation, ceiling + floor))
    return left


def _paid(formulation: Formulation, dual: FloatArray) -> FloatArray:
    """Return what each entry of the matrix pays at dual values."""
    of_entry: FloatArray = np.repeat(dual, np.diff(formulation.row_start))
    return formulation.coefficient * of_entry


def dual_sides(formulation: Formulation, dual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the parts of dual values that charge rows' upper and lower limits, where there are."""
    ceiling = np.where(formulation.row_upper < FREE // 2, dual, 0).clip(min=0)
    floor = np.where(formulation.row_lower > -FREE // 2, dual, 0).clip(max=0)
    return ceiling, floor
