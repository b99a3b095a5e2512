"""Requests of proposals with what became of their emails, for whoever may read the proposal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.proposals.queries import get_proposal
from models.consent import ConsentRequest, Mail
from models.exchange import Offer
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import DeliveryState, RequestState


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what is known of its emails."""

    request: ConsentRequest
    sent: bool
    """Whether the email with the link has gone out."""
    failed: str | None
    """Why an email did not go out, if one did not."""
    next_clock: datetime | None
    """When it is reminded next, or takes no answer any more."""


def requests_of(
    session: Session,
    principal: Principal,
    proposal_id: int,
    remind_hours: int,
    remind_again_hours: int,
) -> list[Asked]:
    """Every request of a proposal, the oldest first."""
    authorise(principal, Action.READ)
    get_proposal(session, principal, proposal_id)
    found = session.scalars(
        select(ConsentRequest)
        .where(ConsentRequest.proposal_id == proposal_id)
        .order_by(ConsentRequest.id)
    ).all()
    mails = session.scalars(
        select(Mail).where(Mail.request_id.in_([each.id for each in found])).order_by(Mail.id)
    ).all()
    return [
        _asked(
            each,
            [mail for mail in mails if mail.request_id == each.id],
            (remind_hours, remind_again_hours),
        )
        for each in found
    ]


@dataclass(frozen=True, slots=True)
class Offered:
    """A proposal that a school may pick, and who would give the support."""

    proposal: Proposal
    giver: Participant


def offered(session: Session, request: ConsentRequest) -> list[Offered]:
    """What a request lets the school pick from, the suggested one first; none without a choice."""
    if not request.choices:
        return []
    numbers = [request.proposal_id, *(each["proposal"] for each in request.choices)]
    found = {
        proposal.id: Offered(proposal, giver)
        for proposal, giver in session.execute(
            select(Proposal, Participant)
            .join(Offer, Offer.id == Proposal.offer_id)
            .join(Participant, Participant.id == Offer.participant_id)
            .where(Proposal.id.in_(numbers))
        )
    }
    return [found[number] for number in numbers]


def of_what_was_chosen(session: Session, request: ConsentRequest) -> ConsentRequest:
    """The same answer where it counts: with another proposal, if the school picked that one."""
    if request.chosen_id in (None, request.proposal_id):
        return request
    noted = session.scalar(
        select(ConsentRequest)
        .where(
            ConsentRequest.follows_id == request.id,
            ConsentRequest.proposal_id == request.chosen_id,
        )
        .order_by(ConsentRequest.id)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return noted or request


def _asked(request: ConsentRequest, mails: Sequence[Mail], reminders: tuple[int, int]) -> Asked:
    sent = any(mail.state == DeliveryState.DELIVERED for mail in mails)
    errors = [mail.error for mail in mails if mail.error and mail.state != DeliveryState.DELIVERED]
    waits = request.state == RequestState.OPEN
    clock = None
    if waits and request.asked_at is not None:
        clock = request.expires_at
        if request.reminded < len(reminders):
            clock = request.asked_at + timedelta(hours=reminders[request.reminded])
    return Asked(request, sent, errors[-1] if errors and waits else None, clock)
