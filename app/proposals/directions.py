"""Statutory directions: they may stand in for a school's agreement to receive support, no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import WriteSession, database_now
from app.events import audit
from app.proposals import flags
from app.proposals.agreements import AGREED, VOIDABLE, agree_if_both, check_answerable, put
from app.proposals.agreements import void_if_changed as void_terms
from app.proposals.apart import A_YEAR, require_no_employer
from app.proposals.decisions import BadDecision, check_current, lock
from app.proposals.pair_check import check_pair
from app.proposals.states import NotNow
from app.proposals.terms import standing, terms_today
from app.wording import on_day
from models.exchange import Need
from models.matching import Agreement, Proposal
from models.register import Institution, Participant
from models.vocabulary import Consultee, LegalBasis, ProposalState, Says, Side

MAINTAINED: Final = frozenset({1, 2, 3, 5, 7, 12, 15})
"""Types of the register that section 59 of the Education and Inspections Act 2006 calls maintained:
community, voluntary aided and controlled, foundation, community and foundation special, nursery."""
WITH_FOUNDATION: Final = frozenset({2, 3, 5, 12})
"""Of these, foundation and voluntary schools: who appoints their foundation governors, or their
diocese, is consulted too."""
GIVEN_BY: Final = {
    LegalBasis.SECTION_63: "local authority",
    LegalBasis.SECTION_66A: "Secretary of State",
}


@dataclass(frozen=True, slots=True)
class Direction:
    """A notice to a governing body, and whom its author consulted on which day."""

    legal_basis: LegalBasis
    notice_on: date
    consulted: Mapping[Consultee, date]


def direct(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    direction: Direction,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> Agreement:
    """Record that a statutory direction stands in for the agreement of the school.

    The supporting organisation still has to agree, and an approver has to approve. The same
    direction again changes nothing; another takes its place.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    Forbidden
        If the principal speaks for the organisation that gives the support.
    NotNow
        If the proposal is neither preferred nor in due diligence, or the school has agreed.
    BadDecision
        If the school is not maintained, or the notice or who was consulted is not in order.
    NotToBeSent, Spent, RulesBroken
        If the pair does not keep what the rules, days or places allow.
    """
    authorise(principal, Action.DIRECT)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.DIRECT, proposal)
    require_no_employer(session, principal, offer)
    check_current(proposal, version, now)
    _check(session, need, direction, now.date())
    void_terms(session, principal, proposal, need, offer, now, hold_days)
    before = _of_taker(session, proposal)
    content = {
        "legal_basis": direction.legal_basis.value,
        "consulted": {who.value: on.isoformat() for who, on in sorted(direction.consulted.items())},
    }
    if before is not None and before.says == Says.YES:
        raise NotNow("the school receiving support has agreed, so no direction is needed")
    if before is not None and (before.direction, before.said_on) == (content, direction.notice_on):
        return before
    check_answerable(proposal)
    check_pair(session, proposal, need, offer, now)
    made = Agreement(
        proposal_id=proposal_id,
        side=Side.TAKER,
        says=Says.DIRECTED,
        said_by=GIVEN_BY[direction.legal_basis],
        said_on=direction.notice_on,
        direction=content,
        recorded_by=principal.name,
        at=now,
        terms=terms_today(session, proposal, need, offer),
    )
    put(session, principal, proposal, made, before, "directed")
    flags.clear_by_decision(session, principal, proposal, now)
    agree_if_both(session, principal, proposal, need, offer, now, hold_days)
    return made


def withdraw_direction(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> Agreement:
    """Void a direction, so that the school itself has to agree; what was approved stays.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal or direction, or it is no longer at `version`.
    NotNow
        If the proposal is approved, or has ended.
    """
    authorise(principal, Action.DIRECT)
    now = now or database_now(session)
    proposal, _, _ = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.DIRECT, proposal)
    check_current(proposal, version, now)
    found = _of_taker(session, proposal)
    if found is None or found.says != Says.DIRECTED:
        raise NotNow(f"no statutory direction is in force for proposal {proposal_id}")
    if proposal.state not in VOIDABLE:
        raise NotNow(
            f"the direction cannot be withdrawn: the proposal is "
            f"{proposal.state.replace('_', ' ')}; withdraw the proposal instead"
        )
    found.voided_at = now
    if proposal.state in AGREED:
        proposal.state = ProposalState.DUE_DILIGENCE
        proposal.held_until = now + timedelta(days=hold_days)
    proposal.version += 1
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="proposal.direction_withdrawn",
        subject=f"proposal:{proposal.id}",
        of=found,
    )
    return found


def _of_taker(session: WriteSession, proposal: Proposal) -> Agreement | None:
    of_taker = (each for each in standing(session, proposal.id) if each.side == Side.TAKER)
    return next(of_taker, None)


def _check(session: WriteSession, need: Need, direction: Direction, today: date) -> None:
    school, name = session.execute(
        select(Institution, Participant.name)
        .select_from(Participant)
        .outerjoin(Institution, Institution.participant_id == Participant.id)
        .where(Participant.id == need.participant_id)
    ).one()
    if school is None or school.type_code not in MAINTAINED:
        kind = "no school" if school is None else f"of the type {school.type_name}"
        raise BadDecision(
            f"{name} is {kind}, and a direction can be given to maintained schools only: ask it to "
            "agree"
        )
    if Consultee.GOVERNING_BODY not in direction.consulted:
        raise BadDecision("enter the day on which the governing body was consulted")
    others = {Consultee.DIOCESAN_AUTHORITY, Consultee.FOUNDATION_APPOINTER}
    if school.type_code in WITH_FOUNDATION and not others & set(direction.consulted):
        raise BadDecision(
            f"{name} is of the type {school.type_name}: enter the day on which its diocesan "
            "authority, or who appoints its foundation governors, was consulted"
        )
    if direction.notice_on > today:
        raise BadDecision(
            f"the notice is dated {on_day(direction.notice_on)}: record it once it is given"
        )
    if min(direction.consulted.values()) < today - A_YEAR:
        raise BadDecision(
            f"{on_day(min(direction.consulted.values()))} is more than a year ago: enter when this "
            "notice was given, and who was consulted before it"
        )
    for on in direction.consulted.values():
        if on > direction.notice_on:
            raise BadDecision(
                f"{on_day(on)} is after the notice of {on_day(direction.notice_on)}: who is to be "
                "consulted is consulted before it"
            )
