"""Links that were sent to ask about a proposal, as they stood at a moment."""

from dataclasses import dataclass
from datetime import date, datetime

from models.consent import ConsentRequest
from models.vocabulary import RequestState


@dataclass(frozen=True, slots=True)
class RequestThen:
    """Who was asked by a link, and what had come of it by then."""

    id: int
    party: str
    role: str
    """Of the contact that was asked; never a name."""
    state: RequestState
    asked_by: str
    made_at: datetime
    asked_at: datetime | None
    """When the link was sent; none while somebody else was asked first."""
    expires_at: datetime | None
    reminded_at: datetime | None
    closed_at: datetime | None
    """When it was answered, or took no answer any more."""
    answered_role: str | None
    said_on: date | None
    channel: str | None
    """None: through the link."""
    why: str | None
    note: str | None
    voided_at: datetime | None
    """When the answer ceased to count, as the terms changed."""


def request_then(request: ConsentRequest, until: datetime) -> RequestThen:
    """A request without what happened to it from a moment on."""

    def by_then(moment: datetime | None) -> datetime | None:
        return moment if moment is not None and moment < until else None

    asked_at, closed_at = by_then(request.asked_at), by_then(request.closed_at)
    voided_at = by_then(request.voided_at)
    is_closed = closed_at is not None
    open_or_waiting = RequestState.WAITING if asked_at is None else RequestState.OPEN
    return RequestThen(
        request.id,
        request.party,
        request.role,
        RequestState(request.state) if is_closed else open_or_waiting,
        request.asked_by,
        request.made_at,
        asked_at,
        request.expires_at if asked_at else None,
        by_then(request.reminded_at),
        closed_at,
        request.answered_role if is_closed else None,
        request.said_on if is_closed else None,
        request.channel if is_closed else None,
        # Why an answer counts no more is told once it does not.
        request.why if is_closed and (request.voided_at is None or voided_at) else None,
        request.note if is_closed else None,
        voided_at,
    )
