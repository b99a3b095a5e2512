"""Prices: every answer is the true best, every bound is one, regrets say where the gap is."""

import time
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.vocabulary import UNLIMITED, Reciprocity
from solver.backends.limits import Limits
from solver.blocks.workers import BlockWorkers
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_to_json
from solver.formats.tables import Candidates, Linking, Needs, Offers, Participants, Rules, pairs
from solver.instances.balanced_exchange import KINDS, made_up_country, make
from solver.methods.prices import PriceCoordination
from solver.parameters import DEFAULTS
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.prices.repair import Repair
from solver.prices.subproblems import Subproblems, solve_subproblems
from solver.solve import by_prices
from tests.solver.drawn_problems import allowed, brute_force, objective, problems

QUIET = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def at_random_prices(problem, seed):
    """A search whose prices and multipliers are anything."""
    decomposition = decompose(problem)
    search = PriceSearch(decomposition)
    random = np.random.default_rng(seed)
    open_days = decomposition.low != decomposition.high
    price = random.uniform(-1, 2, len(decomposition)) * decomposition.contributions()
    rate = np.where(open_days, random.uniform(-1, 2, len(decomposition)) * decomposition.points, 0)
    multiplier = random.integers(0, 3, len(decomposition.links)) * decomposition.part
    search.solve_subproblems()
    start = search.best
    search.return_to(type(start)(price, rate, multiplier.astype(float), start.value, start.total))
    return search


@settings(QUIET, max_examples=2000)
@given(problem=problems(), seed=st.integers(0, 10**6), rounds=st.integers(0, 5))
def test_no_plan_exceeds_the_bound(problem, seed, rounds):
    """At random prices and after some rounds the bound is at least the best of all plans."""
    best = brute_force(problem)
    search = at_random_prices(problem, seed)
    bounds = [search.round(0.3) for _ in range(rounds + 1)]
    if best is None:
        return
    assert min(bounds) >= best
    assert search.bound() == min(search.bound(), *bounds)
    assert not len(search.impossible)


@QUIET
@given(problem=problems(), seed=st.integers(0, 10**6))
def test_regrets_are_the_gap(problem, seed):
    """Bound less plan is the sum of regrets and of what links leave unused; none is negative."""
    search = at_random_prices(problem, seed)
    search.round(0.3)
    decomposition, dual_point = search.decomposition, search.best
    plan = Repair(problem, decomposition).plan()
    if plan is None:
        return
    objective_value, plan = plan.objective, plan.half_days
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[decomposition.candidate] = plan
    content = problem_to_json(problem)
    assert allowed(content, half_days.tolist())
    assert objective(content, half_days.tolist()) == objective_value
    regrets, unused = search.regrets(dual_point, plan), search.unused(dual_point, plan)
    assert regrets.min(initial=0) >= 0
    assert unused.min(initial=0) >= 0
    assert (
        dual_point.total - decomposition.objective(plan) * decomposition.part
        == regrets.sum() + unused.sum()
    )


@QUIET
@given(problem=problems(), seed=st.integers(0, 10**6), rounds=st.integers(0, 3))
def test_no_plan_with_a_candidate_exceeds_the_bound_less_its_loss(problem, seed, rounds):
    """Forced in, a candidate costs the bound no more than it costs the best plan with it."""
    search = at_random_prices(problem, seed)
    for _ in range(rounds + 1):
        search.round(0.3)
    decomposition = search.decomposition
    reduced_cost = search.reduced_costs()
    assert search.reduced_costs().tolist() == reduced_cost.tolist()
    pinned = {tuple(pair) for pair in problem.pins.tolist()}
    for k, loss in zip(decomposition.candidate.tolist(), reduced_cost.tolist(), strict=True):
        pair = int(problem.candidates.offer[k]), int(problem.candidates.need[k])
        best = brute_force(replace(problem, pins=pairs(sorted(pinned | {pair}))))
        if best is not None:
            assert best * decomposition.part <= search.best.total - loss
            assert search.promising(search.best.total, reduced_cost, best - 1)[
                decomposition.candidate.tolist().index(k)
            ]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_interrupted_counts_for_nothing(workers):
    """A round or reduced costs that are told to stop leave the bound, and can be asked again."""
    stop = False

    def check():
        if stop:
            raise InterruptedError

    at_once = replace(DEFAULTS.prices, check_every_s=0.0)
    decomposition = decompose(make(made_up_country(1000, 3), 3, "ranges"))
    told = PriceSearch(decomposition, workers, parameters=at_once, check=check)
    other = PriceSearch(decomposition, workers)
    for search in (told, other):
        search.round(0.4)
    stop, before = True, told.best
    for work in (told.reduced_costs, partial(told.round, 0.2)):
        with pytest.raises(InterruptedError):
            work()
        assert told.best is before
    stop = False
    told.return_to(before)
    other.return_to(other.best)
    assert told.reduced_costs().tolist() == other.reduced_costs().tolist()
    assert told.round(0.2) == other.round(0.2)
    for search in (told, other):
        search.close()


