"""What the work of a run told is written down here: each thing once, and only by its holder."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select

from app.database import Database, WriteSession
from app.errors import Problem
from app.planning.carry_out import (
    STATE_OF_STATUS,
    Checked,
    Message,
    Planned,
    ProblemMade,
    Searching,
    Stage,
)
from app.planning.pair_constraints import ImpossiblePin
from app.planning.scope import run_ids
from app.runs import leases, queries
from app.runs.leases import Lease
from app.runs.replacement import newer_run, replace_undecided
from models.matching import Alternate, Proposal, Run, RunFile
from models.vocabulary import ProposalState, RunState
from solver.check.verify import Violation, verify
from solver.formats.json_columns import decode
from solver.formats.plan import Plan
from solver.formats.problem_json import problem_from_json

MOST_LETTERS = 1_000
"""Of a sentence that says why there is no plan."""


def receive(database: Database, held: Lease, message: Message) -> None:
    """Write down what the work of a run told, unless the run is no longer ours.

    Raises
    ------
    LeaseLost
        If another worker took it up, or it ended.
    """
    if isinstance(message, Planned):
        _check(database, held, message)
    with database.write() as session:
        run = leases.fenced(session, held)
        match message:
            case Stage(name, fraction):
                run.stage = name
                leases.add_event(session, run, "stage", stage=name, fraction=fraction)
            case Searching():
                leases.add_event(session, run, "progress", **asdict(message))
            case ProblemMade():
                run.problem_sha256, run.basis_sha256 = message.sha256, message.basis_sha256
                run.rows_sha256 = message.rows_sha256
                run.refusals = dict(message.refused)
                session.merge(RunFile(run_id=run.id, name="refusals", content=message.refusals))
                run.summary = dict(message.summary)
                session.merge(RunFile(run_id=run.id, name="problem", content=message.content))
                leases.add_event(session, run, "problem", sha256=message.sha256, **message.summary)
            case Planned():
                _finish(session, held, run, message)
            case Checked(findings):
                run.summary = findings
                run.objective = findings.get("objective")
                run.bound, run.gap = findings.get("bound"), findings.get("gap")
                state = RunState.CANCELLED if run.cancel_requested else RunState.CHECKED
                leases.end(session, run, state, actor=held.worker)


class BrokenPlan(RuntimeError):
    """A plan that breaks a rule of the problem that was stored: a fault of ours."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        first = violations[0]
        super().__init__(
            f"{len(violations)} violations, first {first.rule} at {first.where}: {first.sentence}"
        )
        self.rule, self.violations = first.rule, len(violations)


def _check(database: Database, held: Lease, message: Planned) -> None:
    """Verify the very plan that will be written against the very problem that was stored."""
    with database.read() as session:
        problem = problem_from_json(decode(queries.file_of(session, held.run_id, "problem")))
    violations = verify(problem, Plan.from_json(decode(message.plan)))
    if violations:
        raise BrokenPlan(violations)


def _finish(session: WriteSession, held: Lease, run: Run, message: Planned) -> None:
    plan = Plan.from_json(decode(message.plan))
    session.merge(RunFile(run_id=run.id, name="plan", content=message.plan))
    session.merge(RunFile(run_id=run.id, name="explained", content=message.explained))
    if message.kept_run_id is None and not run.cancel_requested:
        with_state = select(RunFile.run_id).where(RunFile.name == "state", RunFile.run_id < run.id)
        older = run_ids(session, run.scope, run.period_code, Run.id.in_(with_state))
        outdated = (RunFile.name == "state") & RunFile.run_id.in_(older)
        session.execute(delete(RunFile).where(outdated))
    if message.state is not None and not run.cancel_requested:
        session.merge(RunFile(run_id=run.id, name="state", content=message.state))
    for name, content in message.pages.items():
        session.merge(RunFile(run_id=run.id, name=name, content=content))
    run.objective, run.bound, run.gap = plan.objective, plan.bound, plan.gap
    run.stopped = plan.stopped
    run.summary = (run.summary or {}) | {"greedy_objective": message.greedy_objective}
    if plan.given_up:
        run.summary["given_up"] = plan.given_up
    if message.stood:
        run.summary |= {"stood": message.stood, "moved": message.moved}
    run.stage = None
    if plan.conflict:
        run.failure = " ".join(
            ["No plan can satisfy all of these:", *(part.sentence for part in plan.conflict)]
        )[:MOST_LETTERS]
    # Who asked to cancel is to review nothing; what was found until then can be read.
    state = RunState.CANCELLED if run.cancel_requested else STATE_OF_STATUS[plan.status]
    proposals = [] if run.cancel_requested else message.proposals
    told: dict[str, Any] = {}
    if message.kept_run_id is not None:
        run.kept_run_id = told["kept_run"] = message.kept_run_id
    if proposals and (newer := newer_run(session, run)) is not None:
        # What it proposes is out of date already.
        late = {"state": ProposalState.REPLACED, "replaced_by_run_id": newer}
        proposals = [row | late for row in proposals]
        told["replaced_by"] = newer
    if proposals:
        session.execute(insert(Proposal), proposals)
    if message.alternates and not run.cancel_requested:
        session.execute(insert(Alternate), message.alternates)
    if state is RunState.SOLVED and (replaced := replace_undecided(session, run, held.worker)):
        told["replaced"] = replaced
    leases.end(
        session,
        run,
        state,
        actor=held.worker,
        digest=hashlib.sha256(message.plan).hexdigest(),
        pairings=len(plan),
        proposals=len(proposals),
        **told,
    )


def refuse(database: Database, held: Lease, problem: Problem) -> None:
    """End a run that is impossible to plan, and say why."""
    end_with(database, held, state_of_refusal(problem), problem.detail)


def state_of_refusal(problem: Problem) -> RunState:
    return RunState.INFEASIBLE if isinstance(problem, ImpossiblePin) else RunState.FAILED


def fail(database: Database, held: Lease, sentence: str) -> None:
    """End a run that our own fault stopped."""
    end_with(database, held, RunState.FAILED, sentence)


def end_with(database: Database, held: Lease, state: RunState, sentence: str | None = None) -> None:
    """End a run without a plan."""
    with database.write() as session:
        run = leases.fenced(session, held)
        run.failure = sentence and sentence[:MOST_LETTERS]
        run.stage = None
        leases.end(session, run, state, actor=held.worker)
