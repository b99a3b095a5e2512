"""Requests for an answer by link, as far as a proposal's own changes open, close or void them.

What is asked, and of whom, is the room `consent`; here is what may not be forgotten when a proposal
ends, a side answers in another way or the terms change: it happens in the same transaction.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.database import WriteSession
from app.events import audit
from app.mail import outbox
from app.proposals.states import LAPSING
from app.proposals.terms import terms_today
from app.proposals.terms_told import what_changed
from models.consent import ConsentRequest
from models.contacts import Contact
from models.exchange import Need, Offer
from models.matching import Proposal
from models.vocabulary import PENDING_REQUESTS, MailKind, Party, RequestState, Side

ENDED_WHY: Final = "The proposal has ended: it is {state}."
OTHERWISE_WHY: Final = "The answer was recorded in another way, such as by telephone."
ASKED_ANEW: Final = "We will send you a new link."
NOT_ASKED_ANEW: Final = "Nobody needs an answer now."
OF_ANOTHER: Final = (
    "The contact is of a school or organisation that this is no longer about. Nobody is asked in "
    "its place until a broker asks anew."
)
COUNTING: Final = PENDING_REQUESTS | {
    RequestState.YES,
    RequestState.TALK_FIRST,
    RequestState.OTHERWISE,
}
"""What stands until the terms change."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask, by the number and the role of a contact; `of` which party."""

    party: Party
    contact_id: int
    role: str