def value_of(search, who):
    """The optimal value of one participant's subproblem at the profits as they stand."""
    decomposition, size = search.decomposition, len(search.decomposition)
    alone = np.zeros(len(decomposition.role), np.bool_)
    alone[who] = True
    problems = Subproblems(
        decomposition.role,
        decomposition.allowance,
        decomposition.unit,
        alone,
        np.zeros(len(alone), np.int64),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
    )
    solve_subproblems(
        decomposition.give, decomposition.take, search.give_profits, search.take_profits, problems,
        decomposition.give_sizes, decomposition.take_sizes, np.zeros(1, np.bool_), 0, len(alone),
    )  # fmt: skip
    return int(problems.value[who])


@pytest.mark.parametrize("kind", ["whole", "ranges", "both_roles", "divisible"])
def test_reduced_costs_are_those_of_solving_with_each_candidate_forced_in(kind):
    """Through-values equal what the subproblems say when one candidate earns a great bonus."""
    problem = make(made_up_country(60, 2), 2, kind)
    search = PriceSearch(decompose(problem))
    for step in (0.4, 0.3, 0.2):
        search.round(step)
    decomposition, best = search.decomposition, search.best
    reduced_cost = search.reduced_costs()
    search.return_to(best)
    search.solve_subproblems()
    value, bonus = best.value.copy(), 2**50
    for k in range(0, len(decomposition), 5):
        forced = 0
        for profits, who in (
            (search.give_profits, decomposition.incidence.giver[k]),
            (search.take_profits, decomposition.incidence.taker[k]),
        ):
            profits.least[k] += bonus
            forced += value[who] + bonus - value_of(search, who)
            profits.least[k] -= bonus
        if forced < bonus // 2:
            assert reduced_cost[k] == forced
        else:
            assert reduced_cost[k] >= 2**59


def answers_of(problem, price, rate):
    """Every allowed answer's worth to each participant, by plain enumeration of one at a time."""
    content = problem_to_json(problem)
    candidates, needs = content["candidates"], content["needs"]
    best = [None] * len(problem.participants)
    days = [range(needs["days_min"][n], needs["days"][n] + 1) for n in candidates["need"]]
    for who in range(len(best)):
        mine = [k for k in range(len(days)) if who in (problem.giver[k], problem.taker[k])]
        for choice in product(*[[0, *days[k]] for k in mine]):
            whole = [0] * len(days)
            for k, x in zip(mine, choice, strict=True):
                whole[k] = x
            if not allowed(content | {"alone": who}, whole):
                continue
            worth = sum(
                (1 if problem.giver[k] == who else -1) * (price[k] + rate[k] * x)
                + (candidates["points"][k] * x if problem.taker[k] == who else 0)
                for k, x in enumerate(whole)
                if x
            )
            best[who] = worth if best[who] is None else max(best[who], worth)
    return best


@QUIET
@given(
    seed=st.integers(0, 10**6),
    reciprocity=st.sampled_from(["none", "balanced", "both_roles"]),
    whole=st.booleans(),
)
def test_answers_are_the_best_of_all(seed, reciprocity, whole):
    """One participant among givers and takers without limits gets exactly its best answer."""
    random = np.random.default_rng(seed)
    many = 3
    # Participant 0 is asked; whoever else takes or gives is exempt and unlimited.
    people = 1 + 2 * many
    problem = Problem(
        Participants.of(
            [f"p{at}" for at in range(people)],
            give_limit=[int(random.integers(1, 7)), *[UNLIMITED] * (people - 1)],
            max_given=[int(random.integers(1, 4)), *[UNLIMITED] * (people - 1)],
            max_taken=[int(random.integers(1, 4)), *[UNLIMITED] * (people - 1)],
            allowance=[int(random.integers(0, 4)), *[0] * (people - 1)],
            exempt=[False, *[True] * (people - 1)],
        ),
        Needs.of(
            [f"n{at}" for at in range(2 + many)],
            [0, 0, *range(1, 1 + many)],
            days := random.integers(1, 5, 2 + many),
            days_min=days if whole else [int(random.integers(1, d + 1)) for d in days],
            max_givers=random.integers(0, 3, 2 + many),
        ),
        Offers.of(
            [f"o{at}" for at in range(2 + many)],
            [0, 0, *range(1 + many, people)],
            random.integers(1, 6, 2 + many),
            max_pairings=random.integers(1, 4, 2 + many),
        ),
        Candidates.of([0, 1, 0, 2, 3, 4], [2, 3, 4, 0, 0, 1], random.integers(0, 10, 6)),
        Rules(Reciprocity(reciprocity)),
    )
    search = PriceSearch(decompose(problem))
    decomposition = search.decomposition
    price, rate = (random.integers(-12, 13, len(problem.candidates)) for _ in range(2))
    search.solve_subproblems()
    dual_point = search.best
    slope = np.where(decomposition.low == decomposition.high, 0, rate[decomposition.candidate])
    search.return_to(
        type(dual_point)(
            (price[decomposition.candidate] + np.where(slope, 0, 0)) * decomposition.part,
            slope * decomposition.part,
            dual_point.multiplier,
            dual_point.value,
            10**18,
        )
    )
    rates = np.zeros(len(problem.candidates), np.int64)
    rates[decomposition.candidate] = slope
    search.best = None
    search.solve_subproblems()
    expected = answers_of(problem, price, rates)[0]
    assert search.best.value[0] == expected * decomposition.part
    # What is written is an answer, and worth as much.
    gives, takes = decomposition.incidence.giver == 0, decomposition.incidence.taker == 0
    written = np.where(gives, search.given, np.where(takes, search.taken, 0))
    whole = np.zeros(len(problem.candidates), np.int64)
    whole[decomposition.candidate] = written
    assert allowed(problem_to_json(problem) | {"alone": 0}, whole.tolist())
    paid = (price[decomposition.candidate] + slope * written) * (written > 0)
    gained = problem.candidates.points[decomposition.candidate] * written - paid
    assert expected == paid[gives].sum() + gained[takes].sum()


