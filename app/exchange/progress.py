"""What has come of needs, in all runs."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, case, exists, select
from sqlalchemy.orm import Session

from app.chunks import chunked
from models.exchange import Need
from models.matching import Proposal
from models.partnerships import Partnership
from models.vocabulary import NeedProgress, NeedState, ProposalState


def _has(*states: ProposalState) -> ColumnElement[bool]:
    return exists().where(Proposal.need_id == Need.id, Proposal.state.in_(states)).correlate(Need)


PROGRESS: Final[ColumnElement[str]] = case(
    (Need.state == NeedState.MET, NeedProgress.MET.value),
    (Need.state == NeedState.CLOSED, NeedProgress.CLOSED.value),
    (
        exists()
        .where(
            Proposal.need_id == Need.id,
            Partnership.proposal_id == Proposal.id,
            Partnership.over_on.is_(None),
        )
        .correlate(Need),
        NeedProgress.RUNNING.value,
    ),
    (
        _has(ProposalState.APPROVED, ProposalState.APPROVED_WITH_CONDITIONS),
        NeedProgress.APPROVED.value,
    ),
    (_has(ProposalState.AGREED, ProposalState.DEFERRED), NeedProgress.AGREED.value),
    (_has(ProposalState.PREFERRED, ProposalState.DUE_DILIGENCE), NeedProgress.HELD.value),
    (_has(ProposalState.PROPOSED), NeedProgress.PROPOSED.value),
    else_=NeedProgress.NOTHING.value,
)
"""What came of a need; whoever may read the need may read its proposals."""


def progress_of(session: Session, needs: Sequence[Need]) -> dict[int, NeedProgress]:
    """What came of each of some needs, by its id."""
    found: dict[int, NeedProgress] = {}
    for some in chunked([need.id for need in needs]):
        query = select(Need.id, PROGRESS).where(Need.id.in_(some))
        found |= {need_id: NeedProgress(word) for need_id, word in session.execute(query)}
    return found
