"""A plan solved again around one need: its neighbourhood free, all else as it is.

Exact, by HiGHS under a limit of nodes: the same problem, plan and need give the same answer, and no
more than so much work is done. HiGHS needed a fifth of the time that CP-SAT took, with one thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, IntArray
from solver.backends.limits import BackendResult, Limits, unheard
from solver.check.verify import verify
from solver.explain.subset import plan_of, with_candidates, worth
from solver.formats.problem import Problem
from solver.formats.tables import Linking, pairs
from solver.formulation.loop_columns import find_loops, with_loops
from solver.formulation.program import Formulation, formulate
from solver.parameters import DEFAULTS, ExplainParameters


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """What is looked at of a problem around one need.

    Attributes
    ----------
    problem
        With the candidates of the needs inside and those of the plan, no others.
    half_days
        The plan, per candidate of `problem`.
    inside
        Whether each candidate of `problem` is decided anew.
    original
        Position of each candidate in the whole problem.
    need
        The need that it is about.
    whole
        Whether nothing outside can make a difference: no candidate there shares a limit.
    """

    problem: Problem
    half_days: IntArray
    inside: BoolArray
    original: IntArray
    need: int
    whole: bool

    @property
    def objective(self) -> int:
        """Points of the plan as it is."""
        return worth(self.problem, self.half_days)


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """How solving again ended.

    Attributes
    ----------
    half_days
        Per candidate of the problem looked at; None where no plan was found.
    objective, bound
        Points of that plan, and points that none exceeds that leaves the rest as it is.
    impossible
        Whether it was proven that there is no such plan.
    """

    half_days: IntArray | None
    objective: int | None
    bound: float
    impossible: bool


def around(
    problem: Problem,
    half_days: IntArray,
    need: int,
    parameters: ExplainParameters = DEFAULTS.explain,
) -> Around:
    """Choose what is decided anew: needs near in days and places, until there are enough.

    First the needs that hold what the need's own candidates want, then those that want it too,
    then the same around those.
    """
    seed = np.zeros(len(problem.needs), np.bool_)
    seed[need] = True
    inside, closed = needs_near(problem, half_days, seed, parameters)
    free = inside[problem.candidates.need]
    keep = free | (half_days > 0)
    original = np.flatnonzero(keep)
    return Around(
        with_candidates(problem, keep),
        half_days[original],
        free[original],
        original,
        need,
        closed,
    )


def needs_near(
    problem: Problem, half_days: IntArray, seeds: BoolArray, parameters: ExplainParameters
) -> tuple[BoolArray, bool]:
    """Return the needs decided anew around some, and whether none outside shares a limit with them.

    Parameters
    ----------
    seeds
        Whether each need is one of those, shape (needs,).
    """
    columns, account = problem.candidates, problem.participants.account
    giver, taker = account[problem.giver], account[problem.taker]
    sizes = np.bincount(columns.need, minlength=len(problem.needs))
    inside = seeds.copy()
    for step in range(parameters.steps + 1):
        touched = np.zeros(len(problem.participants), np.bool_)
        mine = inside[columns.need]
        touched[giver[mine]] = True
        touched[taker[mine]] = True
        near = touched[giver] | touched[taker]
        for rule in problem.linking:
            if mine[rule.candidates].any():
                near[rule.candidates] = True
        holding, wanting = (np.zeros(len(inside), np.bool_) for _ in range(2))
        holding[columns.need[near & (half_days > 0)]] = True
        wanting[columns.need[near]] = True
        if not (wanting & ~inside).any():
            return inside, True
        if step == parameters.steps:
            break
        for more in (holding, wanting):
            new = np.flatnonzero(more & ~inside)
            room = parameters.most_candidates - int(sizes[inside].sum())
            inside[new[np.cumsum(sizes[new]) <= room]] = True
    return inside, False


def resolve(
    view: Around,
    *,
    met: bool | None = None,
    keep_others: bool = False,
    parameters: ExplainParameters = DEFAULTS.explain,
) -> Resolved:
    """Find the best plan that leaves everything outside as it is.

    Parameters
    ----------
    met
        Whether the need must be met, or must not; None leaves it open.
    keep_others
        Every other need that the plan meets must stay met.
    """
    problem = asked(view, met=met, keep_others=keep_others)
    closed = problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS
    outside = np.flatnonzero(~view.inside)
    if closed:
        # Loops may pass through pairings of both kinds, so the others are fixed by pins.
        fixed = problem.candidates.half_days.copy()
        fixed[outside] = view.half_days[outside]
        problem = replace(
            problem,
            candidates=replace(problem.candidates, half_days=_frozen(fixed)),
            pins=_pins(problem, outside),
        )
    formulation = formulate(problem)
    if met and not (problem.candidates.need[formulation.candidate] == view.need).any():
        return Resolved(None, None, -np.inf, True)
    limits = Limits(work=parameters.work)
    if closed:
        loops = find_loops(problem, formulation.candidate, DEFAULTS.loops)
        if not loops.complete:
            return Resolved(None, None, np.inf, False)
        formulation = with_loops(formulation, problem, loops)
        result = solved(formulation, limits)
        values = result.values
    else:
        kept = view.inside[formulation.candidate]
        free = np.concatenate([kept, kept[formulation.free]])
        result = solved(formulation.neighbourhood(formulation.values(view.half_days), free), limits)
        values = None
        if result.values is not None:
            values = formulation.values(view.half_days)
            values[free] = result.values
    if values is None:
        return Resolved(None, None, result.bound, result.infeasible)
    half_days = formulation.half_days(problem, values)
    objective = worth(problem, half_days)
    if verify(problem, plan_of(problem, half_days, objective)):
        return Resolved(None, None, result.bound, False)
    return Resolved(half_days, objective, result.bound, False)


def solved(formulation: Formulation, limits: Limits) -> BackendResult:
    """Solve a program by HiGHS under a limit of nodes, so that it repeats."""
    # Late, as only explanations that solve need it.
    from solver.backends.highs import solve_highs

    return solve_highs(formulation, None, limits, unheard)


def asked(view: Around, *, met: bool | None, keep_others: bool) -> Problem:
    """Return the problem with what is asked of it as further rules."""
    problem, need = view.problem, view.problem.candidates.need
    mine = np.flatnonzero(need == view.need)
    if met is False:
        banned = np.column_stack([problem.candidates.offer[mine], need[mine]])
        problem = replace(problem, exclusions=pairs(np.concatenate([problem.exclusions, banned])))
    stay = [view.need] if met else []
    if keep_others:
        stay += np.unique(need[(view.half_days > 0) & view.inside]).tolist()
    used = {rule.id for rule in problem.linking}
    extra = []
    for each in stay:
        of_need = np.flatnonzero(need == each)
        name = f"need {each} is met"
        while name in used:
            name += "'"
        extra.append(Linking(name, ">=", 1, "pairings", of_need, np.ones(len(of_need), np.int64)))
    return replace(problem, linking=(*problem.linking, *extra))


def _pins(problem: Problem, candidates: IntArray) -> IntArray:
    columns = problem.candidates
    wanted = np.column_stack([columns.offer[candidates], columns.need[candidates]])
    return pairs(np.unique(np.concatenate([problem.pins, wanted]), axis=0))


def _frozen(values: IntArray) -> IntArray:
    values.flags.writeable = False
    return values
