"""The exact method: both backends against a brute force, and how a solve ends."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from solver.backends.conflict import find_conflict
from solver.backends.cp_sat import solve_cp_sat
from solver.backends.highs import solve_highs
from solver.backends.limits import Limits, unheard
from solver.formats.problem_json import problem_to_json
from solver.formulation.greedy import greedy
from solver.formulation.program import formulate, simple_bound
from solver.instances.balanced_exchange import made_up_country, make
from solver.methods.exact_restricted import solve_restricted
from solver.parameters import ExactParameters, SolveParameters
from tests.solver.drawn_problems import allowed, brute_force, objective, problems

REPEATABLE = Limits(work=10)
ALWAYS = SolveParameters(exact=ExactParameters(restricted_from=0))
QUIET = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("backend", [solve_cp_sat, solve_highs])
@QUIET
@given(problem=problems())
def test_backend_finds_the_best_plan_of_all(backend, problem):
    """Each backend's plan is allowed, worth the best of all choices, and its bound is that."""
    formulation = formulate(problem)
    answer = backend(formulation, None, REPEATABLE, unheard)
    best = brute_force(problem)
    assert answer.infeasible == (best is None)
    if best is None:
        return
    half_days = formulation.half_days(problem, answer.values).tolist()
    content = problem_to_json(problem)
    assert allowed(content, half_days)
    assert objective(content, half_days) == formulation.objective(answer.values) == best
    assert answer.bound == best
    assert simple_bound(formulation, problem) >= best


@QUIET
@given(problem=problems())
def test_pruning_loses_no_plan(problem):
    """The formulation with every row and candidate has the same best plan as the pruned one."""
    answer = solve_highs(formulate(problem, prune=False), None, REPEATABLE, unheard)
    best = brute_force(problem)
    assert answer.infeasible == (best is None)
    assert best is None or answer.bound == best


@QUIET
@given(problem=problems())
def test_greedy_keeps_every_rule(problem):
    """A greedy plan is allowed and worth no more than the best."""
    half_days = greedy(problem)
    if half_days is not None:
        content = problem_to_json(problem)
        assert allowed(content, half_days.tolist())
        assert objective(content, half_days.tolist()) <= brute_force(problem)
        formulation = formulate(problem)
        values = formulation.values(half_days)
        assert formulation.holds(values)
        assert np.array_equal(formulation.half_days(problem, values), half_days)


@settings(QUIET, max_examples=60)
@given(problem=problems())
def test_conflict_is_found_where_there_is_no_plan(problem):
    """A problem without a plan has a conflict; one with a plan has none."""
    assert bool(find_conflict(problem)) == (brute_force(problem) is None)


@settings(QUIET, max_examples=60)
@given(problem=problems())
def test_restricted_problems_first_lose_no_plan(problem):
    """With a bound and restricted problems before it, the whole program ends the same."""
    formulation = formulate(problem)
    answer = solve_restricted(problem, formulation, None, REPEATABLE, unheard, parameters=ALWAYS)
    best = brute_force(problem)
    assert answer.infeasible == (best is None)
    if best is not None:
        assert formulation.holds(answer.values)
        assert formulation.objective(answer.values) == best <= answer.bound


@pytest.mark.parametrize("backend", [solve_cp_sat, solve_highs])
@settings(QUIET, max_examples=60)
@given(problem=problems())
def test_news_on_the_way_is_true(backend, problem):
    """From a start, no bound that a backend tells of is below the best, no points above it.

    HiGHS logs bounds of programs that only complete the start; taken for bounds of the whole they
    once "proved" a greedy plan.
    """
    formulation, best = formulate(problem), brute_force(problem)
    start = greedy(problem)
    if best is None or start is None:
        return
    news = []
    backend(formulation, formulation.values(start), REPEATABLE, lambda *told: news.append(told[:2]))
    assert all(points is None or points <= best for points, _ in news)
    assert all(bound is None or bound >= best for _, bound in news)


@pytest.mark.parametrize("backend", [solve_cp_sat, solve_highs])
def test_backend_out_of_time_proves_nothing(backend):
    """Stopped before it searched, a backend's bound is not below any plan."""
    problem = make(made_up_country(400, 1), 1)
    start = greedy(problem)
    assert start is not None
    formulation = formulate(problem)
    told = []
    answer = backend(
        formulation, None, Limits(deadline=0.0), lambda points, bound, values: told.append(bound)
    )
    least = formulation.objective(formulation.values(start))
    assert answer.bound >= least
    assert all(bound >= least for bound in told if bound is not None)
