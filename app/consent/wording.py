"""What people read about requests: the one place that words them, for pages, emails and sheets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from app.wording import at_moment
from models.consent import ConsentRequest
from models.vocabulary import Party, Reply, RequestState

PARTIES: Final[Mapping[Party, str]] = {
    Party.TAKER: "School receiving support",
    Party.GIVER: "Supporting organisation",
    Party.HOME_HEAD: "Head who releases the person",
}
REPLIES: Final[Mapping[Reply, str]] = {
    Reply.YES: "Yes",
    Reply.NO: "No",
    Reply.TALK_FIRST: "Talk to us first",
}
STATES: Final[Mapping[RequestState, str]] = {
    RequestState.WAITING: "Not asked yet",
    RequestState.OPEN: "Asked",
    RequestState.YES: "Yes",
    RequestState.NO: "No",
    RequestState.TALK_FIRST: "Wants to talk first",
    RequestState.OTHERWISE: "Answered another way",
    RequestState.VOIDED: "No longer valid",
    RequestState.REPLACED: "Replaced",
    RequestState.ENDED: "Ended",
    RequestState.LAPSED: "No answer in time",
}
SHUT: Final = frozenset({RequestState.REPLACED, RequestState.VOIDED, RequestState.ENDED})
ASK_THEM: Final = "If you have a question, reply to whoever sent you the link."


def why_closed(request: ConsentRequest, now: datetime) -> str | None:
    """Why a link takes no answer now, and what to do next; none where it takes one."""
    state = RequestState(request.state)
    if request.voided_at is not None and state is not RequestState.VOIDED:
        return f"{request.why} Your answer no longer counts."
    match state:
        case RequestState.OPEN:
            if request.expires_at is not None and request.expires_at <= now:
                return _too_late(request)
            return None
        case RequestState.YES | RequestState.NO | RequestState.TALK_FIRST:
            said = REPLIES[Reply(state.value)].lower()
            return (
                f"This link has been used: the answer “{said}” was saved on "
                f"{at_moment(request.closed_at)}. To change it, contact whoever sent you the link."
            )
        case RequestState.LAPSED:
            return _too_late(request)
        case RequestState.VOIDED:
            return f"{request.why} This link no longer works."
        case RequestState.REPLACED:
            return "We have sent you another link in place of this one. Open the newest email."
        case RequestState.WAITING:
            return "You do not need to answer yet. We will send you an email when you do."
        case _:
            return f"{request.why or 'It needs no answer any more.'} {ASK_THEM}"


def opens_nothing(request: ConsentRequest) -> bool:
    """Whether a link shows only why: another is in its place, or nobody is asked any more."""
    return request.voided_at is not None or request.state in SHUT


def _too_late(request: ConsentRequest) -> str:
    return (
        f"This link took an answer until {at_moment(request.expires_at)}. Nothing was saved. "
        "Contact whoever sent it to you if you still want to answer."
    )
