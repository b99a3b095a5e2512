"""Which rule keeps an unmet need out: named for each kind, and true when that rule is lifted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.check.verify import verify
from solver.explain.binding_rules import binding_rules
from solver.explain.changes import KIND_OF_RULE, Change, changed, lifted
from solver.explain.subset import chosen, plan_of, worth
from solver.formulation.greedy import greedy
from tests.solver.drawn_problems import SOLVABLE, problems
from tests.solver.made_problems import problem

FREE = {"max_taken": [9, 9, 9], "max_given": [9, 9, 9], "give_limit": [20, 20, 20],
        "allowance": [40, 40, 40]}  # fmt: skip
PLAN = {0: 4, 1: 4}
"""The plan in mind of `made_problems`: b gives a maths, a gives b reading; na2 is left unmet."""


def made(**changes):
    base = {"pins": [], "exclusions": [], "linking": [], "participants": FREE}
    for name, change in changes.items():
        known = base.get(name)
        base[name] = {**known, **change} if isinstance(known, dict) else change
    return problem(**base)


def planned(made_problem, half_days=PLAN):
    at = np.zeros(len(made_problem.candidates), np.int64)
    for k, days in half_days.items():
        at[k] = days
    plan = plan_of(made_problem, at, worth(made_problem, at))
    assert verify(made_problem, plan) == ()
    return plan


def of_need(found, need):
    """What was tried for one unmet need, the most points first."""
    return found.tried.rows(np.flatnonzero(found.tried.need == need))


def names_of(made_problem, half_days=PLAN):
    """What binds each candidate of need na2 (offers oc and ob), by the offer."""
    found = binding_rules(made_problem, planned(made_problem, half_days))
    return {
        int(made_problem.candidates.offer[each.candidate]): [
            (found.limits[at].rule.name, found.limits[at].subject, over)
            for at, over in each.binding
        ]
        for each in of_need(found, 2)
    }


@pytest.mark.parametrize(
    ("changes", "offer", "binding"),
    [
        ({}, 2, []),
        ({"offers": {"days": [8, 5, 8]}}, 1, [("offer days", 1, 1)]),
        ({"offers": {"max_pairings": [2, 1, 2]}}, 1, [("offer pairings", 1, 1)]),
        ({"participants": {"give_limit": [20, 4, 20]}}, 1, [("give limit", 1, 2)]),
        ({"participants": {"max_given": [9, 9, 0]}}, 2, [("most given", 2, 1)]),
        ({"participants": {"max_taken": [1, 9, 9]}}, 2, [("most taken", 0, 1)]),
        ({"participants": {"allowance": [1, 0, 0]}}, 2, [("balance", 0, 1)]),
        ({"candidates": {"half_days": [None, None, None, 7, None]}}, 2, [("pairing days", 3, 0)]),
        ({"exclusions": [[2, 2]]}, 2, [("exclusion", 0, 1)]),
        ({"linking": [{"id": "pot", "sense": "<=", "limit": 5, "unit": "half_days",
                       "candidates": [0, 3], "weight": [1, 1]}]}, 2, [("linking", 0, 1)]),
        ({"rules": {"reciprocity": "closed_loops", "max_loop": 3}}, 2, [("closed loops", 0, 1)]),
    ],
)  # fmt: skip
def test_binding_rule_is_named(changes, offer, binding):
    """The very limit that is too small is named, with what is lacking."""
    [*found] = names_of(made(**changes))[offer]
    assert [(name, at) for name, at, _ in found] == [(name, at) for name, at, _ in binding]
    if binding and binding[0][0] != "pairing days":
        assert [over for *_, over in found] == [over for *_, over in binding]


def test_binding_rule_of_both_roles_is_the_taker_that_gives_nothing():
    """A school that gives nothing may not take; once it gives, it may."""
    rules = {"rules": {"reciprocity": "both_roles", "max_loop": 3}}
    assert names_of(made(**rules), {})[2] == [("both roles", 0, 1)]
    assert names_of(made(**rules))[2] == []


def test_binding_rules_that_bind_together_are_all_named():
    """Nothing binds alone where the offer has no days and the school no place left."""
    both = made(offers={"days": [8, 4, 8]}, participants={"max_taken": [1, 9, 9]})
    found = binding_rules(both, planned(both))
    [tried] = [each for each in of_need(found, 2) if both.candidates.offer[each.candidate] == 1]
    assert len(tried.binding) == 2
    assert [found.limits[at].rule.name for at, _ in tried.binding] == ["offer days", "most taken"]


def test_binding_rule_tells_who_holds_what():
    """The pairings of the plan on the limit are its holders, the fewest points first."""
    full = made(participants={"max_taken": [1, 9, 9], "give_limit": [20, 4, 20]})
    found = binding_rules(full, planned(full))
    holders = {limit.rule.name: limit.holders for limit in found.limits}
    assert holders == {"most taken": (0,), "give limit": (0,)}
    assert [(limit.limit, limit.used) for limit in found.limits] == [(4, 4), (1, 1)]


def test_binding_rules_are_asked_of_unmet_needs_only():
    """A need that is met is not explained, and a choice of needs narrows the rest."""
    some = made()
    assert set(binding_rules(some, planned(some)).tried.need.tolist()) == {2}
    none = binding_rules(some, planned(some), np.array([True, True, False]))
    assert not len(none.tried.need)


def added(made_problem, plan, tried):
    half_days = chosen(made_problem, plan)
    half_days[tried.candidate] = tried.half_days
    return plan_of(made_problem, half_days, worth(made_problem, half_days))


def check_against_verify(drawn, half_days):
    plan = plan_of(drawn, half_days, worth(drawn, half_days))
    assert verify(drawn, plan) == ()
    found = binding_rules(drawn, plan)
    for tried in found.tried.rows(np.arange(len(found.tried.need))):
        grown = added(drawn, plan, tried)
        broken = verify(drawn, grown)
        assert bool(tried.binding) == bool(broken)
        if not broken:
            assert grown.objective - plan.objective == tried.worth
            continue
        assert {found.limits[at].rule.name for at, _ in tried.binding} <= {
            each.rule for each in broken
        }
        for at, over in tried.binding:
            without = lifted(drawn, found.limits[at])
            left = verify(without, added(without, plan, tried))
            # Lifting one limit alone suffices exactly where it binds alone.
            alone = len(tried.binding) == 1
            assert (not left) == alone
            if alone and found.limits[at].limit is not None:
                yield found.limits[at], over, tried, plan


@settings(max_examples=150, deadline=None, derandomize=True)
@given(drawn=problems(reciprocities=tuple(Reciprocity)), data=st.data())
def test_binding_rule_lifted_alone_lets_the_need_in(drawn, data):
    """Against the independent check: a limit binds alone exactly if without it the need fits."""
    start = greedy(drawn) if drawn.rules.reciprocity in SOLVABLE else None
    if start is None:
        start = np.zeros(len(drawn.candidates), np.int64)
        if verify(drawn, plan_of(drawn, start, worth(drawn, start))):
            return
    dropped = data.draw(st.sets(st.sampled_from([*range(len(start)), -1])))
    fewer = np.where(np.isin(np.arange(len(start)), list(dropped)), 0, start)
    if not verify(drawn, plan_of(drawn, fewer, worth(drawn, fewer))):
        start = fewer
    list(check_against_verify(drawn, start))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(drawn=problems(most_candidates=9))
def test_binding_rule_wants_exactly_what_is_lacking(drawn):
    """With as much more as is lacking the need fits, with one less it does not."""
    start = greedy(drawn)
    if start is None:
        return
    for limit, over, tried, plan in check_against_verify(drawn, start):
        kind = KIND_OF_RULE[limit.rule.name]
        for by, fits in ((over, True), (over - 1, False)):
            if by:
                wider = changed(drawn, Change(kind, limit.subject, by))
                assert (not verify(wider, added(wider, plan, tried))) == fits
