"""What the taker and the giver say to a proposal: two records, in either order."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from app.access.policy import CLOCK, WORKER, Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import Database, WriteSession, database_now
from app.events import audit
from app.proposals import flags
from app.proposals.decisions import (
    NOTHING_SAID,
    BadDecision,
    Said,
    check_current,
    check_said,
    lock,
    move,
)
from app.proposals.pair_check import check_pair
from app.proposals.states import LAPSING, NotNow
from app.proposals.terms import standing, terms_of, terms_today
from app.register.closing import last_days
from models.exchange import Need, Offer
from models.matching import Agreement, Proposal
from models.vocabulary import HOLDING, DecisionAction, ProposalState, Role, Says, Side
from solver.pairing.pair_rule import GIVER, TAKER

OF_SIDE: Final = {
    Side.TAKER: Action.AGREE_FOR_TAKER,
    Side.GIVER: Action.AGREE_FOR_GIVER,
}
"""What it takes to record a side's answer."""
WHOSE: Final = {Side.TAKER: TAKER, Side.GIVER: GIVER}
"""What each side is called in sentences for people."""
AGREED: Final = frozenset({ProposalState.AGREED, ProposalState.DEFERRED})
VOIDABLE: Final = LAPSING | AGREED
"""Until it is approved; what was approved is changed by ending it."""


def agree(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    side: Side,
    says: Says,
    said_by: str,
    said: Said = NOTHING_SAID,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> Agreement:
    """Record what a side said; both yes makes the proposal agreed, either no ends it.

    The same record again changes nothing; another of the same side takes its place.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    NotNow
        If it is neither preferred nor in due diligence.
    NotToBeSent
        If it rests on a need or an offer that nobody confirmed.
    Spent, RulesBroken
        If a yes is to what the rules, days or places no longer allow.
    BadDecision
        If a no has no reason, or `said_by` is nobody of that side.
    """
    authorise(principal, OF_SIDE[side])
    _check_record(side, says, said_by, said)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, OF_SIDE[side], proposal)
    check_current(proposal, version, now)
    _void_if_changed(session, principal, proposal, need, offer, now, hold_days)
    found = {Side(each.side): each for each in standing(session, proposal_id)}
    before = found.get(side)
    if before is not None and _is_repeat(proposal, before, says, said_by):
        return before
    if proposal.state not in LAPSING:
        raise NotNow(
            f"a response cannot be saved: the proposal is {proposal.state.replace('_', ' ')}; "
            "it must be preferred or in due diligence first"
        )
    check_pair(session, proposal, need, offer, now, confirmed_only=says is Says.NO)
    if says is Says.YES:
        flags.clear_by_decision(session, principal, proposal, now)
    if before is not None:
        before.voided_at = now
        session.flush()
    agreement = Agreement(
        proposal_id=proposal_id,
        side=side,
        says=says,
        said_by=said_by,
        recorded_by=principal.name,
        at=now,
        terms=terms_today(session, proposal, need, offer),
    )
    session.add(agreement)
    session.flush()
    found[side] = agreement
    bound: dict[str, Any] = {"of": agreement, "terms": agreement.terms}
    _record(session, principal, proposal, "agreement", side=side, says=says, **bound)
    if says is Says.NO:
        declined = ProposalState.DECLINED
        move(session, principal, proposal, DecisionAction.DECLINE, declined, said, now, hold_days)
        return agreement
    proposal.version += 1
    if len(found) == len(Side):
        state_before = proposal.state
        proposal.state = ProposalState.AGREED
        proposal.held_until = None
        agreed = {"terms": agreement.terms, "before": state_before}
        _record(session, principal, proposal, ProposalState.AGREED, **agreed)
    session.flush()
    return agreement


def check_speaks_for(side: Side, said_by: str) -> None:
    """Refuse the word of one of our own roles that is of no side."""
    others = {role.value for role in Role} - {Role.CONTACT.value}
    if said_by.strip().lower().replace(" ", "_") in others:
        raise BadDecision(
            f"{said_by!r} cannot speak for the {WHOSE[side]}; "
            "enter the role of the person who responded, like headteacher"
        )


def _check_record(side: Side, says: Says, said_by: str, said: Said) -> None:
    check_speaks_for(side, said_by)
    if says is Says.NO:
        check_said(DecisionAction.DECLINE, said)
    elif said != NOTHING_SAID:
        raise BadDecision("a reason or a note is only for a no; leave it out")


def _is_repeat(proposal: Proposal, before: Agreement, says: Says, said_by: str) -> bool:
    """Whether the side said just that, and the proposal is where it led."""
    if (before.says, before.said_by) != (says, said_by):
        return False
    return says is Says.NO or proposal.state in HOLDING


def _void_if_changed(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    now: datetime,
    hold_days: int,
) -> bool:
    """Void what both sides said to other days, dates or aims; what was agreed is so no more."""
    if proposal.state not in VOIDABLE:
        return False
    found = standing(session, proposal.id)
    terms = terms_today(session, proposal, need, offer)
    if all(each.terms == terms for each in found):
        return False
    for each in found:
        each.voided_at = now
    before = proposal.state
    if before in AGREED:
        proposal.state = ProposalState.DUE_DILIGENCE
        proposal.held_until = now + timedelta(days=hold_days)
    proposal.version += 1
    session.flush()
    voided = {"terms": terms, "before": before, "voided": len(found)}
    _record(session, principal, proposal, "agreements_voided", **voided)
    return True


def _record(
    session: WriteSession, principal: Principal, proposal: Proposal, what: str, **detail: Any
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"proposal.{what}",
        subject=f"proposal:{proposal.id}",
        **detail,
    )


def void_changed(database: Database, hold_days: int, now: datetime | None = None) -> int:
    """Void every agreement to what has changed since, and return of how many proposals."""
    with database.read() as session:
        now = now or database_now(session)
        found = session.execute(
            select(Agreement.terms, Proposal, Need, Offer)
            .join(Proposal, Proposal.id == Agreement.proposal_id)
            .join(Need, Need.id == Proposal.need_id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(Agreement.voided_at.is_(None), Proposal.state.in_(VOIDABLE))
        )
        closing = last_days(session)
        due = sorted(
            {
                proposal.id
                for terms, proposal, need, offer in found
                if terms != terms_of(proposal, need, offer, closing)
            }
        )
    return sum(_void(database, proposal_id, now, hold_days) for proposal_id in due)


def _void(database: Database, proposal_id: int, now: datetime, hold_days: int) -> bool:
    with database.write() as session:
        proposal, need, offer = lock(session, WORKER, proposal_id)
        return _void_if_changed(session, CLOCK, proposal, need, offer, now, hold_days)
