"""Whether somebody speaks for a participant, by whatever key, user or link."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.holders import principal_of_holder
from app.access.persons import same_person
from app.access.policy import Principal
from app.access.scoped import within
from app.database import database_now
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Participant


def speaks_for_participant(session: Session, principal: Principal, participant_id: int) -> bool:
    """Whether the person who acts holds a role for the participant, or for its trust."""
    now = database_now(session)
    names = same_person(session, principal.name) - {principal.name}
    others = [principal_of_holder(session, name, now) for name in names]
    employers = principal.employers.union(*(each.employers for each in others if each))
    mine = select(Participant.id).where(
        Participant.id == participant_id, within(employers, Participant.id)
    )
    return session.scalar(mine) is not None


def speaks_for_giver(session: Session, principal: Principal, proposal_id: int) -> bool:
    """Whether the person who acts speaks for the supporting organisation of a proposal."""
    giver = select(Offer.participant_id).join(Proposal, Proposal.offer_id == Offer.id)
    return speaks_for_participant(
        session, principal, session.scalars(giver.where(Proposal.id == proposal_id)).one()
    )


def speaks_for_taker(session: Session, principal: Principal, proposal_id: int) -> bool:
    """Whether the person who acts speaks for the school that a proposal supports."""
    taker = select(Need.participant_id).join(Proposal, Proposal.need_id == Need.id)
    return speaks_for_participant(
        session, principal, session.scalars(taker.where(Proposal.id == proposal_id)).one()
    )
