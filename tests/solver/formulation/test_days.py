"""Half-days that solvers need not be told to be whole: they are, for any points."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver.backends.highs import best_continuous, solve_highs
from solver.backends.limits import Limits, unheard
from solver.formulation.program import formulate
from tests.solver.drawn_problems import problems

REPEATABLE = Limits(work=10)
THOUSANDS = settings(
    max_examples=1500,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@THOUSANDS
@given(problem=problems(), seed=st.integers(0, 10**6), prune=st.booleans())
def test_days_are_whole_by_themselves(problem, seed, prune):
    """Whatever half-days are worth, the best plan with continuous ones is that with whole ones.

    So it is for the pairings of a plan and any points of their days: a vertex is whole.
    """
    program = formulate(problem, prune=prune)
    random = np.random.default_rng(seed)
    columns = len(program.upper)
    program = replace(program, points=random.integers(-9, 10, columns))
    every = replace(program, integer=np.ones(columns, np.bool_))
    whole = solve_highs(every, None, REPEATABLE, unheard)
    mixed = solve_highs(program, None, REPEATABLE, unheard)
    assert mixed.infeasible == whole.infeasible
    if whole.infeasible:
        return
    assert program.holds(mixed.values)
    assert program.objective(mixed.values) == program.objective(whole.values) == mixed.bound
    for _ in range(3):
        other = replace(program, points=random.integers(-9, 10, columns))
        found = best_continuous(other, whole.values, math.inf)
        assert found is not None
        fixed = other.neighbourhood(whole.values, ~program.integer)
        best = solve_highs(
            replace(fixed, integer=np.ones_like(fixed.integer)), None, REPEATABLE, unheard
        )
        assert other.objective(found) == fixed.objective(best.values)


@settings(THOUSANDS, max_examples=100)
@given(problem=problems())
def test_linking_rules_keep_their_days_whole(problem):
    """Days that a linking rule weighs are told to be whole; all others are not."""
    program = formulate(problem, prune=False)
    weighed = {
        int(candidate)
        for rule in problem.linking
        if rule.unit == "half_days"
        for candidate, weight in zip(rule.candidates, rule.weight, strict=True)
        if weight
    }
    days = program.integer[len(program.candidate) :].tolist()
    assert program.integer[: len(program.candidate)].all()
    assert days == [int(k) in weighed for k in program.candidate[program.free]]
