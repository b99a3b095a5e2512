"""Proposals that wait for somebody: for the word of the side it speaks for, or for its approval."""

from dataclasses import replace

from sqlalchemy import exists
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal
from app.access.scoped import visible
from app.proposals.heard import OF_SIDE
from app.proposals.queries import Full, find_proposals
from app.proposals.states import LAPSING
from models.matching import Agreement, Proposal
from models.vocabulary import ProposalState, Role, Side

APPROVABLE = (ProposalState.AGREED, ProposalState.DEFERRED)


def waiting_for(
    session: Session, principal: Principal, limit: int
) -> tuple[dict[Side, list[Full]], list[Full]]:
    """What waits for the principal's word for each side, and for its approval, `limit` of each.

    Brokers, who may record what others said, and administrators are asked for nothing.
    """
    contact, approver = (
        replace(principal, grants=frozenset(one for one in principal.grants if one.role is role))
        for role in (Role.CONTACT, Role.APPROVER)
    )
    responses = {
        side: find_proposals(
            session,
            contact,
            Proposal.state.in_(LAPSING),
            visible(contact, OF_SIDE[side], Proposal),
            ~exists().where(
                Agreement.proposal_id == Proposal.id,
                Agreement.side == side,
                Agreement.voided_at.is_(None),
            ),
            limit=limit,
        )
        for side in Side
    }
    to_approve = find_proposals(
        session,
        approver,
        Proposal.state.in_(APPROVABLE),
        visible(approver, Action.APPROVE, Proposal),
        limit=limit,
    )
    return responses, to_approve
