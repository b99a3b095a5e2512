"""The greedy heuristic: what it leaves out on the way could not have been added later."""

import pytest
from hypothesis import given, settings

from solver.formulation import greedy as greedy_module
from solver.formulation.greedy import greedy
from solver.formulation.rules import rules_of
from tests.solver.drawn_problems import problems


@settings(max_examples=200, deadline=None, derandomize=True)
@given(drawn=problems())
def test_greedy_chooses_the_same_however_often_it_looks_for_room(drawn):
    """Candidates without room are passed over many at once; the plan is that of one by one."""
    found = greedy(drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(greedy_module, "AT_ONCE", 1)
        one_by_one = greedy(drawn)
    assert (found is None) == (one_by_one is None)
    if found is not None:
        assert found.tolist() == one_by_one.tolist()
        assert not any(rule.check(drawn, found) for rule in rules_of(drawn))
