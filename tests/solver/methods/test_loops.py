"""Closed loops: the best of all plans, bounds that hold, and what of a problem they need."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.backends.conflict import find_conflict
from solver.backends.highs import solve_highs
from solver.backends.limits import Limits, unheard
from solver.backends.pdlp import bound_of, linear_bound
from solver.formats.plan import Status, Stopped
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_to_json
from solver.formats.state import State
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules, pairs
from solver.formulation.loop_columns import find_loops, pins_without_loop, with_loops
from solver.formulation.program import formulate
from solver.instances.balanced_exchange import made_up_country, make
from solver.methods.loops import greedy_loops, solve_loops
from solver.methods.loops_lns import search_neighbourhoods
from solver.parameters import DEFAULTS, LoopParameters
from solver.solve import MethodFault, solve
from tests.solver.drawn_problems import allowed, brute_force, objective, problems

REPEATABLE = Limits(work=1)
DRAWN = settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
LOOPS = problems(reciprocities=[Reciprocity.CLOSED_LOOPS])


def ring(arcs, points, exempt=(), max_loop=3, **changes):
    """Schools that each need and offer two half-days for every arc, from giver to taker."""
    size = 1 + max(max(arc) for arc in arcs)
    each = range(len(arcs))
    return Problem(
        Participants.of([f"p{i}" for i in range(size)], exempt=[i in exempt for i in range(size)]),
        Needs.of([f"n{k}" for k in each], [taker for _, taker in arcs], [2 for _ in each]),
        Offers.of([f"o{k}" for k in each], [giver for giver, _ in arcs], [2 for _ in each]),
        Candidates.of(each, each, points),
        Rules(Reciprocity.CLOSED_LOOPS, max_loop),
        **changes,
    )


def chosen(plan):
    return plan.offer.tolist()


@DRAWN
@given(problem=LOOPS)
def test_program_of_loops_finds_the_best_plan_of_all(problem):
    """The best is that of all choices whose pairings fall into loops, by a plain count."""
    formulation = formulate(problem)
    program = with_loops(formulation, problem, find_loops(problem, formulation.candidate))
    answer = solve_highs(program, None, REPEATABLE, unheard)
    best = brute_force(problem)
    assert answer.infeasible == (best is None)
    if best is not None:
        half_days = program.half_days(problem, answer.values).tolist()
        content = problem_to_json(problem)
        assert allowed(content, half_days)
        assert (
            objective(content, half_days)
            == program.objective(answer.values)
            == answer.bound
            == best
        )


@DRAWN
@given(problem=LOOPS)
def test_giving_as_often_as_taking_bounds_all_loops(problem):
    """The program without loops, which bounds what is too large, is never below the best."""
    best = brute_force(problem)
    bound = solve_highs(formulate(problem), None, REPEATABLE, unheard).bound
    assert best is None or bound >= best


@DRAWN
@given(problem=LOOPS, data=st.data())
def test_any_dual_values_bound_all_loops(problem, data):
    """Those that PDLP finds and any others, drawn at random, are never below the best."""
    formulation = formulate(problem)
    program = with_loops(formulation, problem, find_loops(problem, formulation.candidate))
    best, rows = brute_force(problem), len(program.row_lower)
    drawn = data.draw(st.lists(st.integers(-9, 9), min_size=rows, max_size=rows))
    if best is not None:
        assert bound_of(program, np.array(drawn, np.float64)) >= best
        assert linear_bound(program, REPEATABLE) >= best


@DRAWN
@given(problem=LOOPS, data=st.data())
def test_greedy_loops_keep_every_rule_but_pins_and_floors(problem, data):
    """Where it misses none, its columns are a plan; loops wanted change nothing of that."""
    formulation = formulate(problem)
    loops = find_loops(problem, formulation.candidate)
    program = with_loops(formulation, problem, loops)
    count = len(problem.candidates)
    wanted = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    values = greedy_loops(problem, formulation, loops, np.array(wanted, np.int64))
    half_days = program.half_days(problem, values)
    free = replace(
        problem, pins=pairs(), linking=tuple(x for x in problem.linking if x.sense == "<=")
    )
    assert allowed(problem_to_json(free), half_days.tolist())
    assert program.holds(values) == allowed(problem_to_json(problem), half_days.tolist()) or (
        len(problem.pins) > 0
    )


@settings(DRAWN, max_examples=80)
@given(problem=LOOPS)
def test_conflict_is_found_where_loops_cannot_be(problem):
    """A problem without a plan has a conflict; one with a plan has none."""
    assert bool(find_conflict(problem)) == (brute_force(problem) is None)


SQUARE = [(0, 1), (1, 2), (2, 3), (3, 0), (1, 0)]
"""A loop of four; the first two can swap instead."""


@pytest.mark.parametrize(
    ("max_loop", "exempt", "best"),
    [(2, (), [0, 4]), (3, (), [0, 4]), (4, (), [0, 1, 2, 3]), (3, (0, 2), [0, 1, 2, 3]),
     (2, (0, 1), [0, 4]), (3, (0,), [0, 4])],
)  # fmt: skip
def test_loops_are_no_longer_than_allowed(max_loop, exempt, best):
    """Four close a loop of four only; with two of them exempt, two chains of three."""
    problem = ring(SQUARE, [9, 9, 9, 9, 5], exempt, max_loop)
    plan = solve(problem, work=1)
    assert (plan.status, chosen(plan)) == (Status.OPTIMAL, best)


def test_a_chain_ends_only_with_the_exempt():
    """From one exempt participant to another it stands alone; otherwise somebody must return."""
    assert chosen(solve(ring([(0, 1)], [9], exempt=(0, 1)), work=1)) == [0]
    assert chosen(solve(ring([(0, 1)], [9], exempt=(0,)), work=1)) == []
    assert chosen(solve(ring([(0, 1)], [9], exempt=(1,)), work=1)) == []


def test_a_pin_brings_its_loop_along_and_without_one_there_is_no_plan():
    """The conflict names the pin and the loops; a running pairing is kept if that pays."""
    pinned = ring(SQUARE, [1, 9, 9, 9, 1], max_loop=4, pins=pairs([[4, 4]]))
    assert chosen(solve(pinned, work=1)) == [0, 4]
    running = {"current": pairs([[4, 4, 2]], 3), "change_penalty": 60}
    assert chosen(solve(ring(SQUARE, [1, 9, 9, 9, 1], max_loop=4, **running), work=1)) == [0, 4]
    alone = solve(ring(SQUARE, [9] * 5, max_loop=3, pins=pairs([[1, 1]])), work=1)
    assert (alone.status, alone.stopped) == (Status.INFEASIBLE, Stopped.INFEASIBLE)
    assert {part.rule for part in alone.conflict} == {"pin", "closed loops"}


@pytest.mark.parametrize("method", ["exact", "prices", "flow"])
def test_loops_and_their_method_go_together(method):
    """Other methods refuse closed loops, and loops refuse other reciprocity."""
    problem = ring(SQUARE, [9] * 5)
    with pytest.raises(MethodFault, match="closed_loops; use loops or auto"):
        solve(problem, method=method)
    with pytest.raises(MethodFault, match="use auto"):
        solve(replace(problem, rules=Rules(Reciprocity.NONE)), method="loops")
    assert chosen(solve(problem, method="loops", work=1)) == [0, 4]


def authority(max_loop, size=24, kind="whole"):
    """A made-up authority whose support goes round in closed loops."""
    made = make(made_up_country(size, 4), 4, kind)
    return replace(made, rules=Rules(Reciprocity.CLOSED_LOOPS, max_loop))


NO_LOOPS = replace(DEFAULTS, loops=LoopParameters(most_entries=0))


def test_where_loops_are_too_many_plans_are_of_shorter_ones():
    """The bound is that of all loops even so, and nothing is called infeasible that is not."""
    given = authority(3)
    best = solve(given, work=1)
    assert best.status is Status.OPTIMAL
    told = []
    result = solve_loops(
        given, Limits(work=1, workers=2), parameters=NO_LOOPS,
        on_news=lambda points, bound: told.append(bound), cancelled=lambda: False,
    )  # fmt: skip
    assert result.objective == solve(authority(2), work=1).objective < best.objective
    assert result.bound >= best.objective
    assert min(told) >= best.objective
    square = ring([(0, 1), (1, 2), (2, 0)], [9] * 3, pins=pairs([[0, 0]]))
    result = solve_loops(
        square, Limits(work=1), parameters=NO_LOOPS,
        on_news=lambda points, bound: None, cancelled=lambda: False,
    )  # fmt: skip
    assert (result.half_days, result.stopped) == (None, Stopped.STALLED)


@pytest.mark.parametrize("kind", ["whole", "ranges", "linking"])
def test_a_plan_is_made_better_among_neighbours(kind):
    """Everything else stays as it is, so that each answer is a plan, and none is worse."""
    parameters = LoopParameters(first_participants=6)
    given = authority(3, size=40, kind=kind)
    ceilings = tuple(rule for rule in given.linking if rule.sense == "<=")
    given = replace(given, linking=ceilings)
    formulation = formulate(given)
    loops = find_loops(given, formulation.candidate)
    program = with_loops(formulation, given, loops)
    start = np.zeros(len(program.upper), np.int64)
    told = []
    answer = search_neighbourhoods(
        given,
        program,
        start,
        REPEATABLE,
        lambda points, bound, values: told.append(values),
        loops=loops,
        parameters=parameters,
    )
    assert all(program.holds(values) for values in (*told, answer.values))
    points = [program.objective(values) for values in (start, *told, answer.values)]
    assert points == sorted(points)
    assert points[-1] > points[0]


def test_same_seed_and_work_give_the_same_plan_for_any_workers():
    """Nothing but the seconds may differ."""
    plans = [solve(authority(3), work=1, workers=workers).to_json() for workers in (1, 2)]
    for plan in plans:
        del plan["seconds"]
    assert plans[0] == plans[1]


def test_a_cancelled_solve_has_the_greedy_plan_at_least():
    """With a bound, and verified."""
    plan = solve(authority(4), cancelled=lambda: True)
    assert (plan.status, plan.stopped) == (Status.FEASIBLE, Stopped.CANCELLED)
    assert plan.bound >= plan.objective > 0


def test_a_warm_start_keeps_the_loops_that_still_stand():
    """Of a plan before, what lost its loop goes, and the others are where the search begins."""
    arcs = [(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4), (1, 2), (2, 1)]
    problem = ring(arcs, [5, 5, 5, 5, 5, 5, 6, 6])
    once = replace(problem.participants, max_given=np.ones(6, np.int64))
    problem = replace(problem, participants=once)
    state = State.of_plan(problem, np.array([2, 2, 2, 2, 2, 2, 0, 0]))
    less = replace(problem, exclusions=pairs([[5, 5]]))
    assert chosen(solve(less, cancelled=lambda: True)) == [6, 7]
    assert chosen(solve(less, warm=state, cancelled=lambda: True)) == [0, 1, 2, 3]


def circle(size):
    """Arcs from each participant to the next, round."""
    return [(a, (a + 1) % size) for a in range(size)]


def found_loops(problem, **parameters):
    every = np.arange(len(problem.candidates))
    return find_loops(problem, every, LoopParameters(**parameters))


def test_one_long_ring_is_found_among_arcs_on_none():
    """However large `max_loop` is; arcs between those that no way leads back from cost nothing."""
    loops = found_loops(ring(circle(300), [1] * 300, max_loop=10**9))
    assert (len(loops), loops.complete, loops.arcs.shape) == (1, True, (1, 300))
    ahead = [(a, b) for a in range(40) for b in range(a + 1, 40)]
    loops = found_loops(ring([*ahead, (41, 40), (40, 41)], [1] * 782, max_loop=40))
    assert loops.complete
    steps = loops.arcs[0][:2]
    assert sorted(zip(loops.giver[steps], loops.taker[steps], strict=True)) == [(40, 41), (41, 40)]


def test_search_for_loops_ends_by_steps_and_by_entries():
    """Shorter loops are kept, all of them; those of two whatever the limits."""
    everybody = [(a, b) for a in range(12) for b in range(12) if a != b]
    problem = ring(everybody, [1] * len(everybody), max_loop=12)
    loops = found_loops(problem)
    longest = loops.arcs.shape[1]
    assert 3 < longest < 12
    assert not loops.complete
    assert len(loops) == sum(
        math.comb(12, size) * math.factorial(size - 1) for size in range(2, longest + 1)
    )
    assert loops.arcs.size <= LoopParameters().most_entries
    assert found_loops(problem, most_steps=5_000).arcs.shape == (66 + 440, 3)
    assert found_loops(problem, most_steps=0).arcs.shape == (66, 2)


def test_a_conflict_is_found_by_the_loops_of_candidates_that_fit():
    """Candidates that nobody has room for make loops too many to list, and are on no plan."""
    everybody = [(a, b) for a in range(3, 12) for b in range(3, 12) if a != b]
    arcs = [(0, 1), (1, 2), *everybody]
    problem = ring(arcs, [9] * len(arcs), max_loop=4, pins=pairs([[0, 0]]))
    shut = np.where(np.arange(12) < 3, 9, 0)
    problem = replace(problem, participants=replace(problem.participants, max_given=shut))
    few = LoopParameters(most_steps=500)
    assert not found_loops(problem, most_steps=500).complete
    assert {part.rule for part in find_conflict(problem, few)} == {"pin", "closed loops"}
    plan = solve(problem, work=1, parameters=replace(DEFAULTS, loops=few))
    assert {part.rule for part in plan.conflict} == {"pin", "closed loops"}


@pytest.mark.parametrize(
    ("arcs", "exempt", "max_loop", "possible"),
    [
        ([(0, 1)], (), 3, False),
        ([(0, 1), (1, 2), (2, 1)], (), 3, False),
        ([(0, 1), (1, 2), (2, 3), (3, 0)], (), 3, False),
        ([(0, 1), (1, 2), (2, 3), (3, 0)], (), 4, True),
        ([(0, 1), (1, 2)], (0, 2), 3, True),
        ([(0, 1), (1, 2)], (0,), 3, False),
        ([(0, 1)], (0, 1), 2, True),
    ],
)
def test_a_pin_that_no_loop_can_close_is_named_at_once(arcs, exempt, max_loop, possible):
    """With the rule that it cannot keep, and before any time is spent on finding loops."""
    problem = ring(arcs, [5] * len(arcs), exempt, max_loop, pins=pairs([(0, 0)]))
    plan = solve(problem, work=1)
    assert plan.status is (Status.OPTIMAL if possible else Status.INFEASIBLE)
    if not possible:
        assert [part.rule for part in plan.conflict] == ["closed loops", "pin"]
        assert plan.conflict[1].sentence == "a pinned pair is in the plan (o0 for n0)"
    assert bool(len(pins_without_loop(problem, formulate(problem).candidate))) is not possible
