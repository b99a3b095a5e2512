"""What each pot of money has left, as planning reads it."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exchange.owed import half_days_owed, waived
from app.exchange.pots import Price, price
from models.money import Commitment, Pot
from models.vocabulary import CommitmentState


class PlannedPot(NamedTuple):
    """What planning looks at of a pot of money."""

    reference: str
    half_day_pence: int
    left_pence: int
    """0 where it is closed, or pays for other dates."""
    open: bool


def planned_pots(
    session: Session, first: date, last: date, besides: int | None
) -> dict[str, PlannedPot]:
    """What each pot has left for support between two days.

    What the proposal `besides` would give back if its support ended on the first counts as left.
    """
    own: dict[int, int] = {}
    if besides is not None:
        stands = Commitment.state != CommitmentState.RELEASED
        query = select(Commitment).where(Commitment.proposal_id == besides, stands)
        for each in session.scalars(query):
            own[each.pot_id] = each.pence - _kept(session, each, first)
    found = {}
    for pot in session.scalars(select(Pot).order_by(Pot.id)):
        pays = pot.open and pot.starts <= last and pot.ends >= first
        left = pot.budget_pence - pot.committed_pence + own.get(pot.id, 0) if pays else 0
        found[pot.reference] = PlannedPot(pot.reference, price(pot).half_day_pence, left, pot.open)
    return found


def _kept(session: Session, commitment: Commitment, last: date) -> int:
    """Pence that stay committed if what they are for ended on a day: delivered or claimed."""
    if commitment.partnership_id is None:
        return 0
    rates = Price(commitment.day_rate_pence, commitment.fee_pence)
    owed = rates.of(half_days_owed(session, commitment, last)) - waived(session, commitment)
    return max(owed, commitment.claimed_pence)
