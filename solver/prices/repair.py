"""A feasible plan without search: what both sides want, mended and filled up.

It stands beside the prices from the first seconds on, so that stopping early returns a plan, and
is what blocks start from.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.vocabulary import Reciprocity
from solver.formats.problem import Problem
from solver.formats.tables import IntArray
from solver.prices.decomposition import Market
from solver.prices.knapsack_tables import SmallArray
from solver.prices.subgradient import Places

BoolArray = NDArray[np.bool_]

PASSES: Final = 20
"""Most times that candidates are tried again, after others have given."""


class Left(NamedTuple):
    """What a plan leaves of every limit.

    Attributes
    ----------
    offer_days, offer_pairings, need_days, need_givers, give_days, given, taken
        Per offer, need and participant.
    credit
        Half-days that each account may still take.
    gives
        Pairings that each participant gives in.
    linked
        Per linking rule: what is left of a ceiling, or is over a floor (below 0: missing).
    """

    offer_days: IntArray
    offer_pairings: IntArray
    need_days: IntArray
    need_givers: IntArray
    give_days: IntArray
    given: IntArray
    taken: IntArray
    credit: IntArray
    gives: IntArray
    linked: IntArray


class Bonds(NamedTuple):
    """What binds candidates beyond their own offer, need and participants.

    Attributes
    ----------
    account
        Account of each participant.
    bound
        Participants that reciprocity binds.
    balanced, both_roles
        Which reciprocity there is.
    start, rule, weight, by_days
        Linking rules of each candidate, compressed: shape (candidates + 1,), then one per entry.
    ceiling
        Whether each linking rule is one, otherwise a floor.
    """

    account: IntArray
    bound: BoolArray
    balanced: bool
    both_roles: bool
    start: IntArray
    rule: IntArray
    weight: IntArray
    by_days: BoolArray
    ceiling: BoolArray


@njit(cache=True, nogil=True)
def _change(places: Places, left: Left, bonds: Bonds, k: int, days: int, sign: int) -> None:
    offer, need = places.offer[k], places.need[k]
    giver, taker = places.giver[k], places.taker[k]
    left.offer_days[offer] -= sign * days
    left.offer_pairings[offer] -= sign
    left.need_days[need] -= sign * days
    left.need_givers[need] -= sign
    left.give_days[giver] -= sign * days
    left.given[giver] -= sign
    left.taken[taker] -= sign
    left.gives[giver] += sign
    if bonds.bound[taker]:
        left.credit[bonds.account[taker]] -= sign * days
    if bonds.bound[giver]:
        left.credit[bonds.account[giver]] += sign * days
    for at in range(bonds.start[k], bonds.start[k + 1]):
        rule = bonds.rule[at]
        amount = bonds.weight[at] * (days if bonds.by_days[at] else 1)
        left.linked[rule] -= sign * amount if bonds.ceiling[rule] else -sign * amount


@njit(cache=True, nogil=True)
def _room(places: Places, left: Left, bonds: Bonds, k: int) -> int:
    """Return the half-days that every limit but reciprocity leaves to a candidate."""
    offer, need = places.offer[k], places.need[k]
    giver, taker = places.giver[k], places.taker[k]
    pairings = min(left.offer_pairings[offer], left.need_givers[need])
    if min(pairings, left.given[giver], left.taken[taker]) < 1:
        return 0
    room = int(min(left.offer_days[offer], left.need_days[need], left.give_days[giver]))
    for at in range(bonds.start[k], bonds.start[k + 1]):
        rule, weight = bonds.rule[at], bonds.weight[at]
        if not bonds.ceiling[rule] or weight == 0:
            continue
        over = max(left.linked[rule], 0)
        if bonds.by_days[at]:
            room = min(room, over // weight)
        elif weight > over:
            return 0
    return room


@njit(cache=True, nogil=True)
def fill(
    places: Places,
    low: SmallArray,
    high: SmallArray,
    left: Left,
    bonds: Bonds,
    order: IntArray,
    half_days: SmallArray,
) -> int:
    """Add candidates in the order given, each with the most half-days that fit; return how many."""
    added = 0
    for k in order:
        if half_days[k] > 0:
            continue
        room = min(_room(places, left, bonds, k), high[k])
        giver, taker = places.giver[k], places.taker[k]
        if bonds.bound[taker]:
            if bonds.both_roles and left.gives[taker] == 0:
                continue
            inside = bonds.bound[giver] and bonds.account[giver] == bonds.account[taker]
            if bonds.balanced and not inside:
                room = min(room, left.credit[bonds.account[taker]])
        if room < low[k]:
            continue
        half_days[k] = room
        _change(places, left, bonds, k, room, 1)
        added += 1
    return added


@njit(cache=True, nogil=True)
def adopt(
    places: Places, left: Left, bonds: Bonds, chosen: IntArray, half_days: SmallArray
) -> None:
    """Take pairings in as they are, whatever they break."""
    for k in chosen:
        _change(places, left, bonds, k, half_days[k], 1)


@njit(cache=True, nogil=True)
def mend(
    places: Places,
    left: Left,
    bonds: Bonds,
    chosen: IntArray,
    fixed: BoolArray,
    half_days: SmallArray,
) -> None:
    """Drop pairings, in the order given, until no balance and no ceiling is broken.

    What is dropped may break its giver's balance in turn, so that it goes on until all hold.
    """
    dropped = True
    while dropped:
        dropped = False
        for k in chosen:
            if half_days[k] == 0 or fixed[k]:
                continue
            taker = places.taker[k]
            over = bonds.bound[taker] and (
                (bonds.balanced and left.credit[bonds.account[taker]] < 0)
                or (bonds.both_roles and left.gives[taker] == 0)
            )
            for at in range(bonds.start[k], bonds.start[k + 1]):
                rule = bonds.rule[at]
                over |= bonds.ceiling[rule] and bonds.weight[at] > 0 and left.linked[rule] < 0
            if over:
                _change(places, left, bonds, k, half_days[k], -1)
                half_days[k] = 0
                dropped = True


class Starter:
    """Makes feasible plans of a market's candidates."""

    def __init__(self, problem: Problem, market: Market) -> None:
        self._problem, self._market = problem, market
        self._worth = market.worth()
        self._best_first = np.argsort(-self._worth, kind="stable")
        pinned = np.flatnonzero(market.pinned)
        self._bonds = _bonds(problem, market)
        floors = ~self._bonds.ceiling
        of_floor = np.zeros(len(market), np.bool_)
        of_entry = np.repeat(np.arange(len(market)), np.diff(self._bonds.start))
        of_floor[of_entry[floors[self._bonds.rule] & (self._bonds.weight > 0)]] = True
        urgent = self._best_first[of_floor[self._best_first]]
        self._first = np.concatenate([pinned, urgent])

    def plan(
        self,
        wanted: SmallArray | None = None,
        often: NDArray[np.float32] | None = None,
        *,
        floors: bool = True,
    ) -> SmallArray | None:
        """Return half-days per candidate of the market, None where pins or floors fail.

        Parameters
        ----------
        wanted
            Half-days that both sides of a candidate agree on, by default none.
        often
            How often each candidate is wanted: those wanted come first when filling up.
        floors
            Whether floors must be met; without, the plan keeps all other rules.
        """
        market, bonds = self._market, self._bonds
        half_days = np.zeros(len(market), np.int32)
        left = _left(self._problem, bonds)
        if wanted is not None:
            half_days[:] = wanted
            chosen = np.flatnonzero(half_days)
            adopt(market.places, left, bonds, chosen, half_days)
            chosen = chosen[np.argsort(self._worth[chosen], kind="stable")]
            mend(market.places, left, bonds, chosen, market.pinned, half_days)
        best_first = self._best_first
        if often is not None:
            best_first = np.argsort(-(often + 1e-6) * self._worth, kind="stable")
        for order in (self._first, *[best_first] * PASSES):
            if (
                not fill(market.places, market.low, market.high, left, bonds, order, half_days)
                and order is not self._first
            ):
                break
        held = bonds.ceiling | floors
        if (market.pinned & (half_days == 0)).any() or (left.linked[held] < 0).any():
            return None
        if len(market.hopeless):
            return None
        if bonds.balanced and (left.credit < 0).any():
            return None
        takers = market.places.taker[half_days > 0]
        if bonds.both_roles and (bonds.bound[takers] & (left.gives[takers] == 0)).any():
            return None
        return half_days

    def fitting(self, wanted: SmallArray) -> SmallArray:
        """Return pins, and what of a plan keeps every rule but reciprocity and floors."""
        market, bonds = self._market, self._bonds._replace(bound=np.zeros_like(self._bonds.bound))
        half_days = np.zeros(len(market), np.int32)
        most = np.where(market.pinned, market.high, wanted)
        best_first = self._best_first[most[self._best_first] > 0]
        order = best_first[np.argsort(~market.pinned[best_first], kind="stable")]
        left = _left(self._problem, bonds)
        fill(market.places, market.low, most, left, bonds, order, half_days)
        return half_days


