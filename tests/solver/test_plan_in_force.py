"""The plan in force: kept where that pays, and never fallen short of while it is possible."""

from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.check.verify import verify
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_to_json
from solver.formats.state import State
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules, frozen, pairs
from solver.formulation.greedy import greedy
from solver.formulation.standing import standing, worth
from solver.methods.result import Result, at_least
from solver.solve import solve
from tests.solver.drawn_problems import brute_force, objective, problems

EVERY = settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class InThisProcess(Executor):
    """Solves blocks where it is asked."""

    def submit(self, call, /, *arguments, **named):
        future = Future()
        future.set_result(call(*arguments, **named))
        return future


def at_once(problem, **how):
    """Solve and stop at the first chance."""
    return solve(problem, work=1, cancelled=lambda: True, **how)


def of_plan(problem, plan):
    """Return a plan's half-days per candidate of its problem."""
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(np.column_stack([plan.offer, plan.need]))] = plan.half_days
    return half_days


@st.composite
def changed_problems(draw, reciprocities=tuple(Reciprocity)):
    """Draw a problem whose points changed since the plan in force was made."""
    before = draw(problems(most_candidates=6, reciprocities=reciprocities))
    before = replace(before, current=pairs(width=3), change_penalty=0)
    loops = before.rules.reciprocity is Reciprocity.CLOSED_LOOPS
    half_days = of_plan(before, at_once(before)) if loops else greedy(before)
    assume(half_days is not None and half_days.any())
    at, candidates = np.flatnonzero(half_days), before.candidates
    current = np.column_stack([candidates.offer[at], candidates.need[at], half_days[at]])
    size = len(candidates)
    points = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))
    return replace(
        before,
        candidates=replace(candidates, points=frozen(points, np.int64)),
        current=pairs(current, 3),
        change_penalty=draw(st.sampled_from([0, 1, 5, 50])),
    )


@EVERY
@given(problem=changed_problems())
def test_points_are_never_below_keeping_everything(problem):
    """However early a search ends, its plan is worth as much as the plan in force."""
    plan = at_once(problem)
    assert verify(problem, plan) == ()
    kept = standing(problem)
    assert plan.objective >= objective(problem_to_json(problem), kept.tolist())
    assert plan.objective <= brute_force(problem) <= plan.bound


@settings(EVERY, max_examples=60)
@given(problem=changed_problems(reciprocities=(Reciprocity.NONE, Reciprocity.BALANCED)))
def test_prices_begin_with_the_plan_in_force(problem):
    """Price coordination, too, starts from it and proves no less."""
    plan = at_once(problem, method="prices", executor=InThisProcess())
    assert verify(problem, plan) == ()
    assert worth(problem, standing(problem)) <= plan.objective <= brute_force(problem)
    assert plan.bound >= brute_force(problem)


def two_givers(points, *, current=(0, 0, 2), penalty=0, days=2):
    """Draw one need of a school that two others could meet; the first does."""
    return Problem(
        Participants.of(["taker", "first", "second"], allowance=[9, 0, 0]),
        Needs.of(["n"], [0], [2]),
        Offers.of(["o0", "o1"], [1, 2], [days, 2]),
        Candidates.of([0, 1], [0, 0], points),
        Rules(Reciprocity.BALANCED),
        current=pairs([current], 3),
        change_penalty=penalty,
    )


@pytest.mark.parametrize("method", ["auto", "exact", "prices"])
@pytest.mark.parametrize(("penalty", "keeps"), [(0, False), (3, False), (4, True), (9, True)])
def test_a_change_has_its_price(method, penalty, keeps):
    """A giver that is 4 points better is taken at 3 points, and not at more than 4."""
    points = [5, 7] if penalty != 4 else [5, 6]
    problem = two_givers(points, penalty=penalty)
    plan = solve(problem, method=method, work=5, workers=1, executor=InThisProcess())
    assert plan.offer.tolist() == [0 if keeps else 1]
    assert plan.objective == (2 * points[0] if keeps else 2 * points[1] - penalty)
    assert plan.bound == plan.objective


def test_what_is_no_longer_possible_does_not_stand():
    """Of an offer that lost its days nothing is kept, and all else is."""
    problem = two_givers([5, 7], days=1)
    assert standing(problem) is None
    assert solve(problem, work=5, workers=1).offer.tolist() == [1]


def test_half_days_of_the_plan_in_force_follow_the_need():
    """A need that asks for fewer days than before keeps its giver for these."""
    problem = two_givers([5, 7], current=(0, 0, 8))
    assert standing(problem).tolist() == [2, 0]
    assert State.of_current(problem).half_days.tolist() == [8]


def test_a_search_that_found_nothing_hands_out_the_plan_in_force():
    """Time may run out before there is any plan; an infeasible problem has none."""
    problem = two_givers([5, 7], penalty=3)
    kept = standing(problem)
    found = at_least(problem, Result(None, np.inf, Stopped.TIME), kept)
    assert (found.half_days.tolist(), found.objective) == ([2, 0], 10)
    infeasible = Result(None, -np.inf, Stopped.INFEASIBLE)
    assert at_least(problem, infeasible, kept) is infeasible
    better = Result(np.array([0, 2]), 11.0, Stopped.GAP, 11)
    assert at_least(problem, better, kept) is better
