"""The greedy heuristic: simple plans to start from and to compare with, no proof, no search."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import IntArray
from solver.formats.problem import Problem
from solver.formulation.presolve import presolve, ranges
from solver.formulation.rules import ChangePenalty, rules_of

AT_ONCE: Final = 4_096
"""Candidates added one by one before those left are looked through: most have no room by then."""


def greedy(problem: Problem) -> IntArray | None:
    """Choose candidates by points, best first, each with the most half-days that fit.

    Pins come first. Where reciprocity holds a candidate back, it is tried again after others
    have given.

    Returns
    -------
    Half-days per candidate, shape (candidates,), 0 where not chosen; None if pins or floors are
    more than this simple way can satisfy.
    """
    low, high = ranges(problem)
    keep, high = presolve(problem, low, high)
    choice = Choice(problem, low, high)
    for candidate in problem.positions(problem.pins).tolist():
        choice.add(candidate, pinned=True)
    saved = ChangePenalty().kept_points(problem)
    contribution = problem.candidates.points * high + problem.candidates.bonus + saved
    kept = np.flatnonzero(keep)
    waiting = kept[np.argsort(-contribution[kept], kind="stable")]
    if problem.rules.reciprocity is Reciprocity.BOTH_ROLES:
        choice.add_all(waiting, hopeful=True)
        choice.drop_takers_that_give_nothing()
    while choice.add_all(waiting):
        waiting = choice.open(waiting)
    half_days = np.array(choice.half_days, np.int64)
    if any(rule.check(problem, half_days) for rule in rules_of(problem)):
        return None
    return half_days


class Choice:
    """What is left of every limit while candidates are added.

    Attributes
    ----------
    half_days
        The plan so far, per candidate of the problem; 0 where not chosen.

    Parameters
    ----------
    low, high
        Fewest and most half-days of each candidate, shapes (candidates,).
    """

    def __init__(self, problem: Problem, low: IntArray, high: IntArray) -> None:
        participants, offers, needs = problem.participants, problem.offers, problem.needs
        self.half_days = _view(np.zeros(len(low), np.int64))
        self._low, self._high = _view(low), _view(high)
        self._offer, self._need = _view(problem.candidates.offer), _view(problem.candidates.need)
        self._giver, self._taker = _view(problem.giver), _view(problem.taker)
        self._pinned = set(problem.positions(problem.pins).tolist())
        self._offer_days = _view(offers.days.copy())
        self._offer_pairings = _view(offers.max_pairings.copy())
        self._need_days = _view(needs.days.copy())
        self._need_givers = _view(np.where(needs.max_givers == 0, len(low), needs.max_givers))
        self._give_days = _view(participants.give_limit.copy())
        self._given = _view(participants.max_given.copy())
        self._taken = _view(participants.max_taken.copy())
        self._exempt = participants.exempt.tolist()
        self._account = _view(participants.account)
        self._balanced = problem.rules.reciprocity is Reciprocity.BALANCED
        self._both_roles = problem.rules.reciprocity is Reciprocity.BOTH_ROLES
        self._credit = [0] * len(participants)
        for account, days, exempt in zip(
            self._account, participants.allowance.tolist(), self._exempt, strict=True
        ):
            self._credit[account] += 0 if exempt else days
        self._gives = [0] * len(participants)
        self._linking_left = [rule.limit for rule in problem.linking]
        self._linked: dict[int, list[tuple[int, int, bool]]] = {}
        for at, rule in enumerate(problem.linking):
            if rule.sense == "<=":
                terms = zip(rule.candidates.tolist(), rule.weight.tolist(), strict=True)
                for candidate, weight in terms:
                    by_days = rule.unit == "half_days"
                    self._linked.setdefault(candidate, []).append((at, weight, by_days))

    def add_all(self, candidates: IntArray, *, hopeful: bool = False) -> bool:
        """Add what fits, in order; return whether anything did.

        Parameters
        ----------
        candidates
            Positions.
        hopeful
            Whether reciprocity is left for later.
        """
        added = False
        for first in range(0, len(candidates), AT_ONCE):
            for candidate in self.open(candidates[first : first + AT_ONCE]).tolist():
                added |= self.add(candidate, hopeful=hopeful)
        return added

    def open(self, candidates: IntArray) -> IntArray:
        """Return those not chosen to which the limits of their two sides leave enough room."""
        offer, need, giver, taker, low, chosen = (
            np.asarray(column)[candidates]
            for column in (
                self._offer, self._need, self._giver, self._taker, self._low, self.half_days,
            )
        )  # fmt: skip
        days = ((self._offer_days, offer), (self._need_days, need), (self._give_days, giver))
        places = (
            (self._offer_pairings, offer),
            (self._need_givers, need),
            (self._given, giver),
            (self._taken, taker),
        )
        fits = chosen == 0
        for left, at in days:
            fits &= np.asarray(left)[at] >= low
        for left, at in places:
            fits &= np.asarray(left)[at] > 0
        room: IntArray = candidates[fits]
        return room

    def add(self, candidate: int, *, pinned: bool = False, hopeful: bool = False) -> bool:
        """Add a candidate with the most half-days that fit, a pin regardless of reciprocity.

        Returns
        -------
        Whether it fitted.
        """
        if self.half_days[candidate]:
            return False
        room = self._room(candidate)
        if not (pinned or hopeful):
            room = min(room, self._reciprocity_room(candidate))
        if room < self._low[candidate]:
            return False
        self._change(candidate, min(room, self._high[candidate]), 1)
        return True

    def drop(self, candidate: int) -> None:
        """Take a candidate back."""
        self._change(candidate, self.half_days[candidate], -1)

    def drop_takers_that_give_nothing(self) -> None:
        """Take back pairings until every taker gives, but never a pin."""
        dropped = True
        while dropped:
            dropped = False
            for candidate, days in enumerate(self.half_days):
                taker = self._taker[candidate]
                if not days or candidate in self._pinned:
                    continue
                if not self._gives[taker] and not self._exempt[taker]:
                    self.drop(candidate)
                    dropped = True

    def _room(self, candidate: int) -> int:
        offer, need = self._offer[candidate], self._need[candidate]
        giver, taker = self._giver[candidate], self._taker[candidate]
        counts = (self._offer_pairings[offer], self._need_givers[need])
        if min(*counts, self._given[giver], self._taken[taker]) < 1:
            return 0
        room: int = min(self._offer_days[offer], self._need_days[need], self._give_days[giver])
        for at, weight, by_days in self._linked.get(candidate, ()):
            left = self._linking_left[at]
            if by_days and weight:
                room = min(room, left // weight)
            elif weight > left:
                return 0
        return room

    def _reciprocity_room(self, candidate: int) -> int:
        giver, taker = self._giver[candidate], self._taker[candidate]
        if self._exempt[taker]:
            return self._high[candidate]
        if self._both_roles:
            return self._high[candidate] if self._gives[taker] else 0
        account: int = self._account[taker]
        if self._balanced and (self._exempt[giver] or self._account[giver] != account):
            return self._credit[account]
        return self._high[candidate]

    def _change(self, candidate: int, days: int, sign: int) -> None:
        offer, need = self._offer[candidate], self._need[candidate]
        giver, taker = self._giver[candidate], self._taker[candidate]
        self.half_days[candidate] = days if sign > 0 else 0
        self._offer_days[offer] -= sign * days
        self._offer_pairings[offer] -= sign
        self._need_days[need] -= sign * days
        self._need_givers[need] -= sign
        self._give_days[giver] -= sign * days
        self._given[giver] -= sign
        self._taken[taker] -= sign
        self._gives[giver] += sign
        if not self._exempt[taker]:
            self._credit[self._account[taker]] -= sign * days
        if not self._exempt[giver]:
            self._credit[self._account[giver]] += sign * days
        for at, weight, by_days in self._linked.get(candidate, ()):
            self._linking_left[at] -= sign * weight * (days if by_days else 1)


def _view(column: IntArray) -> memoryview[int]:
    """Return a column read and written one by one, as fast as a list and in its own memory."""
    return np.ascontiguousarray(column).data
