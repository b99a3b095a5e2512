"""Nearest step first: how far up the ladder a run looks for each need."""

from dataclasses import replace

import numpy as np

from solver.arrays import BoolArray
from solver.pairing.candidates import find_candidates
from solver.pairing.ladder import LADDER
from solver.pairing.pairs import PairTables


def nearest_steps(tables: PairTables, in_vain: BoolArray) -> BoolArray:
    """Find, for each need, the steps up to the nearest on which a pair is allowed.

    Each need climbs by one step at a time, and stops on the first on which every rule of a pair
    allows somebody. A step that was tried or looked at in vain stops nobody, so that a school
    which records what came of it is looked for further out the next time. Who else takes the
    nearest giver's days plays no part: a need that is left unmet says so, and climbs once its
    school has recorded that nobody there has the days.

    Parameters
    ----------
    tables
        One period's columns; where it has `steps`, no others are looked at.
    in_vain : bool[N, 6]
        Steps that were tried without success, or looked at in vain.

    Returns
    -------
    bool[N, 6]
        For `PairTables.steps`.
    """
    needs = len(tables.needs.participant)
    named = np.ones((needs, len(LADDER)), np.bool_) if tables.steps is None else tables.steps
    steps = named.copy()
    climbing = np.ones(needs, np.bool_)
    for top in range(len(LADDER) - 1):
        looked_at = np.zeros_like(steps)
        # Of those that stand on a step already nothing is asked again.
        looked_at[climbing, top] = named[climbing, top] & ~in_vain[climbing, top]
        found, _ = find_candidates(replace(tables, steps=looked_at), max_neighbours=1)
        stops = np.zeros(needs, np.bool_)
        stops[found.need[found.ladder == top]] = True
        stops &= climbing
        steps[stops, top + 1 :] = False
        climbing &= ~stops
    return steps