@settings(QUIET, max_examples=120)
@given(problem=problems())
def test_prices_solve_what_they_can(problem):
    """Its plan keeps every rule, its bound holds, and impossible pins end in a conflict."""
    best = brute_force(problem)
    result = by_prices(
        problem,
        Limits(work=2),
        on_news=lambda objective, bound: None,
        cancelled=lambda: False,
    )
    if result.stopped is Stopped.INFEASIBLE:
        assert best is None
        assert result.conflict
    elif result.half_days is not None:
        content = problem_to_json(problem)
        assert allowed(content, result.half_days.tolist())
        assert objective(content, result.half_days.tolist()) == result.objective
        assert result.objective <= best <= result.bound


def test_prices_settle_where_days_range():
    """150 rounds come within 0.4 % of the lowest bound known of a drawn area, 2,467,302."""
    decomposition = decompose(make(made_up_country(300, 1), 1, "ranges"))
    search, rounds = PriceSearch(decomposition), 150
    for done in range(rounds):
        search.round(search.first_step * (0.001 / search.first_step) ** (done / (rounds - 1)))
    assert search.bound() <= 1.004 * 2_467_302


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "divisible"])
def test_drawn_country_is_solved_closely(kind):
    """On sixty institutions of each kind the plan is within a few per cent of its bound."""
    problem = make(made_up_country(60, 3), 3, kind)
    result = by_prices(
        problem,
        Limits(work=6),
        on_news=lambda objective, bound: None,
        cancelled=lambda: False,
    )
    assert result.half_days is not None
    assert result.objective <= result.bound <= 1.05 * result.objective


def test_tight_balances_begin_with_large_blocks():
    """Where little of a plan outlasts mending, few candidates at once make far more."""
    problem = make(made_up_country(120, 2), 2, "whole")
    limits = Limits(time.time() + 600, workers=2)
    with BlockWorkers(2) as pool:
        run = PriceCoordination(problem, limits, pool, lambda *_: None, lambda: False)
        run.rounds()
        before = run.incumbent.objective
        assert run.incumbent.gap() > DEFAULTS.blocks.tight_gap
        run.priced_blocks()
        run.search.close()
    assert run.incumbent.objective > 2 * before
    assert run.incumbent.gap() < 0.3


def test_same_work_gives_the_same_plan():
    """Seed and work settle the plan, whatever the number of workers."""
    problem = make(made_up_country(80, 5), 5)
    plans = [
        by_prices(
            problem,
            Limits(work=4, workers=workers),
            on_news=lambda objective, bound: None,
            cancelled=lambda: False,
        )
        for workers in (1, 2)
    ]
    assert np.array_equal(plans[0].half_days, plans[1].half_days)
    assert plans[0].bound == plans[1].bound


def test_a_costly_pin_is_no_conflict():
    """A pin that a budget charges more than anything is worth is kept, not called impossible."""
    many = 21
    incidence = np.arange(many)
    problem = Problem(
        Participants.of([f"p{at}" for at in range(2 * many)]),
        Needs.of([f"n{at}" for at in incidence], incidence + many, 2),
        Offers.of([f"o{at}" for at in incidence], incidence, 2),
        Candidates.of(incidence, incidence, [1] + [100_000] * (many - 1)),
        Rules(Reciprocity.NONE),
        pins=pairs([[0, 0]], 2),
        linking=(
            Linking("budget", "<=", 84, "half_days", incidence, np.array([40] + [1] * (many - 1))),
        ),
    )
    result = by_prices(
        problem, Limits(work=2), on_news=lambda objective, bound: None, cancelled=lambda: False
    )
    assert result.objective == 2 + 2 * 2 * 100_000
    assert result.bound >= result.objective


def test_cancelling_returns_the_plan_so_far():
    """A cancelled solve hands back a plan that keeps every rule."""
    problem = make(made_up_country(60, 3), 3)
    result = by_prices(
        problem, Limits(), on_news=lambda objective, bound: None, cancelled=lambda: True
    )
    assert result.stopped is Stopped.CANCELLED
    assert result.half_days is not None
