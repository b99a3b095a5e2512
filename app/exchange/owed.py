"""What money of a pot stays committed for a partnership once it is over."""

from datetime import date
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.money import Claim, Commitment
from models.partnerships import SupportVisit
from models.vocabulary import ClaimState, VisitState

TO_BE_PAID: Final = frozenset(
    {VisitState.BOOKED, VisitState.WRITTEN_UP, VisitState.SIGNED, VisitState.DISPUTED}
)
"""Visits of a partnership that is over for which its money stays committed."""


def half_days_owed(session: Session, commitment: Commitment, last: date | None = None) -> int:
    """Half-days of a partnership that were visited or are booked, as far as agreed.

    With `last`, bookings after that day do not count: an end on it would cancel them.
    """
    query = select(func.coalesce(func.sum(SupportVisit.half_days), 0)).where(
        SupportVisit.partnership_id == commitment.partnership_id,
        SupportVisit.state.in_(TO_BE_PAID),
    )
    if last is not None:
        query = query.where(
            or_(SupportVisit.state != VisitState.BOOKED, SupportVisit.on_day <= last)
        )
    visited = session.scalar(query)
    # Days of disputed visits can be booked anew: an end never commits more than was agreed.
    return min(visited or 0, commitment.half_days)


def waived(session: Session, commitment: Commitment) -> int:
    """Pence by which paid claims of a commitment stayed below the worth of their visits."""
    worth = (
        select(func.coalesce(func.sum(SupportVisit.pence), 0))
        .where(SupportVisit.claim_id == Claim.id)
        .correlate(Claim)
        .scalar_subquery()
    )
    below = session.scalar(
        select(func.coalesce(func.sum(worth - Claim.pence), 0)).where(
            Claim.commitment_id == commitment.id, Claim.state == ClaimState.PAID
        )
    )
    return int(below or 0)
