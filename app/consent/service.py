"""Asking both sides and the home head of a preferred proposal; their answers are `answers`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.access.mailboxes import mailbox_in
from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on, visible
from app.contacts.service import get_contact
from app.database import WriteSession, database_now
from app.errors import Conflict, Problem
from app.events import audit
from app.mail import outbox
from app.mail.message import check_address
from app.proposals import open_requests
from app.proposals.agreements import void_if_changed
from app.proposals.decisions import check_current, lock
from app.proposals.heard import WHOSE
from app.proposals.one_pair import row_of_pair
from app.proposals.open_requests import Asked
from app.proposals.pair_check import check_pair
from app.proposals.states import LAPSING, NotNow
from app.proposals.terms import standing, terms_today
from models.consent import ConsentRequest
from models.contacts import Contact
from models.exchange import Need, Offer
from models.matching import Alternate, Proposal
from models.register import Participant
from models.vocabulary import PENDING_REQUESTS, MailKind, Party, ProposalState, RequestState, Side

MOST_CHOICES: Final = 2
"""Besides the proposal itself: the best three in all."""
CALLED: Final = {
    Party.TAKER: WHOSE[Side.TAKER],
    Party.GIVER: WHOSE[Side.GIVER],
    Party.HOME_HEAD: "head who releases the person",
}
"""What each party is called in sentences for people."""
PICKABLE: Final = frozenset({ProposalState.PROPOSED, ProposalState.REPLACED})


class CannotAsk(Problem):
    """What is wrong with who is to be asked, or with what."""

    status = 422
    title = "Nobody was asked"


@dataclass(frozen=True, slots=True)
class Choice:
    """Another offer for the same need, and whom to ask if the school picks it."""

    offer: str
    giver: int | None = None
    home_head: int | None = None


@dataclass(frozen=True, slots=True)
class Whom:
    """The contacts to ask, by number; who is none is not asked by a link."""

    taker: int | None = None
    giver: int | None = None
    home_head: int | None = None
    choices: Sequence[Choice] = ()

    def of(self, party: Party) -> int | None:
        found: int | None = getattr(self, party.value)
        return found


def ask(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    whom: Whom,
    *,
    version: int | None = None,
    answer_hours: int,
    hold_days: int,
    now: datetime | None = None,
) -> list[ConsentRequest]:
    """Send each contact a link of their own; who was asked already and has not answered stays.

    The home head is asked before the giver, and with a choice the school before both.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal or contact, or it is no longer at `version`.
    NotNow
        If the proposal is neither preferred nor in due diligence, or a side has responded.
    CannotAsk
        If nobody is to be asked, a contact is of somebody else or has no email address, or a
        choice is none of this need's.
    NotToBeSent, Spent, RulesBroken
        If the pair no longer keeps the rules, days or places.
    """
    authorise(principal, Action.REVIEW)
    wanted = [party for party in Party if whom.of(party) is not None]
    if not wanted:
        raise CannotAsk("Select at least one contact to ask.")
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.REVIEW, proposal)
    check_current(proposal, version, now)
    if proposal.state not in LAPSING:
        raise NotNow(
            f"Nobody can be asked: the proposal is {proposal.state.replace('_', ' ')}. Mark it as "
            "preferred first."
        )
    check_pair(session, proposal, need, offer, now)
    void_if_changed(session, principal, proposal, need, offer, now, hold_days)
    said = {each.side for each in standing(session, proposal_id)}
    for side in Side:
        if Party(side.value) in wanted and side in said:
            raise NotNow(
                f"The {WHOSE[side]} has responded already. Record a change of its response "
                "instead of asking again."
            )
    asked = {
        party: _contact(session, principal, party, whom.of(party), need, offer) for party in wanted
    }
    choices = _choices(session, principal, proposal, whom, now) if whom.choices else []
    terms = terms_today(session, proposal, need, offer)
    for party in wanted:
        _ask_one(
            session, principal, proposal, asked[party], terms, answer_hours, now,
            choices if party is Party.TAKER else [],
        )  # fmt: skip
    open_requests.advance(session, principal.name, proposal, now)
    proposal.version += 1
    session.flush()
    pending = open_requests.requests_of(session, proposal_id, PENDING_REQUESTS)
    return [each for each in pending if each.party in wanted]


def _ask_one(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    asked: Asked,
    terms: dict[str, Any],
    answer_hours: int,
    now: datetime,
    choices: list[dict[str, Any]],
) -> None:
    """One more request, unless the same waits for its answer; another takes its place."""
    follows = None
    for each in open_requests.requests_of(session, proposal.id, PENDING_REQUESTS):
        if each.party != asked.party:
            continue
        same = (each.contact_id, each.choices) == (asked.contact_id, choices)
        # Where the address was put right, what went to the wrong one must open nothing any more.
        if same and _goes_there(session, each):
            if outbox.put_again(session, MailKind.ASKED, each.id, now):
                told = {"party": each.party, "contact": each.contact_id}
                open_requests.record(session, principal.name, each, "asked_again", **told)
            return
        why = "Another link was sent in its place."
        open_requests.close(session, principal.name, each, RequestState.REPLACED, now, why)
        follows = each
    open_requests.make(
        session,
        proposal,
        asked,
        by=principal.name,
        actor=principal.name,
        terms=terms,
        answer_hours=answer_hours,
        now=now,
        choices=choices,
        follows=follows,
    )


def _goes_there(session: WriteSession, request: ConsentRequest) -> bool:
    """Whether the link went to where its contact is now, if it went anywhere."""
    if request.sent_to is None:
        return True
    contact = session.get_one(Contact, request.contact_id)
    return contact.email is not None and mailbox_in(session, contact.email) == request.sent_to


def _contact(
    session: WriteSession,
    principal: Principal,
    party: Party,
    contact_id: int | None,
    need: Need,
    offer: Offer,
) -> Asked:
    """A contact that can be asked for a party; the look at it is recorded, as any is."""
    assert contact_id is not None
    contact = get_contact(session, principal, contact_id)
    whose = {Party.TAKER: need.participant_id, Party.GIVER: offer.participant_id}.get(party)
    # The person may be employed elsewhere than at the organisation that gives the support.
    if whose is not None and contact.participant_id != whose:
        name = session.get_one(Participant, whose).name
        raise CannotAsk(
            f"Contact {contact_id} is not of the {CALLED[party]}, {name}. Select one of its "
            "contacts, or add one."
        )
    return _asked(party, contact)


def _asked(party: Party, contact: Contact) -> Asked:
    if contact.email is None:
        raise CannotAsk(
            f"Contact {contact.id} has no email address. Add one, or ask by telephone and record "
            "the answer."
        )
    check_address(contact.email)
    return Asked(party, contact.id, contact.role)


def _choices(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    whom: Whom,
    now: datetime,
) -> list[dict[str, Any]]:
    """The other proposals of the need that the school may pick; alternates become proposals."""
    if whom.taker is None:
        raise CannotAsk("Only the school receiving support has a choice. Select its contact too.")
    if len(whom.choices) > MOST_CHOICES:
        raise CannotAsk(
            f"Offer a choice of {MOST_CHOICES + 1} at most, the preferred one included."
        )
    names = [each.offer for each in whom.choices]
    if len(set(names)) < len(names):
        raise CannotAsk("Name each other offer once.")
    found = []
    for each in whom.choices:
        other = _other(session, principal, proposal, each.offer, now)
        offer = session.get_one(Offer, other.offer_id)
        need = session.get_one(Need, other.need_id)
        for party, number in ((Party.GIVER, each.giver), (Party.HOME_HEAD, each.home_head)):
            if number is not None:
                _contact(session, principal, party, number, need, offer)
        terms = terms_today(session, other, need, offer)
        choice = {"proposal": other.id, "giver": each.giver, "home_head": each.home_head}
        found.append(choice | {"terms": terms})
    return found


def _other(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    reference: str,
    now: datetime,
) -> Proposal:
    """The proposal of another offer for the same need in the same run."""
    offer = session.scalar(select(Offer).where(Offer.reference == reference))
    if offer is None or offer.id == proposal.offer_id:
        raise CannotAsk(f"Offer {reference!r} is no other offer for this need. Select another.")
    same = (Proposal.run_id == proposal.run_id, Proposal.need_id == proposal.need_id)
    known = session.scalar(
        select(Proposal)
        .where(*same, Proposal.offer_id == offer.id, Proposal.state.in_(PICKABLE))
        .where(visible(principal, Action.REVIEW, Proposal))
        .limit(1)
    )
    if known is not None:
        return known
    alternate = session.scalar(
        select(Alternate).where(
            Alternate.run_id == proposal.run_id,
            Alternate.need_id == proposal.need_id,
            Alternate.offer_id == offer.id,
        )
    )
    taken = session.scalar(select(Proposal.id).where(*same, Proposal.offer_id == offer.id).limit(1))
    if alternate is None or taken is not None:
        raise CannotAsk(
            f"Offer {reference!r} is not among the other organisations that could help with this "
            "need. Select one of those that the proposal lists."
        )
    return _of_alternate(session, principal, proposal, alternate, now)


def _of_alternate(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    alternate: Alternate,
    now: datetime,
) -> Proposal:
    """A proposal of an alternate, with its reasons; it holds nothing until the school picks it."""
    need = session.get_one(Need, alternate.need_id)
    offer = session.get_one(Offer, alternate.offer_id)
    row = row_of_pair(session, proposal, need, offer, now)
    if row is None:
        raise CannotAsk(
            f"Offer {offer.reference!r} can no longer be given for this need: its dates, days or "
            "rules no longer allow it. Select another."
        )
    made = Proposal(**row)
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="proposal.offered",
        subject=f"proposal:{made.id}",
        of=made,
        beside=proposal.id,
    )
    authorise_on(session, principal, Action.REVIEW, made)
    return made


class AlreadyClosed(Conflict):
    """A link that takes no answer any more; the sentence says why and what to do."""

    title = "This link has been used or has ended"
