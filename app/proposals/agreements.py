"""What the taker and the giver say to a proposal: two records, in either order."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from app.access.persons import persons_of
from app.access.policy import CLOCK, RULES, WORKER, Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import Database, WriteSession, database_now
from app.events import audit
from app.proposals import flags, open_requests
from app.proposals.apart import changed_by_those_who_act
from app.proposals.approval_rules import (
    BY_ONE,
    BY_OWN_FACT,
    DIRECTED,
    NOT_RELEASED,
    NOT_YET,
    Approval,
    approval_of,
    rules_in_force,
)
from app.proposals.decisions import (
    APPROVING,
    NOTHING_SAID,
    BadDecision,
    Said,
    check_current,
    check_said,
    lock,
    move,
)
from app.proposals.heard import OF_SIDE, WHOSE, Heard, check_heard
from app.proposals.pair_check import check_pair
from app.proposals.states import APPROVED, ENDED, LAPSING, NotNow
from app.proposals.terms import standing, terms_of, terms_today
from app.register.closing import last_days
from models.consent import ConsentRequest
from models.exchange import Need, Offer
from models.matching import Agreement, Decision, Proposal
from models.vocabulary import (
    HOLDING,
    ApprovedBy,
    Channel,
    DecisionAction,
    ProposalState,
    Says,
    Side,
)

AGREED: Final = frozenset({ProposalState.AGREED, ProposalState.DEFERRED})
VOIDABLE: Final = LAPSING | AGREED
"""Until it is approved; what was approved is changed by ending it."""


def agree(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    side: Side,
    says: Says,
    heard: Heard,
    said: Said = NOTHING_SAID,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> Agreement:
    """Record what a side said; both yes makes the proposal agreed, either no ends it.

    Where the approval rules ask for no approver, and two people recorded the two, it is approved
    at once. The same record again changes nothing; another of the same side takes its place.

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
        If a no has no reason, or it is not said who said it, when and how.
    """
    authorise(principal, OF_SIDE[side])
    _check_record(says, said)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, OF_SIDE[side], proposal)
    check_current(proposal, version, now)
    void_if_changed(session, principal, proposal, need, offer, now, hold_days)
    heard = check_heard(session, principal, side, proposal, heard, now.date())
    found = {Side(each.side): each for each in standing(session, proposal_id)}
    before = found.get(side)
    if before is not None and _is_repeat(proposal, before, says, heard):
        return before
    if before is not None and before.says == Says.DIRECTED and says is Says.NO:
        raise NotNow(
            f"a statutory direction stands in for the agreement of the {WHOSE[side]}: withdraw the "
            "direction first"
        )
    check_answerable(proposal)
    check_pair(session, proposal, need, offer, now, confirmed_only=says is Says.NO)
    agreement = Agreement(
        proposal_id=proposal_id,
        side=side,
        says=says,
        said_by=heard.said_by,
        said_on=heard.said_on,
        channel=heard.channel,
        recorded_by=principal.name,
        at=now,
        terms=terms_today(session, proposal, need, offer),
    )
    put(session, principal, proposal, agreement, before, "agreement")
    if says is Says.NO:
        declined = ProposalState.DECLINED
        move(session, principal, proposal, DecisionAction.DECLINE, declined, said, now, hold_days)
        return agreement
    flags.clear_by_decision(session, principal, proposal, now)
    agree_if_both(session, principal, proposal, need, offer, now, hold_days)
    return agreement


def check_answerable(proposal: Proposal) -> None:
    """Refuse a side's word on what nobody asked it about, or what is decided."""
    if proposal.state not in LAPSING:
        raise NotNow(
            f"a response cannot be saved: the proposal is {proposal.state.replace('_', ' ')}; "
            "it must be preferred or in due diligence first"
        )


def put(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    agreement: Agreement,
    before: Agreement | None,
    what: str,
) -> None:
    """Store what a side said in the place of what it said `before`."""
    if before is not None:
        before.voided_at = agreement.at
        session.flush()
    session.add(agreement)
    session.flush()
    side = Side(agreement.side)
    open_requests.close_side(session, principal.name, proposal, side, agreement.at)
    bound: dict[str, Any] = {"of": agreement, "terms": agreement.terms}
    said = {"side": agreement.side, "says": agreement.says}
    _record(session, principal, proposal, what, **said, **bound)


def agree_if_both(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    now: datetime,
    hold_days: int,
) -> None:
    """Make a proposal agreed when both sides stand, and approved where the rules let that do."""
    proposal.version += 1
    found = {Side(each.side): each for each in standing(session, proposal.id)}
    if len(found) == len(Side):
        before = proposal.state
        proposal.state = ProposalState.AGREED
        proposal.held_until = None
        terms = found[Side.TAKER].terms
        _record(session, principal, proposal, ProposalState.AGREED, terms=terms, before=before)
        approve_if_ruled(session, proposal, need, offer, now, hold_days)
    session.flush()


def approve_if_ruled(
    session: WriteSession,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    now: datetime,
    hold_days: int,
) -> None:
    """Approve what both sides agreed to where the rules let their agreements do that."""
    approval = _approval(session, proposal, need, offer, standing(session, proposal.id), now)
    if approval.approved_by is ApprovedBy.AGREEMENTS:
        action, approved = DecisionAction.APPROVE, ProposalState.APPROVED
        note = Said(note=approval.statement)
        move(session, RULES, proposal, action, approved, note, now, hold_days)


