"""The next best candidates of each need, kept with a plan: what else there was."""

from typing import Any, Final

import numpy as np

from app.matching.build import Built
from models.vocabulary import Ladder, Reciprocity
from solver.plan import Plan
from solver.points import COMPONENTS
from solver.problem import Problem

MOST_ALTERNATES: Final = 3
LADDER: Final = tuple(Ladder)


def alternate_rows(run_id: int, built: Built, plan: Plan) -> list[dict[str, Any]]:
    """Rows of each need's best candidates that the plan did not choose, best first."""
    problem, found = built.problem, built.candidates
    if not len(problem.candidates):
        return []
    points = problem.candidates.points
    chosen = problem.positions(np.column_stack([plan.offer, plan.need]))
    excluded = problem.positions(problem.exclusions)
    out = np.zeros(len(points), np.bool_)
    out[chosen] = True
    out[excluded[excluded >= 0]] = True
    left = np.flatnonzero(~out)
    # By need, then points; ties by the order of the candidates, nearest first.
    order = left[np.lexsort((left, -points[left], problem.candidates.need[left]))]
    losses = _Losses(problem, chosen, plan)
    rows = []
    need_before, rank = -1, 0
    for k in order.tolist():
        need = int(problem.candidates.need[k])
        rank = rank + 1 if need == need_before else 1
        need_before = need
        if rank > MOST_ALTERNATES:
            continue
        rows.append(
            {
                "run_id": run_id,
                "need_id": built.loaded.needs[found.need[k]].id,
                "rank": rank,
                "offer_id": built.loaded.offers[found.offer[k]].id,
                "points": int(points[k]),
                "components": {
                    str(name): int(value)
                    for name, value in zip(
                        COMPONENTS, built.points.components[k].tolist(), strict=True
                    )
                },
                "distance_m": None if found.remote[k] else int(found.distance_m[k]),
                "ladder": LADDER[found.ladder[k]],
                "remote": bool(found.remote[k]),
                "loss": losses.of(k),
            }
        )
    return rows


class _Losses:
    """What a plan would lose by one swap, where nothing else would have to move."""

    def __init__(self, problem: Problem, chosen: np.ndarray[Any, Any], plan: Plan) -> None:
        self._problem = problem
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
            offer, giver = problem.candidates.offer[k], problem.giver[k]
            self._pairing.setdefault(int(problem.candidates.need[k]), []).append((k, half_days))
            self._offer_days[offer] -= half_days
            self._offer_pairings[offer] -= 1
            self._give_days[giver] -= half_days
            self._givings[giver] -= 1
            self._given[giver] += half_days
            self._engagements[giver] += 1
            self._taken[problem.taker[k]] += half_days
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
        giver, other = int(problem.giver[before]), int(problem.giver[candidate])
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
        if who.exempt[giver]:
            return True
        if self._problem.rules.reciprocity is Reciprocity.BOTH_ROLES:
            return bool(not self._taken[giver] or self._engagements[giver] > 1)
        if self._problem.rules.reciprocity is Reciprocity.BALANCED:
            return bool(self._balance[who.account[giver]] >= half_days)
        return True
