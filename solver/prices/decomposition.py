"""Lagrangian decomposition of a problem by participant, in the columns that the kernel reads.

Each candidate has two copies, its giver's and its taker's, whose equality is relaxed (Guignard and
Kim, Lagrangean decomposition, Mathematical Programming 39, 1987); rules over several participants
are relaxed by a multiplier each. What is left is one subproblem per participant, of a give side
over its offers and a take side over its needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.vocabulary import UNLIMITED
from solver.arrays import BoolArray, IntArray, SmallArray
from solver.formats.problem import Problem
from solver.formulation.presolve import presolve, ranges
from solver.formulation.rules import ChangePenalty
from solver.parameters import DEFAULTS, PriceParameters
from solver.prices.knapsack_items import Side, TableSizes
from solver.prices.sides import Draft, sides_of, sizes_of, starts_of
from solver.prices.subgradient import Incidence

LARGEST_SUM: Final = 2**57
"""What all candidates together add to the objective at most, in parts of a point."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A linking (complicating) constraint, `sum of weight * quantity <= limit`, to be relaxed.

    It binds several participants. A floor is stated as a ceiling, with signs turned.

    Attributes
    ----------
    id
        Names the rule, or the participant that stands for the account, whatever else changes.
    gives, takes
        Candidates charged at their giver's and at their taker's side.
    give_weight, take_weight
        Their weights, below 0 where it is a relief.
    by_days
        Whether the quantity is half-days, otherwise pairings.
    limit
        What the sum must not exceed.
    """

    id: str
    gives: IntArray
    give_weight: IntArray
    takes: IntArray
    take_weight: IntArray
    by_days: bool
    limit: int

    def total(self, given: SmallArray, taken: SmallArray) -> int:
        """Return the sum for half-days per candidate as givers and takers see them."""
        given, taken = given[self.gives], taken[self.takes]
        if not self.by_days:
            given, taken = np.minimum(given, 1), np.minimum(taken, 1)
        return int(self.give_weight @ given) + int(self.take_weight @ taken)


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """A problem decomposed: participants with their two sides, and candidates ordered by offer.

    Attributes
    ----------
    candidate
        Position in the problem of each candidate kept; all columns below follow this order.
    incidence
        Offer, need, giver and taker of each candidate, as positions in the problem.
    low, high
        Fewest and most half-days.
    points, bonus
        Objective coefficients of a half-day and of the pairing as such, in parts of a point; the
        bonus holds the change penalty that keeping a running pairing saves.
    part
        Parts that a point is split into, a power of two.
    constant
        Parts of a point that every plan gets.
    give, take
        The sides.
    role, allowance, unit
        How each participant's sides are held together; see `solver.prices.subproblems.Subproblems`.
    give_sizes, take_sizes
        Room that the tables need.
    pinned
        Which candidates must be in.
    hopeless
        Pins that fix half-days which their need does not take.
    links
        Rules over several participants: linking rules, then accounts held by a group.
    """

    candidate: IntArray
    incidence: Incidence
    low: SmallArray
    high: SmallArray
    points: IntArray
    bonus: IntArray
    part: int
    constant: int
    give: Side
    take: Side
    role: SmallArray
    allowance: SmallArray
    unit: SmallArray
    give_sizes: TableSizes
    take_sizes: TableSizes
    pinned: BoolArray
    hopeless: IntArray
    links: tuple[Link, ...]

    def __len__(self) -> int:
        return len(self.candidate)

    def contributions(self) -> IntArray:
        """Return the most that each candidate adds to the objective, in parts of a point."""
        return self.bonus + self.points * self.high

    def objective(self, half_days: IntArray | SmallArray) -> int:
        """Return the objective value of a plan, half-days per candidate of the decomposition."""
        chosen = np.flatnonzero(half_days)
        parts = self.bonus[chosen] + self.points[chosen] * half_days[chosen]
        return (int(parts.sum()) + self.constant) // self.part


def decompose(problem: Problem, parameters: PriceParameters = DEFAULTS.prices) -> Decomposition:
    """Return the decomposition of a problem.

    A balance held by several participants is relaxed by a multiplier rather than solved
    jointly: a group's joint table grows with its members, while what the relaxation loses
    shrinks with them. The same is done for a participant whose own table would be out of all
    proportion; if that is not enough, its days are counted in coarser units, rounded down, and
    last its pairings are not counted. Each of these only raises the bound.
    """
    low, high = ranges(problem)
    fits, high = presolve(problem, low, high)
    offers, needs, people = problem.offers, problem.needs, problem.participants
    offer_order = np.argsort(offers.participant, kind="stable")
    need_order = np.argsort(needs.participant, kind="stable")
    candidate = np.flatnonzero(fits)
    low, high = low[candidate], high[candidate]
    offer = _inverse(offer_order)[problem.candidates.offer[candidate]]
    order = np.lexsort((low, low != high, offer))
    candidate, offer, low, high = candidate[order], offer[order], low[order], high[order]
    need = _inverse(need_order)[problem.candidates.need[candidate]]
    by_need = np.lexsort((low, low != high, need))
    max_givers = needs.max_givers[need_order]
    give = Draft(
        groups=starts_of(offers.participant[offer_order], len(people)),
        items=starts_of(offer, len(offers)),
        candidate=np.arange(len(candidate)),
        low=low,
        high=high,
        group_days=offers.days[offer_order],
        group_most=offers.max_pairings[offer_order],
        days=people.give_limit,
        most=people.max_given,
    )
    take = Draft(
        groups=starts_of(needs.participant[need_order], len(people)),
        items=starts_of(need[by_need], len(needs)),
        candidate=by_need,
        low=low[by_need],
        high=high[by_need],
        group_days=needs.days[need_order],
        group_most=np.where(max_givers == 0, UNLIMITED, max_givers),
        days=np.full(len(people), UNLIMITED),
        most=people.max_taken,
    )
    need_at = problem.candidates.need[candidate]
    saved = ChangePenalty().kept_points(problem)
    points = problem.candidates.points[candidate]
    bonus = problem.candidates.bonus[candidate] + saved[candidate]
    part = _part(points * high + bonus, parameters.point_parts)
    sides = sides_of(problem, give, take, parameters)
    pinned = np.zeros(len(problem.candidates), np.bool_)
    pinned[problem.positions(problem.pins)] = True
    giver, taker = problem.giver[candidate], problem.taker[candidate]
    links = _linking(problem, candidate) + _accounts(problem, giver, taker, sides.by_multiplier)
    return Decomposition(
        candidate=candidate,
        incidence=Incidence(
            problem.candidates.offer[candidate].astype(np.int32),
            problem.candidates.need[candidate].astype(np.int32),
            giver.astype(np.int32),
            taker.astype(np.int32),
        ),
        low=low.astype(np.int32),
        high=high.astype(np.int32),
        points=points * part,
        bonus=bonus * part,
        part=part,
        constant=-int(saved.sum()) * part,
        give=sides.give,
        take=sides.take,
        role=sides.role.astype(np.int32),
        allowance=sides.allowance.astype(np.int32),
        unit=sides.unit.astype(np.int32),
        give_sizes=sizes_of(sides.give),
        take_sizes=sizes_of(sides.take),
        pinned=pinned[candidate],
        hopeless=np.flatnonzero((low < needs.days_min[need_at]) | (low > needs.days[need_at])),
        links=links,
    )


def _inverse(order: IntArray) -> IntArray:
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _part(contribution: IntArray, finest: int) -> int:
    """Return the finest parts of a point with which all sums stay exact."""
    total = float(contribution.sum(dtype=np.float64))
    part = 1
    while part < finest and total * part * 2 < LARGEST_SUM:
        part *= 2
    return part


def _linking(problem: Problem, candidate: IntArray) -> tuple[Link, ...]:
    place = np.full(len(problem.candidates), -1)
    place[candidate] = np.arange(len(candidate))
    none = np.zeros(0, np.int64)
    links = []
    for rule in problem.linking:
        sign = 1 if rule.sense == "<=" else -1
        inside = place[rule.candidates] >= 0
        links.append(
            Link(
                id=f"rule {rule.id}",
                gives=none,
                give_weight=none,
                takes=place[rule.candidates[inside]],
                take_weight=sign * rule.weight[inside],
                by_days=rule.unit == "half_days",
                limit=sign * rule.limit,
            )
        )
    return tuple(links)


def _accounts(
    problem: Problem, giver: IntArray, taker: IntArray, by_multiplier: BoolArray
) -> tuple[Link, ...]:
    """Return a link for each balance that no subproblem holds alone."""
    people = problem.participants
    bound = ~people.exempt
    allowance = np.zeros(len(people), np.int64)
    np.add.at(allowance, people.account[bound], people.allowance[bound])
    takes = np.flatnonzero(by_multiplier[taker])
    gives = np.flatnonzero(by_multiplier[giver])
    takes = takes[np.argsort(people.account[taker[takes]], kind="stable")]
    gives = gives[np.argsort(people.account[giver[gives]], kind="stable")]
    accounts = np.unique(people.account[by_multiplier])
    taking = np.searchsorted(people.account[taker[takes]], [accounts, accounts + 1])
    giving = np.searchsorted(people.account[giver[gives]], [accounts, accounts + 1])
    return tuple(
        Link(
            id=f"account {people.id[account]}",
            gives=gives[giving[0, at] : giving[1, at]],
            give_weight=np.full(giving[1, at] - giving[0, at], -1),
            takes=takes[taking[0, at] : taking[1, at]],
            take_weight=np.full(taking[1, at] - taking[0, at], 1),
            by_days=True,
            limit=int(allowance[account]),
        )
        for at, account in enumerate(accounts)
    )
