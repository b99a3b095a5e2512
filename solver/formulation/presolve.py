"""Presolve: which candidates some plan might hold, and how many half-days each."""

from __future__ import annotations

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, IntArray
from solver.formats.problem import Problem
from solver.formulation.rows import FREE


def ranges(problem: Problem) -> tuple[IntArray, IntArray]:
    """Return the fewest and most half-days of each candidate if chosen, before any pruning.

    Returns
    -------
    Both of shape (candidates,), >= 1.
    """
    candidates, needs = problem.candidates, problem.needs
    fixed = candidates.half_days
    low = np.where(fixed > 0, fixed, needs.days_min[candidates.need])
    high = np.where(fixed > 0, fixed, needs.days[candidates.need])
    return low, high


def presolve(problem: Problem, low: IntArray, high: IntArray) -> tuple[BoolArray, IntArray]:
    """Presolve: return which candidates some plan might hold, and the most half-days of each.

    A candidate falls only where its fewest half-days cannot fit. Pinned ones stay, so that an
    impossible pin is found by the solver and named. Repeats until nothing changes: whoever can
    give less can take less.

    Parameters
    ----------
    low, high
        As of `ranges`, shapes (candidates,).

    Returns
    -------
    Which candidates to keep, and their most half-days; both of shape (candidates,).
    """
    pinned = np.zeros(len(low), np.bool_)
    pinned[problem.positions(problem.pins)] = True
    excluded = problem.positions(problem.exclusions)
    keep = np.ones(len(low), np.bool_)
    keep[excluded[excluded >= 0]] = False
    participants, offers, needs = problem.participants, problem.offers, problem.needs
    offer, need = problem.candidates.offer, problem.candidates.need
    giver, taker = problem.giver, problem.taker
    keep &= (low >= needs.days_min[need]) & (low <= needs.days[need])
    keep &= (offers.max_pairings[offer] > 0) & (participants.max_given[giver] > 0)
    keep &= participants.max_taken[taker] > 0
    room = np.minimum(high, np.minimum(offers.days[offer], participants.give_limit[giver]))
    while True:
        keep &= room >= low
        before = keep.sum(), room.sum()
        if problem.rules.reciprocity is Reciprocity.BALANCED:
            room = np.minimum(room, _room_by_balance(problem, keep, room))
        elif problem.rules.reciprocity is Reciprocity.BOTH_ROLES:
            gives = np.zeros(len(participants), np.bool_)
            gives[giver[keep | pinned]] = True
            keep &= gives[taker] | participants.exempt[taker]
        keep &= room >= low
        if before == (keep.sum(), room.sum()):
            break
    fixed = low == high
    room = np.where(fixed | pinned, high, room)
    return keep | pinned, room


def _room_by_balance(problem: Problem, keep: BoolArray, room: IntArray) -> IntArray:
    """Return the half-days that each candidate's taker could ever balance."""
    participants, offers = problem.participants, problem.offers
    bound = ~participants.exempt
    pinned = problem.positions(problem.pins)
    possible = np.where(keep, room, 0)
    possible[pinned] = np.maximum(possible[pinned], ranges(problem)[1][pinned])
    by_offer = np.zeros(len(offers), np.int64)
    np.add.at(by_offer, problem.candidates.offer, possible)
    by_giver = np.zeros(len(participants), np.int64)
    np.add.at(by_giver, offers.participant, np.minimum(by_offer, offers.days))
    by_giver = np.minimum(by_giver, participants.give_limit) + participants.allowance
    by_account = np.zeros(len(participants), np.int64)
    np.add.at(by_account, participants.account[bound], by_giver[bound])
    taker, giver = problem.taker, problem.giver
    # Within one account a pairing gives what it takes and needs no other balance.
    inside = bound[giver] & (participants.account[giver] == participants.account[taker])
    free = inside | participants.exempt[taker]
    return np.where(free, FREE, by_account[participants.account[taker]])
