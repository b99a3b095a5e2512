"""A run replaces what earlier runs of the same takers and period proposed and nobody decided on.

What is replaced is set aside and stays on record. What anybody decided on, or made an exception
for, is left alone, and so are the proposals of other areas and periods.
"""

from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.database import WriteSession, database_now
from app.events import audit
from app.planning.scope import run_ids
from app.planning.standing import undecided
from models.matching import Proposal, ProposalFlag, Run
from models.vocabulary import FlagOutcome, ProposalState, RunState


def newer_run(session: Session, run: Run) -> int | None:
    """The newest run that was planned for the same takers and period while this one was."""
    later = (Run.id > run.id, Run.state == RunState.SOLVED)
    return next(iter(run_ids(session, run.scope, run.period_code, *later)), None)


def replace_undecided(session: WriteSession, run: Run, actor: str) -> int:
    """Set aside what a run that is now planned replaces, and return how many proposals that is."""
    left = select(Proposal.run_id).where(undecided() | Proposal.alternate_due)
    earlier = run_ids(session, run.scope, run.period_code, Run.id < run.id, Run.id.in_(left))
    if not earlier:
        return 0
    # This run has planned these needs anew: none waits for an alternative any more.
    _change(session, Proposal.alternate_due.expression, earlier, alternate_due=False)
    replaced = _change(
        session,
        undecided(),
        earlier,
        state=ProposalState.REPLACED,
        replaced_by_run_id=run.id,
        version=Proposal.version + 1,
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
        of_runs=sorted(earlier),
        proposals=replaced,
    )
    return replaced


def _change(
    session: WriteSession, which: ColumnElement[bool], runs: list[int], **values: Any
) -> int:
    changed = session.execute(
        update(Proposal)
        .where(Proposal.run_id.in_(runs), which)
        .values(**values)
        .returning(Proposal.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())
