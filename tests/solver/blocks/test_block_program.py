"""Blocks: cuts of the map, and programs of a part with the rest fixed."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solver.blocks.block_program import Copies, Crossing, Program, restrict
from solver.blocks.neighbourhoods import cut, cut_by_partners
from solver.formulation.program import formulate
from solver.instances.balanced_exchange import made_up_country, make
from solver.prices.decomposition import decompose
from solver.prices.repair import Repair
from tests.solver.drawn_problems import problems


@pytest.mark.parametrize("angle", [0.0, 1.0, 2.5])
def test_blocks_are_no_larger_than_asked(angle):
    """Every participant has a block, none is over the size, with positions and without."""
    country = made_up_country(500, 1)
    assert np.bincount(cut(country.lat, country.lon, 60, angle)).max() <= 60
    problem = make(country, 1)
    label = cut_by_partners(problem.giver, problem.taker, 500, 60, angle)
    assert len(label) == 500
    assert np.bincount(label).max() <= 60


def test_partners_stay_together_without_positions():
    """Cut along partners, more candidates stay inside a block than by chance."""
    problem = make(made_up_country(3000, 1), 1)
    label = cut_by_partners(problem.giver, problem.taker, 3000, 500, math.pi / 2)
    inside = (label[problem.giver] == label[problem.taker]).mean()
    assert inside > 2 * 500 / 3000


def program_and_plan(problem):
    """The program of all candidates of the market, and the columns of a plan; None without one."""
    decomposition = decompose(problem)
    start = Repair(problem, decomposition).plan()
    if start is None or not len(decomposition):
        return None
    kept = np.sort(decomposition.candidate)
    program = Program.of(restrict(problem, kept))
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[decomposition.candidate] = start.half_days
    return program, program.formulation.values(half_days[kept])


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(problem=problems(), seed=st.integers(0, 1000))
def test_a_block_keeps_what_the_whole_keeps(problem, seed):
    """Values that a block allows, put into the plan around it, keep every rule of the whole."""
    found = program_and_plan(problem)
    if found is None:
        return
    program, values = found
    whole = program.formulation
    random = np.random.default_rng(seed)
    assert whole.holds(values)
    candidate = np.flatnonzero(random.random(len(whole.candidate)) < 0.6)
    columns = program.columns(candidate)
    used, share = program.matrix @ values, np.ones(len(whole.row_lower))
    block = program.fixed(candidate, values, used, share, whole.points)
    assert block.holds(values[columns])
    for _ in range(20):
        tried = values.copy()
        tried[columns] = random.integers(0, whole.upper[columns] + 1)
        assert block.holds(tried[columns]) == whole.holds(tried)


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(problem=problems(), seed=st.integers(0, 1000))
def test_a_priced_block_follows_those_settled(problem, seed):
    """It may do what a plan does, and across the border only what the other side wants."""
    found = program_and_plan(problem)
    if found is None:
        return
    program, values = found
    whole = program.formulation
    member = np.random.default_rng(seed).random(len(problem.participants)) < 0.5
    gives, takes = (
        member[of[whole.candidate]][program.column_candidate]
        for of in (program.problem.giver, program.problem.taker)
    )
    columns, crossing = np.flatnonzero(gives | takes), gives != takes
    nothing = Crossing(
        np.zeros_like(values), np.zeros_like(values), np.zeros(len(whole.candidate), np.bool_)
    )
    block = program.priced(member, nothing, ~member, Copies(values, values))
    inside = ~crossing[columns]
    assert (block.upper[inside] == whole.upper[columns][inside]).all()
    assert (block.upper[~inside] == values[columns][~inside]).all()
    assert (block.points[~inside] == whole.points[columns][~inside]).all()
    if not problem.linking:
        assert block.holds(values[columns])


def test_restricted_problem_is_worth_the_same():
    """A plan of the candidates kept has the same points in the restricted problem."""
    problem = make(made_up_country(60, 3), 3, "accounts")
    decomposition = decompose(problem)
    plan = Repair(problem, decomposition).plan().half_days
    kept = np.sort(decomposition.candidate[plan > 0])
    small = formulate(restrict(problem, kept), prune=False)
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[decomposition.candidate] = plan
    assert small.objective(small.values(half_days[kept])) == decomposition.objective(plan)
