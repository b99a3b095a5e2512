"""Generalised assignment: the published recipes, and the way there and back through a problem."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from solver.check.verify import verify
from solver.formats.plan import Plan, Status, Stopped
from solver.formats.problem_json import problem_to_json
from solver.formats.tables import ProblemFault
from solver.instances.generalised_assignment import ASSIGNMENT_KINDS, Assignment, draw_assignment
from solver.solve import solve


def test_types_hold_their_published_ranges():
    """Resources, costs and how they hang together are those of each type's recipe."""
    c, d, e = (draw_assignment(20, 400, 1, kind) for kind in ASSIGNMENT_KINDS)
    assert (c.resource.min(), c.resource.max()) == (5, 25)
    assert (c.cost.min(), c.cost.max()) == (10, 50)
    assert abs(np.corrcoef(c.resource.ravel(), c.cost.ravel())[0, 1]) < 0.05
    assert (d.resource.min(), d.resource.max()) == (1, 100)
    noise = d.cost + d.resource - 111
    assert (noise.min(), noise.max()) == (-10, 10)
    assert e.resource.min() == 1
    assert e.resource.mean() == pytest.approx(10.5, abs=0.4)  # of 1 - 10 ln(u), cut
    below = 1000 / e.resource - e.cost
    assert -0.5 <= below.min() < 0.5
    assert 9.5 < below.max() <= 10.5


@pytest.mark.parametrize("kind", ASSIGNMENT_KINDS)
def test_capacity_is_four_fifths_of_an_even_share(kind):
    """Each agent has 0.8 of a fair part of what all jobs would take of it, rounded down."""
    drawn = draw_assignment(7, 60, 3, kind)
    share = 0.8 * drawn.resource.sum(axis=1) / 7
    assert (drawn.capacity == np.floor(share + 1e-9)).all()


def test_type_e_is_as_tight_as_the_published():
    """Capacities of the published e30900 are 252 on average, from 236 to 267."""
    capacity = draw_assignment(30, 900, 1, "gap_e").capacity
    assert capacity.mean() == pytest.approx(252, rel=0.02)
    assert capacity.std() == pytest.approx(8, rel=0.4)


@pytest.mark.parametrize("kind", ASSIGNMENT_KINDS)
def test_seed_names_an_instance(kind):
    """One seed gives one instance, another seed another."""
    first, again, other = (
        problem_to_json(draw_assignment(5, 20, seed, kind).problem()) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("kind", ASSIGNMENT_KINDS)
def test_best_plan_is_the_cheapest_assignment(kind):
    """The optimum serves every job, and its points tell the cost that trying all ways finds."""
    drawn = draw_assignment(3, 8, 1, kind)
    best = cheapest(drawn)
    given = drawn.problem()
    plan = solve(given, method="exact", work=100)
    assert plan.stopped == "proved"
    assert verify(given, plan) == ()
    assert len(plan) == 8
    assert drawn.cost_at(plan.objective) == best


def cheapest(drawn: Assignment):
    """The least cost of all ways to give every job to an agent within capacities."""
    agents, jobs = drawn.cost.shape
    way = np.array(list(product(range(agents), repeat=jobs)))
    job = np.arange(jobs)
    used = np.stack(
        [(drawn.resource[agent] * (way == agent)).sum(axis=1) for agent in range(agents)], axis=1
    )
    fits = (used <= drawn.capacity).all(axis=1)
    costs = drawn.cost[way[fits], job].sum(axis=1)
    return costs.min()


def test_unknown_type_is_refused():
    """What has no recipe is named."""
    with pytest.raises(ValueError, match="gap_f"):
        draw_assignment(3, 8, 0, "gap_f")


def planned(drawn, agent, **changes):
    """The plan that gives each job, in order, to the agent named for it."""
    agent, job = np.array(agent, np.int64), np.arange(len(agent))
    points = len(agent) * drawn.reward - int(drawn.cost[agent, job].sum())
    plan = Plan(Status.FEASIBLE, Stopped.TIME, agent, job, drawn.resource[agent, job], points)
    return replace(plan, **changes)


TWO_BY_THREE = Assignment(
    np.array([[4, 5, 6], [7, 8, 9]]), np.array([[1, 2, 3], [3, 2, 1]]), np.array([5, 4])
)


@pytest.mark.parametrize(("agent", "cost"), [([0, 0, 1], 18), ([1, 0, 0], 18), ([0, 0], 9)])
def test_cost_is_counted_from_the_instance(agent, cost):
    """Of an assignment, or of part of one, costs are those of its pairings."""
    assert TWO_BY_THREE.cost_of(planned(TWO_BY_THREE, agent)) == cost


@pytest.mark.parametrize(
    ("agent", "changes", "said"),
    [
        ([0, 0, 0], {}, "agent 1 uses 6 of a capacity of 5"),
        ([0, 1], {"need": np.array([1, 1])}, "job 2 is given to several agents"),
        ([0, 1], {"need": np.array([1, 3])}, "not among the instance's 2 and 3"),
        ([0, 1], {"offer": np.array([0, -1])}, "not among the instance's 2 and 3"),
        ([0, 1], {"offer": np.array([0, 2])}, "not among the instance's 2 and 3"),
        ([0, 0, 1], {"objective": 35}, r"35 points or its half-days are not .* \(36 points\)"),
        ([0, 0, 1], {"half_days": np.array([1, 2, 2])}, "half-days are not those of this instance"),
        ([0, 0, 1], {"bound": 35}, "bound of 35 points is below the plan's own 36"),
        ([], {"objective": None, "status": Status.UNKNOWN}, r"no pairings \(unknown\)"),
    ],
)
def test_plan_of_another_instance_has_no_cost(agent, changes, said):
    """A plan that breaks a rule of the instance, or was made for another, is refused."""
    with pytest.raises(ProblemFault, match=said):
        TWO_BY_THREE.cost_of(planned(TWO_BY_THREE, agent, **changes))
