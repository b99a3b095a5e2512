"""A run replaces what earlier runs of the same takers and period proposed and nobody decided on.

What is replaced is set aside and stays on record. What anybody decided on, or made an exception
for, is left alone, and so are the proposals of other areas and periods.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.access.policy import WORKER
from app.database import WriteSession, database_now
from app.events import audit
from app.planning.options import MatchOptions
from app.planning.scope import run_ids, takers_of
from app.planning.standing import undecided, undecided_of
from models.matching import Proposal, ProposalFlag, Run
from models.vocabulary import FlagOutcome, ProposalState, RunState

AT_ONCE: Final = 5_000


def newer_run(session: Session, run: Run) -> int | None:
    """The newest run that was planned for the same takers and period while this one was."""
    later = (Run.id > run.id, Run.state == RunState.SOLVED)
    return next(iter(run_ids(session, run.scope, run.period_code, *later)), None)


def replace_undecided(session: WriteSession, run: Run, actor: str) -> int:
    """Set aside what a run that is now planned replaces, and return how many proposals that is."""
    as_of = MatchOptions.model_validate(run.options).as_of
    assert as_of is not None
    takers = takers_of(session, WORKER, run.scope, as_of).participant_ids
    open_ones = [
        row[0] for row in undecided_of(session, run.scope, run.period_code, run.id, takers)
    ]
    due = select(Proposal.run_id).where(Proposal.alternate_due)
    earlier = run_ids(session, run.scope, run.period_code, Run.id < run.id, Run.id.in_(due))
    if not earlier and not open_ones:
        return 0
    # This run has planned these needs anew: none waits for an alternative any more.
    of_earlier = Proposal.run_id.in_(earlier) & Proposal.alternate_due.expression
    _change(session, of_earlier, alternate_due=False)
    replaced = sum(
        _change(
            session,
            Proposal.id.in_(open_ones[start : start + AT_ONCE]) & undecided(),
            state=ProposalState.REPLACED,
            replaced_by_run_id=run.id,
            version=Proposal.version + 1,
        )
        for start in range(0, len(open_ones), AT_ONCE)
    )
    session.execute(
        update(ProposalFlag)
        .where(
            ProposalFlag.cleared_at.is_(None),
            ProposalFlag.proposal_id.in_(
                select(Proposal.id).where(Proposal.replaced_by_run_id == run.id)
            ),
        )
        .values(cleared_at=database_now(session), cleared_by=actor, outcome=FlagOutcome.DECIDED)
        .execution_options(synchronize_session=False)
    )
    audit.record(
        session,
        actor=actor,
        action="run.replaced_proposals",
        subject=f"run:{run.id}",
        of_runs=_runs_of(session, run),
        proposals=replaced,
    )
    return replaced


def _runs_of(session: WriteSession, run: Run) -> list[int]:
    """Runs of which a run has replaced proposals."""
    query = select(Proposal.run_id).where(Proposal.replaced_by_run_id == run.id).distinct()
    return sorted(session.scalars(query))


def _change(session: WriteSession, which: ColumnElement[bool], **values: Any) -> int:
    changed = session.execute(
        update(Proposal)
        .where(which)
        .values(**values)
        .returning(Proposal.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())
