"""Unchanged data give the unchanged plan: that of the last run, where nothing has changed since."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.planning.options import MatchOptions
from app.planning.scope import run_ids
from app.planning.standing import is_border_run, undecided
from models.batches import BatchArea
from models.matching import Proposal, Run, RunFile
from models.vocabulary import RunState
from solver.formats.json_columns import decode, encode
from solver.formats.plan import Plan, Stopped, gap_of
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formats.tables import ProblemFault
from solver.formulation.standing import worth

WHAT_STOOD: Final = ("current", "change_penalty")
"""Parts of a problem that every plan changes for the next run, whatever the data."""
WIDE: Final = 0.05
"""A gap beyond which a plan is searched for again, from where it is: its time went on starting."""
SEARCH: Final = ("method", "time_limit_s", "work", "gap", "seed", "change_tolerance")
"""Options that say how to look for a plan; all others are in the problem."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan that is kept, and the run that searched for it."""

    run_id: int
    plan: Plan


def basis_of(problem: dict[str, Any]) -> str:
    """The digest of a problem file's content without what stood before it."""
    basis = {name: part for name, part in problem.items() if name not in WHAT_STOOD}
    return hashlib.sha256(encode(basis, gzipped=False)).hexdigest()


def search_of(options: MatchOptions) -> dict[str, Any]:
    """How a run is to look for its plan."""
    return options.model_dump(mode="json", include=set(SEARCH))


def kept_plan(
    session: Session, run_id: int, options: MatchOptions, problem: Problem, basis_sha256: str
) -> Kept | None:
    """The plan of the run before this one, of the same takers and period, if it still is the plan.

    It is, where the basis of the problem is the same, all of it stands at no lower price than
    before, and searching again is not asked for: the plan is proven as near to the best as this
    run wants it, or was searched for in the same way.
    """
    run = session.get_one(Run, run_id)
    before = last_planned(session, run.scope, run.period_code, Run.id < run_id)
    if before is None or before.basis_sha256 != basis_sha256 or not _suffices(before, options):
        return None
    file = session.get_one(RunFile, (before.id, "plan"))
    plan = _as_it_stands(problem, Plan.from_json(decode(file.content)))
    return None if plan is None else Kept(before.kept_run_id or before.id, plan)


def last_state(session: Session, run_id: int) -> State | None:
    """Where the search of the last planned run of the same takers and period ended, if kept."""
    run = session.get_one(Run, run_id)
    before = last_planned(session, run.scope, run.period_code, Run.id < run_id)
    if before is None:
        return None
    file = session.get(RunFile, (before.kept_run_id or before.id, "state"))
    try:
        return None if file is None else State.from_json(decode(file.content))
    except ProblemFault:
        return None


def last_planned(
    session: Session, scope: Mapping[str, Any], period_code: str, *conditions: ColumnElement[bool]
) -> Run | None:
    """The newest planned run of these takers and period."""
    ids = run_ids(session, scope, period_code, Run.state == RunState.SOLVED, *conditions)
    return session.get_one(Run, ids[0]) if ids else None


def unchanged_run(
    session: Session,
    scope: Mapping[str, Any],
    period_code: str,
    options: MatchOptions,
    rows_sha256: str | None,
) -> Run | None:
    """The last planned run of these takers, if another would only find its plan again.

    It read the same rows, and all that it proposed still stands.
    """
    before = last_planned(session, scope, period_code)
    if rows_sha256 is None or before is None or before.rows_sha256 != rows_sha256:
        return None
    tried_twice = select(BatchArea.run_id).where(
        BatchArea.run_id == before.id, BatchArea.planned_again
    )
    even_wide = session.scalar(tried_twice.limit(1)) is not None
    if options.free or not _suffices(before, options, even_wide=even_wide):
        return None
    return before if _all_stands(session, before) else None


def _all_stands(session: Session, run: Run) -> bool:
    """Whether nobody decided on what a run proposed, or on what passes across borders did since."""
    passes = select(Run.id).where(is_border_run(run.period_code))
    decided = ~undecided() & (
        Proposal.replaced_by_run_id.is_(None) | Proposal.replaced_by_run_id.not_in(passes)
    )
    gone = select(Proposal.need_id).where(Proposal.run_id == run.id, ~undecided())
    since = (Proposal.run_id > run.id) & Proposal.run_id.in_(passes) & Proposal.need_id.in_(gone)
    query = select(Proposal.id).where(decided, (Proposal.run_id == run.id) | since)
    return session.scalar(query.limit(1)) is None


def _suffices(before: Run, options: MatchOptions, *, even_wide: bool = False) -> bool:
    """Whether the plan of a run is searched for as well as `options` would have it.

    `even_wide`: a second search from where it is has been tried already.
    """
    asked = MatchOptions.model_validate(before.options)
    is_near = before.gap is not None and before.gap <= options.gap
    cut_short = before.stopped == Stopped.CANCELLED or "given_up" in (before.summary or {})
    is_done = not cut_short and (even_wide or not is_wide(before))
    is_same = is_done and search_of(asked) == search_of(options)
    return (is_near or is_same) and options.change_price >= asked.change_price


def is_wide(run: Run) -> bool:
    """Whether the plan of a run is too far from proven to be left at that."""
    return run.gap is None or run.gap > WIDE


def _as_it_stands(problem: Problem, plan: Plan) -> Plan | None:
    """A plan of the same basis with its figures for a problem in which all of it stands.

    What it changed of the plan before costs no points any more. Its bound rises by as much: a plan
    that moves from this one pays at least what it would have paid less to move from the one before,
    as the pairings that it drops of that one are dropped by this one already, or dropped of this.
    """
    pairings = np.column_stack([plan.offer, plan.need])
    stands = {tuple(pair) for pair in problem.current[:, :2].tolist()}
    if stands != {tuple(pair) for pair in pairings.tolist()}:
        return None
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(pairings)] = plan.half_days
    objective = worth(problem, half_days)
    assert plan.objective is not None
    assert plan.bound is not None
    bound = plan.bound + (objective - plan.objective)
    return replace(plan, objective=objective, bound=bound, gap=gap_of(objective, bound))
