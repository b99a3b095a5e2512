"""Runs, proposals, decisions, pins and exclusions as they were stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import runs_seen, visible
from app.errors import NotFound
from models.matching import Proposal, Run, RunEvent, RunFile
from models.vocabulary import ENDED_PROPOSALS
from solver.explain.explained_json import Explained, explained, explained_from_json
from solver.formats.json_columns import decode
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_from_json
from solver.formats.tables import ProblemFault

DRAWN: Final = "DRAWN-"
"""How the references of needs and offers begin that were drawn at random."""
FileName = Literal[
    "problem",
    "plan",
    "given_plan",
    "refusals",
    "explained",
    "trials",
    "summary",
    "unmet",
    "picture",
]


def get_run(session: Session, principal: Principal, run_id: int, *, whole: bool = False) -> Run:
    """A run that the principal may know of; `whole`: only if all that it plans may be read."""
    authorise(principal, Action.READ)
    if whole:
        authorise(principal, Action.READ_PLAN)
    seen = visible(principal, Action.READ_PLAN, Run) if whole else runs_seen(principal)
    run = session.scalar(select(Run).where(Run.id == run_id, seen))
    if run is None:
        raise NotFound(f"There is no run {run_id}. Check the number.")
    return run


def sees_all(session: Session, principal: Principal, run: Run) -> bool:
    """Whether all that a run plans may be read."""
    return run.id in seen_whole(session, principal, [run])


def seen_whole(session: Session, principal: Principal, runs: Sequence[Run]) -> set[int]:
    """Those of the runs of which all that they plan may be read."""
    seen = visible(principal, Action.READ_PLAN, Run)
    query = select(Run.id).where(Run.id.in_([run.id for run in runs]), seen)
    return set(session.scalars(query))


def file_of(session: Session, run_id: int, name: FileName) -> bytes:
    """A file of a run as it was stored, gzipped JSON."""
    file = session.get(RunFile, (run_id, name))
    if file is None:
        raise NotFound(f"Run {run_id} has no {name.replace('_', ' ')}.")
    return file.content


def problem_of(session: Session, principal: Principal, run_id: int) -> Problem:
    """The exact problem of a run; solving it again with its options gives its plan again."""
    get_run(session, principal, run_id, whole=True)
    return problem_from_json(decode(file_of(session, run_id, "problem")))


def refusals_of(session: Session, principal: Principal, run_id: int) -> dict[str, dict[str, int]]:
    """How many offers the rules refused each need, by reason."""
    get_run(session, principal, run_id, whole=True)
    found: dict[str, dict[str, int]] = decode(file_of(session, run_id, "refusals"))
    return found


def explained_of(session: Session, principal: Principal, run_id: int) -> Explained:
    """What keeps each unmet need of a run's plan out, by the rules of the plan."""
    get_run(session, principal, run_id, whole=True)
    try:
        return read_explained(file_of(session, run_id, "explained"))
    except (NotFound, ProblemFault):
        # Planned by an earlier version.
        plan = plan_of(session, principal, run_id)
        return explained(problem_of(session, principal, run_id), plan)


def read_explained(content: bytes) -> Explained:
    return explained_from_json(decode(content))


def plan_of(session: Session, principal: Principal, run_id: int) -> Plan:
    get_run(session, principal, run_id, whole=True)
    return Plan.from_json(decode(file_of(session, run_id, "plan")))


def events(
    session: Session, principal: Principal, run_id: int, after: int = 0
) -> Sequence[RunEvent]:
    """What happened to a run after the event numbered `after`, in order."""
    authorise(principal, Action.READ)
    return session.scalars(
        select(RunEvent)
        .where(
            RunEvent.run_id == run_id,
            RunEvent.sequence > after,
            RunEvent.run_id.in_(select(Run.id).where(runs_seen(principal))),
        )
        .order_by(RunEvent.sequence)
    ).all()


