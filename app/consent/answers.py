"""Answers to requests: through a link, or told to a broker by the head who releases the person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.access.persons import link_name
from app.access.policy import Action, Link, Principal, authorise
from app.access.scoped import authorise_on
from app.consent.service import AlreadyClosed
from app.consent.wording import why_closed
from app.database import WriteSession, database_now
from app.errors import Problem
from app.proposals import agreements, flags, open_requests
from app.proposals.agreements import approve_if_ruled, void_if_changed
from app.proposals.decisions import NOTHING_SAID, Said, check_current, lock, lock_sides, move
from app.proposals.heard import Heard, NotHeard, check_heard
from app.proposals.open_requests import Asked
from app.proposals.pair_check import check_pair
from app.proposals.states import LAPSING, NotNow, after
from app.proposals.terms import terms_today
from models.consent import ConsentRequest
from models.contacts import Contact
from models.exchange import Need, Offer
from models.matching import Proposal
from models.vocabulary import (
    PENDING_REQUESTS,
    DecisionAction,
    DeclineReason,
    Party,
    ProposalState,
    Reply,
    RequestState,
    Says,
    Side,
)

SIDE_OF: Final = {Party.TAKER: Side.TAKER, Party.GIVER: Side.GIVER}
RELEASABLE: Final = LAPSING | {ProposalState.AGREED, ProposalState.DEFERRED}
"""States in which it still matters whether the person is released."""


class BadAnswer(Problem):
    """What is missing from an answer; `field` names it in forms."""

    status = 422
    title = "The answer was not saved"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answers, with the role they have there, never their name."""

    says: Reply
    role: str
    reason: DeclineReason | None = None
    note: str | None = None
    chosen: int | None = None
    """The proposal that is picked, where there is a choice."""


def answer(
    session: WriteSession,
    request_id: int,
    given: Answer,
    *,
    hold_days: int,
    now: datetime | None = None,
) -> ConsentRequest:
    """Take the one answer to a request from whoever holds its link.

    Where the terms have changed since, the link is voided instead, and a new one sent: the state of
    the request that is returned says so.

    Raises
    ------
    AlreadyClosed
        If the link was used, is too old, or needs no answer any more.
    BadAnswer
        If something is missing, or what is chosen was not offered.
    NotToBeSent, Spent, RulesBroken
        If a yes is to what the rules, days or places no longer allow.
    """
    now = now or database_now(session)
    request = session.get_one(ConsentRequest, request_id)
    party = Party(request.party)
    link = Link(request.proposal_id, SIDE_OF.get(party))
    principal = Principal(link_name(request_id), frozenset(), link=link)
    if request.choices:
        # Of all that may be picked at once: who holds one of them may wait for another.
        lock_sides(session, [request.proposal_id, *(each["proposal"] for each in request.choices)])
    proposal, need, offer = lock(session, principal, request.proposal_id)
    request = session.get_one(
        ConsentRequest, request_id, with_for_update=True, populate_existing=True
    )
    check_open(request, now)
    void_if_changed(session, principal, proposal, need, offer, now, hold_days)
    if request.state == RequestState.VOIDED:
        return request
    role = given.role.strip()
    if not role:
        raise BadAnswer("role", "Enter your role, like headteacher.")
    chosen = _chosen(request, given)
    picked = [each for each in request.choices if each["proposal"] == chosen]
    if picked and open_requests.void_choice(
        session, principal.name, proposal, request, picked[0], now
    ):
        proposal.version += 1
        session.flush()
        return request
    request.state = RequestState(given.says.value)
    request.closed_at, request.closed_by = now, principal.name
    request.answered_role, request.said_on = role, now.date()
    request.note = given.note
    request.chosen_id = chosen
    session.flush()
    told = {"party": party, "says": str(given.says)}
    open_requests.record(session, principal.name, request, "answered", **told)
    if given.says is Reply.TALK_FIRST:
        hold(proposal, now, hold_days)
    elif party is Party.HOME_HEAD:
        _released(session, principal, proposal, need, offer, request, now, hold_days)
    elif chosen not in (None, proposal.id):
        assert chosen is not None
        _pick(session, principal, proposal, chosen, request, now, hold_days)
    else:
        _agree(session, principal, request.proposal_id, party, given, role, now, hold_days)
        _go_on(session, principal, proposal, now, hold_days)
    proposal.version += 1
    session.flush()
    return request


