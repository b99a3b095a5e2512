"""The smallest single limit to widen, as one program: limits give way, one of them at most.

Each limit near the need has a slack, bought by the half-day or place; at most one may be above 0.
The need must be met, every other need that the plan meets must stay met, and the points must come
to more than a plan without the need could have. Of all such plans the cheapest slack is wanted
(elastic programming; Chinneck, Feasibility and Infeasibility in Optimization, 2008).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from solver.arrays import IntArray
from solver.backends.limits import Limits
from solver.explain.changes import KIND_OF_RULE, ORDER, Change, ChangeKind, cost
from solver.explain.resolve_around import Around, asked, solved
from solver.formats.problem import Problem
from solver.formats.tables import frozen
from solver.formulation.program import Formulation, formulate
from solver.formulation.rows import FREE
from solver.formulation.rules import Exclusions, LinkingRule
from solver.parameters import DEFAULTS, ExplainParameters

RANKS: Final = 64
"""More than what tells changes of one size apart."""
MOST_PLACES: Final = 3
"""More places than that are no small change."""


@dataclass(frozen=True, slots=True)
class _Slack:
    """One limit that may give way: rows of the program, and by how much at least and at most."""

    change: Change
    rows: tuple[int, ...]
    least: int
    most: int
    near: bool


def smallest_slack(
    view: Around,
    above: int,
    refused: Collection[Change] = (),
    parameters: ExplainParameters = DEFAULTS.explain,
) -> Change | None:
    """Return the cheapest change of one limit with which some plan around meets the need.

    Parameters
    ----------
    view
        Its reciprocity is anything but `closed_loops`.
    above
        Points that the plan must exceed.
    refused
        Changes that will not do: of their limits only wider ones are looked at.

    Returns
    -------
    None where there is none, or none was found under the limit of work.
    """
    shortest = int(view.problem.needs.days_min[view.need])
    open_problem = asked(view, met=True, keep_others=True)
    open_problem = _any_length(open_problem, view.need)
    formulation = formulate(open_problem, prune=False)
    kept = view.inside[formulation.candidate]
    free = np.concatenate([kept, kept[formulation.free]])
    program = formulation.neighbourhood(formulation.values(view.half_days), free)
    slacks = _slacks(view, program, {(c.kind, c.subject): c.by for c in refused}, shortest)
    if not slacks:
        return None
    elastic = _with_slacks(program, slacks, above, _days_columns(view, formulation, free), shortest)
    result = solved(elastic, Limits(work=parameters.work))
    if result.values is None:
        return None
    amounts = result.values[len(program.upper) :][: len(slacks)]
    at = np.flatnonzero(amounts)
    if not len(at):
        return None
    change = slacks[int(at[0])].change
    return replace(change, by=int(amounts[at[0]]))


def _any_length(problem: Problem, need: int) -> Problem:
    """Return the problem with pairings of any length of one need: its minimum gives way too."""
    days_min = problem.needs.days_min.copy()
    days_min[need] = 1
    return replace(problem, needs=replace(problem.needs, days_min=frozen(days_min, np.int64)))


def _days_columns(view: Around, formulation: Formulation, free: IntArray) -> IntArray:
    """Return the columns, in the program inside, of choice and days of the need's candidates."""
    place = np.cumsum(free) - 1
    candidate = formulation.candidate[formulation.free]
    mine = np.flatnonzero(view.problem.candidates.need[candidate] == view.need)
    mine = mine[view.problem.candidates.half_days[candidate[mine]] == 0]
    choice = place[formulation.free[mine]]
    days = place[len(formulation.candidate) + mine]
    return np.column_stack([choice, days])


