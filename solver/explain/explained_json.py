"""What keeps unmet needs out, as a file by ids: `givetake-explained/1`.

It is made when a plan is, so that whoever asks later need not try every candidate again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from solver.explain.binding_rules import BindingRules, binding_rules, unmet_needs
from solver.explain.changes import TABLE, Change, ChangeKind
from solver.explain.direct_change import direct_changes
from solver.explain.subset import chosen
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formats.tables import ProblemFault

EXPLAINED_FORMAT: Final = "givetake-explained/1"
MOST_TRIED: Final = 3
"""Candidates of a need that a file has one by one; whoever asks about the need gets all."""
MOST_HOLDERS: Final = 20
"""Named of one limit; how many there are in all is told besides."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A pairing of the plan that takes of a limit; `points` are those of the whole pairing."""

    offer: str
    need: str
    half_days: int
    points: int


@dataclass(frozen=True, slots=True)
class LimitById:
    """As `BindingLimit`, by ids; `subject` None where the pair itself is what the rule binds."""

    rule: str
    subject: str | None
    limit: int | None
    used: int | None
    holders: tuple[Holder, ...]
    holding: int


@dataclass(frozen=True, slots=True)
class TriedById:
    """As `Tried`: which limits bind, by position, with what is lacking of each."""

    offer: str
    half_days: int
    worth: int
    binding: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ChangeById:
    """As `Change`; `subject` None where it is for everybody."""

    kind: ChangeKind
    subject: str | None
    by: int


@dataclass(frozen=True, slots=True)
class Together:
    """How many candidates of a need these rules keep out, each together with the others named.

    Without rules: candidates that nothing keeps out.
    """

    rules: tuple[str, ...]
    candidates: int


@dataclass(frozen=True, slots=True)
class UnmetById:
    """What keeps one need out.

    Attributes
    ----------
    tried
        Its candidates, the most points first; a file has the first few.
    counts
        All of them by the rules that bind, the most candidates first.
    change
        The smallest change that makes one fit beside the plan, if any does.
    """

    tried: tuple[TriedById, ...]
    counts: tuple[Together, ...]
    change: ChangeById | None

    @property
    def candidates(self) -> int:
        return sum(each.candidates for each in self.counts)


NO_CANDIDATES: Final = UnmetById((), (), None)


@dataclass(frozen=True, slots=True)
class Explained:
    """As `BindingRules`, by ids."""

    limits: tuple[LimitById, ...]
    needs: Mapping[str, UnmetById]


def explained(problem: Problem, plan: Plan) -> Explained:
    """Find out what keeps each unmet need of a plan out, as a file has it.

    Needs without candidates are in it too, in the order of the problem.
    """
    found = by_id(problem, plan, binding_rules(problem, plan), MOST_TRIED)
    unmet = np.flatnonzero(unmet_needs(problem, plan)).tolist()
    names = [problem.needs.id[need] for need in unmet]
    return Explained(found.limits, {name: found.needs.get(name, NO_CANDIDATES) for name in names})


def by_id(
    problem: Problem, plan: Plan, rules: BindingRules, most_tried: int | None = None
) -> Explained:
    """Return binding rules with ids in place of positions, of each need the first few tried."""
    half_days = chosen(problem, plan)
    columns = problem.candidates
    tried = rules.tried
    needs, first, size = np.unique(tried.need, return_index=True, return_counts=True)
    shown = np.arange(len(tried.need))
    if most_tried is not None:
        shown = shown[shown - np.repeat(first, size) < most_tried]
    place: dict[int, int] = {}
    told: dict[int, list[TriedById]] = defaultdict(list)
    for need, each in zip(tried.need[shown].tolist(), tried.rows(shown), strict=True):
        binding = tuple((place.setdefault(at, len(place)), over) for at, over in each.binding)
        offer = problem.offers.id[columns.offer[each.candidate]]
        told[need].append(TriedById(offer, each.half_days, each.worth, binding))
    together, changes = _together(rules), direct_changes(rules)
    found = {
        problem.needs.id[need]: UnmetById(
            tuple(told[need]),
            together[need],
            None if need not in changes else change_by_id(problem, changes[need]),
        )
        for need in needs.tolist()
    }

    @cache
    def holder(candidate: int) -> Holder:
        days = int(half_days[candidate])
        return Holder(
            problem.offers.id[columns.offer[candidate]],
            problem.needs.id[columns.need[candidate]],
            days,
            int(columns.points[candidate]) * days + int(columns.bonus[candidate]),
        )

    limits = tuple(
        LimitById(
            limit.rule.name,
            _id(problem, limit.rule.table, limit.subject),
            limit.limit,
            limit.used,
            tuple(holder(k) for k in limit.holders[:MOST_HOLDERS]),
            len(limit.holders),
        )
        for limit in (rules.limits[at] for at in place)
    )
    return Explained(limits, found)


