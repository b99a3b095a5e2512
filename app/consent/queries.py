"""Requests of proposals with what became of their emails, for whoever may read the proposal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.proposals.queries import get_proposal
from models.consent import ConsentRequest, Mail
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
