"""Single changes to a problem's limits, and a limit lifted altogether."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np

from models.vocabulary import UNLIMITED, Reciprocity
from solver.arrays import IntArray
from solver.explain.binding_rules import BindingLimit
from solver.formats.problem import Problem
from solver.formats.tables import Rules
from solver.formulation.rules import (
    Balance,
    BothRoles,
    ClosedLoops,
    Exclusions,
    GiveLimit,
    LinkingRule,
    MaxGiven,
    MaxTaken,
    OfferDays,
    OfferPairings,
    PairingDays,
)


class ChangeKind(StrEnum):
    """What of a problem is changed: a column of its tables."""

    MINIMUM_DAYS = "minimum_days"
    MAX_TAKEN = "max_taken"
    OFFER_PAIRINGS = "offer_pairings"
    MAX_GIVEN = "max_given"
    OFFER_DAYS = "offer_days"
    GIVE_LIMIT = "give_limit"
    ALLOWANCE = "allowance"
    LINKING = "linking"
    MAX_LOOP = "max_loop"
    EXEMPT = "exempt"
    EXCLUSION = "exclusion"
    TRAVEL_OF_NEED = "travel_of_need"
    TRAVEL_OF_OFFER = "travel_of_offer"
    TRAVEL_OF_BOTH = "travel_of_both"


@dataclass(frozen=True, slots=True)
class Change:
    """One limit made wider.

    Attributes
    ----------
    kind
        What is changed.
    subject
        Position in its table (`TABLE`).
    by
        How much: half-days or pairings, whole miles of travel; 1 of what has no number.
    """

    kind: ChangeKind
    subject: int
    by: int


_COLUMN: Final = {
    ChangeKind.MAX_TAKEN: ("participants", "max_taken"),
    ChangeKind.OFFER_PAIRINGS: ("offers", "max_pairings"),
    ChangeKind.MAX_GIVEN: ("participants", "max_given"),
    ChangeKind.OFFER_DAYS: ("offers", "days"),
    ChangeKind.GIVE_LIMIT: ("participants", "give_limit"),
}
TABLE: Final = {
    ChangeKind.MINIMUM_DAYS: "needs",
    ChangeKind.TRAVEL_OF_NEED: "needs",
    ChangeKind.OFFER_DAYS: "offers",
    ChangeKind.OFFER_PAIRINGS: "offers",
    ChangeKind.TRAVEL_OF_OFFER: "offers",
    ChangeKind.TRAVEL_OF_BOTH: "offers",
    ChangeKind.MAX_TAKEN: "participants",
    ChangeKind.MAX_GIVEN: "participants",
    ChangeKind.GIVE_LIMIT: "participants",
    ChangeKind.ALLOWANCE: "participants",
    ChangeKind.EXEMPT: "participants",
    ChangeKind.LINKING: "linking",
    ChangeKind.EXCLUSION: "exclusions",
    ChangeKind.MAX_LOOP: None,
}
"""Of what each change's subject is a position; None where it is for everybody."""
KIND_OF_RULE: Final = {
    MaxTaken.name: ChangeKind.MAX_TAKEN,
    OfferPairings.name: ChangeKind.OFFER_PAIRINGS,
    MaxGiven.name: ChangeKind.MAX_GIVEN,
    OfferDays.name: ChangeKind.OFFER_DAYS,
    GiveLimit.name: ChangeKind.GIVE_LIMIT,
    Balance.name: ChangeKind.ALLOWANCE,
    LinkingRule.name: ChangeKind.LINKING,
    BothRoles.name: ChangeKind.EXEMPT,
    ClosedLoops.name: ChangeKind.MAX_LOOP,
    Exclusions.name: ChangeKind.EXCLUSION,
}
"""The change that widens a limit of each rule; of the others none does."""
IN_HALF_DAYS: Final = frozenset({OfferDays.name, GiveLimit.name, Balance.name})
"""Rules of whose limits a shorter pairing takes less."""


ORDER: Final = tuple(ChangeKind)
"""Which of two changes as large is told."""


def cost(change: Change) -> int:
    """Return how large a change is: a half-day is 1, a place 2, a mile 1, any other 20."""
    match change.kind:
        case ChangeKind.MAX_TAKEN | ChangeKind.OFFER_PAIRINGS | ChangeKind.MAX_GIVEN:
            return 2 * change.by
        case ChangeKind.EXEMPT | ChangeKind.EXCLUSION | ChangeKind.LINKING | ChangeKind.MAX_LOOP:
            return 20 + change.by
        case _:
            return change.by


def changed(problem: Problem, change: Change) -> Problem:
    """Return the problem with one limit made wider."""
    at, by = change.subject, change.by
    if change.kind in _COLUMN:
        table, column = _COLUMN[change.kind]
        return _with_entry(problem, table, column, at, lambda old: min(int(old) + by, UNLIMITED))
    match change.kind:
        case ChangeKind.MINIMUM_DAYS:
            return _with_entry(problem, "needs", "days_min", at, lambda old: max(1, int(old) - by))
        case ChangeKind.ALLOWANCE:
            who = problem.participants
            member = int(np.flatnonzero((who.account == at) & ~who.exempt)[0])
            return _with_entry(
                problem,
                "participants",
                "allowance",
                member,
                lambda old: min(int(old) + by, UNLIMITED),
            )
        case ChangeKind.MAX_LOOP:
            return replace(
                problem, rules=replace(problem.rules, max_loop=problem.rules.max_loop + by)
            )
        case ChangeKind.EXEMPT:
            return _with_entry(problem, "participants", "exempt", at, lambda old: True)
        case ChangeKind.EXCLUSION:
            pair = problem.exclusions[at]
            others = (problem.exclusions != pair).any(axis=1)
            return replace(problem, exclusions=problem.exclusions[others])
        case ChangeKind.LINKING:
            rule = problem.linking[at]
            limit = rule.limit + by if rule.sense == "<=" else max(0, rule.limit - by)
            rules = list(problem.linking)
            rules[at] = replace(rule, limit=limit)
            return replace(problem, linking=tuple(rules))
        case _:
            raise ValueError(f"{change.kind} changes who may pair, which no problem file tells")


def lifted(problem: Problem, limit: BindingLimit) -> Problem:
    """Return the problem without one limit, all others as they are."""
    rule, at = limit.rule, limit.subject
    if isinstance(rule, ClosedLoops):
        return replace(problem, rules=Rules(Reciprocity.NONE, problem.rules.max_loop))
    if (kind := KIND_OF_RULE.get(rule.name)) is not None:
        return changed(problem, Change(kind, at, UNLIMITED))
    if isinstance(rule, PairingDays):
        return _any_length(problem, at)
    raise ValueError(f"{rule.name} has no limit to lift")


def _any_length(problem: Problem, candidate: int) -> Problem:
    """Return the problem whose need takes the only half-days that a candidate can have."""
    need = int(problem.candidates.need[candidate])
    fixed = int(problem.candidates.half_days[candidate])
    shorter = _with_entry(problem, "needs", "days", need, lambda old: max(int(old), fixed))
    return _with_entry(shorter, "needs", "days_min", need, lambda old: min(int(old), fixed))


def _with_entry(
    problem: Problem, table: str, column: str, at: int, new: Callable[[Any], Any]
) -> Problem:
    columns = getattr(problem, table)
    values: IntArray = getattr(columns, column).copy()
    values[at] = new(values[at])
    values.flags.writeable = False
    return replace(problem, **{table: replace(columns, **{column: values})})
