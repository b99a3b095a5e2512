"""Each rule allows what keeps it and names what breaks it; all are what `verify` checks too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.check.verify import verify
from solver.formats.plan import Plan, Status, Stopped
from solver.formats.tables import frozen
from solver.formulation.rules import (
    Balance,
    BothRoles,
    ChangePenalty,
    Exclusions,
    GiveLimit,
    LinkingRule,
    MaxGiven,
    MaxTaken,
    NeedDays,
    NeedGivers,
    OfferDays,
    OfferPairings,
    PairingDays,
    Pins,
    rules_of,
)
from tests.solver.drawn_problems import problems
from tests.solver.made_problems import problem


def linking(sense, limit, unit, weight):
    return {
        "linking": [
            {"id": "x", "sense": sense, "limit": limit, "unit": unit, "candidates": [0, 1],
             "weight": weight}
        ]
    }  # fmt: skip


# Half-days per candidate: 0 is b for a's first need, 1 is a for b, 2 is c for b, 3 is c for a's
# second need, 4 is b for a's second need.
CASES = [
    (NeedGivers(), {}, [4, 2, 2, 0, 0], True, None),
    (NeedGivers(), {"needs": {"max_givers": [1, 1, 0]}}, [4, 2, 2, 0, 0], False, "needs[1]"),
    (NeedGivers(), {}, [0, 0, 0, 3, 3], True, None),
    (PairingDays(), {}, [4, 2, 0, 6, 0], True, None),
    (PairingDays(), {}, [3, 0, 0, 0, 0], False, "candidates[0]"),
    (PairingDays(), {}, [0, 5, 0, 0, 0], False, "candidates[1]"),
    (NeedDays(), {}, [0, 2, 2, 0, 0], True, None),
    (NeedDays(), {}, [0, 3, 2, 0, 0], False, "needs[1]"),
    (OfferDays(), {}, [0, 0, 2, 6, 0], True, None),
    (OfferDays(), {}, [0, 0, 3, 6, 0], False, "offers[2]"),
    (OfferPairings(), {}, [0, 0, 2, 2, 0], True, None),
    (OfferPairings(), {"offers": {"max_pairings": [2, 2, 1]}}, [0, 0, 2, 2, 0], False, "offers[2]"),
    (GiveLimit(), {}, [4, 0, 0, 0, 4], True, None),
    (GiveLimit(), {}, [4, 0, 0, 0, 5], False, "participants[1]"),
    (MaxGiven(), {}, [4, 0, 0, 0, 2], True, None),
    (MaxGiven(), {"participants": {"max_given": [1, 1, 1]}}, [4, 0, 0, 0, 2], False,
     "participants[1]"),
    (MaxTaken(), {}, [4, 0, 0, 2, 0], True, None),
    (MaxTaken(), {"participants": {"max_taken": [1, 1, 1]}}, [4, 0, 0, 2, 0], False,
     "participants[0]"),
    (Balance(), {}, [4, 4, 0, 0, 0], True, None),
    (Balance(), {}, [4, 3, 0, 0, 0], False, "participants[0]"),
    (Balance(), {"participants": {"allowance": [1, 0, 0]}}, [4, 3, 0, 0, 0], True, None),
    (Balance(), {"participants": {"exempt": [True, False, False]}}, [4, 3, 0, 0, 0], True, None),
    (Balance(), {"participants": {"account": ["t", "t", "t"]}}, [4, 0, 0, 6, 0], True, None),
    (BothRoles(), {"rules": {"reciprocity": "both_roles"}}, [4, 2, 0, 0, 0], True, None),
    (BothRoles(), {"rules": {"reciprocity": "both_roles"}}, [4, 0, 0, 0, 0], False,
     "participants[0]"),
    (Pins(), {}, [4, 0, 0, 0, 0], True, None),
    (Pins(), {}, [0, 4, 0, 0, 0], False, "pins[0]"),
    (Exclusions(), {}, [4, 0, 0, 0, 0], True, None),
    (Exclusions(), {}, [0, 0, 0, 0, 2], False, "exclusions[0]"),
    (LinkingRule(), linking("<=", 10, "half_days", [1, 3]), [4, 2, 0, 0, 0], True, None),
    (LinkingRule(), linking("<=", 10, "half_days", [1, 3]), [4, 3, 0, 0, 0], False, "linking[0]"),
    (LinkingRule(), linking(">=", 2, "pairings", [1, 1]), [4, 2, 0, 0, 0], True, None),
    (LinkingRule(), linking(">=", 2, "pairings", [1, 1]), [4, 0, 0, 0, 0], False, "linking[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "half_days", "allowed", "where"), CASES)
def test_rule_allows_and_forbids(rule, changes, half_days, allowed, where):
    """A rule is silent about what keeps it and names the place of what breaks it."""
    sentences = rule.check(problem(**changes), np.array(half_days))
    if allowed:
        assert sentences == []
    else:
        assert [sentence.split(":")[0] for sentence in sentences] == [where]
        assert rule.statement in sentences[0]


def test_every_rule_has_a_case_that_it_allows_and_one_that_it_forbids():
    """No rule goes untested; the change penalty forbids nothing and saves points instead."""
    for reciprocity in ("balanced", "both_roles"):
        for rule in rules_of(problem(rules={"reciprocity": reciprocity})):
            answers = {case[3] for case in CASES if type(case[0]) is type(rule)}
            assert answers == {True, False} or isinstance(rule, ChangePenalty)


def test_change_penalty_is_points_for_what_is_kept():
    """Keeping a running pairing saves the penalty; nothing is forbidden."""
    running = problem(change_penalty=3, current=[[2, 1, 2]])
    assert ChangePenalty().kept_points(running).tolist() == [0, 0, 3, 0, 0]
    assert ChangePenalty().check(running, np.zeros(5, np.int64)) == []


@settings(max_examples=200, deadline=None, derandomize=True)
@given(problem=problems(), data=st.data())
def test_rules_and_verify_name_the_same_rules(problem, data):
    """Stated as rows and counted plainly, the same rules are broken by any choice."""
    count = len(problem.candidates)
    half_days = data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    half_days = np.array(half_days, np.int64)
    fixed = problem.candidates.half_days
    half_days = np.where((half_days > 0) & (fixed > 0), fixed, half_days)
    chosen = np.flatnonzero(half_days)
    made = Plan(
        Status.FEASIBLE,
        Stopped.TIME,
        offer=frozen(problem.candidates.offer[chosen], np.int64),
        need=frozen(problem.candidates.need[chosen], np.int64),
        half_days=frozen(half_days[chosen], np.int64),
    )
    figures = {"objective", "bound", "gap", "status"}
    counted = {violation.rule for violation in verify(problem, made)} - figures
    stated = {rule.name for rule in rules_of(problem) if rule.check(problem, half_days)}
    # A need of one giver says by its pairing's range what `need days` would say.
    one_giver = {"need givers", "pairing days"}
    assert stated - {"need days"} == counted - {"need days"}
    assert "need days" not in counted - stated or counted & one_giver
