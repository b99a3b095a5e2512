"""What a participant gave and took, period by period: running and past support, and holds."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from models.exchange import Limits, Need, Offer
from models.matching import Proposal, Run
from models.partnerships import Support
from models.vocabulary import HOLDING


@dataclass(slots=True)
class Balance:
    """Half-days of one period; what other agencies give is nobody's debt and not counted."""

    period: str
    given: int = 0
    taken: int = 0
    held_to_give: int = 0
    held_to_take: int = 0
    carried: int = 0

    @property
    def total(self) -> int:
        out = self.given + self.held_to_give
        return self.carried + out - self.taken - self.held_to_take


def balances(session: Session, principal: Principal, participant_id: int) -> list[Balance]:
    """One for each period in which something is on either side, by period."""
    authorise(principal, Action.READ)
    found: dict[str, Balance] = {}
    ours = Support.agency.is_(None)
    for name, condition in (
        ("given", Support.giver_id == participant_id),
        ("taken", and_(Support.taker_id == participant_id, ours)),
    ):
        _sum_support(session, found, name, condition)
    for name, side in (
        ("held_to_give", Offer.participant_id == participant_id),
        ("held_to_take", Need.participant_id == participant_id),
    ):
        query = (
            select(Run.period_code, func.sum(Proposal.half_days))
            .select_from(Proposal)
            .join(Run, Run.id == Proposal.run_id)
            .join(Need, Need.id == Proposal.need_id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(side, Proposal.state.in_(HOLDING))
            .group_by(Run.period_code)
        )
        for period, half_days in session.execute(query):
            setattr(found.setdefault(period, Balance(period)), name, half_days)
    carried = select(Limits.period_code, Limits.carried_half_days).where(
        Limits.participant_id == participant_id, Limits.carried_half_days != 0
    )
    for period, half_days in session.execute(carried):
        found.setdefault(period, Balance(period)).carried = half_days
    return [found[period] for period in sorted(found)]


def _sum_support(
    session: Session, found: dict[str, Balance], name: str, condition: ColumnElement[bool]
) -> None:
    query = (
        select(Support.period_code, func.sum(Support.half_days))
        .where(condition, Support.period_code.is_not(None), Support.half_days.is_not(None))
        .group_by(Support.period_code)
    )
    for period, half_days in session.execute(query):
        setattr(found.setdefault(period or "", Balance(period or "")), name, half_days)
