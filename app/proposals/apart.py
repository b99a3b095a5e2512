"""Who may not approve a proposal: whoever proposed it, or speaks for who gives it."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.access.employed import speaks_for_participant
from app.access.persons import same_person
from app.access.policy import TERMINAL, WORKER, Principal
from app.database import WriteSession
from app.errors import Forbidden
from app.interests.edges import standing_for
from models.consent import ConsentRequest
from models.exchange import Offer
from models.interests import Interest
from models.matching import Agreement, Decision, Proposal
from models.register import FactChange
from models.vocabulary import DecisionAction, FactKind, Says

EMPLOYED: Final = (
    "You cannot approve or direct this, because you speak for the organisation that gives the "
    "support. Ask another approver."
)
A_YEAR: Final = timedelta(days=366)
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
    asked = _asked(proposal).where(ConsentRequest.asked_by.in_(names))
    if any(session.scalar(each.limit(1)) is not None for each in (proposed, asked)):
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
    return EMPLOYED if is_employed(session, principal, offer) else None


def acting_for(session: Session, proposal: Proposal) -> frozenset[str]:
    """Every name of those who put a proposal forward, asked about it or recorded something of it.

    Recorded: what is paid, or a response. Not whoever has the machine, see `why_kept_apart`.
    """
    proposed = select(Decision.author).where(
        Decision.proposal_id == proposal.id, Decision.action.in_(PROPOSING)
    )
    recorded = select(Agreement.recorded_by).where(
        Agreement.proposal_id == proposal.id, Agreement.voided_at.is_(None)
    )
    asked = _asked(proposal)
    names = {
        *session.scalars(proposed),
        *session.scalars(recorded),
        *session.scalars(asked),
        proposal.public_money_by,
    }
    names -= {None, TERMINAL.name, WORKER.name}
    return frozenset().union(*(same_person(session, name) for name in names if name))


def _asked(proposal: Proposal) -> Select[str]:
    """Who asked a side about a proposal, also as one of a choice that was then picked."""
    return select(ConsentRequest.asked_by).where(
        or_(
            ConsentRequest.proposal_id == proposal.id,
            ConsentRequest.chosen_id == proposal.id,
        )
    )


def changed_by_those_who_act(
    session: Session, proposal: Proposal, sides: Collection[int], kinds: Collection[str], day: date
) -> bool:
    """Whether somebody who acts for a proposal changed, in the year up to `day`, what rules see.

    `kinds` are those of circumstances that a rule asks for. So does a declared interest between the
    sides that they withdrew or gave an earlier end. Also before it was proposed: who plans
    to put it forward has time to prepare that.
    """
    since = datetime.combine(day - A_YEAR, time(), UTC)
    names = acting_for(session, proposal)
    query = select(FactChange.id).where(
        FactChange.participant_id.in_(sides),
        FactChange.changed_by.in_(names),
        FactChange.changed_at >= since,
        or_(FactChange.kind != FactKind.CIRCUMSTANCE, FactChange.name.in_(kinds)),
    )
    standing = standing_for(sides)
    eased = select(Interest.id).where(
        Interest.holder_id.in_(standing),
        Interest.about_id.in_(standing),
        or_(
            Interest.withdrawn_by.in_(names) & (Interest.withdrawn_at >= since),
            Interest.shortened_by.in_(names) & (Interest.shortened_at >= since),
        ),
    )
    return any(session.scalar(each.limit(1)) is not None for each in (query, eased))


def require_no_employer(session: WriteSession, principal: Principal, offer: Offer) -> None:
    """Raise `Forbidden` where the principal speaks for who gives the support, by whatever key."""
    if is_employed(session, principal, offer):
        raise Forbidden(EMPLOYED)


def is_employed(session: Session, principal: Principal, offer: Offer) -> bool:
    return speaks_for_participant(session, principal, offer.participant_id)
