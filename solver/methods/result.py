"""What a method ends with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from solver.arrays import IntArray
from solver.formats.plan import ConflictPart, Stopped
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formulation.standing import worth


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A plan or none, its bound, and why the method ended.

    Attributes
    ----------
    half_days
        Per candidate, shape (candidates,); None where there is no plan.
    bound
        Points that no plan exceeds.
    objective
        Points of the plan; 0 where there is none.
    stopped
        Why it ended; `infeasible` is proved.
    conflict
        Where there is no plan, an irreducible set of pins and rules; empty if time ran out.
    rounds
        Rounds or sub-solves done.
    state
        Plan and prices to start from another time, if there are prices.
    earlier
        Plans that came before, the best first, in case this one fails its check.
    given_up
        Blocks and backends that went without an answer as their processes died, >= 0.
    """

    half_days: IntArray | None
    bound: float
    stopped: Stopped
    objective: int = 0
    conflict: tuple[ConflictPart, ...] = ()
    rounds: int = 1
    state: State | None = None
    earlier: tuple[IntArray, ...] = ()
    given_up: int = 0


def at_least(problem: Problem, result: Result, kept: IntArray | None) -> Result:
    """Return a result with another plan in place of its own where that is better.

    Parameters
    ----------
    kept
        Half-days per candidate of a plan that keeps every rule; None if there is none.
    """
    if kept is None or result.stopped is Stopped.INFEASIBLE:
        return result
    objective = worth(problem, kept)
    if result.half_days is not None and result.objective >= objective:
        return result
    bound = max(result.bound, objective)
    return replace(result, half_days=kept, objective=objective, bound=bound, state=None)