def list_runs(
    session: Session,
    principal: Principal,
    *,
    state: str | None = None,
    operation: str | None = None,
    period: str | None = None,
    before: int | None = None,
    limit: int | None = 50,
) -> Sequence[Run]:
    """Runs, the newest first."""
    authorise(principal, Action.READ)
    query = select(Run).where(runs_seen(principal)).order_by(Run.id.desc()).limit(limit)
    for column, value in (
        (Run.state, state),
        (Run.operation, operation),
        (Run.period_code, period),
    ):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(Run.id < before)
    return session.scalars(query).all()


def named(session: Session, principal: Principal, ids: Collection[int]) -> dict[int, str]:
    """What some runs plan, by their numbers."""
    authorise(principal, Action.READ)
    query = select(Run.id, Run.scope).where(Run.id.in_(ids), runs_seen(principal))
    return {number: scope["name"] for number, scope in session.execute(query)}


def last_progress(session: Session, run_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What the solver last told of each run."""
    newest = (
        select(RunEvent.run_id, func.max(RunEvent.sequence).label("sequence"))
        .where(RunEvent.run_id.in_(run_ids), RunEvent.kind == "progress")
        .group_by(RunEvent.run_id)
        .subquery()
    )
    query = select(RunEvent).join(
        newest,
        (RunEvent.run_id == newest.c.run_id) & (RunEvent.sequence == newest.c.sequence),
    )
    return {event.run_id: event.data for event in session.scalars(query)}


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another run with open proposals for needs that a run proposes for, too."""

    run: Run
    needs: int


def overlaps(session: Session, principal: Principal, run_id: int) -> list[Overlap]:
    """Runs, of whatever area and period, that have open proposals for the same needs."""
    authorise(principal, Action.READ)
    mine = aliased(Proposal)
    needs = func.count(distinct(Proposal.need_id))
    query = (
        select(Proposal.run_id, needs)
        .join(mine, mine.need_id == Proposal.need_id)
        .where(
            mine.run_id == run_id,
            mine.state.not_in(ENDED_PROPOSALS),
            Proposal.run_id != run_id,
            Proposal.state.not_in(ENDED_PROPOSALS),
            visible(principal, Action.READ, Proposal),
        )
        .group_by(Proposal.run_id)
        .order_by(Proposal.run_id)
    )
    return [Overlap(session.get_one(Run, other), count) for other, count in session.execute(query)]


def replaced(session: Session, principal: Principal, run_id: int) -> list[tuple[int, int]]:
    """Newer runs that replaced proposals of a run, and how many each did."""
    authorise(principal, Action.READ)
    by = Proposal.replaced_by_run_id
    query = (
        select(by, func.count())
        .where(
            Proposal.run_id == run_id,
            by.is_not(None),
            visible(principal, Action.READ, Proposal),
        )
        .group_by(by)
        .order_by(by)
    )
    return [(newer, count) for newer, count in session.execute(query) if newer is not None]


def replaces(session: Session, principal: Principal, run_id: int) -> list[tuple[int, int]]:
    """Earlier runs of which a run replaced proposals, and how many of each."""
    authorise(principal, Action.READ)
    query = (
        select(Proposal.run_id, func.count())
        .where(Proposal.replaced_by_run_id == run_id, visible(principal, Action.READ, Proposal))
        .group_by(Proposal.run_id)
        .order_by(Proposal.run_id)
    )
    return [(earlier, count) for earlier, count in session.execute(query)]


def replacements(session: Session, principal: Principal, proposal: Proposal) -> Sequence[int]:
    """Proposals for the same need in the run that replaced a proposal."""
    authorise(principal, Action.READ)
    query = select(Proposal.id).where(
        Proposal.run_id == proposal.replaced_by_run_id,
        Proposal.need_id == proposal.need_id,
        visible(principal, Action.READ, Proposal),
    )
    return session.scalars(query.order_by(Proposal.id)).all()
