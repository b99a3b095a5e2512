"""Both sides of every participant, with what can bind found out and tables kept in size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.vocabulary import UNLIMITED, Reciprocity
from solver.arrays import BoolArray, IntArray, SmallArray
from solver.formats.problem import Problem
from solver.parameters import PriceParameters
from solver.prices.knapsack_items import Side, TableSizes
from solver.prices.subproblems import BALANCED, BOTH_ROLES, FREE_ROLES


def starts_of(sorted_keys: IntArray, size: int) -> IntArray:
    """Return where each of `size` keys starts among sorted ones, shape (size + 1,)."""
    starts: IntArray = np.searchsorted(sorted_keys, np.arange(size + 1))
    return starts


def _sums(values: IntArray, starts: IntArray) -> IntArray:
    """Return the sum of each stretch of `values`; 0 of an empty one."""
    totals: IntArray = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    sums: IntArray = totals[starts[1:]] - totals[starts[:-1]]
    return sums


def _reduce(ufunc: np.ufunc, values: IntArray, starts: IntArray) -> IntArray:
    """Return the reduction of each stretch of `values`; 0 of an empty one."""
    result = np.zeros(len(starts) - 1, np.int64)
    some = np.flatnonzero(starts[1:] > starts[:-1])
    if len(some):
        result[some] = ufunc.reduceat(values, starts[some])
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """One side of every participant in half-days, before it is known what can bind.

    Attributes
    ----------
    groups, items, candidate, low, high
        As of `solver.prices.knapsack_tables.Side`, but in half-days.
    group_days, group_most, days, most
        The same, but of every group and participant whether it can bind or not.
    """

    groups: IntArray
    items: IntArray
    candidate: IntArray
    low: IntArray
    high: IntArray
    group_days: IntArray
    group_most: IntArray
    days: IntArray
    most: IntArray

    def unit(self) -> IntArray:
        """Return the greatest common divisor of each participant's days, 0 where it has none."""
        steps = np.where(self.low == self.high, self.low, 1)
        return _reduce(np.gcd, steps, self.items[self.groups])

    def reach(self) -> IntArray:
        """Return the most half-days that each participant's candidates and groups allow."""
        return _sums(self._group_reach(self.high, self.group_days), self.groups)

    def _group_reach(self, high: IntArray, group_days: IntArray) -> IntArray:
        longest, together = _reduce(np.maximum, high, self.items), _sums(high, self.items)
        return np.minimum(np.where(self.group_most == 1, longest, together), group_days)

    def side(self, unit: IntArray, counted: BoolArray, most_days: IntArray) -> Side:
        """Return the side in units, with what cannot bind marked so.

        Parameters
        ----------
        counted
            Participants whose days are to be counted though their limit may not bind.
        most_days
            A further limit of days, in units.
        """
        group_unit = np.repeat(unit, np.diff(self.groups))
        item_unit = np.repeat(group_unit, np.diff(self.items))
        low, high = self.low // item_unit, self.high // item_unit
        group_days = self._group_reach(high, self.group_days // group_unit)
        sizes = np.diff(self.items)
        group_most = np.minimum(self.group_most, sizes)
        reach, pairings = _sums(group_days, self.groups), _sums(group_most, self.groups)
        limit = np.minimum(self.days // unit, most_days)
        days = np.where(counted | (limit < reach), np.minimum(limit, reach), -1)
        most = np.where(self.most < pairings, self.most, -1)
        free_days = self._group_reach(high, np.full_like(group_days, UNLIMITED))
        return Side(
            groups=self.groups,
            items=self.items,
            candidate=self.candidate,
            low=low.astype(np.int32),
            high=high.astype(np.int32),
            group_days=self._counted(group_days, group_days < free_days, days),
            group_most=self._counted(group_most, group_most < sizes, most),
            days=days.astype(np.int32),
            most=most.astype(np.int32),
        )

    def _counted(self, of_group: IntArray, binds: BoolArray, of_whole: IntArray) -> SmallArray:
        """Return a group's limit where it or the participant's binds, -1 elsewhere."""
        whole = np.repeat(of_whole, np.diff(self.groups))
        counted = np.where(whole >= 0, np.minimum(of_group, whole), of_group)
        return np.where(binds | (whole >= 0), counted, -1).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Both sides of every participant, and how they are held together.

    Attributes
    ----------
    give, take
        The sides, in each participant's unit.
    role, allowance, unit
        Per participant, see `solver.prices.subproblems.Subproblems`.
    by_multiplier
        Participants whose balance is relaxed by a multiplier, shape (participants,).
    """

    give: Side
    take: Side
    role: IntArray
    allowance: IntArray
    unit: IntArray
    by_multiplier: BoolArray


def sides_of(problem: Problem, give: Draft, take: Draft, parameters: PriceParameters) -> Sides:
    """Return both sides, relaxed for participants whose tables would be too large."""
    people = problem.participants
    role, allowance, by_multiplier = _roles(problem, give, take)
    exact_unit = np.maximum(np.gcd(give.unit(), take.unit()), 1)
    unit, uncounted = exact_unit, np.zeros(len(people), np.bool_)
    while True:
        balanced = role == BALANCED
        tight = [
            replace(draft, most=np.where(uncounted, UNLIMITED, draft.most))
            for draft in (give, take)
        ]
        unlimited = np.full(len(people), UNLIMITED)
        given = tight[0].side(unit, role != FREE_ROLES, unlimited)
        credit = np.where(balanced, given.days + allowance // unit, UNLIMITED)
        taken = tight[1].side(unit, balanced, credit)
        per_place = parameters.choices_per_place
        places = np.maximum(_places(given, per_place), _places(taken, per_place))
        large = places > parameters.table_places
        held = large & (role != FREE_ROLES)
        coarse = large & ~held & (unit < 2**20)
        # A place for each group is the least there is.
        if not (large & (held | coarse | ~uncounted)).any():
            return Sides(given, taken, role, allowance // unit, unit, by_multiplier)
        by_multiplier = by_multiplier | (held & balanced)
        role = np.where(held, FREE_ROLES, role)
        unit = np.where(coarse, unit * 2, unit)
        uncounted = uncounted | (large & ~held & ~coarse)


def _roles(problem: Problem, give: Draft, take: Draft) -> tuple[IntArray, IntArray, BoolArray]:
    """Return roles, allowances in half-days, and whose balance is held by several."""
    people = problem.participants
    none = np.zeros(len(people), np.bool_)
    allowance = np.zeros(len(people), np.int64)
    takes, gives = take.reach(), give.reach()
    bound = ~people.exempt
    if problem.rules.reciprocity is Reciprocity.BOTH_ROLES:
        return np.where(bound & (takes > 0), BOTH_ROLES, FREE_ROLES), allowance, none
    if problem.rules.reciprocity is not Reciprocity.BALANCED:
        return np.full(len(people), FREE_ROLES), allowance, none
    np.add.at(allowance, people.account[bound], people.allowance[bound])
    active = bound & ((takes > 0) | (gives > 0))
    members = np.bincount(people.account[active], minlength=len(people))
    together = np.zeros(len(people), np.int64)
    np.add.at(together, people.account[active], takes[active])
    free = together <= allowance
    shared = active & (members[people.account] > 1) & ~free[people.account]
    allowance, free = np.minimum(allowance, UNLIMITED)[people.account], free[people.account]
    alone = bound & ~shared & (takes > 0) & ~free
    return np.where(alone, BALANCED, FREE_ROLES), allowance, shared


def _places(side: Side, choices_per_place: int) -> IntArray:
    """Return places of the largest of the tables that each participant's side needs."""
    group = (np.maximum(side.group_most, 0) + np.int64(1)) * (np.maximum(side.group_days, 0) + 1)
    choices = _sums(group * np.diff(side.items), side.groups)
    value = (np.maximum(side.most, 0) + np.int64(1)) * (np.maximum(side.days, 0) + 1)
    largest: IntArray = np.maximum(
        choices // choices_per_place, value * np.maximum(np.diff(side.groups), 1)
    )
    return largest


def sizes_of(side: Side) -> TableSizes:
    """Return the room that the tables of any one participant need."""
    group = (np.maximum(side.group_most, 0) + np.int64(1)) * (np.maximum(side.group_days, 0) + 1)
    value = (np.maximum(side.most, 0) + np.int64(1)) * (np.maximum(side.days, 0) + 1)
    groups = np.diff(side.groups)
    return TableSizes(
        value=int(value.max(initial=1)),
        group=int(group.max(initial=1)),
        values=int((value * (groups + 1)).max(initial=1)),
        group_places=int(_sums(group, side.groups).max(initial=1)),
        choice=int(_sums(group * np.diff(side.items), side.groups).max(initial=1)),
        items=int(np.diff(side.items[side.groups]).max(initial=1)),
        groups=int(groups.max(initial=1)),
    )
