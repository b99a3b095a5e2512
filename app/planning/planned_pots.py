"""What each pot of money has left, as planning reads it."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.exchange.pots import price
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
    """What each pot has left for support between two days; `besides` what one proposal holds."""
    own: dict[int, int] = {}
    if besides is not None:
        stands = Commitment.state != CommitmentState.RELEASED
        query = select(Commitment.pot_id, Commitment.pence, Commitment.claimed_pence)
        for pot_id, pence, claimed in session.execute(
            query.where(Commitment.proposal_id == besides, stands)
        ):
            own[pot_id] = pence - claimed
    found = {}
    for pot in session.scalars(select(Pot).order_by(Pot.id)):
        left = pot.budget_pence - pot.committed_pence if pot.open else 0
        left = left + own.get(pot.id, 0) if pot.starts <= last and pot.ends >= first else 0
        found[pot.reference] = PlannedPot(pot.reference, price(pot).half_day_pence, left, pot.open)
    return found
