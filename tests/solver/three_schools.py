"""The three schools of docs/method.md, made up: each has a day to give, and asks for days."""

import numpy as np

from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules
from solver.prices.decomposition import decompose
from solver.prices.price_search import DualPoint, PriceSearch

SCHOOLS = ("Ash", "Birch", "Cedar")
PAIRINGS = (
    "Ash gives Birch maths",
    "Ash gives Cedar maths",
    "Birch gives Cedar reading",
    "Cedar gives Ash attendance",
)
BEST = np.array([2, 0, 2, 2])
FREE, FAIR = (0, 0, 0, 0), (40, 40, 20, 30)
"""Prices in points of a pairing."""


def three_schools() -> Problem:
    """A day is two half-days; nobody may take before it gives."""
    return Problem(
        Participants.of(SCHOOLS),
        Needs.of(
            ["Ash: attendance", "Birch: maths", "Cedar: maths", "Cedar: reading"],
            [0, 1, 2, 2],
            2,
        ),
        Offers.of(["Ash: maths", "Birch: reading", "Cedar: attendance"], [0, 1, 2], 2),
        Candidates.of([0, 0, 1, 2], [1, 2, 3, 0], [30, 25, 15, 20]),
        Rules(),
    )


def asked(price: tuple[int, ...]) -> tuple[PriceSearch, DualPoint]:
    """The three schools' answers at prices."""
    search = PriceSearch(decompose(three_schools()))
    search.solve_subproblems()
    start, part = search.best, search.decomposition.part
    at = np.array(price)[search.decomposition.candidate] * part
    search.return_to(DualPoint(at, start.rate, start.multiplier, start.value, start.total))
    search.best = None
    search.solve_subproblems()
    return search, search.best
