"""The smallest change of one limit with which an unmet need fits, nothing else moved."""

from __future__ import annotations

import numpy as np

from solver.arrays import IntArray
from solver.explain.binding_rules import BindingLimit, BindingRules
from solver.explain.changes import IN_HALF_DAYS, KIND_OF_RULE, ORDER, Change, ChangeKind, cost


def direct_changes(rules: BindingRules) -> dict[int, Change]:
    """Return the smallest change with which a candidate of each need fits beside the plan.

    Needs for which no single change does, or of which a candidate fits already, are left out.
    """
    tried = rules.tried
    binding = np.diff(tried.start)
    kind, subject = np.array([_widening(limit) for limit in rules.limits]).reshape(-1, 2).T
    alone = np.flatnonzero(binding == 1)
    limit, over = tried.limit[tried.start[alone]], tried.over[tried.start[alone]]
    widened = kind[limit] >= 0
    long, too_long_by = _too_long(rules)
    shorter = np.full(len(long), ORDER.index(ChangeKind.MINIMUM_DAYS))
    of = np.concatenate([alone[widened], long])
    kinds = np.concatenate([kind[limit[widened]], shorter])
    subjects = np.concatenate([subject[limit[widened]], tried.need[long]])
    by = np.concatenate([over[widened], too_long_by])
    unlike, which = np.unique(by * len(ORDER) + kinds, return_inverse=True)
    costs = np.array(
        [cost(Change(ORDER[key % len(ORDER)], 0, key // len(ORDER))) for key in unlike.tolist()],
        np.int64,
    )
    need = tried.need[of]
    order = np.lexsort((subjects, kinds, costs[which], need))
    order = order[~np.isin(need[order], tried.need[binding == 0])]
    first = order[np.unique(need[order], return_index=True)[1]]
    columns = (need[first], kinds[first], subjects[first], by[first])
    return {
        which: Change(ORDER[at], subject, much)
        for which, at, subject, much in zip(*(part.tolist() for part in columns), strict=True)
    }


def _widening(limit: BindingLimit) -> tuple[int, int]:
    """Return the position in `ORDER` of what widens a limit, -1 if nothing does, and of what."""
    kind = KIND_OF_RULE.get(limit.rule.name)
    if kind is None:
        return -1, 0
    # How long loops may be is one number for everybody.
    return ORDER.index(kind), 0 if kind is ChangeKind.MAX_LOOP else limit.subject


def _too_long(rules: BindingRules) -> tuple[IntArray, IntArray]:
    """Return candidates that are only too long, by row, and by how many half-days."""
    tried = rules.tried
    of = np.repeat(np.arange(len(tried.need)), np.diff(tried.start))
    in_half_days = np.array([limit.rule.name in IN_HALF_DAYS for limit in rules.limits], np.bool_)
    by = np.zeros(len(tried.need), np.int64)
    np.maximum.at(by, of, tried.over)
    by[of[~in_half_days[tried.limit]]] = 0
    # With less than half of what is useful it would be another need.
    long = np.flatnonzero((by > 0) & (by <= tried.half_days // 2))
    return long, by[long]
