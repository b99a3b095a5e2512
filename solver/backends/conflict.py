"""Why no plan exists: an irreducible set of pins and rules that cannot hold together.

Elastic filter, then deletion filter (Chinneck, Feasibility and Infeasibility in Optimization,
2008, chapter 6). CP-SAT's assumptions are not used: they are unreliable for this.
"""

from __future__ import annotations

import math
from multiprocessing.connection import Connection

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, IntArray
from solver.formats.plan import ConflictPart
from solver.formats.problem import Problem
from solver.formulation.program import Formulation, formulate
from solver.parameters import DEFAULTS, LoopParameters


def find_conflict(
    problem: Problem, parameters: LoopParameters = DEFAULTS.loops
) -> tuple[ConflictPart, ...]:
    """Return pins and rules that cannot hold together, and could if any one were dropped.

    Parameters
    ----------
    parameters
        Of the search for closed loops, where reciprocity asks for them.

    Returns
    -------
    An irreducible set, by rule and subject; empty where a plan exists.
    """
    formulation = formulate(problem, prune=False)
    if problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS:
        from solver.formulation.loop_columns import find_loops, with_loops

        # Of candidates that some plan might hold, as when plans were looked for: with others, loops
        # may be too many, and no plan lacks them.
        loops = find_loops(problem, formulate(problem).candidate, parameters)
        if loops.complete:
            formulation = with_loops(formulation, problem, loops)
    rule, subject = formulation.row_rule, formulation.row_subject
    keys = rule * (int(subject.max(initial=0)) + 1) + subject
    group = np.unique(keys, return_inverse=True)[1]
    rigid: list[int] = []
    while True:
        broken = _broken(formulation, group, rigid)
        if broken is None:
            break
        if not broken:
            return ()
        rigid += broken
    # Rules are tried before pins, so that what remains speaks of pins.
    first = {int(part): int(np.flatnonzero(group == part)[0]) for part in rigid}
    order = sorted(rigid, key=lambda part: formulation.rules[rule[first[part]]].name == "pin")
    for part in order:
        fewer = [other for other in rigid if other != part]
        within = np.isin(group, fewer)
        if _broken(formulation, group, fewer, only=within) is None:
            rigid = fewer
    parts = []
    for row in sorted(first[part] for part in rigid):
        binding, where = formulation.rules[rule[row]], int(subject[row])
        parts.append(
            ConflictPart(binding.name, binding.where(where), binding.sentence(problem, where))
        )
    return tuple(parts)


def send_conflict(connection: Connection, asked: tuple[Problem, LoopParameters]) -> None:
    """Find the conflict in a child process and send it to the parent.

    Parameters
    ----------
    asked
        The arguments of `find_conflict`.
    """
    connection.send(find_conflict(*asked))
    connection.close()


def _broken(
    formulation: Formulation,
    group: IntArray,
    rigid: list[int],
    *,
    only: BoolArray | None = None,
) -> list[int] | None:
    """Return which groups of rows give way least, with `rigid` held; None if nothing holds.

    Parameters
    ----------
    group
        Group of each row, shape (rows,).
    only
        Rows to keep at all, shape (rows,); by default all.
    """
    from ortools.math_opt.python.model import Model
    from ortools.math_opt.python.parameters import SolverType
    from ortools.math_opt.python.result import TerminationReason
    from ortools.math_opt.python.solve import solve

    from solver.backends.highs import model_proto

    model = Model.from_model_proto(model_proto(formulation))
    model.minimize(0)
    held = np.isin(group, rigid)
    slacks = []
    for row in np.flatnonzero(~held):
        constraint = model.get_linear_constraint(int(row))
        if only is not None:
            model.delete_linear_constraint(constraint)
            continue
        for sign, limit in ((1.0, constraint.lower_bound), (-1.0, constraint.upper_bound)):
            if math.isfinite(limit):
                slack = model.add_variable(lb=0.0)
                constraint.set_coefficient(slack, sign)
                slacks.append((int(group[row]), slack))
    if slacks:
        model.minimize(sum(slack for _, slack in slacks))
    result = solve(model, SolverType.HIGHS)
    if result.termination.reason != TerminationReason.OPTIMAL:
        return None
    values = result.variable_values()
    return sorted({part for part, slack in slacks if values[slack] > 1e-6})
