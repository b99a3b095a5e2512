"""The next best candidates of each need, kept with a plan: what else there was."""

from typing import Any, Final

import numpy as np

from app.planning.build import Built
from models.vocabulary import Ladder, Reciprocity
from solver.arrays import BoolArray, IntArray
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.pairing.points import COMPONENTS, Component

MOST_ALTERNATES: Final = 3
LADDER: Final = tuple(Ladder)
NAMES: Final = tuple(map(str, COMPONENTS))
MOVES_OTHERS: Final = np.iinfo(np.int64).min
"""In place of a loss: the candidate takes the pairing's place only if others move."""


def alternate_rows(run_id: int, built: Built, plan: Plan) -> list[dict[str, Any]]:
    """Rows of each need's best candidates that the plan did not choose.

    Those that could take the pairing's place, nothing else moved, come first, the least loss
    first; then the best of the others.
    """
    problem = built.problem
    chosen = problem.positions(np.column_stack([plan.offer, plan.need]))
    losses = _losses(problem, chosen, plan)
    best, rank = _best(problem, chosen, losses)
    found, earned = built.candidates, built.points
    return [
        {
            "run_id": run_id,
            "need_id": built.loaded.needs[need].id,
            "rank": place,
            "offer_id": built.loaded.offers[offer].id,
            "points": points,
            # What counts once for the need is the same whoever meets it.
            "components": {
                name: value
                for name, value in zip(NAMES, components, strict=True)
                if name != Component.PRIORITY or not once
            },
            "distance_m": None if remote else distance_m,
            "ladder": LADDER[step],
            "remote": remote,
            "loss": None if loss == MOVES_OTHERS else loss,
        }
        for need, place, offer, points, components, once, distance_m, step, remote, loss in zip(
            found.need[best].tolist(),
            rank.tolist(),
            found.offer[best].tolist(),
            problem.candidates.points[best].tolist(),
            earned.components[best].tolist(),
            earned.once[best].tolist(),
            found.distance_m[best].tolist(),
            found.ladder[best].tolist(),
            found.remote[best].tolist(),
            losses[best].tolist(),
            strict=True,
        )
    ]


def _best(problem: Problem, chosen: IntArray, losses: IntArray) -> tuple[IntArray, IntArray]:
    """Return each need's best candidates and their ranks, by need.

    Neither chosen nor excluded ones; of points alike, the nearest first.
    """
    out = np.zeros(len(problem.candidates), np.bool_)
    excluded = problem.positions(problem.exclusions)
    out[chosen] = True
    out[excluded[excluded >= 0]] = True
    left = np.flatnonzero(~out)
    points, need = problem.candidates.points[left], problem.candidates.need[left]
    # In order of points, which is that of the losses too.
    order = left[np.lexsort((left, -points, losses[left] == MOVES_OTHERS, need))]
    need = problem.candidates.need[order]
    rank = np.arange(1, len(order) + 1) - np.searchsorted(need, need)
    return order[rank <= MOST_ALTERNATES], rank[rank <= MOST_ALTERNATES]


def _losses(problem: Problem, chosen: IntArray, plan: Plan) -> IntArray:
    """Points lost by taking each candidate in place of its need's one pairing.

    `MOVES_OTHERS` where there is no such pairing, or where something else would have to move.
    """
    losses = np.full(len(problem.candidates), MOVES_OTHERS, np.int64)
    if not len(chosen):
        return losses
    who, offers, columns, giver = (
        problem.participants, problem.offers, problem.candidates, problem.giver
    )  # fmt: skip
    offer, need, days = columns.offer, columns.need, plan.half_days
    needs = np.bincount(need[chosen], minlength=len(problem.needs))
    place = np.zeros(len(needs), np.int64)
    place[need[chosen]] = np.arange(len(chosen))
    at = np.flatnonzero(needs[need] == 1)
    pairing = place[need[at]]
    before, days_now = chosen[pairing], days[pairing]
    same = giver[before] == giver[at]
    offer_left = offers.days - _sums(offer[chosen], days, len(offers))
    offer_places = offers.max_pairings - _sums(offer[chosen], 1, len(offers))
    give_left = who.give_limit - _sums(giver[chosen], days, len(who))
    give_places = who.max_given - _sums(giver[chosen], 1, len(who))
    fits = same | _can_do_without(problem, chosen, days)[pairing]
    fits &= (columns.half_days[at] == 0) | (columns.half_days[at] == days_now)
    fits &= (offer_left[offer[at]] >= days_now) & (offer_places[offer[at]] >= 1)
    fits &= give_left[giver[at]] + same * days_now >= days_now
    fits &= give_places[giver[at]] + same >= 1
    at, before, days_now = at[fits], before[fits], days_now[fits]
    losses[at] = (columns.points[before] - columns.points[at]) * days_now
    losses[at] += columns.bonus[before] - columns.bonus[at]
    return losses


def _can_do_without(problem: Problem, chosen: IntArray, days: IntArray) -> BoolArray:
    """Whether the giver of each pairing may take what it takes when it gives this much less."""
    who, size = problem.participants, len(problem.participants)
    giver, taker = problem.giver[chosen], problem.taker[chosen]
    taken = _sums(taker, days, size)
    match problem.rules.reciprocity:
        case Reciprocity.CLOSED_LOOPS:
            # Its loop would stay open: others on it would have to move.
            return np.zeros(len(chosen), np.bool_)
        case Reciprocity.BOTH_ROLES:
            free = (taken[giver] == 0) | (_sums(giver, 1, size)[giver] > 1)
        case Reciprocity.BALANCED:
            over = np.where(who.exempt, 0, who.allowance + _sums(giver, days, size) - taken)
            free = _sums(who.account, over, size)[who.account[giver]] >= days
        case Reciprocity.NONE:
            free = np.ones(len(chosen), np.bool_)
    return np.asarray(free | who.exempt[giver])


def _sums(place: IntArray, amount: IntArray | int, size: int) -> IntArray:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, place, amount)
    return sums
