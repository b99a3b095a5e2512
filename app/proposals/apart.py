"""Who may not approve a proposal: whoever proposed it, or speaks for who gives it."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.holders import principal_of_holder
from app.access.persons import same_person
from app.access.policy import TERMINAL, WORKER, Principal
from app.access.scoped import within
from app.database import WriteSession, database_now
from app.errors import Forbidden
from models.exchange import Offer
from models.matching import Agreement, Decision, Proposal
from models.register import Participant
from models.vocabulary import DecisionAction, Says

EMPLOYED: Final = (
    "You cannot approve or direct this, because you speak for the organisation that gives the "
    "support. Ask another approver."
)
PROPOSING: Final = (DecisionAction.PREFER, DecisionAction.START_DUE_DILIGENCE)


def require_apart(
    session: WriteSession, principal: Principal, proposal: Proposal, offer: Offer
) -> None:
    """Raise `Forbidden` where a second person has to look."""
    if reason := why_kept_apart(session, principal, proposal, offer):
        raise Forbidden(reason)


def why_kept_apart(
    session: Session, principal: Principal, proposal: Proposal, offer: Offer
) -> str | None:
    """Why a second person has to look; none where the principal may.

    Whoever has the machine is asked nothing: what stands in the database is theirs to write.
    """
    if principal in (TERMINAL, WORKER):
        return None
    names = same_person(session, principal.name)
    proposed = select(Decision.id).where(
        Decision.proposal_id == proposal.id,
        Decision.author.in_(names),
        Decision.action.in_(PROPOSING),
    )
    if session.scalars(proposed.limit(1)).first() is not None:
        return "You cannot approve this proposal, because you put it forward. Ask another approver."
    recorded = select(Agreement.says).where(
        Agreement.proposal_id == proposal.id,
        Agreement.recorded_by.in_(names),
        Agreement.voided_at.is_(None),
    )
    says = session.scalars(recorded).all()
    if says:
        what = "the statutory direction" if Says.DIRECTED in says else "what a side responded"
        return (
            f"You cannot approve this proposal, because you recorded {what}. Ask another approver."
        )
    return EMPLOYED if _is_employed(session, principal, offer) else None


def require_no_employer(session: WriteSession, principal: Principal, offer: Offer) -> None:
    """Raise `Forbidden` where the principal speaks for who gives the support, by whatever key."""
    if _is_employed(session, principal, offer):
        raise Forbidden(EMPLOYED)


def _is_employed(session: Session, principal: Principal, offer: Offer) -> bool:
    now = database_now(session)
    names = same_person(session, principal.name) - {principal.name}
    others = [principal_of_holder(session, name, now) for name in names]
    employers = principal.employers.union(*(each.employers for each in others if each))
    gives = select(Participant.id).where(
        Participant.id == offer.participant_id, within(employers, Participant.id)
    )
    return session.scalar(gives) is not None
