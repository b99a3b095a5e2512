"""That a side wants to talk first, told in another way than by its link."""

from datetime import datetime

from app.access.policy import Principal, authorise
from app.access.scoped import authorise_on
from app.consent.answers import hold
from app.database import WriteSession, database_now
from app.proposals import open_requests
from app.proposals.agreements import check_answerable, void_if_changed
from app.proposals.decisions import lock
from app.proposals.heard import OF_SIDE, WHOSE, Heard, check_heard
from app.proposals.states import NotNow
from app.proposals.terms import standing
from models.consent import ConsentRequest
from models.vocabulary import PENDING_REQUESTS, Party, Reply, RequestState, Side


def record_talk(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    side: Side,
    heard: Heard,
    note: str | None = None,
    *,
    hold_days: int,
    now: datetime | None = None,
) -> ConsentRequest:
    """Write down on a side's link that it wants to talk first; the link is closed by it.

    The days are held anew once for each link: the same again changes nothing.

    Raises
    ------
    NotFound
        If there is no such proposal.
    NotNow
        If it is neither preferred nor in due diligence, or that side was not asked by a link, or
        has said yes.
    NotHeard
        If it is not said who said it, when and how.
    """
    authorise(principal, OF_SIDE[side])
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, OF_SIDE[side], proposal)
    void_if_changed(session, principal, proposal, need, offer, now, hold_days)
    heard = check_heard(session, principal, side, proposal, heard, now.date())
    check_answerable(proposal)
    open_now = PENDING_REQUESTS | {RequestState.TALK_FIRST}
    party = Party(side.value)
    asked = [
        each
        for each in open_requests.requests_of(session, proposal_id, open_now)
        if each.party == party and each.voided_at is None
    ]
    if not asked:
        raise NotNow(
            f"the {WHOSE[side]} was not asked by a link, so there is nothing to note that it wants "
            "to talk on. Contact it, and record yes or no"
        )
    request = asked[-1]
    if request.state == RequestState.TALK_FIRST:
        return request
    if any(each.side == side for each in standing(session, proposal_id)):
        raise NotNow(
            f"the {WHOSE[side]} has said yes. If it no longer agrees, record that it says no"
        )
    request.state = RequestState.TALK_FIRST
    request.closed_at, request.closed_by = now, principal.name
    request.answered_role, request.said_on = heard.said_by, heard.said_on
    request.channel, request.note, request.why = heard.channel, note, None
    session.flush()
    told = {"party": request.party, "says": str(Reply.TALK_FIRST)}
    open_requests.record(session, principal.name, request, "answered", **told)
    hold(proposal, now, hold_days)
    proposal.version += 1
    session.flush()
    return request
