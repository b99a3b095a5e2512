"""A reminder by hand, of one of the two that each link has."""

from datetime import datetime, timedelta
from typing import Final

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound
from app.mail import outbox
from app.proposals import open_requests
from app.proposals.decisions import lock
from app.wording import at_moment
from models.consent import ConsentRequest
from models.vocabulary import MailKind, RequestState

APART: Final = timedelta(hours=24)
"""At least so long after the reminder before."""
REMINDERS: Final = (MailKind.REMINDED, MailKind.REMINDED_AGAIN)


class NoReminder(Conflict):
    """A link of which nobody can be reminded now."""

    title = "No reminder was sent"


def remind(
    session: WriteSession,
    principal: Principal,
    request_id: int,
    *,
    now: datetime | None = None,
) -> ConsentRequest:
    """Remind whoever has not answered; it counts as one of the two reminders of the link.

    Raises
    ------
    NotFound
        If there is no such request.
    NoReminder
        If it takes no answer any more, or two reminders have gone out, or one just now.
    """
    authorise(principal, Action.REVIEW)
    now = now or database_now(session)
    found = session.get(ConsentRequest, request_id)
    unknown = NotFound(f"There is no request {request_id}. Check the number.")
    if found is None:
        raise unknown
    try:
        proposal, _, _ = lock(session, principal, found.proposal_id)
    except NotFound as unseen:
        raise unknown from unseen
    authorise_on(session, principal, Action.REVIEW, proposal)
    request = session.get_one(
        ConsentRequest, request_id, with_for_update=True, populate_existing=True
    )
    ended = request.expires_at is not None and request.expires_at <= now
    if request.state != RequestState.OPEN or ended:
        raise NoReminder(
            "The link takes no answer any more, or was not sent yet. Open the proposal to see what "
            "is next."
        )
    if request.reminded >= len(REMINDERS):
        raise NoReminder(
            f"They were reminded twice, the last time on {at_moment(request.reminded_at)}. "
            "Telephone them, and record what they say."
        )
    if request.reminded_at is not None and now < request.reminded_at + APART:
        raise NoReminder(
            f"They were reminded on {at_moment(request.reminded_at)}. Wait until "
            f"{at_moment(request.reminded_at + APART)}, or telephone them."
        )
    kind = REMINDERS[request.reminded]
    request.reminded, request.reminded_at = request.reminded + 1, now
    session.flush()
    outbox.put(session, kind, request_id, now)
    told = {"party": request.party, "reminder": request.reminded}
    open_requests.record(session, principal.name, request, "reminded", **told)
    return request
