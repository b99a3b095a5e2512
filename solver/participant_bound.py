"""A bound far below the linear relaxation's: every participant answers prices on its own.

Lagrangian decomposition by participant. A taker pays its giver `fixed + daily * half_days` points;
at any prices, the sum of what all could have at best is a bound (Held and Karp's argument), and
prices at which givers and takers agree make it a tight one. All rules of one participant hold
exactly; shared accounts, needs of several givers, pins and linking rules are let go, which keeps
the bound valid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.vocabulary import Reciprocity
from solver.formulation import Formulation, simple_bound
from solver.problem import IntArray, Problem
from solver.rules import ChangePenalty

SCALE: Final = 16
"""Prices are whole multiples of this fraction of a point."""
MOST_POINTS: Final = 2**46
"""Worth beyond which prices could leave 64 bits."""
MOST_CELLS: Final = 40_000_000
"""Steps of one round beyond which the tables would cost more than they tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """What the rounds found.

    Attributes
    ----------
    bound
        Points that no plan exceeds.
    wanted
        How often each candidate kept was wanted lately, 0 to 1, shape (kept,).
    rounds
        Rounds done.
    """

    bound: int
    wanted: NDArray[np.float64]
    rounds: int


def bound_by_participants(
    problem: Problem,
    formulation: Formulation,
    *,
    rounds: int = 300,
    go_on: Callable[[int], bool] = lambda bound: True,
) -> Prices | None:
    """Return the lowest bound of so many rounds of prices, None if the tables would be too large.

    Parameters
    ----------
    go_on
        Asked after every round, with the bound; false ends the rounds.
    """
    tables = _tables(problem, formulation)
    if tables is None or simple_bound(formulation, problem) > MOST_POINTS:
        return None
    from solver import participant_kernel

    # Compiled code has no Python signature.
    respond: Callable[..., int] = participant_kernel.respond
    kept, low, high = formulation.candidate, formulation.low, formulation.high
    candidates = problem.candidates
    own_fixed = SCALE * (candidates.bonus[kept] + ChangePenalty().kept_points(problem)[kept])
    own_daily = SCALE * candidates.points[kept]
    free = low < high
    fixed = np.zeros(len(kept))
    daily = 0.2 * own_daily
    value = (own_fixed + own_daily * high).astype(float)
    give, take = np.zeros(len(kept), np.int64), np.zeros(len(kept), np.int64)
    lowest = None
    wanted = np.zeros(len(kept))
    along = np.zeros(len(kept))
    along_daily = np.zeros(len(kept))
    done = 0
    for done in range(1, rounds + 1):
        step = 0.5 * (0.003 / 0.5) ** (done / rounds)
        whole_fixed, whole_daily = np.rint(fixed).astype(np.int64), np.rint(daily).astype(np.int64)
        total = respond(*tables, whole_fixed, whole_daily, own_fixed, own_daily, give, take)
        # Rounded down: a bound in whole points, as every objective is whole.
        bound = int(total) // SCALE + formulation.constant
        lowest = bound if lowest is None else min(lowest, bound)
        differs = (take > 0).astype(float) - (give > 0)
        differs_daily = np.where(free, (take - give) / high - differs * low / high, 0.0)
        along = 0.8 * along + 0.2 * differs
        along_daily = 0.8 * along_daily + 0.2 * differs_daily
        fixed += step * value * along * np.where(free, low / high, 1.0)
        daily += step * value / high * along_daily
        wanted = 0.95 * wanted + 0.05 * ((give > 0) | (take > 0))
        if not go_on(lowest):
            break
    return Prices(lowest or 0, wanted, done)


def _tables(problem: Problem, formulation: Formulation) -> tuple[IntArray, ...] | None:
    """Return the kernel's description of every participant, by its offers and needs."""
    kept, low, high = formulation.candidate, formulation.low, formulation.high
    participants, offers = problem.participants, problem.offers
    size = len(participants)
    giver, taker = problem.giver[kept], problem.taker[kept]
    offer, need = problem.candidates.offer[kept], problem.candidates.need[kept]

    # Offers in use, ordered by giver; their candidates behind one another.
    offer_items = np.lexsort((np.arange(len(kept)), offer, giver))
    used, first = np.unique(
        giver[offer_items] * len(offers) + offer[offer_items], return_index=True
    )
    used_offer, used_giver = used % max(len(offers), 1), used // max(len(offers), 1)
    offer_start = np.append(first, len(kept))
    offer_days = offers.days[used_offer]
    offer_days = np.minimum(offer_days, _summed(high[offer_items], first))
    offer_most = np.minimum(offers.max_pairings[used_offer], np.diff(offer_start))
    offer_first = np.searchsorted(used_giver, np.arange(size + 1))

    # Of a need of several givers each candidate counts as a need of its own.
    single = problem.needs.max_givers[need] == 1
    group = np.where(single, need, len(problem.needs) + np.arange(len(kept)))
    need_items = np.lexsort((np.arange(len(kept)), group, taker))
    width = len(problem.needs) + len(kept) + 1
    grouped, first = np.unique(taker[need_items] * width + group[need_items], return_index=True)
    need_start = np.append(first, len(kept))
    need_first = np.searchsorted(grouped // width, np.arange(size + 1))
    group_days = np.maximum.reduceat(high[need_items], first) if len(first) else first

    give_days, give_most = _sums(used_giver, offer_days, offer_most, size)
    give_days = np.minimum(give_days, participants.give_limit)
    give_most = np.minimum(give_most, participants.max_given)
    take_days, take_most = _sums(grouped // width, group_days, np.ones_like(group_days), size)
    take_most = np.minimum(take_most, participants.max_taken)
    joining = _joining(problem)
    slack = participants.allowance
    balanced = joining == 1
    take_days[balanced] = np.minimum(take_days, give_days + slack)[balanced]
    cells = (give_most + 1) * (give_days + 1)
    cost = (cells**2 * np.diff(offer_first)).sum() // 4 + (
        take_most * take_days**2 * np.diff(need_first)
    ).sum()
    if cost > MOST_CELLS:
        return None
    return (
        offer_first, offer_start, offer_items, offer_days, offer_most,
        need_first, need_start, need_items, low, high,
        give_days, give_most, take_days, take_most, slack, joining,
    )  # fmt: skip


def _summed(values: IntArray, first: IntArray) -> IntArray:
    return np.add.reduceat(values, first) if len(first) else first


def _sums(owner: IntArray, days: IntArray, count: IntArray, size: int) -> tuple[IntArray, IntArray]:
    all_days, all_counts = np.zeros(size, np.int64), np.zeros(size, np.int64)
    np.add.at(all_days, owner, days)
    np.add.at(all_counts, owner, count)
    return all_days, all_counts


def _joining(problem: Problem) -> IntArray:
    """Return how each participant's taking is held to its giving: 0 not, 1 by days, 2 by any."""
    participants = problem.participants
    alone = np.bincount(participants.account, minlength=len(participants)) == 1
    alone &= participants.account == np.arange(len(participants))
    kind = {Reciprocity.BALANCED: 1, Reciprocity.BOTH_ROLES: 2}.get(problem.rules.reciprocity, 0)
    bound = ~participants.exempt & (alone | (kind == 2))
    return np.where(bound, kind, 0)
