"""Which rules of a plan keep each unmet need from each of its candidates.

A candidate is tried beside the plan as it is, with the fewest half-days that it may have: more
would only take more of every limit. What it breaks is read off the rows of the rules themselves
(`solver.formulation.rules`), so each rule names itself here as it does in conflicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from solver.arrays import BoolArray, IntArray
from solver.explain.subset import chosen, with_candidates
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formulation.presolve import ranges
from solver.formulation.rows import Rows
from solver.formulation.rules import (
    BothRoles,
    ChangePenalty,
    ClosedLoops,
    Exclusions,
    NeedDays,
    PairingDays,
    Rule,
    rules_of,
)

WITHOUT_NUMBER: Final = frozenset(
    rule.name for rule in (BothRoles, ClosedLoops, Exclusions, PairingDays)
)
"""Rules that say yes or no: nobody holds a part of their limit."""


@dataclass(frozen=True, slots=True)
class BindingLimit:
    """One limit of a rule that keeps candidates out.

    Attributes
    ----------
    rule
        The rule that it is of.
    subject
        Position of what it binds in the rule's table; of closed loops, the taker.
    limit, used
        What the limit allows and what the plan takes of it, in half-days or pairings (weighted,
        in a linking rule). Of a balance: the account's allowance, and what it takes beyond what
        it gives. None where the rule has no number.
    holders
        Candidates of the plan that take of it, the fewest points first.
    """

    rule: Rule
    subject: int
    limit: int | None
    used: int | None
    holders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate of an unmet need, tried beside the plan.

    Attributes
    ----------
    candidate
        Position in the problem.
    half_days
        What it was tried with.
    worth
        Points that it would earn with these half-days.
    binding
        Positions in `BindingRules.limits`, and by how much each is exceeded; none where it fits.
    """

    candidate: int
    half_days: int
    worth: int
    binding: tuple[tuple[int, int], ...]

    @property
    def fits(self) -> bool:
        """Whether nothing keeps it out of the plan."""
        return not self.binding

    @property
    def alone(self) -> int | None:
        """The one limit that keeps it out: with that lifted, it fits."""
        return self.binding[0][0] if len(self.binding) == 1 else None


@dataclass(frozen=True, slots=True)
class BindingRules:
    """What keeps the unmet needs of a plan from being met.

    Attributes
    ----------
    needs
        By position of each unmet need that has candidates: all of them, the most points first.
    limits
        Each limit that binds somewhere, once.
    """

    needs: Mapping[int, tuple[Tried, ...]]
    limits: tuple[BindingLimit, ...]


def unmet_needs(problem: Problem, plan: Plan) -> BoolArray:
    """Return whether each need is left without any pairing, shape (needs,)."""
    unmet = np.ones(len(problem.needs), np.bool_)
    unmet[plan.need] = False
    return unmet


def binding_rules(problem: Problem, plan: Plan, needs: BoolArray | None = None) -> BindingRules:
    """Try every candidate of every unmet need beside the plan.

    Parameters
    ----------
    plan
        One that keeps every rule of the problem.
    needs
        Which unmet needs to look at, shape (needs,); all by default.

    Returns
    -------
    The rules that bind, by need and candidate.
    """
    unmet = unmet_needs(problem, plan)
    asked = unmet[problem.candidates.need]
    if needs is not None:
        asked &= needs[problem.candidates.need]
    half_days = chosen(problem, plan)
    keep = asked | (half_days > 0)
    # Nothing else takes anything of a limit: of a million candidates few are left.
    few, original = with_candidates(problem, keep), np.flatnonzero(keep)
    of_plan, tried = half_days[original], asked[original]
    least = ranges(few)[0]
    found: dict[tuple[int, int], int] = {}
    limits: list[BindingLimit] = []
    binding: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, rule in enumerate(rules_of(few)):
        # Of an unmet need, a pairing's own days say as much.
        if isinstance(rule, NeedDays):
            continue
        rows = rule.rows(few)
        row, candidate, lacking = _exceeded(rows, of_plan, tried, least)
        holders = _holders(rows, of_plan, row, few) if rule.name not in WITHOUT_NUMBER else {}
        used = rows.values(of_plan)
        for r, k, over in zip(row.tolist(), candidate.tolist(), lacking.tolist(), strict=True):
            subject = int(few.taker[k] if isinstance(rule, ClosedLoops) else rows.subject[r])
            key = (number, subject)
            if key not in found:
                found[key] = len(limits)
                numbered = rule.name not in WITHOUT_NUMBER
                limits.append(
                    BindingLimit(
                        rule,
                        # Rules of one pair name a candidate: that of the whole problem.
                        int(original[subject]) if rule.table == "candidates" else subject,
                        int(rows.upper[r]) if numbered else None,
                        int(used[r]) if numbered else None,
                        tuple(int(original[at]) for at in holders.get(r, ())),
                    )
                )
            if all(at != found[key] for at, _ in binding[k]):
                binding[k].append((found[key], over))
    return BindingRules(_by_need(few, original, tried, least, binding), tuple(limits))


def _exceeded(
    rows: Rows, of_plan: IntArray, tried: BoolArray, least: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return row, candidate and excess of each row that a candidate tried would break."""
    mine = tried[rows.candidate]
    row, candidate = rows.row[mine], rows.candidate[mine]
    adds = rows.count[mine] + rows.days[mine] * least[candidate]
    # A candidate within one account stands in its row twice: as giver and as taker.
    keys, place = np.unique(row * len(least) + candidate, return_inverse=True)
    total = np.zeros(len(keys), np.int64)
    np.add.at(total, place, adds)
    row, candidate = np.divmod(keys, max(len(least), 1))
    after = rows.values(of_plan)[row] + total
    over = np.maximum(after - rows.upper[row], rows.lower[row] - after)
    broken = over > 0
    return row[broken], candidate[broken], over[broken]


def _holders(
    rows: Rows, of_plan: IntArray, wanted: IntArray, problem: Problem
) -> dict[int, list[int]]:
    """Return the candidates of the plan that take of each row, the fewest points first."""
    live = np.zeros(len(rows), np.bool_)
    live[wanted] = True
    takes = rows.count + rows.days * of_plan[rows.candidate]
    at = np.flatnonzero(live[rows.row] & (of_plan[rows.candidate] > 0) & (takes > 0))
    candidate = rows.candidate[at]
    points = problem.candidates.points[candidate] * of_plan[candidate]
    points = points + problem.candidates.bonus[candidate]
    by_row: dict[int, list[int]] = defaultdict(list)
    for place in np.lexsort((candidate, points)).tolist():
        by_row[int(rows.row[at[place]])].append(int(candidate[place]))
    return by_row


def _by_need(
    problem: Problem,
    original: IntArray,
    tried: BoolArray,
    least: IntArray,
    binding: Mapping[int, list[tuple[int, int]]],
) -> dict[int, tuple[Tried, ...]]:
    columns = problem.candidates
    worth = columns.points * least + columns.bonus + ChangePenalty().kept_points(problem)
    at = np.flatnonzero(tried)
    order = at[np.lexsort((at, -worth[at], columns.need[at]))]
    by_need: dict[int, list[Tried]] = defaultdict(list)
    for k in order.tolist():
        by_need[int(columns.need[k])].append(
            Tried(int(original[k]), int(least[k]), int(worth[k]), tuple(binding.get(k, ())))
        )
    return {need: tuple(rows) for need, rows in by_need.items()}
