"""Divisible days as a circulation: optimal, whole, and refused where it does not apply."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from models.vocabulary import UNLIMITED, Reciprocity
from solver.backends.limits import Limits
from solver.formats.plan import Status
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules
from solver.formulation.presolve import presolve, ranges
from solver.formulation.rules import ChangePenalty
from solver.instances.balanced_exchange import made_up_country, make
from solver.methods.flow import _network, _send_flow, solve_flow, why_no_flow
from solver.solve import MethodFault, solve
from tests.solver.drawn_problems import brute_force, problems


class Kept:
    """Stands for the other end of a child's connection, without the child."""

    def send(self, flows):
        self.flows = flows

    def close(self):
        """Nothing is open."""


def divisible(problem):
    """The same problem with nothing counted and days split freely."""
    people, needs, offers = problem.participants, problem.needs, problem.offers
    return replace(
        problem,
        participants=Participants.of(
            people.id,
            give_limit=people.give_limit,
            allowance=people.allowance,
            exempt=people.exempt,
            account=people.account,
        ),
        needs=Needs.of(needs.id, needs.participant, needs.days, days_min=1, max_givers=0),
        offers=Offers.of(offers.id, offers.participant, offers.days),
        candidates=replace(problem.candidates, half_days=0 * problem.candidates.half_days),
        linking=(),
    )


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(problem=problems(most_candidates=5))
def test_circulation_is_worth_the_best_plan(problem):
    """The network's flow is worth what the best of all plans is, pins and bonus included."""
    assume(problem.rules.reciprocity is not Reciprocity.BOTH_ROLES)
    problem = divisible(problem)
    assert why_no_flow(problem) is None
    keep, high = presolve(problem, *ranges(problem))
    candidate = np.flatnonzero(keep)
    pinned = np.zeros(len(keep), np.bool_)
    pinned[problem.positions(problem.pins)] = True
    saved = ChangePenalty().kept_points(problem)
    first = problem.candidates.bonus + saved
    arcs = _network(problem, candidate, high, first, pinned)
    kept = Kept()
    _send_flow(kept, arcs)
    best = brute_force(problem)
    assert (len(kept.flows) == 0) == (best is None)
    if best is not None:
        fixed = problem.candidates.points[pinned].sum() + first[pinned].sum()
        assert fixed - kept.flows @ arcs.cost - saved.sum() == best


def test_flow_is_proven_optimal_and_auto_finds_it():
    """A drawn divisible problem ends optimal, verified, by auto."""
    problem = make(made_up_country(60, 3), 3, "divisible")
    plan = solve(problem, work=1)
    assert plan.status is Status.OPTIMAL
    result = solve_flow(
        problem, Limits(), on_news=lambda objective, bound: None, cancelled=lambda: False
    )
    assert result.objective == plan.objective


def test_flow_is_refused_where_pairings_are_counted():
    """The reason is named, with the column."""
    problem = make(made_up_country(60, 3), 3, "divisible")
    people = replace(
        problem.participants,
        max_given=np.where(np.arange(60) == 0, 0, UNLIMITED),
        max_taken=np.zeros(60, np.int64),
    )
    with pytest.raises(MethodFault, match="max_"):
        solve(replace(problem, participants=people), method="flow", work=1)


@pytest.mark.parametrize("method", ["auto", "flow"])
def test_a_problem_of_nobody_has_the_plan_of_nothing(method):
    """An empty network is one without pairings, not an infeasible one."""
    empty = Problem(
        Participants.of([]), Needs.of([], [], []), Offers.of([], [], []), Candidates.of([], [], [])
    )
    plan = solve(replace(empty, rules=Rules(Reciprocity.NONE)), method=method, work=1)
    assert (plan.status, plan.objective, len(plan)) == (Status.OPTIMAL, 0, 0)
