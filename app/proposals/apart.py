"""Who may not approve a proposal: whoever proposed it, or speaks for who gives it."""

from sqlalchemy import select

from app.access.holders import principal_of_holder
from app.access.persons import same_person
from app.access.policy import TERMINAL, WORKER, Principal
from app.access.scoped import within
from app.database import WriteSession, database_now
from app.errors import Forbidden
from models.exchange import Offer
from models.matching import Agreement, Decision, Proposal
from models.register import Participant
from models.vocabulary import DecisionAction

PROPOSING = (DecisionAction.PREFER, DecisionAction.START_DUE_DILIGENCE)


def require_apart(
    session: WriteSession, principal: Principal, proposal: Proposal, offer: Offer
) -> None:
    """Raise `Forbidden` where a second person has to look.

    Whoever has the machine is asked nothing: what stands in the database is theirs to write.
    """
    if principal in (TERMINAL, WORKER):
        return
    names = same_person(session, principal.name)
    proposed = select(Decision.id).where(
        Decision.proposal_id == proposal.id,
        Decision.author.in_(names),
        Decision.action.in_(PROPOSING),
    )
    if session.scalars(proposed.limit(1)).first() is not None:
        raise Forbidden(
            "You cannot approve this proposal, because you put it forward. Ask another approver."
        )
    recorded = select(Agreement.id).where(
        Agreement.proposal_id == proposal.id,
        Agreement.recorded_by.in_(names),
        Agreement.voided_at.is_(None),
    )
    if session.scalars(recorded.limit(1)).first() is not None:
        raise Forbidden(
            "You cannot approve this proposal, because you recorded what a side said to it. Ask "
            "another approver."
        )
    require_no_employer(session, principal, offer)


def require_no_employer(session: WriteSession, principal: Principal, offer: Offer) -> None:
    """Raise `Forbidden` where the principal speaks for who gives the support, by whatever key."""
    now = database_now(session)
    names = same_person(session, principal.name) - {principal.name}
    others = [principal_of_holder(session, name, now) for name in names]
    employers = principal.employers.union(*(each.employers for each in others if each))
    gives = select(Participant.id).where(
        Participant.id == offer.participant_id, within(employers, Participant.id)
    )
    if session.scalar(gives) is not None:
        raise Forbidden(
            "You cannot approve or direct this, because you speak for the organisation that gives "
            "the support. Ask another approver."
        )
