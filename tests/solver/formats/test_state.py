"""States: the file that keeps a plan and its prices."""

import json
import re

import pytest

from solver.formats.state import State
from solver.formats.tables import ProblemFault
from solver.instances.balanced_exchange import made_up_country, make
from solver.solve import solve
from tests.solver.made_problems import solved


def test_a_state_of_the_exact_method_is_its_plan():
    """There are no prices to keep; the plan comes back, and starts either method."""
    problem = make(made_up_country(12, 7), 7)
    plan, state = solved(problem, method="exact", work=5)
    assert state.prices is None
    state = State.from_json(state.to_json())
    for method in ("exact", "prices"):
        again = solve(problem, method=method, work=1, warm=state)
        assert again.objective >= plan.objective


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update(format="givetake-plan/1"), "format: expected"),
        (lambda content: content["pairs"]["need"].__setitem__(0, 10**6), "pairs.need[0]: 1000000"),
        (lambda content: content["pairs"]["half_days"].__setitem__(0, -1), "pairs.half_days[0]"),
        (lambda content: content["prices"]["price"].__setitem__(1, 2**62), "prices.price[1]"),
        (lambda content: content["prices"]["price"].pop(), "prices.rate: has"),
        (lambda content: content["prices"]["most"].__setitem__(0, 0), "prices.most[0]: 0"),
        (lambda content: content["multipliers"].update(pot=-1), "multipliers['pot']: -1"),
        (lambda content: content["offers"]["id"].__setitem__(0, "o1"), "offers.id"),
        (lambda content: content.pop("pairs"), "pairs: is missing"),
        (lambda content: content.update(part=0), "part: 0"),
    ],
)
def test_a_broken_state_is_refused(change, words):
    """The field and the place are named; nothing is solved."""
    problem = make(made_up_country(12, 9), 9)
    _, state = solved(problem, method="prices", work=1)
    content = json.loads(json.dumps(state.to_json()))
    change(content)
    with pytest.raises(ProblemFault, match=re.escape(words)):
        State.from_json(content)
