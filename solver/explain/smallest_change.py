"""The smallest single change of a limit with which an unmet need would be met.

A change is **confirmed** where solving again around the need shows it: with the change there is a
plan that meets the need, leaves no other need out that the plan meets, and earns more points than
any plan that leaves the need unmet. So whoever plans again with the change gets the need met, as
far as its neighbourhood goes. All else is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from models.vocabulary import Reciprocity
from solver.explain.binding_rules import BindingRules, binding_rules
from solver.explain.changes import Change, ChangeKind, changed
from solver.explain.direct_change import direct_changes
from solver.explain.elastic import smallest_slack
from solver.explain.resolve_around import Around, Resolved, around, resolve
from solver.explain.subset import chosen
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.parameters import DEFAULTS, ExplainParameters


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one change.

    Attributes
    ----------
    change
        What was changed; None for nothing: a longer search meets the need as things are.
    direct
        Whether with it a candidate fits into the plan, nothing else moved.
    confirmed
        Whether solving again around the need meets it, as the module says.
    gain
        Points that the plan earns more, where confirmed.
    moved
        Other pairings that come, go or have other days, where confirmed.
    """

    change: Change | None
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
    if not len(rules.tried.need):
        raise ValueError(f"need {need} is met or has no candidate")
    view = around(problem, chosen(problem, plan), need, parameters)
    elsewhere = meet_anyway(view, parameters)
    smallest = None
    if elsewhere.loss is not None and elsewhere.loss < 0:
        # A better plan is near: perhaps it meets the need, and no limit has to change.
        smallest = try_change(view, None, direct=False, parameters=parameters)
    if smallest is None or not smallest.confirmed:
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
    change: Change | None,
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
    """Try changes, the smallest first, until one is confirmed; else one that fits by itself."""
    direct = direct_changes(rules).get(view.need)
    tried: list[Change] = []
    if view.problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS:
        options = iter([Change(ChangeKind.MAX_LOOP, 0, 1)])
    else:
        options = _cheapest_first(view, tried, parameters)
    for _ in range(parameters.most_tries):
        change = None if cancelled() else next(options, None)
        if change is None:
            break
        tried.append(change)
        wider = replace(view, problem=changed(view.problem, change))
        trial = try_change(wider, change, direct=change == direct, parameters=parameters)
        if trial.confirmed:
            return trial
    return None if direct is None else Trial(direct, True, False)


def _cheapest_first(
    view: Around, tried: list[Change], parameters: ExplainParameters
) -> Iterator[Change]:
    """Yield changes with which a plan meets the need, each dearer than those tried so far."""
    without = resolve(view, met=False, parameters=parameters)
    while np.isfinite(without.bound):
        above = max(view.objective, int(without.bound))
        change = smallest_slack(view, above, tried, parameters)
        if change is None:
            return
        yield change
