"""What has come of needs, in all runs."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from app.chunks import chunked
from models.exchange import Need
from models.matching import Proposal
from models.partnerships import Partnership
from models.vocabulary import NeedProgress, NeedState, ProposalState

_REACHED: Final = (
    # The furthest first, as a need has come as far as its furthest proposal.
    (NeedProgress.RUNNING, Partnership.id.is_not(None) & Partnership.over_on.is_(None)),
    (
        NeedProgress.APPROVED,
        Proposal.state.in_((ProposalState.APPROVED, ProposalState.APPROVED_WITH_CONDITIONS)),
    ),
    (NeedProgress.AGREED, Proposal.state.in_((ProposalState.AGREED, ProposalState.DEFERRED))),
    (
        NeedProgress.HELD,
        Proposal.state.in_((ProposalState.PREFERRED, ProposalState.DUE_DILIGENCE)),
    ),
    (NeedProgress.PROPOSED, Proposal.state == ProposalState.PROPOSED),
)
# One look for each need: one for each word took five times as long of a whole country.
_FURTHEST: Final = (
    select(func.max(case(*((holds, -rank) for rank, (_, holds) in enumerate(_REACHED)))))
    .select_from(Proposal)
    .outerjoin(Partnership, Partnership.proposal_id == Proposal.id)
    .where(Proposal.need_id == Need.id)
    .correlate(Need)
    .scalar_subquery()
)
PROGRESS: Final[ColumnElement[str]] = case(
    (Need.state == NeedState.MET, NeedProgress.MET.value),
    (Need.state == NeedState.CLOSED, NeedProgress.CLOSED.value),
    else_=case(
        {-rank: word.value for rank, (word, _) in enumerate(_REACHED)},
        value=_FURTHEST,
        else_=NeedProgress.NOTHING.value,
    ),
)
"""What came of a need; whoever may read the need may read its proposals."""


def progress_of(session: Session, needs: Sequence[Need]) -> dict[int, NeedProgress]:
    """What came of each of some needs, by its id."""
    found: dict[int, NeedProgress] = {}
    for some in chunked([need.id for need in needs]):
        query = select(Need.id, PROGRESS).where(Need.id.in_(some))
        found |= {need_id: NeedProgress(word) for need_id, word in session.execute(query)}
    return found
