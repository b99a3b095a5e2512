"""Repaired plans of problems that Hypothesis draws: what is kept never changes, nor falls short."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.repairs.plans import repairs_of
from models.vocabulary import RepairSize
from solver.check.verify import verify
from solver.explain.subset import plan_of, with_candidates
from solver.formats.problem import Problem
from solver.formats.tables import pairs
from solver.formulation.greedy import greedy
from solver.formulation.standing import worth
from tests.solver.drawn_problems import brute_force, problems


@st.composite
def broken(draw: st.DrawFn) -> tuple[Problem, Problem, int]:
    """A problem as it was planned, the same without an offer that the plan used, and its need."""
    problem: Problem = draw(problems())
    problem = replace(problem, linking=(), pins=pairs(), current=pairs(width=3), change_penalty=0)
    plan = greedy(problem)
    assume(plan is not None and plan.any())
    assert plan is not None
    columns, used = problem.candidates, np.flatnonzero(plan)
    at = draw(st.sampled_from(used.tolist()))
    offer, need = int(columns.offer[at]), int(columns.need[at])
    used = used[columns.offer[used] != offer]
    stands = np.column_stack([columns.offer[used], columns.need[used], plan[used]])
    less = with_candidates(problem, problem.candidates.offer != offer)
    less = replace(
        less, current=pairs(stands, 3), change_penalty=draw(st.integers(1, 5)) if len(stands) else 0
    )
    return problem, less, need


@given(broken())
@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_repairs_keep_what_they_can_and_never_fall_short(drawn: Any) -> None:
    """Each plan keeps every rule; what it keeps has its days; it has at least the points of keeping
    all that can be kept, each more than the smaller one, and none more than the bound."""
    problem, less, need = drawn
    found = repairs_of(less, [need], [int(problem.needs.participant[need])], seconds=60, workers=1)
    fixed = less.candidates.half_days.copy()
    fixed[less.positions(less.current)] = less.current[:, 2]
    stands = set(less.positions(less.current).tolist())
    best = brute_force(replace(less, candidates=replace(less.candidates, half_days=fixed)))
    before = worth(less, found.kept)
    assert found.found
    assert found.found[0].size is RepairSize.SMALLEST
    for each in found.found:
        assert not verify(less, plan_of(less, each.half_days, worth(less, each.half_days)))
        assert each.objective == worth(less, each.half_days) >= before
        for at in stands:
            assert each.half_days[at] in (0, fixed[at])
        assert found.bound is not None
        assert each.objective <= best <= found.bound + 1e-6
        before = each.objective + 1
    smallest = found.found[0].half_days
    assert all(smallest[at] for at in stands if found.kept[at])
    assert found.found[-1].objective == best