def _slacks(
    view: Around, program: Formulation, refused: dict[tuple[ChangeKind, int], int], shortest: int
) -> list[_Slack]:
    problem, need = view.problem, view.need
    mine = problem.candidates.need == need
    near = {
        *problem.giver[mine].tolist(),
        *problem.participants.account[problem.giver[mine]].tolist(),
        int(problem.needs.participant[need]),
        int(problem.participants.account[problem.needs.participant[need]]),
    }
    of_offers = set(problem.candidates.offer[mine].tolist())
    most_days = int(problem.needs.days[need])
    rows: dict[tuple[ChangeKind, int], list[int]] = {}
    for row, (number, subject) in enumerate(
        zip(program.row_rule.tolist(), program.row_subject.tolist(), strict=True)
    ):
        rule = program.rules[number]
        kind = KIND_OF_RULE.get(rule.name)
        if kind is None or program.row_upper[row] >= FREE // 2:
            continue
        if rule.name == LinkingRule.name and subject >= len(problem.linking):
            continue
        if rule.name == Exclusions.name and problem.exclusions[subject, 1] != need:
            continue
        rows.setdefault((kind, subject), []).append(row)
    found = []
    if shortest > 1:
        least = refused.get((ChangeKind.MINIMUM_DAYS, need), 0) + 1
        change = Change(ChangeKind.MINIMUM_DAYS, need, 1)
        found.append(_Slack(change, (), least, shortest // 2, near=True))
    for (kind, subject), of_limit in rows.items():
        match kind:
            case ChangeKind.EXEMPT | ChangeKind.EXCLUSION:
                most = 1
            case ChangeKind.LINKING:
                most = most_days * int(problem.linking[subject].weight.max(initial=1))
            case ChangeKind.OFFER_DAYS | ChangeKind.GIVE_LIMIT | ChangeKind.ALLOWANCE:
                most = most_days
            case _:
                most = MOST_PLACES
        here = of_offers if kind in _OF_OFFERS else near
        least = refused.get((kind, subject), 0) + 1
        found.append(
            _Slack(Change(kind, subject, 1), tuple(of_limit), least, most, subject in here)
        )
    return [each for each in found if each.least <= each.most]


_OF_OFFERS: Final = frozenset({ChangeKind.OFFER_DAYS, ChangeKind.OFFER_PAIRINGS})


def _with_slacks(
    program: Formulation,
    slacks: list[_Slack],
    above: int,
    days_columns: IntArray,
    shortest: int,
) -> Formulation:
    """Return the program with a slack and a choice for each limit, to be bought cheaply."""
    columns, size = len(program.upper), len(slacks)
    slack = columns + np.arange(size)
    choice = columns + size + np.arange(size)
    entries: list[tuple[int, int, int]] = []
    lower: list[int] = []
    upper: list[int] = []

    def add(row: list[tuple[int, int]], low: int, high: int) -> None:
        at = len(program.row_lower) + len(lower)
        entries.extend((at, column, coefficient) for column, coefficient in row)
        lower.append(low)
        upper.append(high)

    for j, each in enumerate(slacks):
        entries.extend((row, int(slack[j]), -1) for row in each.rows)
        add([(int(slack[j]), 1), (int(choice[j]), -each.most)], -FREE, 0)
        add([(int(slack[j]), 1), (int(choice[j]), -each.least)], 0, FREE)
        if each.change.kind is ChangeKind.MINIMUM_DAYS:
            for chosen, days in days_columns.tolist():
                add([(days, 1), (chosen, -shortest), (int(slack[j]), 1)], 0, FREE)
    if not any(each.change.kind is ChangeKind.MINIMUM_DAYS for each in slacks):
        for chosen, days in days_columns.tolist():
            add([(days, 1), (chosen, -shortest)], 0, FREE)
    add([(int(column), 1) for column in choice], -FREE, 1)
    paid = np.flatnonzero(program.points)
    points = [(int(column), int(program.points[column])) for column in paid]
    add(points, above + 1 - program.constant, FREE)

    row = np.repeat(np.arange(len(program.row_lower)), np.diff(program.row_start))
    row = np.concatenate([row, [entry[0] for entry in entries]]).astype(np.int64)
    column = np.concatenate([program.column, [entry[1] for entry in entries]]).astype(np.int64)
    coefficient = np.concatenate([program.coefficient, [entry[2] for entry in entries]])
    order = np.lexsort((column, row))
    total = len(program.row_lower) + len(lower)
    # Of changes as large, the kinds in their order, and the need's own sides before others.
    by_unit = [cost(replace(each.change, by=2)) - cost(each.change) for each in slacks]
    once = [cost(each.change) - unit for each, unit in zip(slacks, by_unit, strict=True)]
    prices = [-RANKS * unit for unit in by_unit]
    fixed = [
        -RANKS * first - 2 * ORDER.index(each.change.kind) - (not each.near)
        for each, first in zip(slacks, once, strict=True)
    ]
    return replace(
        program,
        points=np.concatenate([np.zeros(columns, np.int64), prices, fixed]).astype(np.int64),
        constant=0,
        upper=np.concatenate(
            [program.upper, [each.most for each in slacks], np.ones(size, np.int64)]
        ).astype(np.int64),
        integer=np.ones(columns + len(slacks) + size, np.bool_),
        row_start=np.concatenate([[0], np.cumsum(np.bincount(row, minlength=total))]),
        column=column[order],
        coefficient=coefficient[order].astype(np.int64),
        row_lower=np.concatenate([program.row_lower, lower]).astype(np.int64),
        row_upper=np.concatenate([program.row_upper, upper]).astype(np.int64),
    )
