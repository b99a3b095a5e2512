"""The next best candidates of each need, kept with a plan: what else there was."""

from itertools import groupby
from typing import Any, Final

import numpy as np

from app.planning.build import Built
from models.vocabulary import Ladder, Reciprocity
from solver.arrays import IntArray
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.pairing.points import COMPONENTS, Component

MOST_ALTERNATES: Final = 3
LADDER: Final = tuple(Ladder)


def alternate_rows(run_id: int, built: Built, plan: Plan) -> list[dict[str, Any]]:
    """Rows of each need's best candidates that the plan did not choose.

    Those that could take the pairing's place, nothing else moved, come first, the least loss
    first; then the best of the others.
    """
    problem = built.problem
    if not len(problem.candidates):
        return []
    chosen = problem.positions(np.column_stack([plan.offer, plan.need]))
    losses = _Losses(problem, chosen, plan)
    rows = []
    for _, of_need in groupby(_by_need(problem, chosen), problem.candidates.need.__getitem__):
        free: list[tuple[int, int | None]] = []
        bound: list[tuple[int, int | None]] = []
        # In order of points, which is that of the losses too.
        for k in of_need:
            loss = losses.of(k)
            (bound if loss is None else free).append((k, loss))
            if len(free) == MOST_ALTERNATES:
                break
        best = [*free, *bound][:MOST_ALTERNATES]
        rows += [_row(run_id, built, k, rank, loss) for rank, (k, loss) in enumerate(best, 1)]
    return rows


def _by_need(problem: Problem, chosen: IntArray) -> list[int]:
    """Candidates neither chosen nor excluded, by need, then points; ties: the nearest first."""
    out = np.zeros(len(problem.candidates), np.bool_)
    excluded = problem.positions(problem.exclusions)
    out[chosen] = True
    out[excluded[excluded >= 0]] = True
    left = np.flatnonzero(~out)
    points, need = problem.candidates.points[left], problem.candidates.need[left]
    ordered: list[int] = left[np.lexsort((left, -points, need))].tolist()
    return ordered


def _row(run_id: int, built: Built, k: int, rank: int, loss: int | None) -> dict[str, Any]:
    found = built.candidates
    # What counts once for the need is the same whoever meets it.
    components = [
        (name, points)
        for name, points in zip(COMPONENTS, built.points.components[k].tolist(), strict=True)
        if name is not Component.PRIORITY or not built.points.once[k]
    ]
    return {
        "run_id": run_id,
        "need_id": built.loaded.needs[found.need[k]].id,
        "rank": rank,
        "offer_id": built.loaded.offers[found.offer[k]].id,
        "points": int(built.problem.candidates.points[k]),
        "components": {str(name): int(value) for name, value in components},
        "distance_m": None if found.remote[k] else int(found.distance_m[k]),
        "ladder": LADDER[found.ladder[k]],
        "remote": bool(found.remote[k]),
        "loss": loss,
    }


class _Losses:
    """What a plan would lose by one swap, where nothing else would have to move."""

    def __init__(self, problem: Problem, chosen: IntArray, plan: Plan) -> None:
        self._problem = problem
        self._giver, self._taker = problem.giver, problem.taker
        self._pairing: dict[int, list[tuple[int, int]]] = {}
        size = len(problem.participants)
        self._offer_days = problem.offers.days.copy()
        self._offer_pairings = problem.offers.max_pairings.copy()
        self._give_days = problem.participants.give_limit.copy()
        self._givings = problem.participants.max_given.copy()
        self._given = np.zeros(size, np.int64)
        self._engagements = np.zeros(size, np.int64)
        self._taken = np.zeros(size, np.int64)
        for k, half_days in zip(chosen.tolist(), plan.half_days.tolist(), strict=True):
            offer, giver = problem.candidates.offer[k], self._giver[k]
            self._pairing.setdefault(int(problem.candidates.need[k]), []).append((k, half_days))
            self._offer_days[offer] -= half_days
            self._offer_pairings[offer] -= 1
            self._give_days[giver] -= half_days
            self._givings[giver] -= 1
            self._given[giver] += half_days
            self._engagements[giver] += 1
            self._taken[self._taker[k]] += half_days
        who = problem.participants
        over = np.where(who.exempt, 0, who.allowance + self._given - self._taken)
        self._balance = np.zeros(size, np.int64)
        np.add.at(self._balance, who.account, over)

    def of(self, candidate: int) -> int | None:
        """Points lost by taking this candidate in place of its need's one pairing."""
        problem = self._problem
        now = self._pairing.get(int(problem.candidates.need[candidate]), [])
        if len(now) != 1:
            return None
        before, half_days = now[0]
        giver, other = int(self._giver[before]), int(self._giver[candidate])
        offer = problem.candidates.offer[candidate]
        same = int(giver == other)
        if problem.candidates.half_days[candidate] not in (0, half_days):
            return None
        fits = (
            self._offer_pairings[offer] >= 1
            and self._offer_days[offer] >= half_days
            and self._give_days[other] + same * half_days >= half_days
            and self._givings[other] + same >= 1
        )
        if not fits or not (same or self._can_do_without(giver, half_days)):
            return None
        points, bonus = problem.candidates.points, problem.candidates.bonus
        return int(
            (points[before] - points[candidate]) * half_days + bonus[before] - bonus[candidate]
        )

    def _can_do_without(self, giver: int, half_days: int) -> bool:
        """Whether a giver may take what it takes when it gives this much less."""
        who = self._problem.participants
        if self._problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS:
            # Its loop would stay open: others on it would have to move.
            return False
        if who.exempt[giver]:
            return True
        if self._problem.rules.reciprocity is Reciprocity.BOTH_ROLES:
            return bool(not self._taken[giver] or self._engagements[giver] > 1)
        if self._problem.rules.reciprocity is Reciprocity.BALANCED:
            return bool(self._balance[who.account[giver]] >= half_days)
        return True
