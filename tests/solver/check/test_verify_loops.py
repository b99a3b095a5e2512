"""The independent check of closed loops, against trying every way to tell pairings apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.check.loops import SearchBudget, faults_of_loops
from solver.check.verify import verify
from solver.formats.plan import Plan, Status, Stopped
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules, frozen
from tests.solver.drawn_problems import closed

SOMEONE = st.integers(0, 4)
ARCS = st.lists(st.tuples(SOMEONE, SOMEONE).filter(lambda arc: arc[0] != arc[1]), max_size=6)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(
    arcs=ARCS,
    loops=st.lists(st.permutations(range(5)), max_size=2),
    sizes=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    exempt=st.lists(st.booleans(), min_size=5, max_size=5),
    max_loop=st.integers(2, 5),
)
def test_check_agrees_with_a_plain_search(arcs, loops, sizes, exempt, max_loop):
    """Loops put together pass; with a pairing more or less they pass only by other loops."""
    together = [
        (path[at], path[(at + 1) % size])
        for path, size in zip(loops, sizes, strict=False)
        for at in range(size)
    ]
    for given_arcs in (together, together[1:], [*together[:6], *arcs[:1]], arcs):
        passed = faults_of_loops(given_arcs, exempt, max_loop) == []
        assert passed == closed(given_arcs, exempt, max_loop)


def plan_of(arcs, exempt=(), max_loop=3):
    """A problem whose pairings are these arcs, one need and offer each, and a plan of them all."""
    each, size = range(len(arcs)), 1 + max(max(arc) for arc in arcs)
    problem = Problem(
        Participants.of([f"p{i}" for i in range(size)], exempt=[i in exempt for i in range(size)]),
        Needs.of([f"n{k}" for k in each], [taker for _, taker in arcs], [2 for _ in each]),
        Offers.of([f"o{k}" for k in each], [giver for giver, _ in arcs], [2 for _ in each]),
        Candidates.of(each, each, [0 for _ in each]),
        Rules(Reciprocity.CLOSED_LOOPS, max_loop),
    )
    plan = Plan(
        Status.FEASIBLE, Stopped.GAP,
        offer=frozen(list(each), np.int64), need=frozen(list(each), np.int64),
        half_days=frozen([2 for _ in each], np.int64), objective=0, bound=0.0, gap=0.0,
    )  # fmt: skip
    return problem, plan


@pytest.mark.parametrize(
    ("arcs", "exempt", "max_loop", "where", "words"),
    [
        ([(0, 1), (1, 2)], (), 3, "participants[0]", "gives in 1 pairings more"),
        ([(0, 1), (1, 2)], (0,), 3, "participants[2]", "gives in 1 pairings fewer"),
        ([(0, 1), (1, 2), (2, 0)], (), 2, "participants[1]", "at most 2"),
        ([(0, 1), (1, 2), (2, 3)], (0, 3), 3, "participants[0]", "at most 3"),
    ],
)
def test_a_pairing_on_no_loop_is_named(arcs, exempt, max_loop, where, words):
    """By the participant that gives, or that gives and takes unevenly."""
    found = verify(*plan_of(arcs, exempt, max_loop))
    assert (found[0].rule, found[0].where) == ("closed loops", where)
    assert words in found[0].sentence


def test_a_plan_of_closed_loops_passes():
    """Two loops that share a participant, and a chain between exempt ones."""
    arcs = [(0, 1), (1, 0), (0, 2), (2, 3), (3, 0), (4, 1), (1, 5)]
    assert verify(*plan_of(arcs, exempt=(4, 5))) == ()


def test_a_plan_made_to_take_long_is_not_settled():
    """It fails the check, with that reason, when the steps are spent."""
    arcs = [(a, (a + step) % 13) for a in range(13) for step in (1, 5, 6, 7)]
    found = verify(*plan_of(arcs, max_loop=4), budget=SearchBudget(steps=2_000))
    assert "takes too long" in found[0].sentence


def turned(rng, size, each, length):
    """Arcs of loops of so many out of `size` participants, each of whom is in `each` of them."""
    orders = [rng.permutation(size) for _ in range(each)]
    return [
        (int(one), int(two))
        for order in orders
        for part in order.reshape(-1, length)
        for one, two in zip(part, np.roll(part, -1), strict=True)
    ]


def layers(count, size):
    """Arcs from everybody of a layer to everybody of the next, round."""
    return [
        (a * size + i, (a + 1) % count * size + j)
        for a in range(count)
        for i, j in np.ndindex(size, size)
    ]


@pytest.mark.parametrize(
    ("arcs", "max_loop"),
    [
        (turned(np.random.default_rng(1), 200, 3, 5), 5),
        (turned(np.random.default_rng(2), 200, 2, 8), 8),
        (layers(4, 14), 4),
        (layers(3, 2) * 900, 3),
        ([(a, (a + 1) % 2000) for a in range(2000)], 2000),
        ([(a, (a + step) % 400) for a in range(400) for step in (1, 7, 90)], 10**9),
    ],
    ids=["three each", "loops of eight", "layers", "many side by side", "a ring", "any length"],
)  # fmt: skip
def test_plans_of_many_or_long_loops_are_settled(arcs, max_loop):
    """They pass, within the steps that one plan has."""
    assert faults_of_loops(arcs, [False] * 2000, max_loop) == []


def test_a_ring_too_long_is_left_over():
    """However long it is; so is a chain between exempt participants, counted with its ends."""
    ring = [(a, (a + 1) % 800) for a in range(800)]
    assert "left over" in faults_of_loops(ring, [False] * 800, 799)[0][1]
    exempt = [a in (0, 799) for a in range(800)]
    assert faults_of_loops(ring[:-1], exempt, 800) == []
    assert "left over" in faults_of_loops(ring[:-1], exempt, 799)[0][1]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    arcs=st.lists(st.permutations(range(5)), min_size=2, max_size=3),
    sizes=st.lists(st.integers(2, 4), min_size=3, max_size=3),
    max_loop=st.integers(2, 4),
)
def test_check_agrees_where_cp_sat_decides(arcs, sizes, max_loop):
    """What is not taken at once is decided the same."""
    together = [
        (path[at], path[(at + 1) % size])
        for path, size in zip(arcs, sizes, strict=False)
        for at in range(size)
    ]
    budget = SearchBudget(greedy=False)
    passed = faults_of_loops(together, [False] * 5, max_loop, budget) == []
    assert passed == closed(together, [False] * 5, max_loop)
