"""The independent check: it passes what is right and catches each kind of broken plan."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.check.verify import verify
from solver.formats.plan import ConflictPart, Plan, Status, Stopped, gap_of
from solver.formats.problem_json import problem_to_json
from solver.formats.tables import frozen
from tests.solver.drawn_problems import allowed, objective, problems
from tests.solver.made_problems import problem


def plan(pairings, **changes):
    """A plan of (offer, need, half_days); points as in `made_problems`, without the penalty."""
    offer, need, half_days = (frozen([row[at] for row in pairings], np.int64) for at in range(3))
    worth = {(1, 0): 10, (0, 1): 8, (2, 1): 3, (2, 2): 5, (1, 2): 1}
    points = sum(worth.get((o, n), 0) * d + ((o, n) == (2, 1)) for o, n, d in pairings)
    points -= 3 * ((2, 1) not in [(o, n) for o, n, _ in pairings])
    made = Plan(
        Status.FEASIBLE,
        Stopped.GAP,
        offer=offer,
        need=need,
        half_days=half_days,
        objective=points,
        bound=points + 10.0,
        gap=gap_of(points, points + 10.0),
    )
    return replace(made, **changes)


SWAP = [(1, 0, 4), (0, 1, 4)]


def test_a_right_plan_passes():
    """Two that swap keep every rule."""
    assert verify(problem(), plan(SWAP)) == ()


@pytest.mark.parametrize(
    ("pairings", "changes", "rule", "where"),
    [
        ([(0, 0, 4)], {}, "candidate", "pairings[0]"),
        ([*SWAP, (0, 1, 4)], {}, "candidate", "pairings[2]"),
        ([(1, 0, 4), (0, 1, 0)], {}, "pairing days", "pairings[1]"),
        ([(1, 0, 3), (0, 1, 3)], {}, "pairing days", "candidates[0]"),
        ([(1, 0, 4), (0, 1, 5)], {}, "pairing days", "candidates[1]"),
        (SWAP, {"candidates": {"half_days": [None, 2, None, None, None]}}, "pairing days",
         "candidates[1]"),
        ([*SWAP, (2, 1, 2)], {"needs": {"max_givers": [1, 1, 0]}}, "need givers", "needs[1]"),
        ([*SWAP, (2, 1, 2)], {}, "need days", "needs[1]"),
        (SWAP, {"offers": {"max_pairings": [0, 2, 2]}}, "offer pairings", "offers[0]"),
        (SWAP, {"offers": {"days": [8, 3, 8]}}, "offer days", "offers[1]"),
        (SWAP, {"participants": {"max_given": [2, 0, 2]}}, "most given", "participants[1]"),
        (SWAP, {"participants": {"max_taken": [2, 0, 2]}}, "most taken", "participants[1]"),
        (SWAP, {"participants": {"give_limit": [3, 8, 8]}}, "give limit", "participants[0]"),
        ([(1, 0, 4), (0, 1, 3)], {}, "balance", "participants[0]"),
        (SWAP[:1], {"rules": {"reciprocity": "both_roles"}}, "both roles", "participants[0]"),
        (SWAP, {"pins": [[2, 1]]}, "pin", "pins[0]"),
        (SWAP, {"pins": [], "exclusions": [[1, 0]]}, "exclusion", "exclusions[0]"),
        (SWAP, {"linking": [{"id": "pot", "sense": "<=", "limit": 7, "unit": "half_days",
                             "candidates": [0, 1], "weight": [1, 1]}]}, "linking", "linking[0]"),
        (SWAP, {"linking": [{"id": "floor", "sense": ">=", "limit": 1, "unit": "pairings",
                             "candidates": [3], "weight": [1]}]}, "linking", "linking[0]"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named(pairings, changes, rule, where):
    """The violation names the rule and the place, by position."""
    found = {
        (violation.rule, violation.where)
        for violation in verify(problem(**changes), plan(pairings))
    }
    assert (rule, where) in found


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"objective": 70}, "objective"),
        ({"objective": None}, "objective"),
        ({"bound": 68.0, "gap": 0.0}, "bound"),
        ({"bound": float("nan")}, "bound"),
        ({"gap": 0.5}, "gap"),
        ({"gap": None}, "bound"),
        ({"bound": None, "gap": None}, "bound"),
        ({"status": Status.OPTIMAL, "stopped": Stopped.PROVED}, "status"),
        ({"status": Status.OPTIMAL}, "status"),
        ({"stopped": Stopped.PROVED}, "status"),
        ({"stopped": Stopped.INFEASIBLE}, "status"),
        ({"conflict": (ConflictPart("pin", "pins[0]", "is in"),)}, "status"),
        ({"status": Status.UNKNOWN}, "status"),
        ({"status": Status.INFEASIBLE, "stopped": Stopped.INFEASIBLE}, "status"),
        ({"half_days": frozen([4], np.int64)}, "format"),
    ],
)
def test_a_false_figure_is_named(changes, rule):
    """Objective, bound, gap and status are computed anew."""
    assert rule in {violation.rule for violation in verify(problem(), plan(SWAP, **changes))}


def test_empty_handed_plans_claim_nothing():
    """Infeasible and unknown plans pass without figures, and fail with some."""
    infeasible = Plan(Status.INFEASIBLE, Stopped.INFEASIBLE)
    assert verify(problem(), infeasible) == ()
    assert verify(problem(), Plan(Status.UNKNOWN, Stopped.TIME, bound=3.0)) == ()
    for false in (
        replace(infeasible, bound=1.0),
        replace(infeasible, stopped=Stopped.TIME),
        Plan(Status.UNKNOWN, Stopped.TIME, gap=0.1),
        Plan(Status.UNKNOWN, Stopped.PROVED),
        Plan(Status.UNKNOWN, Stopped.TIME, conflict=(ConflictPart("pin", "pins[0]", "is in"),)),
    ):
        assert verify(problem(), false)


def test_no_plan_can_exist_only_where_something_must_be():
    """Without a pin and a floor the empty plan keeps every rule: infeasible is a lie."""
    infeasible = Plan(Status.INFEASIBLE, Stopped.INFEASIBLE)
    floor = {"id": "floor", "sense": ">=", "limit": 1, "unit": "pairings", "candidates": [3],
             "weight": [1]}  # fmt: skip
    assert verify(problem(pins=[]), infeasible)
    assert verify(problem(pins=[], linking=[floor | {"limit": 0}]), infeasible)
    assert not verify(problem(pins=[], linking=[floor]), infeasible)


def test_the_exempt_and_the_grouped_may_take_more():
    """An exempt participant is bound by no balance, a group by the sum of its members'."""
    taken = plan(SWAP[:1])
    assert verify(problem(), taken)
    assert not verify(problem(participants={"exempt": [True, False, False]}), taken)
    group = {"account": ["trust", "trust", None]}
    assert not verify(problem(participants=group), taken)
    outside = {"account": ["trust", "trust", None], "exempt": [False, True, False]}
    assert verify(problem(participants=outside), taken)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(problem=problems(), data=st.data())
