"""The smallest single change of a limit with which an unmet need would be met.

A change is **confirmed** where solving again around the need shows it: with the change there is a
plan that meets the need, leaves no other need out that the plan meets, and earns more points than
any plan that leaves the need unmet. So whoever plans again with the change gets the need met, as
far as its neighbourhood goes. All else is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from solver.explain.binding_rules import BindingRules, Tried, binding_rules
from solver.explain.changes import IN_HALF_DAYS, KIND_OF_RULE, Change, ChangeKind, changed, cost
from solver.explain.resolve_around import Around, Resolved, around, resolve
from solver.explain.subset import chosen
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.parameters import DEFAULTS, ExplainParameters

ORDER: Final = tuple(ChangeKind)
HALF_DAYS_TRIED: Final = 2
"""Besides what is lacking, so much more is tried where others may move to make room."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one change.

    Attributes
    ----------
    change
        What was changed.
    direct
        Whether with it a candidate fits into the plan, nothing else moved.
    confirmed
        Whether solving again around the need meets it, as the module says.
    gain
        Points that the plan earns more, where confirmed.
    moved
        Other pairings that come, go or have other days, where confirmed.
    """

    change: Change
    direct: bool
    confirmed: bool
    gain: int | None = None
    moved: int | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What it would cost to meet the need within the limits as they are.

    Attributes
    ----------
    loss
        Points that the best plan around that meets it earns less than the plan; below 0 it earns
        more, and the search ended early. None where none was found.
    needs_left_out
        Positions of needs that this plan would no longer meet.
    impossible
        Whether it was proven that no plan around meets it.
    """

    loss: int | None
    needs_left_out: tuple[int, ...]
    impossible: bool


@dataclass(frozen=True, slots=True)
class NeedExplained:
    """Why one need is unmet, and what would meet it."""

    rules: BindingRules
    elsewhere: Elsewhere
    smallest: Trial | None
    whole: bool
    """Whether all of the problem was decided anew, not only what is near."""


def _never() -> bool:
    return False


def explain_need(
    problem: Problem,
    plan: Plan,
    need: int,
    *,
    cancelled: Callable[[], bool] = _never,
    parameters: ExplainParameters = DEFAULTS.explain,
) -> NeedExplained:
    """Say why a need with candidates is unmet, and try what would meet it.

    Parameters
    ----------
    need
        Position of an unmet need with a candidate.
    cancelled
        Asked before each solve; what is known by then is returned.

    Raises
    ------
    ValueError
        If the need is met or has no candidate.
    """
    only = np.zeros(len(problem.needs), np.bool_)
    only[need] = True
    rules = binding_rules(problem, plan, only)
    if need not in rules.needs:
        raise ValueError(f"need {need} is met or has no candidate")
    view = around(problem, chosen(problem, plan), need, parameters)
    elsewhere = meet_anyway(view, parameters)
    smallest = _smallest(view, rules, cancelled, parameters)
    return NeedExplained(rules, elsewhere, smallest, view.whole)


def meet_anyway(view: Around, parameters: ExplainParameters = DEFAULTS.explain) -> Elsewhere:
    """Find out what meeting the need would cost the plan within its limits."""
    found = resolve(view, met=True, parameters=parameters)
    if found.half_days is None or found.objective is None:
        return Elsewhere(None, (), found.impossible)
    columns = view.problem.candidates
    before = np.unique(columns.need[view.half_days > 0])
    after = np.unique(columns.need[found.half_days > 0])
    left_out = tuple(np.setdiff1d(before, after).tolist())
    return Elsewhere(view.objective - found.objective, left_out, False)


def try_change(
    view: Around,
    change: Change,
    *,
    direct: bool,
    parameters: ExplainParameters = DEFAULTS.explain,
) -> Trial:
    """Solve again around the need; the view's problem has the change in it already."""
    met = resolve(view, met=True, keep_others=True, parameters=parameters)
    unconfirmed = Trial(change, direct, False)
    if met.half_days is None or met.objective is None or met.objective <= view.objective:
        return unconfirmed
    left = resolve(view, met=False, parameters=parameters)
    if met.objective <= left.bound:
        return unconfirmed
    return Trial(change, direct, True, met.objective - view.objective, _moved(view, met))


def _moved(view: Around, met: Resolved) -> int:
    others = view.problem.candidates.need != view.need
    return int((others & (view.half_days != met.half_days)).sum())


def _smallest(
    view: Around,
    rules: BindingRules,
    cancelled: Callable[[], bool],
    parameters: ExplainParameters,
) -> Trial | None:
    """Try changes, the smallest first, until one is confirmed."""
    options = _options(view, rules)
    best: Trial | None = None
    for change, direct in options[: parameters.most_tries]:
        if cancelled():
            break
        wider = replace(view, problem=changed(view.problem, change))
        trial = try_change(wider, change, direct=direct, parameters=parameters)
        if trial.confirmed:
            return trial
        if direct and best is None:
            best = trial
    return best


def _options(view: Around, rules: BindingRules) -> list[tuple[Change, bool]]:
    """Return changes and whether each makes a candidate fit by itself, the smallest first."""
    direct: dict[Change, bool] = {}
    for tried in rules.needs[view.need]:
        for at, over in tried.binding:
            limit = rules.limits[at]
            if (kind := KIND_OF_RULE.get(limit.rule.name)) is None:
                continue
            # How long loops may be is one number for everybody.
            subject = 0 if kind is ChangeKind.MAX_LOOP else limit.subject
            change = Change(kind, subject, over)
            direct[change] = direct.get(change, False) or tried.alone == at
            fewer = HALF_DAYS_TRIED if limit.rule.name in IN_HALF_DAYS else 1
            for by in range(1, min(fewer, over - 1) + 1):
                direct.setdefault(Change(kind, subject, by), False)
        if (fewer_days := _too_long_by(view.problem, rules, tried)) is not None:
            direct[Change(ChangeKind.MINIMUM_DAYS, view.need, fewer_days)] = True
    shortest = int(view.problem.needs.days_min[view.need])
    if direct and shortest > 1:
        direct.setdefault(Change(ChangeKind.MINIMUM_DAYS, view.need, 1), False)
    return sorted(
        direct.items(),
        key=lambda each: (
            cost(each[0]),
            not each[1],
            ORDER.index(each[0].kind),
            each[0].subject,
        ),
    )


def _too_long_by(problem: Problem, rules: BindingRules, tried: Tried) -> int | None:
    """By how many half-days a candidate is too long, where nothing else keeps it out."""
    names = {rules.limits[at].rule.name for at, _ in tried.binding}
    if not names or not names <= IN_HALF_DAYS:
        return None
    over = max(lacking for _, lacking in tried.binding)
    return over if over < tried.half_days else None
