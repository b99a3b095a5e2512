"""Closed loops as a packing: the same plans as the whole program has, and bounds that hold."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.backends.highs import solve_highs
from solver.backends.limits import Limits, unheard
from solver.formats.plan import Status
from solver.formats.problem_json import problem_to_json
from solver.formats.tables import Rules
from solver.formulation.loop_columns import find_loops, with_loops
from solver.formulation.loop_packing import pack, without_implied
from solver.formulation.program import formulate
from solver.instances.balanced_exchange import made_up_country, make
from solver.methods.loop_shares import LoopShares
from solver.methods.loops import greedy_loops
from solver.methods.loops_bound import bound_loops
from solver.parameters import DEFAULTS, LoopParameters
from solver.solve import solve
from tests.solver.drawn_problems import allowed, brute_force, objective, problems

REPEATABLE = Limits(work=1)
DRAWN = settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
LOOPS = problems(reciprocities=[Reciprocity.CLOSED_LOOPS])
MOST = LoopParameters().most_entries


def programs(problem, *, split=True):
    """Return the program with loops, and the loops."""
    formulation = formulate(problem)
    loops = find_loops(problem, formulation.candidate)
    loops = loops.split(MOST) if split else loops
    return with_loops(formulation, problem, loops), loops


@pytest.mark.parametrize("split", [True, False])
@DRAWN
@given(problem=LOOPS)
def test_a_packing_has_the_plans_of_the_whole_program(split, problem):
    """With an arc for each candidate or for all that stand in for each other, the same best."""
    program, loops = programs(problem, split=split)
    packing = pack(program, loops)
    answer = solve_highs(without_implied(packing.program), None, REPEATABLE, unheard)
    best = brute_force(problem)
    assert answer.infeasible == (best is None)
    if best is not None:
        values = packing.whole(answer.values)
        assert program.holds(values)
        assert (values[packing.kept] == answer.values).all()
        half_days = program.half_days(problem, values).tolist()
        content = problem_to_json(problem)
        assert allowed(content, half_days)
        assert objective(content, half_days) == program.objective(values) == answer.bound == best


@DRAWN
@given(problem=LOOPS, data=st.data())
def test_a_greedy_plan_is_one_of_the_packing(problem, data):
    """Values per column of the whole program are values of the packing, and back."""
    program, loops = programs(problem, split=data.draw(st.booleans()))
    packing = pack(program, loops)
    values = greedy_loops(problem, formulate(problem), loops)
    inside = values[packing.kept]
    assert (packing.whole(inside) == values).all()
    assert packing.program.holds(inside) == program.holds(values)
    assert packing.program.holds(inside) == without_implied(packing.program).holds(inside)
    assert packing.program.objective(inside) == program.objective(values)


@DRAWN
@given(problem=LOOPS, data=st.data())
def test_shares_bound_all_loops_whatever_they_are(problem, data):
    """From any dual values, with steps of any size, and searches cut short."""
    program, loops = programs(problem)
    packing, best = pack(program, loops), brute_force(problem)
    if best is None or not len(loops):
        return
    rows = len(packing.program.row_lower)
    drawn = data.draw(st.lists(st.integers(-9, 9), min_size=rows, max_size=rows))
    nodes = data.draw(st.sampled_from([1, 2, 1000]))
    shares = LoopShares(problem, packing, loops, np.array(drawn, np.float64), nodes)
    for _ in range(12):
        shares.round(data.draw(st.sampled_from([0.1, 1.0])), 0.1, 0.5)
        assert shares.whole() >= best


@settings(DRAWN, max_examples=120)
@given(problem=LOOPS, data=st.data())
def test_the_bound_is_never_below_the_best(problem, data):
    """However few columns HiGHS is given first, and with a start or none, the best is found."""
    program, loops = programs(problem, split=data.draw(st.booleans()))
    tuning = replace(DEFAULTS.loops, restricted_columns=data.draw(st.sampled_from([1, 2, 50])))
    told = []
    answer = bound_loops(
        problem,
        program,
        data.draw(st.sampled_from([None, greedy_loops(problem, formulate(problem), loops)])),
        REPEATABLE,
        lambda points, bound, values: told.append(bound),
        loops=loops,
        parameters=replace(DEFAULTS, loops=tuning),
    )
    best = brute_force(problem)
    assert answer.infeasible == (best is None)
    if best is not None:
        assert program.objective(answer.values) == answer.bound == best
        assert min(bound for bound in told if bound is not None) == best


def authority(size=30):
    """A made-up authority whose support goes round in closed loops of three at most."""
    return replace(
        make(made_up_country(size, 4), 4, "whole"), rules=Rules(Reciprocity.CLOSED_LOOPS, 3)
    )


def test_shares_bound_closer_than_the_linear_relaxation():
    """Who can be on several loops keeps to its limits in whole loops, which fractions do not."""
    problem = authority()
    best = solve(problem, work=1)
    assert best.status is Status.OPTIMAL
    told = []
    program, loops = programs(problem)
    tuning = replace(DEFAULTS.loops, restricted_columns=1)
    bound_loops(
        problem,
        program,
        None,
        REPEATABLE,
        lambda points, bound, values: told.append(bound),
        loops=loops,
        parameters=replace(DEFAULTS, loops=tuning),
    )
    linear, *closer = [bound for bound in told if bound is not None]
    assert linear > closer[-2] >= best.objective


def test_splitting_keeps_loops_of_arcs_where_candidates_are_too_many():
    """Otherwise each loop of candidates is one, none twice."""
    problem = authority(60)
    formulation = formulate(problem)
    loops = find_loops(problem, formulation.candidate)
    assert loops.split(1) is loops
    split = loops.split(MOST)
    parallel = np.bincount(loops.arc)
    expected = np.where(loops.arcs < 0, 1, parallel[loops.arcs]).prod(axis=1).sum()
    assert len(np.unique(split.arcs, axis=0)) == len(split) == expected > len(loops)
    kept = formulation.candidate
    assert (split.giver[split.arc] == problem.giver[kept]).all()
    assert (split.taker[split.arc] == problem.taker[kept]).all()


def test_what_is_left_of_no_time_is_the_relaxation():
    """HiGHS then has no bound of its own, and what it was given is not said to be all."""
    problem = authority()
    program, loops = programs(problem)
    told = []
    bound_loops(
        problem,
        program,
        None,
        replace(Limits(), deadline=time.time() + 0.2),
        lambda points, bound, values: told.append(bound),
        loops=loops,
    )
    assert all(bound >= solve(problem, work=1).objective for bound in told if bound is not None)