def _together(rules: BindingRules) -> dict[int, tuple[Together, ...]]:
    """Return how many candidates of each need are kept out by the same rules, the most first."""
    tried = rules.tried
    names = sorted({limit.rule.name for limit in rules.limits})
    bit = np.array([1 << names.index(limit.rule.name) for limit in rules.limits], np.int64)
    binding = np.zeros(len(tried.need), np.int64)
    np.bitwise_or.at(
        binding, np.repeat(np.arange(len(tried.need)), np.diff(tried.start)), bit[tried.limit]
    )
    alike, counts = np.unique((tried.need << len(names)) + binding, return_counts=True)
    rules_of = {
        bits: tuple(name for at, name in enumerate(names) if bits >> at & 1)
        for bits in np.unique(binding).tolist()
    }
    found: dict[int, list[Together]] = defaultdict(list)
    for key, count in zip(alike.tolist(), counts.tolist(), strict=True):
        need, bits = divmod(key, 1 << len(names))
        found[need].append(Together(rules_of[bits], count))
    return {
        need: tuple(sorted(of_need, key=lambda each: (-each.candidates, each.rules)))
        for need, of_need in found.items()
    }


def change_by_id(problem: Problem, change: Change) -> ChangeById:
    """Return a change with the id of what is changed."""
    return ChangeById(change.kind, _id(problem, TABLE[change.kind], change.subject), change.by)


def _id(problem: Problem, table: str | None, subject: int) -> str | None:
    if table == "linking":
        return problem.linking[subject].id
    if table in ("participants", "needs", "offers"):
        name: str = getattr(problem, table).id[subject]
        return name
    return None


def explained_to_json(explained: Explained) -> dict[str, Any]:
    """Return the file's content, `givetake-explained/1`."""
    return {
        "format": EXPLAINED_FORMAT,
        "limits": [
            [
                each.rule,
                each.subject,
                each.limit,
                each.used,
                each.holding,
                [[h.offer, h.need, h.half_days, h.points] for h in each.holders],
            ]
            for each in explained.limits
        ],
        "needs": {
            need: [
                None if of.change is None else [of.change.kind, of.change.subject, of.change.by],
                [[each.rules, each.candidates] for each in of.counts],
                [[t.offer, t.half_days, t.worth, t.binding] for t in of.tried],
            ]
            for need, of in explained.needs.items()
        },
    }


def explained_from_json(content: Mapping[str, Any]) -> Explained:
    """Return what a file of ours says.

    Raises
    ------
    ProblemFault
        If it is of another format.
    """
    if content.get("format") != EXPLAINED_FORMAT:
        raise ProblemFault([f"format: expected {EXPLAINED_FORMAT!r}"])
    return Explained(
        tuple(
            LimitById(rule, subject, limit, used, tuple(Holder(*h) for h in holders), holding)
            for rule, subject, limit, used, holding, holders in content["limits"]
        ),
        {
            need: UnmetById(
                tuple(
                    TriedById(offer, days, worth, tuple((at, over) for at, over in binding))
                    for offer, days, worth, binding in tried
                ),
                tuple(Together(tuple(rules), count) for rules, count in counts),
                None if change is None else ChangeById(ChangeKind(change[0]), *change[1:]),
            )
            for need, (change, counts, tried) in content["needs"].items()
        },
    )