def requests_of(
    session: WriteSession, proposal_id: int, states: Collection[RequestState]
) -> Sequence[ConsentRequest]:
    """Requests of a locked proposal, the oldest first."""
    return session.scalars(
        select(ConsentRequest)
        .where(ConsentRequest.proposal_id == proposal_id, ConsentRequest.state.in_(states))
        .order_by(ConsentRequest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def make(
    session: WriteSession,
    proposal: Proposal,
    asked: Asked,
    *,
    by: str,
    actor: str,
    terms: Mapping[str, Any],
    answer_hours: int,
    now: datetime,
    choices: Sequence[Mapping[str, Any]] = (),
    follows: ConsentRequest | None = None,
) -> ConsentRequest:
    """A request that waits to be sent; see `advance`."""
    made = ConsentRequest(
        proposal_id=proposal.id,
        party=asked.party,
        contact_id=asked.contact_id,
        role=asked.role,
        nonce=secrets.token_hex(16),
        choices=[dict(each) for each in choices],
        terms=dict(terms),
        answer_hours=answer_hours,
        asked_by=by,
        made_at=now,
        follows_id=follows and follows.id,
        state=RequestState.WAITING,
    )
    session.add(made)
    session.flush()
    told = {"party": made.party, "contact": made.contact_id}
    record(session, actor, made, "request", terms=terms, of=made, **told)
    return made


def advance(session: WriteSession, actor: str, proposal: Proposal, now: datetime) -> None:
    """Send the links of a held proposal that wait for nobody else any more.

    First the school, where it has a choice; then the home head; and the giver once the home head
    has said yes. The proposal is held as long as the last link that is open.
    """
    if proposal.state not in LAPSING:
        return
    everything = requests_of(session, proposal.id, list(RequestState))
    last = {each.party: each for each in everything if each.voided_at is None}
    taker = last.get(Party.TAKER)
    chooses = taker is not None and bool(taker.choices) and taker.state in PENDING_REQUESTS
    released = not is_release_due(session, proposal.id)
    for party, may_go in (
        (Party.TAKER, True),
        (Party.HOME_HEAD, not chooses),
        (Party.GIVER, not chooses and released),
    ):
        request = last.get(party)
        if request is not None and request.state == RequestState.WAITING and may_go:
            _send(session, actor, request, now)
    ends = [each.expires_at for each in everything if each.state == RequestState.OPEN]
    if ends:
        proposal.held_until = max(each for each in ends if each is not None)
    session.flush()


def _send(session: WriteSession, actor: str, request: ConsentRequest, now: datetime) -> None:
    request.state = RequestState.OPEN
    request.asked_at = now
    request.expires_at = now + timedelta(hours=request.answer_hours)
    session.flush()
    outbox.put(session, MailKind.ASKED, request.id, now)
    told = {"party": request.party, "contact": request.contact_id}
    record(session, actor, request, "asked", **told)


def is_release_due(session: Session, proposal_id: int) -> bool:
    """Whether a home head was asked about a proposal and has not said yes to today's terms.

    A yes that was voided is none, also where nobody was asked again.
    """
    query = (
        select(ConsentRequest.state, ConsentRequest.voided_at)
        .where(
            ConsentRequest.proposal_id == proposal_id,
            ConsentRequest.party == Party.HOME_HEAD,
        )
        .order_by(ConsentRequest.id.desc())
        .limit(1)
    )
    last = session.execute(query).first()
    return last is not None and tuple(last) != (RequestState.YES, None)


def close_all(
    session: WriteSession, actor: str, proposal: Proposal, state: RequestState, now: datetime
) -> None:
    """Close the links of a locked proposal that came to its end, or needs no answer any more."""
    why = ENDED_WHY.format(state=proposal.state.replace("_", " "))
    for each in requests_of(session, proposal.id, PENDING_REQUESTS):
        close(session, actor, each, state, now, why)


def close_side(
    session: WriteSession, actor: str, proposal: Proposal, side: Side, now: datetime
) -> None:
    """Close the link of a side that answered in another way."""
    for each in requests_of(session, proposal.id, PENDING_REQUESTS):
        if each.party == side:
            close(session, actor, each, RequestState.OTHERWISE, now, OTHERWISE_WHY)


def close(
    session: WriteSession,
    actor: str,
    request: ConsentRequest,
    state: RequestState,
    now: datetime,
    why: str | None = None,
) -> None:
    request.state, request.closed_at, request.closed_by = state, now, actor
    request.why = why
    session.flush()
    record(session, actor, request, "request_closed", party=request.party, state=str(state))


def latest_counting() -> Select[int]:
    """The numbers of those of which `on_other_terms` looks at the terms."""
    return (
        select(func.max(ConsentRequest.id))
        .where(ConsentRequest.state.in_(COUNTING))
        .group_by(ConsentRequest.proposal_id, ConsentRequest.party)
    )


def on_other_terms(
    session: WriteSession, proposal_id: int, terms: Mapping[str, Any]
) -> Sequence[ConsentRequest]:
    """Requests that count, answered or not, and were made on other terms; the latest of each."""
    last = {each.party: each for each in requests_of(session, proposal_id, COUNTING)}
    return [
        each for each in last.values() if each.voided_at is None and dict(each.terms) != dict(terms)
    ]


def void(
    session: WriteSession,
    actor: str,
    proposal: Proposal,
    terms: Mapping[str, Any],
    now: datetime,
    *,
    again: bool,
) -> None:
    """Let what was asked on other terms count no more, answers too, and say what has changed.

    `again`: each party is asked anew, in the order in which it was the first time.
    """
    old = on_other_terms(session, proposal.id, terms)
    next_step = ASKED_ANEW if again else NOT_ASKED_ANEW
    for each in old:
        why = f"The terms changed: {'; '.join(what_changed(each.terms, terms))}. {next_step}"
        if each.state in PENDING_REQUESTS:
            close(session, actor, each, RequestState.VOIDED, now, why)
        else:
            record(session, actor, each, "answer_voided", party=each.party)
        each.voided_at, each.why = now, why
    session.flush()
    if not again:
        return
    for each in old:
        if not _is_of_side(session, proposal, each):
            each.why = str(each.why).removesuffix(ASKED_ANEW) + OF_ANOTHER
            session.flush()
            continue
        make(
            session,
            proposal,
            Asked(Party(each.party), each.contact_id, each.role),
            by=each.asked_by,
            actor=actor,
            terms=terms,
            answer_hours=each.answer_hours,
            now=now,
            choices=_as_today(session, each) if each.chosen_id is None else (),
            follows=each,
        )
    if old:
        advance(session, actor, proposal, now)


def void_choice(
    session: WriteSession,
    actor: str,
    proposal: Proposal,
    request: ConsentRequest,
    choice: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Void a link where what the school picks is no longer what it was offered, and ask anew."""
    before, terms = choice.get("terms"), _terms_of(session, choice)
    if before == terms:
        return False
    told = "; ".join(what_changed(before, terms)) if before else "they were not recorded"
    why = f"The terms of the organisation that you chose changed: {told}. {ASKED_ANEW}"
    close(session, actor, request, RequestState.VOIDED, now, why)
    request.voided_at = now
    session.flush()
    asked = Asked(Party(request.party), request.contact_id, request.role)
    make(
        session,
        proposal,
        asked,
        by=request.asked_by,
        actor=actor,
        terms=request.terms,
        answer_hours=request.answer_hours,
        now=now,
        choices=_as_today(session, request),
        follows=request,
    )
    advance(session, actor, proposal, now)
    return True


def _as_today(session: WriteSession, request: ConsentRequest) -> list[dict[str, Any]]:
    return [each | {"terms": _terms_of(session, each)} for each in request.choices]


def _terms_of(session: WriteSession, choice: Mapping[str, Any]) -> dict[str, Any]:
    proposal = session.get_one(Proposal, choice["proposal"], populate_existing=True)
    need = session.get_one(Need, proposal.need_id, populate_existing=True)
    offer = session.get_one(Offer, proposal.offer_id, populate_existing=True)
    return terms_today(session, proposal, need, offer)


def _is_of_side(session: WriteSession, proposal: Proposal, request: ConsentRequest) -> bool:
    """Whether the contact of a request may answer for whose the need or the offer is now.

    One that was erased is as before: nothing is sent to it. Home heads may be of anybody.
    """
    of: Need | Offer
    if request.party == Party.TAKER:
        of = session.get_one(Need, proposal.need_id)
    elif request.party == Party.GIVER:
        of = session.get_one(Offer, proposal.offer_id)
    else:
        return True
    contact = session.get(Contact, request.contact_id)
    return contact is None or contact.participant_id == of.participant_id


def record(
    session: WriteSession, actor: str, request: ConsentRequest, what: str, **detail: Any
) -> None:
    audit.record(
        session,
        actor=actor,
        action=f"proposal.{what}",
        subject=f"proposal:{request.proposal_id}",
        request=request.id,
        **detail,
    )
