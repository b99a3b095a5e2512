"""Generalised assignment: near the linear relaxation, every job done, where small the best."""

import math
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.backends.highs import relax
from solver.backends.limits import Limits
from solver.backends.pdlp import bound_of, exact_bound_of
from solver.blocks.workers import solve_block
from solver.formats.plan import Status, Stopped
from solver.formats.state import State
from solver.formats.tables import Linking, Rules
from solver.formulation.program import formulate
from solver.formulation.rules import rules_of
from solver.instances.generalised_assignment import ASSIGNMENT_KINDS, Assignment, draw_assignment
from solver.methods.assignment import is_assignment, reduced_costs, solve_assignment
from solver.parameters import DEFAULTS
from solver.solve import solve
from tests.solver.drawn_problems import brute_force, problems

drawn = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
unlinked = problems(reciprocities=(Reciprocity.NONE,)).map(
    lambda problem: replace(problem, linking=())
)


class InThisProcess(Executor):
    def submit(self, call, *arguments):
        ended = Future()
        ended.set_result(call(*arguments))
        return ended


def assigned(problem, work=4, **more):
    quiet = {"on_news": lambda points, bound: None, "cancelled": lambda: False}
    return solve_assignment(problem, Limits(work=work), InThisProcess(), **(quiet | more))


@drawn
@given(problem=unlinked)
def test_the_bound_bounds_and_the_plan_is_one(problem):
    """Of every small problem without reciprocity, whatever its other rules."""
    found, best = assigned(problem), brute_force(problem)
    if found.half_days is None:
        return
    assert found.objective <= best <= found.bound
    assert all(not rule.check(problem, found.half_days) for rule in rules_of(problem))
    if found.stopped is Stopped.PROVED:
        assert found.objective == best


@drawn
@given(problem=unlinked, data=st.data())
def test_whatever_dual_values_say_no_best_plan_is_fixed_out(problem, data):
    """A candidate of a best plan loses no more of the bound than the bound exceeds that plan."""
    best = brute_force(problem)
    program = formulate(problem)
    if best is None or not len(program.candidate):
        return
    values = st.floats(-20, 20, allow_nan=False)
    rows = len(program.row_lower)
    dual = np.array(data.draw(st.lists(values, min_size=rows, max_size=rows)))
    bound, lost = exact_bound_of(program, dual), reduced_costs(program, dual)
    exact = solve(problem, method="exact", work=5)
    chosen = problem.positions(np.column_stack([exact.offer, exact.need]))
    inside = np.isin(program.candidate, chosen)
    assert exact.objective == best
    assert (bound - lost[inside] >= best - 1e-6).all()


def test_a_bound_rounded_down_fixes_no_better_plan_out():
    """The relaxation proves 20.3 points; less a reduced cost of 0.3 that still is the best plan."""
    cost = np.array([[4, 4, 3, 2], [3, 2, 3, 2]])
    resource = np.array([[1, 1, 3, 9], [4, 6, 9, 4]])
    problem = Assignment(cost, resource, np.array([5, 9])).problem()
    one_by_one = replace(
        DEFAULTS.assignment, priced_candidates=0, columns=1, givers=1.0, least_givers=1.0
    )
    start = np.zeros(8, np.int64)
    start[[0, 2, 4, 7]] = 1, 1, 3, 4  # 19 points: two jobs would have to change hands together
    parameters = replace(DEFAULTS, assignment=one_by_one)
    found = assigned(problem, warm=State.of_plan(problem, start), parameters=parameters)
    assert (found.objective, found.stopped) == (20, Stopped.PROVED)


@pytest.mark.parametrize("kind", ASSIGNMENT_KINDS)
def test_small_assignments_are_solved_to_proof(kind):
    """What the exact method finds, neighbourhoods and one last program find too."""
    problem = draw_assignment(4, 20, 1, kind).problem()
    found, exact = assigned(problem, work=60), solve(problem, method="exact", work=50)
    assert exact.status is Status.OPTIMAL
    assert found.stopped is Stopped.PROVED
    assert found.objective == exact.objective