def check_open(request: ConsentRequest, now: datetime) -> None:
    """Refuse what was answered, is over or was not sent, in a sentence for who holds the link."""
    if why := why_closed(request, now):
        raise AlreadyClosed(why)


def _chosen(request: ConsentRequest, given: Answer) -> int | None:
    """The proposal that a yes picks, where there is a choice."""
    offered = [request.proposal_id, *(each["proposal"] for each in request.choices)]
    if given.says is not Reply.YES or len(offered) == 1:
        if given.chosen not in (None, request.proposal_id) and given.says is Reply.YES:
            raise BadAnswer("chosen", "There is no choice of organisations. Leave it out.")
        return None
    if given.chosen is None:
        raise BadAnswer("chosen", "Select the organisation that you choose.")
    if given.chosen not in offered:
        raise BadAnswer("chosen", "Select one of the organisations that you were offered.")
    return given.chosen


def _agree(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    party: Party,
    given: Answer,
    role: str,
    now: datetime,
    hold_days: int,
) -> None:
    no = given.says is Reply.NO
    if no and given.reason is None:
        raise BadAnswer("reason", "Select a reason for saying no.")
    if no and given.reason is DeclineReason.OTHER and not given.note:
        raise BadAnswer("note", "Explain your reason in a few words.")
    try:
        agreements.agree(
            session,
            principal,
            proposal_id,
            SIDE_OF[party],
            Says(given.says.value),
            Heard(role),
            Said(given.reason, given.note) if no else NOTHING_SAID,
            hold_days=hold_days,
            now=now,
        )
    except NotHeard as wrong:
        raise BadAnswer("role", wrong.detail) from wrong


def _released(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    request: ConsentRequest,
    now: datetime,
    hold_days: int,
) -> None:
    """Go on to the giver once the home head has said yes; a no ends the proposal."""
    if proposal.state not in RELEASABLE:
        raise NotNow(
            f"The proposal is {proposal.state.replace('_', ' ')}: it needs no answer any more."
        )
    if request.state == RequestState.NO:
        action, declined = DecisionAction.DECLINE, ProposalState.DECLINED
        said = Said(DeclineReason.CAPACITY, request.note)
        move(session, principal, proposal, action, declined, said, now, hold_days)
        return
    _go_on(session, principal, proposal, now, hold_days)
    if proposal.state == ProposalState.AGREED:
        approve_if_ruled(session, proposal, need, offer, now, hold_days)


def _go_on(
    session: WriteSession, principal: Principal, proposal: Proposal, now: datetime, hold_days: int
) -> None:
    """Ask who is to be asked next, or hold the days for whom no link was sent to."""
    open_requests.advance(session, principal.name, proposal, now)
    if not open_requests.requests_of(session, proposal.id, {RequestState.OPEN}):
        hold(proposal, now, hold_days)


def hold(proposal: Proposal, now: datetime, hold_days: int) -> None:
    """Hold the days of a proposal for as long again, where nobody is asked by a link."""
    if proposal.state in LAPSING and proposal.held_until is not None:
        proposal.held_until = max(proposal.held_until, now + timedelta(days=hold_days))


