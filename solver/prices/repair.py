"""The repair heuristic: a feasible plan without search, from what both sides want.

This is the Lagrangian heuristic of the method: pairings on which both copies agree are taken in,
those that break a limit are dropped, and what room is left is filled by points. Its plan stands
beside the prices from the first seconds on, so that stopping early returns one, and is what blocks
start from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, IntArray, SingleArray, SmallArray
from solver.formats.problem import Problem
from solver.parameters import DEFAULTS, RepairParameters
from solver.prices.decomposition import Decomposition
from solver.prices.subgradient import Incidence


class Slack(NamedTuple):
    """The slack of every limit: what a plan leaves of it.

    Attributes
    ----------
    offer_days, offer_pairings, need_days, need_givers, give_days, given, taken
        Half-days and pairings, per offer, need and participant.
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


class Coupling(NamedTuple):
    """What couples candidates beyond their own offer, need and participants.

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
def _change(
    incidence: Incidence, left: Slack, coupling: Coupling, k: int, days: int, sign: int
) -> None:
    offer, need = incidence.offer[k], incidence.need[k]
    giver, taker = incidence.giver[k], incidence.taker[k]
    left.offer_days[offer] -= sign * days
    left.offer_pairings[offer] -= sign
    left.need_days[need] -= sign * days
    left.need_givers[need] -= sign
    left.give_days[giver] -= sign * days
    left.given[giver] -= sign
    left.taken[taker] -= sign
    left.gives[giver] += sign
    if coupling.bound[taker]:
        left.credit[coupling.account[taker]] -= sign * days
    if coupling.bound[giver]:
        left.credit[coupling.account[giver]] += sign * days
    for at in range(coupling.start[k], coupling.start[k + 1]):
        rule = coupling.rule[at]
        amount = coupling.weight[at] * (days if coupling.by_days[at] else 1)
        left.linked[rule] -= sign * amount if coupling.ceiling[rule] else -sign * amount


@njit(cache=True, nogil=True)
def _room(incidence: Incidence, left: Slack, coupling: Coupling, k: int) -> int:
    """Return the half-days that every limit but reciprocity leaves to a candidate."""
    offer, need = incidence.offer[k], incidence.need[k]
    giver, taker = incidence.giver[k], incidence.taker[k]
    pairings = min(left.offer_pairings[offer], left.need_givers[need])
    if min(pairings, left.given[giver], left.taken[taker]) < 1:
        return 0
    room = int(min(left.offer_days[offer], left.need_days[need], left.give_days[giver]))
    for at in range(coupling.start[k], coupling.start[k + 1]):
        rule, weight = coupling.rule[at], coupling.weight[at]
        if not coupling.ceiling[rule] or weight == 0:
            continue
        over = max(left.linked[rule], 0)
        if coupling.by_days[at]:
            room = min(room, over // weight)
        elif weight > over:
            return 0
    return room


@njit(cache=True, nogil=True)
def fill(
    incidence: Incidence,
    low: SmallArray,
    high: SmallArray,
    left: Slack,
    coupling: Coupling,
    order: IntArray,
    half_days: SmallArray,
) -> int:
    """Add candidates in the order given, each with the most half-days that fit; return how many.

    Parameters
    ----------
    low, high
        Fewest and most half-days of each candidate.
    half_days
        Changed: the plan, half-days per candidate.
    """
    added = 0
    for k in order:
        if half_days[k] > 0:
            continue
        room = min(_room(incidence, left, coupling, k), high[k])
        giver, taker = incidence.giver[k], incidence.taker[k]
        if coupling.bound[taker]:
            if coupling.both_roles and left.gives[taker] == 0:
                continue
            inside = coupling.bound[giver] and coupling.account[giver] == coupling.account[taker]
            if coupling.balanced and not inside:
                room = min(room, left.credit[coupling.account[taker]])
        if room < low[k]:
            continue
        half_days[k] = room
        _change(incidence, left, coupling, k, room, 1)
        added += 1
    return added


@njit(cache=True, nogil=True)
def adopt(
    incidence: Incidence, left: Slack, coupling: Coupling, chosen: IntArray, half_days: SmallArray
) -> None:
    """Take pairings in as they are, whatever they break."""
    for k in chosen:
        _change(incidence, left, coupling, k, half_days[k], 1)


@njit(cache=True, nogil=True)
def _over(incidence: Incidence, left: Slack, coupling: Coupling, k: int) -> bool:
    """Return whether a limit that a pairing of the plan uses is broken."""
    offer, need = incidence.offer[k], incidence.need[k]
    giver, taker = incidence.giver[k], incidence.taker[k]
    days = min(left.offer_days[offer], left.need_days[need], left.give_days[giver])
    pairings = min(left.offer_pairings[offer], left.need_givers[need])
    if min(days, pairings, left.given[giver], left.taken[taker]) < 0:
        return True
    if coupling.bound[taker]:
        if coupling.balanced and left.credit[coupling.account[taker]] < 0:
            return True
        if coupling.both_roles and left.gives[taker] == 0:
            return True
    for at in range(coupling.start[k], coupling.start[k + 1]):
        rule = coupling.rule[at]
        if coupling.ceiling[rule] and coupling.weight[at] > 0 and left.linked[rule] < 0:
            return True
    return False


@njit(cache=True, nogil=True)
def drop_violations(
    incidence: Incidence,
    left: Slack,
    coupling: Coupling,
    chosen: IntArray,
    fixed: BoolArray,
    low: SmallArray,
    half_days: SmallArray,
) -> None:
    """Drop pairings, in the order given, until no limit is broken that dropping can help.

    What is dropped may break its giver's balance in turn, so that it goes on until all hold.

    Parameters
    ----------
    fixed
        Candidates that are never dropped, only cut to their fewest half-days.
    low
        Fewest half-days of each candidate.
    half_days
        Changed: the plan, half-days per candidate.
    """
    dropped = True
    while dropped:
        dropped = False
        for k in chosen:
            least = low[k] if fixed[k] else 0
            if half_days[k] > least and _over(incidence, left, coupling, k):
                _change(incidence, left, coupling, k, half_days[k], -1)
                half_days[k] = least
                if least > 0:
                    _change(incidence, left, coupling, k, least, 1)
                dropped = True


@dataclass(frozen=True, slots=True, eq=False)
class FeasiblePlan:
    """A plan that keeps every rule, made by `Repair.check` alone.

    Responses to prices are relaxed: large tables count days in coarser units, some do not count
    pairings, and limits that several participants share are not theirs. So what an incumbent takes
    is a type of its own.

    Attributes
    ----------
    half_days
        Per candidate of the decomposition.
    objective
        Points.
    """

    half_days: IntArray
    objective: int


class Repair:
    """The repair heuristic for the candidates of a decomposition."""

    def __init__(
        self,
        problem: Problem,
        decomposition: Decomposition,
        parameters: RepairParameters = DEFAULTS.repair,
    ) -> None:
        self._problem, self._decomposition = problem, decomposition
        self._parameters = parameters
        self._contribution = decomposition.contributions()
        self._best_first = np.argsort(-self._contribution, kind="stable")
        pinned = np.flatnonzero(decomposition.pinned)
        self._coupling = _coupling(problem, decomposition)
        floors = ~self._coupling.ceiling
        of_floor = np.zeros(len(decomposition), np.bool_)
        of_entry = np.repeat(np.arange(len(decomposition)), np.diff(self._coupling.start))
        of_floor[of_entry[floors[self._coupling.rule] & (self._coupling.weight > 0)]] = True
        urgent = self._best_first[of_floor[self._best_first]]
        self._first = np.concatenate([pinned, urgent])

    def plan(
        self, wanted: SmallArray | None = None, frequency: SingleArray | None = None
    ) -> FeasiblePlan | None:
        """Return a feasible plan, or None where pins or floors fail; see `repaired`."""
        return self.check(self.repaired(wanted, frequency))

    def check(self, half_days: IntArray | SmallArray) -> FeasiblePlan | None:
        """Return half-days per candidate of the decomposition as a plan if they keep every rule."""
        broken = self._broken(half_days)
        if broken or len(self._decomposition.hopeless):
            return None
        return FeasiblePlan(half_days.astype(np.int64), self._decomposition.objective(half_days))

    def holds_without_floors(self, half_days: IntArray | SmallArray) -> bool:
        """Return whether half-days per candidate keep every rule but floors."""
        return not self._broken(half_days, floors=False) and not len(self._decomposition.hopeless)

    def _broken(self, half_days: IntArray | SmallArray, *, floors: bool = True) -> bool:
        decomposition, coupling = self._decomposition, self._coupling
        chosen = np.flatnonzero(half_days)
        low, high = decomposition.low[chosen], decomposition.high[chosen]
        if ((half_days[chosen] < low) | (half_days[chosen] > high)).any():
            return True
        if (decomposition.pinned & (half_days == 0)).any():
            return True
        left = _left(self._problem, coupling)
        adopt(decomposition.incidence, left, coupling, chosen, half_days.astype(np.int32))
        credit = left.credit if coupling.balanced else left.credit[:0]
        linked = left.linked[coupling.ceiling | floors]
        limits = (
            left.offer_days, left.offer_pairings, left.need_days, left.need_givers,
            left.give_days, left.given, left.taken, credit, linked,
        )  # fmt: skip
        if any((slack < 0).any() for slack in limits):
            return True
        takers = decomposition.incidence.taker[chosen]
        alone = coupling.bound[takers] & (left.gives[takers] == 0)
        return bool(coupling.both_roles and alone.any())

    def repaired(
        self, wanted: SmallArray | None = None, frequency: SingleArray | None = None
    ) -> SmallArray:
        """Return what is wanted without what breaks a limit, filled up with what fits.

        It lacks what pins and floors ask for where they leave no room to each other.

        Parameters
        ----------
        wanted
            Half-days that both sides of a candidate agree on, by default none.
        frequency
            Column frequency: candidates wanted more often come first when filling up.

        Returns
        -------
        Half-days per candidate of the decomposition, shape (candidates,).
        """
        decomposition, coupling = self._decomposition, self._coupling
        half_days = np.zeros(len(decomposition), np.int32)
        left = _left(self._problem, coupling)
        if wanted is not None:
            half_days[:] = wanted
            chosen = np.flatnonzero(half_days)
            adopt(decomposition.incidence, left, coupling, chosen, half_days)
            chosen = chosen[np.argsort(self._contribution[chosen], kind="stable")]
            drop_violations(
                decomposition.incidence, left, coupling, chosen, decomposition.pinned,
                decomposition.low, half_days,
            )  # fmt: skip
        best_first = self._best_first
        if frequency is not None:
            weight = frequency + self._parameters.unwanted_frequency
            best_first = np.argsort(-weight * self._contribution, kind="stable")
        low, high = decomposition.low, decomposition.high
        for order in (self._first, *[best_first] * self._parameters.passes):
            added = fill(decomposition.incidence, low, high, left, coupling, order, half_days)
            if not added and order is not self._first:
                break
        return half_days

    def within_limits(self, wanted: SmallArray) -> SmallArray:
        """Return pins, and what of a plan keeps every rule but reciprocity and floors.

        So a plan of another problem is cut to the limits of this one.

        Parameters
        ----------
        wanted
            Half-days per candidate of the decomposition.
        """
        decomposition = self._decomposition
        coupling = self._coupling._replace(bound=np.zeros_like(self._coupling.bound))
        half_days = np.zeros(len(decomposition), np.int32)
        most = np.where(decomposition.pinned, decomposition.high, wanted)
        best_first = self._best_first[most[self._best_first] > 0]
        order = best_first[np.argsort(~decomposition.pinned[best_first], kind="stable")]
        left = _left(self._problem, coupling)
        fill(decomposition.incidence, decomposition.low, most, left, coupling, order, half_days)
        return half_days


def _left(problem: Problem, coupling: Coupling) -> Slack:
    people, offers, needs = problem.participants, problem.offers, problem.needs
    credit = np.zeros(len(people), np.int64)
    np.add.at(credit, people.account[coupling.bound], people.allowance[coupling.bound])
    return Slack(
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


def _coupling(problem: Problem, decomposition: Decomposition) -> Coupling:
    place = np.full(len(problem.candidates), -1)
    place[decomposition.candidate] = np.arange(len(decomposition))
    sizes = [len(rule.candidates) for rule in problem.linking]
    none = np.zeros(0, np.int64)
    candidate = np.concatenate([none, *(place[rule.candidates] for rule in problem.linking)])
    rule = np.repeat(np.arange(len(sizes)), sizes)
    weight = np.concatenate([none, *(rule.weight for rule in problem.linking)])
    by_days = np.array([rule.unit == "half_days" for rule in problem.linking], np.bool_)
    order = np.argsort(candidate, kind="stable")
    order = order[candidate[order] >= 0]
    reciprocity = problem.rules.reciprocity
    return Coupling(
        account=problem.participants.account,
        bound=~problem.participants.exempt,
        balanced=reciprocity is Reciprocity.BALANCED,
        both_roles=reciprocity is Reciprocity.BOTH_ROLES,
        start=np.searchsorted(candidate[order], np.arange(len(decomposition) + 1)),
        rule=rule[order],
        weight=weight[order],
        by_days=by_days[rule[order]],
        ceiling=np.array([rule.sense == "<=" for rule in problem.linking], np.bool_),
    )
