"""Which rules of a plan keep each unmet need from each of its candidates.

A candidate is tried beside the plan as it is, with the fewest half-days that it may have: more
would only take more of every limit. What it breaks is read off the rows of the rules themselves
(`solver.formulation.rules`), so each rule names itself here as it does in conflicts.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True, eq=False)
class TriedColumns:
    """Candidates of unmet needs, tried beside the plan: by need, then the most points first.

    Attributes
    ----------
    need, candidate, half_days, worth
        Of each: its need, and as `Tried`, shape (tried,).
    start
        Where what binds each begins in `limit` and `over`, shape (tried + 1,).
    limit, over
        Positions in `BindingRules.limits`, and by how much each is exceeded.
    """

    need: IntArray
    candidate: IntArray
    half_days: IntArray
    worth: IntArray
    start: IntArray
    limit: IntArray
    over: IntArray

    def rows(self, at: IntArray) -> list[Tried]:
        """Return some of them one by one."""
        sizes = self.start[at + 1] - self.start[at]
        ends = np.cumsum(sizes)
        inside = np.repeat(self.start[at] - ends + sizes, sizes) + np.arange(sizes.sum())
        binding = list(zip(self.limit[inside].tolist(), self.over[inside].tolist(), strict=True))
        return [
            Tried(candidate, half_days, worth, tuple(binding[end - size : end]))
            for candidate, half_days, worth, end, size in zip(
                self.candidate[at].tolist(),
                self.half_days[at].tolist(),
                self.worth[at].tolist(),
                ends.tolist(),
                sizes.tolist(),
                strict=True,
            )
        ]


@dataclass(frozen=True, slots=True, eq=False)
class BindingRules:
    """What keeps the unmet needs of a plan from being met.

    Attributes
    ----------
    tried
        All candidates of the unmet needs: of a country half a million, so in columns.
    limits
        Each limit that binds somewhere, once.
    """

    tried: TriedColumns
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
    limits: list[BindingLimit] = []
    none = np.zeros(0, np.int64)
    found = [(none, none, none)]
    for rule in rules_of(few):
        # Of an unmet need, a pairing's own days say as much.
        if isinstance(rule, NeedDays):
            continue
        rows = rule.rows(few)
        row, candidate, lacking = _exceeded(rows, of_plan, tried, least)
        subject = few.taker[candidate] if isinstance(rule, ClosedLoops) else rows.subject[row]
        # Several rows of a rule may bind the same subject: its limit is that of the first.
        first, place = np.unique(subject, return_index=True, return_inverse=True)[1:]
        once = np.sort(np.unique(candidate * len(first) + place, return_index=True)[1])
        found.append((candidate[once], len(limits) + place[once], lacking[once]))
        named = subject[first]
        if rule.table == "candidates":
            # Rules of one pair name a candidate: that of the whole problem.
            named = original[named]
        limits += _limits(rule, named, row[first], rows, of_plan, few, original)
    columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return BindingRules(_tried(few, original, tried, least, *columns), tuple(limits))


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


def _limits(
    rule: Rule,
    subject: IntArray,
    row: IntArray,
    rows: Rows,
    of_plan: IntArray,
    problem: Problem,
    original: IntArray,
) -> list[BindingLimit]:
    """Return the limits of a rule's rows, each with its subject."""
    if rule.name in WITHOUT_NUMBER:
        return [BindingLimit(rule, at, None, None, ()) for at in subject.tolist()]
    holders = _holders(rows, of_plan, row, problem, original)
    return [
        BindingLimit(rule, at, limit, used, held)
        for at, limit, used, held in zip(
            subject.tolist(),
            rows.upper[row].tolist(),
            rows.values(of_plan)[row].tolist(),
            holders,
            strict=True,
        )
    ]


def _holders(
    rows: Rows, of_plan: IntArray, wanted: IntArray, problem: Problem, original: IntArray
) -> list[tuple[int, ...]]:
    """Return the candidates of the plan that take of each row wanted, the fewest points first."""
    live = np.zeros(len(rows), np.bool_)
    live[wanted] = True
    takes = rows.count + rows.days * of_plan[rows.candidate]
    at = np.flatnonzero(live[rows.row] & (of_plan[rows.candidate] > 0) & (takes > 0))
    row, candidate = rows.row[at], rows.candidate[at]
    points = problem.candidates.points[candidate] * of_plan[candidate]
    points = points + problem.candidates.bonus[candidate]
    order = np.lexsort((candidate, points, row))
    holder = original[candidate[order]].tolist()
    ends = (np.searchsorted(row[order], wanted, side) for side in ("left", "right"))
    return [
        tuple(holder[first:last])
        for first, last in zip(*(end.tolist() for end in ends), strict=True)
    ]


def _tried(
    problem: Problem,
    original: IntArray,
    tried: BoolArray,
    least: IntArray,
    candidate: IntArray,
    limit: IntArray,
    over: IntArray,
) -> TriedColumns:
    """Return what was tried in its order; the last three: what binds which candidate."""
    columns = problem.candidates
    worth = columns.points * least + columns.bonus + ChangePenalty().kept_points(problem)
    at = np.flatnonzero(tried)
    at = at[np.lexsort((at, -worth[at], columns.need[at]))]
    place = np.zeros(len(tried), np.int64)
    place[at] = np.arange(len(at))
    row = place[candidate]
    # Of one candidate, in the order of the rules.
    order = np.argsort(row, kind="stable")
    return TriedColumns(
        need=columns.need[at],
        candidate=original[at],
        half_days=least[at],
        worth=worth[at],
        start=np.searchsorted(row[order], np.arange(len(at) + 1)),
        limit=limit[order],
        over=over[order],
    )