def _left(problem: Problem, bonds: Bonds) -> Left:
    people, offers, needs = problem.participants, problem.offers, problem.needs
    credit = np.zeros(len(people), np.int64)
    np.add.at(credit, people.account[bonds.bound], people.allowance[bonds.bound])
    return Left(
        offer_days=offers.days.copy(),
        offer_pairings=offers.max_pairings.copy(),
        need_days=needs.days.copy(),
        need_givers=np.where(needs.max_givers == 0, len(problem.candidates), needs.max_givers),
        give_days=people.give_limit.copy(),
        given=people.max_given.copy(),
        taken=people.max_taken.copy(),
        credit=credit,
        gives=np.zeros(len(people), np.int64),
        linked=np.array(
            [rule.limit if rule.sense == "<=" else -rule.limit for rule in problem.linking],
            np.int64,
        ),
    )


def _bonds(problem: Problem, market: Market) -> Bonds:
    place = np.full(len(problem.candidates), -1)
    place[market.candidate] = np.arange(len(market))
    sizes = [len(rule.candidates) for rule in problem.linking]
    none = np.zeros(0, np.int64)
    candidate = np.concatenate([none, *(place[rule.candidates] for rule in problem.linking)])
    rule = np.repeat(np.arange(len(sizes)), sizes)
    weight = np.concatenate([none, *(rule.weight for rule in problem.linking)])
    by_days = np.array([rule.unit == "half_days" for rule in problem.linking], np.bool_)
    order = np.argsort(candidate, kind="stable")
    order = order[candidate[order] >= 0]
    reciprocity = problem.rules.reciprocity
    return Bonds(
        account=problem.participants.account,
        bound=~problem.participants.exempt,
        balanced=reciprocity is Reciprocity.BALANCED,
        both_roles=reciprocity is Reciprocity.BOTH_ROLES,
        start=np.searchsorted(candidate[order], np.arange(len(market) + 1)),
        rule=rule[order],
        weight=weight[order],
        by_days=by_days[rule[order]],
        ceiling=np.array([rule.sense == "<=" for rule in problem.linking], np.bool_),
    )