@pytest.mark.parametrize("kind", ASSIGNMENT_KINDS)
def test_every_job_is_done_near_the_relaxation(kind):
    """No job is left out, and the bound is no looser than the linear relaxation."""
    assignment = draw_assignment(16, 190, 2, kind)
    problem = assignment.problem()
    assert is_assignment(problem)
    plan = solve(problem, method="prices", work=3)
    relaxed = relax(formulate(problem), Limits(math.inf))
    assert plan.bound <= math.floor(bound_of(formulate(problem), relaxed.dual))
    assert len(plan) == 190
    cost, bound = assignment.cost_at(plan.objective), assignment.cost_at(plan.bound)
    assert cost <= 1.03 * bound


def test_the_same_work_gives_the_same_plan():
    """Whatever the number of workers."""
    problem = draw_assignment(12, 260, 1, "gap_c").problem()
    one, two = (solve(problem, method="auto", work=2, workers=workers) for workers in (1, 2))
    assert one.objective == two.objective
    assert one.offer.tolist() == two.offer.tolist()


def test_a_warm_start_begins_with_the_plan_of_its_state():
    """By the front door: what is told first is that plan, which a cold start is far from."""
    problem = draw_assignment(12, 260, 1, "gap_c").problem()
    states, cold, warm = [], [], []
    told = {"cold": cold, "warm": warm}

    def tell(name):
        return lambda progress: told[name].append(progress.objective)

    first = solve(problem, work=2, on_state=states.append, on_progress=tell("cold"))
    again = solve(problem, work=1, warm=states[0], on_progress=tell("warm"))
    assert cold[0] < first.objective
    assert warm[0] == first.objective
    assert again.objective >= first.objective


def test_a_cancelled_search_hands_back_its_plan():
    """Asked between answers: what was found until then counts."""
    told = []
    found = assigned(
        draw_assignment(10, 60, 1, "gap_c").problem(),
        work=50,
        on_news=lambda points, bound: told.append(points),
        cancelled=lambda: len(told) > 3,
    )
    assert found.stopped is Stopped.CANCELLED
    assert found.objective == max(told)


def test_without_the_relaxation_in_time_there_is_no_result():
    """Prices take over, as there is no plan."""
    problem = draw_assignment(40, 400, 1, "gap_d").problem()
    limits = Limits(deadline=0.0)
    found = solve_assignment(
        problem, limits, InThisProcess(), on_news=lambda *_: None, cancelled=lambda: False
    )
    assert found.half_days is None


class Dying(InThisProcess):
    """Solves the relaxation, and dies over every block."""

    def submit(self, call, *arguments):
        if call is solve_block:
            ended = Future()
            ended.set_exception(BrokenExecutor("killed"))
            return ended
        return super().submit(call, *arguments)


def test_a_search_whose_processes_die_ends_with_the_plan_it_has():
    """Near the relaxation, bounded by it, and each block given up is counted."""
    problem = draw_assignment(10, 100, 1, "gap_d").problem()
    found = solve_assignment(
        problem, Limits(work=1), Dying(), on_news=lambda *_: None, cancelled=lambda: False
    )
    assert found.given_up > 0
    assert found.objective <= assigned(problem).objective <= found.bound < math.inf
    assert all(not rule.check(problem, found.half_days) for rule in rules_of(problem))


def test_other_problems_are_left_to_prices():
    """With reciprocity, linking rules or open days, few needs a giver, or too few candidates."""
    problem = draw_assignment(20, 200, 1, "gap_c").problem()
    assert is_assignment(problem)
    assert not is_assignment(replace(problem, rules=Rules(Reciprocity.BALANCED)))
    some = np.arange(2)
    link = Linking("pot", "<=", 1, "pairings", some, some)
    assert not is_assignment(replace(problem, linking=(link,)))
    assert not is_assignment(draw_assignment(40, 200, 1, "gap_c").problem())
    assert not is_assignment(draw_assignment(10, 100, 1, "gap_c").problem())
    open_days = np.zeros(len(problem.candidates), np.int64)
    ranged = replace(problem, candidates=replace(problem.candidates, half_days=open_days))
    assert not is_assignment(ranged)