def approval_if_any(
    session: Session, proposal: Proposal, need: Need, offer: Offer, said: Sequence[Agreement]
) -> Approval | None:
    """Who has to approve a proposal to which the sides have `said` so much; none if it is over."""
    if proposal.state in APPROVED | ENDED:
        return None
    return _approval(session, proposal, need, offer, said, database_now(session))


def _approval(
    session: Session,
    proposal: Proposal,
    need: Need,
    offer: Offer,
    said: Sequence[Agreement],
    now: datetime,
) -> Approval:
    if any(each.says == Says.DIRECTED for each in said):
        return DIRECTED
    day = now.date()
    approval = approval_of(session, proposal, need, offer, day)
    if approval.approved_by is ApprovedBy.APPROVER:
        return approval
    if open_requests.is_release_due(session, proposal.id):
        return NOT_RELEASED
    if _by_one(session, said):
        return BY_ONE
    sides = (need.participant_id, offer.participant_id)
    kinds = {rule.circumstance for rule in rules_in_force(session) if rule.circumstance}
    if changed_by_those_who_act(session, proposal, sides, kinds, day):
        return BY_OWN_FACT
    return NOT_YET if _was_put_off(session, need, offer) else approval


def _was_put_off(session: Session, need: Need, offer: Offer) -> bool:
    """Whether the last word on agreed support between these two sides was not an approver's yes.

    Of any of their proposals: a new run proposes anew what an approver put off.
    """
    of_need, of_offer = aliased(Need), aliased(Offer)
    last = session.execute(
        select(Decision.action)
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .join(of_need, of_need.id == Proposal.need_id)
        .join(of_offer, of_offer.id == Proposal.offer_id)
        .where(
            of_need.participant_id == need.participant_id,
            of_offer.participant_id == offer.participant_id,
            or_(
                Decision.action.in_(APPROVING),
                and_(Decision.action == DecisionAction.DECLINE, Decision.state_before.in_(AGREED)),
            ),
            Decision.author != RULES.name,
        )
        .order_by(Decision.id.desc())
        .limit(1)
    ).scalar()
    return last in (DecisionAction.DEFER, DecisionAction.DECLINE)


def _by_one(session: Session, said: Sequence[Agreement]) -> bool:
    """Whether one person recorded the words of both sides: then somebody else has to look."""
    persons = persons_of(session, [each.recorded_by for each in said])
    return len(set(persons.values())) < len(said)


def _check_record(says: Says, said: Said) -> None:
    if says is Says.NO:
        check_said(DecisionAction.DECLINE, said)
    elif said != NOTHING_SAID:
        raise BadDecision("a reason or a note is only for a no; leave it out")


def _is_repeat(proposal: Proposal, before: Agreement, says: Says, heard: Heard) -> bool:
    """Whether the side said just that, and the proposal is where it led."""
    if (before.says, before.said_by, before.channel) != (says, heard.said_by, heard.channel):
        return False
    if before.said_on != heard.said_on and heard.channel is not Channel.IN_SERVICE:
        return False
    return says is Says.NO or proposal.state in HOLDING


def void_if_changed(
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
    asked = open_requests.on_other_terms(session, proposal.id, terms)
    if not asked and all(each.terms == terms for each in found):
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
    goes_on = terms["wanted"] and terms["given"]
    open_requests.void(session, principal.name, proposal, terms, now, again=goes_on)
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
        closing = last_days(session)
        due: set[int] = set()
        for of, stands in (
            (Agreement, Agreement.voided_at.is_(None)),
            (
                ConsentRequest,
                ConsentRequest.voided_at.is_(None)
                & ConsentRequest.id.in_(open_requests.latest_counting()),
            ),
        ):
            found = session.execute(
                select(of.terms, Proposal, Need, Offer)
                .join(Proposal, Proposal.id == of.proposal_id)
                .join(Need, Need.id == Proposal.need_id)
                .join(Offer, Offer.id == Proposal.offer_id)
                .where(stands, Proposal.state.in_(VOIDABLE))
            )
            due.update(
                proposal.id
                for terms, proposal, need, offer in found
                if terms != terms_of(proposal, need, offer, closing)
            )
    return sum(_void(database, proposal_id, now, hold_days) for proposal_id in sorted(due))


def _void(database: Database, proposal_id: int, now: datetime, hold_days: int) -> bool:
    with database.write() as session:
        proposal, need, offer = lock(session, WORKER, proposal_id)
        return void_if_changed(session, CLOCK, proposal, need, offer, now, hold_days)


def set_public_money(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    pounds: int,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> Proposal:
    """Record what public funds pay for a proposal in all; 0 is nothing. It is of the terms.

    Both sides have to agree again when it changes.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    NotNow
        If the proposal is approved, or has ended.
    """
    authorise(principal, Action.REVIEW)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.REVIEW, proposal)
    check_current(proposal, version, now)
    before = proposal.public_money_pounds
    if before == pounds:
        return proposal
    if proposal.state not in VOIDABLE | {ProposalState.PROPOSED}:
        raise NotNow(
            f"public money cannot be changed: the proposal is {proposal.state.replace('_', ' ')}"
        )
    proposal.public_money_pounds = pounds
    proposal.public_money_by = principal.name
    proposal.version += 1
    session.flush()
    _record(session, principal, proposal, "public_money", pounds=pounds, before=before)
    void_if_changed(session, principal, proposal, need, offer, now, hold_days)
    return proposal
