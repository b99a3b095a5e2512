"""What planning again would come to at several prices of change: points against people disturbed.

Each price is planned from what stands, and nothing of it is proposed. Whichever plan of all of them
is best at a price is told for it, so that a higher price never disturbs more for fewer points.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable
from solver.arrays import BoolArray
from solver.formats.plan import Plan, gap_of
from solver.formats.problem import Problem
from solver.formulation.standing import worth

TIMES: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Prices that are tried, as multiples of the price that the run asks for."""


@dataclass(frozen=True, slots=True)
class AtPrice:
    """What planning at one price of change comes to.

    Attributes
    ----------
    price
        Points that it costs to move a school.
    points
        Of the pairings, without that price.
    disturbed
        Pairings that stood and would end, though they could be kept.
    people
        Schools and supporting organisations of these.
    pairings
        Of the plan.
    gap
        How much better another plan could be at this price, as a fraction.
    """

    price: int
    points: int
    disturbed: int
    people: int
    pairings: int
    gap: float | None


def prices_of(options: MatchOptions) -> list[int]:
    """The prices that are tried for a run's options, the lowest first."""
    price = options.change_price or MatchOptions().change_price
    return sorted({round(price * times) for times in TIMES})


def price_curve(
    problem: Problem, prices: Sequence[int], search: Callable[[Problem], Plan]
) -> dict[str, Any]:
    """Plan a problem at several prices of change; what they come to, as JSON.

    Parameters
    ----------
    prices
        Points, each >= 0, no two alike.
    search
        Solves the problem at one price.

    Raises
    ------
    Unplannable
        If nothing stands that could be kept, or no plan was found at any price.
    """
    if not len(problem.current):
        raise Unplannable(
            "Nothing stands from an earlier plan of these schools and period, so there is no price "
            "of change to compare. Start a run that plans."
        )
    found: list[tuple[BoolArray, Plan]] = []
    bounds: list[float | None] = []
    for price in prices:
        plan = search(replace(problem, change_penalty=price))
        bounds.append(plan.bound)
        if plan.objective is None:
            continue
        chosen = problem.positions(np.column_stack([plan.offer, plan.need]))
        found.append((np.isin(problem.positions(problem.current), chosen), plan))
    if not found:
        raise Unplannable("No plan was found in time, but one may exist. Allow more time.")
    worths = [_points(problem, plan) for _, plan in found]
    lost = [int((~kept).sum()) for kept, _ in found]
    rows = []
    for price, bound in zip(prices, bounds, strict=True):
        # Of equal ones, that which disturbs least.
        best = max(range(len(found)), key=lambda at: (worths[at] - price * lost[at], -lost[at]))
        kept, plan = found[best]
        objective = worths[best] - price * lost[best]
        gap = None if bound is None else gap_of(objective, bound)
        people = _people(problem, ~kept)
        rows.append(AtPrice(price, worths[best], lost[best], people, len(plan), gap))
    return {"stood": len(problem.current), "prices": [asdict(row) for row in rows]}


def _points(problem: Problem, plan: Plan) -> int:
    """Points of a plan's pairings, without any price of change."""
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(np.column_stack([plan.offer, plan.need]))] = plan.half_days
    return int(worth(replace(problem, change_penalty=0), half_days))


def _people(problem: Problem, ended: BoolArray) -> int:
    """Schools and organisations on either side of what stood and would end."""
    offer, need = problem.current[ended, 0], problem.current[ended, 1]
    sides = np.concatenate([problem.offers.participant[offer], problem.needs.participant[need]])
    return len(np.unique(sides))