def test_verify_agrees_with_plain_counting(problem, data):
    """Any choice of half-days passes exactly when a second, separate check allows it."""
    count = len(problem.candidates)
    half_days = data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    content = problem_to_json(problem)
    chosen = [k for k, days in enumerate(half_days) if days]
    points = objective(content, half_days)
    made = Plan(
        Status.FEASIBLE,
        Stopped.TIME,
        offer=frozen(problem.candidates.offer[chosen], np.int64),
        need=frozen(problem.candidates.need[chosen], np.int64),
        half_days=frozen([half_days[k] for k in chosen], np.int64),
        objective=points,
        bound=points,
        gap=0.0,
    )
    assert (verify(problem, made) == ()) == (in_range(content, half_days) and allowed(
        content, half_days
    ))  # fmt: skip


def in_range(content, half_days):
    candidates, needs = content["candidates"], content["needs"]
    fixed = candidates.get("half_days", [None] * len(half_days))
    for k, days in enumerate(half_days):
        need, pair = candidates["need"][k], [candidates["offer"][k], candidates["need"][k]]
        if not days:
            if pair in content["pins"]:
                return False
            continue
        if pair in content["exclusions"] or (fixed[k] and days != fixed[k]):
            return False
        if not needs["days_min"][need] <= days <= needs["days"][need]:
            return False
    return True
