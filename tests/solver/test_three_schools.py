"""The worked example of docs/method.md says what the code does."""

from pathlib import Path

import numpy as np
import pytest

from solver.formats.plan import Stopped
from solver.formulation.greedy import greedy
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.solve import solve
from tests.solver.drawn_problems import brute_force
from tests.solver.three_schools import BEST, FAIR, FREE, PAIRINGS, SCHOOLS, asked, three_schools

TEXT = (Path(__file__).parents[2] / "docs" / "method.md").read_text()
PLAN = 130


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def test_nobody_can_go_first():
    """One pairing at a time there is none to begin with; the best plan of all has three."""
    problem = three_schools()
    assert not greedy(problem).any()
    assert brute_force(problem) == problem.candidates.points @ BEST == PLAN


def test_worths_are_those_of_the_text():
    """The table of pairings has the problem's points."""
    for name, points in zip(PAIRINGS, three_schools().candidates.points, strict=True):
        assert row(name, 2 * points) in TEXT


@pytest.mark.parametrize(("price", "bound"), [(FREE, 150), (FAIR, 130)])
def test_answers_are_those_of_the_text(price, bound):
    """At both prices of the text each school's best, its part of the plan and its regret hold."""
    search, dual_point = asked(price)
    part = search.decomposition.part
    regrets = search.regrets(dual_point, BEST[search.decomposition.candidate])
    assert dual_point.total == bound * part
    assert regrets.sum() == (bound - PLAN) * part
    for school, value, regret in zip(SCHOOLS, dual_point.value, regrets, strict=True):
        best, short = divmod(int(value), part)[0], int(regret) // part
        assert value == best * part
        assert row(f"{school}, at {' / '.join(map(str, price))}", best, best - short, short) in TEXT


def test_prices_find_the_proof_themselves():
    """From prices of 0 the rounds prove the plan, and the solver hands it out as optimal."""
    search = PriceSearch(decompose(three_schools()))
    bounds = [search.round(0.4 * (0.001 / 0.4) ** (at / 39)) for at in range(40)]
    assert bounds[0] == 150
    assert search.bound() == min(bounds) == PLAN
    plan = solve(three_schools(), method="prices", work=2, workers=1)
    assert (plan.objective, plan.bound, plan.stopped) == (PLAN, PLAN, Stopped.PROVED)
    assert np.array_equal(plan.offer, [0, 1, 2])
    assert np.array_equal(plan.need, [1, 3, 0])