def _pick(
    session: WriteSession,
    principal: Principal,
    first: Proposal,
    chosen_id: int,
    request: ConsentRequest,
    now: datetime,
    hold_days: int,
) -> None:
    """Prefer the proposal that the school picked in the place of the first, and ask on."""
    note = Said(note=f"The school receiving support chose proposal {chosen_id} instead.")
    withdrawn = ProposalState.WITHDRAWN
    move(session, principal, first, DecisionAction.WITHDRAW, withdrawn, note, now, hold_days)
    first.alternate_due = False
    link = Link(chosen_id, Side.TAKER)
    principal = Principal(principal.name, frozenset(), link=link)
    second, need, offer = lock(session, principal, chosen_id)
    preferred = after(ProposalState(second.state), DecisionAction.PREFER)
    check_pair(session, second, need, offer, now)
    flags.clear_by_decision(session, principal, second, now)
    second.sendable = True
    note = Said(note="The school receiving support chose it.")
    move(session, principal, second, DecisionAction.PREFER, preferred, note, now, hold_days)
    chosen = next(each for each in request.choices if each["proposal"] == chosen_id)
    terms = terms_today(session, second, need, offer)
    for party in (Party.HOME_HEAD, Party.GIVER):
        contact = session.get(Contact, chosen[party.value] or 0)
        theirs = party is Party.HOME_HEAD or (
            contact is not None and contact.participant_id == offer.participant_id
        )
        if contact is not None and contact.email is not None and theirs:
            open_requests.make(
                session,
                second,
                Asked(party, contact.id, contact.role),
                by=request.asked_by,
                actor=principal.name,
                terms=terms,
                answer_hours=request.answer_hours,
                now=now,
            )
    _note_pick(session, principal, second, request, terms, now)
    said = Answer(Reply.YES, str(request.answered_role))
    _agree(session, principal, chosen_id, Party.TAKER, said, said.role, now, hold_days)
    _go_on(session, principal, second, now, hold_days)


def _note_pick(
    session: WriteSession,
    principal: Principal,
    second: Proposal,
    request: ConsentRequest,
    terms: dict[str, Any],
    now: datetime,
) -> None:
    """The school's yes as an answer about what it picked, so that it is asked when that changes."""
    noted = open_requests.make(
        session,
        second,
        Asked(Party.TAKER, request.contact_id, request.role),
        by=request.asked_by,
        actor=principal.name,
        terms=terms,
        answer_hours=request.answer_hours,
        now=now,
        follows=request,
    )
    noted.state, noted.closed_at, noted.closed_by = RequestState.YES, now, principal.name
    noted.asked_at, noted.expires_at = request.asked_at, request.expires_at
    noted.answered_role, noted.said_on = request.answered_role, request.said_on
    noted.sent_to = request.sent_to
    session.flush()
    told = {"party": noted.party, "says": str(Reply.YES), "of": noted}
    open_requests.record(session, principal.name, noted, "answered", **told)


def record_release(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    says: Reply,
    heard: Heard,
    note: str | None = None,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> ConsentRequest:
    """Write down what the head who releases the person said in another way than by the link.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    NotNow
        If no home head was asked, has answered, or the proposal is decided.
    NotHeard
        If it is not said who said it, when and how.
    """
    authorise(principal, Action.REVIEW)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.REVIEW, proposal)
    check_current(proposal, version, now)
    heard = check_heard(session, principal, Side.GIVER, proposal, heard, now.date())
    waits = PENDING_REQUESTS | {RequestState.TALK_FIRST, RequestState.LAPSED}
    asked = [
        each
        for each in open_requests.requests_of(session, proposal_id, list(RequestState))
        if each.party == Party.HOME_HEAD
    ]
    voided = bool(asked) and asked[-1].voided_at is not None
    if not asked or (asked[-1].state not in waits and not voided):
        raise NotNow(
            "No head who releases the person was asked about this proposal, or the answer is "
            "there already."
        )
    request = asked[-1]
    if voided:
        # What was said to other terms stays as it is; this is the word on today's.
        request = open_requests.make(
            session,
            proposal,
            Asked(Party.HOME_HEAD, request.contact_id, request.role),
            by=principal.name,
            actor=principal.name,
            terms=terms_today(session, proposal, need, offer),
            answer_hours=request.answer_hours,
            now=now,
            follows=request,
        )
    request.state = RequestState(says.value)
    request.closed_at, request.closed_by = now, principal.name
    request.answered_role, request.said_on = heard.said_by, heard.said_on
    request.channel, request.note, request.why = heard.channel, note, None
    session.flush()
    told = {"party": request.party, "says": str(says)}
    open_requests.record(session, principal.name, request, "answered", **told)
    if says is Reply.TALK_FIRST:
        hold(proposal, now, hold_days)
    else:
        _released(session, principal, proposal, need, offer, request, now, hold_days)
    proposal.version += 1
    session.flush()
    return request
