"""Price coordination: relaxed responses never become plans, however coarse the tables are."""

import math
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.backends.highs import best_continuous
from solver.blocks.block_program import restrict
from solver.formats.plan import Status
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules
from solver.formulation.program import formulate
from solver.instances.balanced_exchange import made_up_country, make
from solver.parameters import DEFAULTS
from solver.prices.decomposition import decompose
from solver.prices.repair import Repair
from solver.solve import solve
from tests.solver.drawn_problems import allowed, brute_force, problems
from tests.solver.made_problems import problem as made_problem


class InThisProcess(Executor):
    def submit(self, solve_block, *arguments):
        ended = Future()
        ended.set_result(solve_block(*arguments))
        return ended


def solve_with_small_tables(problem, places):
    """Solve by prices with tables so small that days are counted in coarse units."""
    prices = replace(DEFAULTS.prices, table_places=places)
    return solve(
        problem,
        method="prices",
        work=1,
        executor=InThisProcess(),
        parameters=replace(DEFAULTS, prices=prices),
    )


def hub(seed):
    """A giver with ten offers and a limit of its days among a dozen schools with one or so."""
    random = np.random.default_rng(seed)
    people, of_hub, others, needs = 12, 10, 8, 30
    givers = np.concatenate([np.zeros(of_hub, int), random.integers(1, people, others)])
    takers = random.integers(1, people, needs)
    offer, need = np.divmod(random.permutation(len(givers) * needs)[:220], needs)
    apart = givers[offer] != takers[need]
    days = np.concatenate([random.integers(9, 30, of_hub) | 1, random.integers(4, 20, others)])
    return Problem(
        Participants.of(
            [f"p{i}" for i in range(people)],
            give_limit=[int(random.integers(61, 120))] + [20] * (people - 1),
            max_given=[9] + [2] * (people - 1),
            max_taken=[0] + [3] * (people - 1),
            allowance=[0, *random.integers(5, 15, people - 1).tolist()],
            exempt=[True] + [False] * (people - 1),
        ),
        Needs.of(
            [f"n{i}" for i in range(needs)],
            takers,
            random.integers(3, 14, needs),
            days_min=2 if seed % 2 else None,
        ),
        Offers.of([f"o{i}" for i in range(len(givers))], givers, days),
        Candidates.of(offer[apart], need[apart], random.integers(50, 700, apart.sum())),
        Rules(Reciprocity.BALANCED),
    )


@pytest.mark.parametrize("places", [64, 256])
def test_a_hub_of_many_offers_has_a_plan(places):
    """Whatever a coarse table promises of a hub's days, the plan keeps every limit."""
    for seed in range(20):
        plan = solve_with_small_tables(hub(seed), places)
        assert plan.status in (Status.FEASIBLE, Status.OPTIMAL)
        assert 0 < plan.objective <= plan.bound


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(problem=problems(), places=st.sampled_from([2, 4, 8, 64]))
def test_small_tables_loosen_the_bound_alone(problem, places):
    """With coarse tables the bound still bounds, and the plan is one."""
    plan, best = solve_with_small_tables(problem, places), brute_force(problem)
    if best is None:
        assert plan.status in (Status.INFEASIBLE, Status.UNKNOWN)
        return
    assert plan.bound is None or plan.bound >= best
    assert plan.objective is None or plan.objective <= best


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(problem=problems(), data=st.data())
def test_repair_checks_what_it_hands_out(problem, data):
    """Half-days are a plan if and only if every rule of the problem allows them."""
    decomposition = decompose(problem)
    highest = st.tuples(*(st.integers(0, int(high) + 1) for high in decomposition.high))
    half_days = np.array(data.draw(highest), np.int32)
    plan = Repair(problem, decomposition).check(half_days)
    whole = np.zeros(len(problem.candidates), np.int64)
    whole[decomposition.candidate] = half_days
    assert (plan is not None) == keeps_every_rule(problem, whole)


def keeps_every_rule(problem, half_days):
    from solver.formats.problem_json import problem_to_json

    content = problem_to_json(problem)
    low, high = problem.needs.days_min, problem.needs.days
    fixed = problem.candidates.half_days
    for k, (days, need) in enumerate(zip(half_days, problem.candidates.need, strict=True)):
        if days and not low[need] <= days <= high[need]:
            return False
        if days and fixed[k] not in (0, days):
            return False
    pinned, excluded = problem.positions(problem.pins), problem.positions(problem.exclusions)
    if (half_days[pinned] == 0).any() or (half_days[excluded] > 0).any():
        return False
    return allowed(content, half_days.tolist())


def test_repair_drops_what_breaks_any_limit():
    """Wanted beyond offers, needs, days and places, a plan is left that keeps them all."""
    problem = made_problem(pins=[], linking=[])
    decomposition = decompose(problem)
    repair = Repair(problem, decomposition)
    wanted = np.full(len(decomposition), 9, np.int32)
    assert repair.check(wanted) is None
    assert repair.check(repair.repaired(wanted)) is not None


def test_a_plan_has_the_best_days_for_its_pairings():
    """No other half-days of the same pairings are worth more; blocks alone leave some unused."""
    problem = make(made_up_country(60, 5), 5, "ranges")
    plan = solve(problem, method="prices", work=1, executor=InThisProcess())
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(np.column_stack([plan.offer, plan.need]))] = plan.half_days
    chosen = np.flatnonzero(half_days)
    program = formulate(restrict(problem, chosen))
    values = program.values(half_days[chosen])
    best = best_continuous(program, values, math.inf)
    assert program.objective(values) == plan.objective == program.objective(best)
