"""Warm starts: a solve that starts from the plan and prices of another."""

import json
from dataclasses import replace

import numpy as np
import pytest

from solver.check.verify import verify
from solver.formats.state import State, read_state, write_state
from solver.formats.tables import Candidates, Needs
from solver.instances.balanced_exchange import made_up_country, make
from solver.parameters import DEFAULTS
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.prices.warm import warm_plan, warm_start
from solver.solve import solve
from tests.solver.made_problems import solved


def with_new_needs(problem, share, seed):
    """The same with a share of needs replaced by new ones, of other ids, days and points."""
    random = np.random.default_rng(seed)
    needs, candidates = problem.needs, problem.candidates
    new = random.random(len(needs)) < share
    days = np.where(new, random.integers(1, 11, len(needs)), needs.days)
    points = np.where(
        new[candidates.need],
        random.integers(300, 1500, len(candidates)),
        candidates.points,
    )
    return replace(
        problem,
        needs=Needs.of(
            [f"new {name}" if fresh else name for name, fresh in zip(needs.id, new, strict=True)],
            needs.participant,
            days,
            days_min=np.where(needs.days_min == 1, 1, np.where(new, days, needs.days_min)),
            max_givers=needs.max_givers,
            priority=needs.priority,
        ),
        candidates=Candidates.of(candidates.offer, candidates.need, points),
    )


def points_of(problem, half_days):
    """Points of a plan, half-days per candidate of the problem."""
    candidates = problem.candidates
    return int(candidates.points @ half_days + candidates.bonus @ (half_days > 0))


@pytest.mark.parametrize("kind", ["whole", "linking"])
def test_a_state_starts_a_changed_problem(tmp_path, kind):
    """Through its file, whatever the rules: verified, repeatable, no worse than what is kept."""
    before = make(made_up_country(30, 3), 3, kind)
    after = with_new_needs(before, 0.05, 4)
    plan, state = solved(before, method="prices", work=2)
    file = tmp_path / "state.json.gz"
    write_state(state, file)
    plans = [
        solve(after, method="prices", work=1, workers=workers, warm=read_state(file))
        for workers in (1, 2)
    ]
    assert verify(after, plans[0]) == ()
    assert plans[0].to_json()["pairings"] == plans[1].to_json()["pairings"]
    kept = points_of(after, warm_plan(state, after))
    assert plans[0].objective >= kept > 0.3 * plan.objective


def test_the_same_problem_starts_where_it_ended():
    """Prices come back as they were: the first bound is the last, and the plan is kept."""
    problem = make(made_up_country(40, 5), 5, "linking")
    plan, state = solved(problem, method="prices", work=1)
    state = State.from_json(json.loads(json.dumps(state.to_json())))
    decomposition = decompose(problem)
    start = warm_start(state, problem, decomposition)
    search = PriceSearch(decomposition, start=start.dual_point)
    search.solve_subproblems()
    assert search.bound() == plan.bound
    assert decomposition.objective(start.half_days) == plan.objective
    assert solve(problem, method="prices", work=1, warm=state).objective >= plan.objective


def test_a_warm_start_beats_a_cold_one():
    """With as little work, prices and plan of a problem alike end higher, and closer."""
    before = make(made_up_country(60, 5), 5)
    _, state = solved(before, method="prices", work=6)
    after = with_new_needs(before, 0.05, 4)
    cold = solve(after, method="prices", work=1)
    warm = solve(after, method="prices", work=1, warm=state)
    assert warm.objective > cold.objective
    assert warm.bound < cold.bound


def test_the_highest_multipliers_allowed_make_no_false_bound():
    """Multipliers of a file may be whole numbers up to 2^53, and prove no less than the plan."""
    problem = make(made_up_country(40, 5), 5, "linking")
    _, state = solved(problem, method="prices", work=1)
    content = state.to_json()
    content["multipliers"] = dict.fromkeys(content["multipliers"], 2**53)
    plan = solve(problem, method="prices", work=1, warm=State.from_json(content))
    assert verify(problem, plan) == ()


def test_what_a_state_does_not_know_has_a_price(tmp_path):
    """New offers and needs, and none at all that are known: a plan all the same."""
    problem = make(made_up_country(30, 6), 6)
    _, state = solved(problem, method="prices", work=1)
    renamed = replace(
        problem,
        needs=Needs.of(
            [f"other {name}" for name in problem.needs.id],
            problem.needs.participant,
            problem.needs.days,
        ),
    )
    plan = solve(renamed, method="prices", work=1, warm=state)
    assert verify(renamed, plan) == ()
    start = warm_start(state, renamed, decompose(renamed))
    assert not start.half_days.any()
    assert (start.dual_point.price > 0).any()


def test_a_new_pin_comes_before_the_old_plan():
    """The plan it starts from makes room for a pin that it did not have."""
    problem = make(made_up_country(40, 8), 8)
    plan, state = solved(problem, method="prices", work=1)
    kept = {tuple(row) for row in np.column_stack([plan.offer, plan.need]).tolist()}
    pairs = np.column_stack([problem.candidates.offer, problem.candidates.need]).tolist()
    pin = next(
        pair
        for pair in pairs
        if tuple(pair) not in kept and any(need == pair[1] for _, need in kept)
    )
    pinned = replace(problem, pins=np.array([pin]))
    half_days = warm_plan(state, pinned)
    assert half_days is not None
    assert half_days[problem.positions(np.array([pin]))[0]] > 0


def test_prices_of_another_problem_are_let_go():
    """Where the first rounds stay far from any plan, prices start cold: no worse than without."""
    problem = make(made_up_country(60, 5), 5)
    _, state = solved(problem, method="prices", work=1)
    nothing = np.zeros_like(state.prices.price)
    useless = replace(state, prices=replace(state.prices, price=nothing, rate=nothing))
    cold = solve(problem, method="prices", work=1)
    misled = solve(problem, method="prices", work=1, warm=useless)
    kept = replace(DEFAULTS, warm=replace(DEFAULTS.warm, far_gap=np.inf))
    trusted = solve(problem, method="prices", work=1, warm=useless, parameters=kept)
    assert misled.bound <= 1.002 * cold.bound < trusted.bound
    assert verify(problem, misled) == ()
