"""What people decide on proposals, and the days that a decision holds or sets free."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from app.access.policy import CLOCK, Action, Principal, authorise
from app.access.scoped import authorise_on, visible
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound, Problem, Stale
from app.events import audit
from app.money import commitments
from app.proposals import flags, open_requests, pair_check, running
from app.proposals.apart import require_apart
from app.proposals.pair_check import check_pair
from app.proposals.states import APPROVED, ENDED, LAPSING, after
from app.proposals.terms import check_agreed, terms_today
from app.wording import at_moment
from models.exchange import Need, Offer
from models.matching import Decision, Proposal, RuleException
from models.register import Participant
from models.vocabulary import (
    HOLDING,
    DecisionAction,
    DeclineReason,
    ProposalState,
    RequestState,
)

APPROVING: Final = frozenset(
    {DecisionAction.APPROVE, DecisionAction.APPROVE_WITH_CONDITIONS, DecisionAction.DEFER}
)
PENCE: Final = 100
PROMISING: Final = frozenset(
    {
        DecisionAction.PREFER,
        DecisionAction.START_DUE_DILIGENCE,
        DecisionAction.APPROVE,
        DecisionAction.APPROVE_WITH_CONDITIONS,
    }
)
"""What the pair must keep every rule for, as it is today."""


class BadDecision(Problem):
    status = 422
    title = "Something is missing from the decision"


@dataclass(frozen=True, slots=True)
class Said:
    """What goes with a decision; free text stays with it and out of the audit."""

    reason: DeclineReason | None = None
    note: str | None = None


NOTHING_SAID: Final = Said()


def decide(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    action: DecisionAction,
    said: Said = NOTHING_SAID,
    *,
    version: int | None = None,
    hold_days: int,
    now: datetime | None = None,
) -> Decision:
    """Take a decision on a proposal; from *prefer* on it holds its days for `hold_days`.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    NotNow
        If its state does not allow the decision, or what both sides agreed to has changed.
    NotToBeSent, Spent, RulesBroken
        If it is to go on, but its pair no longer keeps the rules, days or places.
    PotShort
        If the pot of its need has less left than it costs.
    BadDecision
        If a decline has no reason, or *other* no note.
    """
    right = Action.APPROVE if action in APPROVING else Action.REVIEW
    authorise(principal, right)
    check_said(action, said)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, right, proposal)
    check_current(proposal, version, now)
    result = after(ProposalState(proposal.state), action)
    if action is DecisionAction.WITHDRAW:
        running.require_none(session, proposal)
    if action in APPROVING:
        require_apart(session, principal, proposal, offer)
        check_agreed(session, proposal, need, offer)
    if action in PROMISING:
        check_pair(session, proposal, need, offer, now)
        flags.clear_by_decision(session, principal, proposal, now)
        proposal.sendable = True
    return move(session, principal, proposal, action, result, said, now, hold_days)


def check_said(action: DecisionAction, said: Said) -> None:
    if action is DecisionAction.LAPSE:
        raise BadDecision("a proposal lapses by itself; withdraw it instead")
    if action is DecisionAction.COMPLETE:
        raise BadDecision("a proposal is completed with its partnership; end that instead")
    if action is DecisionAction.DECLINE and said.reason is None:
        raise BadDecision("enter a reason for declining")
    if action is not DecisionAction.DECLINE and said.reason is not None:
        raise BadDecision("a reason is only for declining; leave it out or write a note")
    if said.reason is DeclineReason.OTHER and not said.note:
        raise BadDecision("reason 'other' needs a note that explains it")


def lock(
    session: WriteSession, principal: Principal, proposal_id: int
) -> tuple[Proposal, Need, Offer]:
    """Lock a proposal and both sides, so that whoever spends the same days waits."""
    seen = visible(principal, Action.READ, Proposal)
    found = session.scalar(select(Proposal).where(Proposal.id == proposal_id, seen))
    if found is None:
        raise NotFound(f"there is no proposal {proposal_id}")
    need = session.get_one(Need, found.need_id, populate_existing=True)
    offer = session.get_one(Offer, found.offer_id, populate_existing=True)
    # The sides first and in one order, so that no two wait for each other.
    _lock_participants(session, {need.participant_id, offer.participant_id})
    # Whoever held the locks before may have changed them.
    need = session.get_one(Need, found.need_id, populate_existing=True)
    offer = session.get_one(Offer, found.offer_id, populate_existing=True)
    proposal = session.get_one(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    return proposal, need, offer


def _lock_participants(session: WriteSession, participants: Collection[int]) -> None:
    session.execute(
        select(Participant.id)
        .where(Participant.id.in_(participants))
        .order_by(Participant.id)
        .with_for_update(key_share=True)
    ).all()


def lock_sides(session: WriteSession, proposal_ids: Collection[int]) -> None:
    """Lock the sides of several proposals at once, before `lock` of each: see there."""
    sides = (
        select(each.participant_id)
        .join(Proposal, key == each.id)
        .where(Proposal.id.in_(proposal_ids))
        for each, key in ((Need, Proposal.need_id), (Offer, Proposal.offer_id))
    )
    _lock_participants(session, {number for of in sides for number in session.scalars(of)})


def check_current(proposal: Proposal, version: int | None, now: datetime) -> None:
    """Refuse what was decided on an older version, or after the proposal's time was up."""
    if version is not None and version != proposal.version:
        raise Stale(f"proposal {proposal.id} was changed in the meantime; read it again")
    until = proposal.held_until
    if proposal.state in LAPSING and until is not None and until <= now:
        raise Conflict(f"proposal {proposal.id} lapsed on {at_moment(until)} without a response")


def allow_exception(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    rule: str,
    reason: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> RuleException:
    """Let a proposal go on although its pair breaks a rule today; see `pair_check`.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    NoException
        If there is no such rule, it holds, or nobody may let it be broken.
    """
    authorise(principal, Action.APPROVE)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.APPROVE, proposal)
    require_apart(session, principal, proposal, offer)
    check_current(proposal, version, now)
    return pair_check.allow_exception(session, principal, proposal, need, offer, rule, reason, now)


def move(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    action: DecisionAction,
    result: ProposalState,
    said: Said,
    now: datetime,
    hold_days: int,
) -> Decision:
    before = ProposalState(proposal.state)
    proposal.state = result
    proposal.version += 1
    proposal.held_until = now + timedelta(days=hold_days) if result in LAPSING else None
    # A proposal withdrawn before it was preferred was the broker's own second thought.
    passed_over = action is DecisionAction.WITHDRAW and before not in HOLDING
    over = action is DecisionAction.COMPLETE
    proposal.alternate_due = result in ENDED and not passed_over and not over
    decision = Decision(
        proposal_id=proposal.id,
        action=action,
        state_before=before,
        state_after=result,
        reason=said.reason,
        note=said.note,
        author=principal.name,
        at=now,
    )
    session.add(decision)
    session.flush()
    if result in HOLDING and before not in HOLDING:
        _hold_money(session, principal, proposal, now)
    if result in ENDED:
        flags.clear_by_decision(session, principal, proposal, now)
        running.stop_with(session, principal, proposal, said.note, now)
        commitments.release(session, principal, proposal)
    if result in ENDED | APPROVED:
        lapsed = result is ProposalState.LAPSED
        how = RequestState.LAPSED if lapsed else RequestState.ENDED
        open_requests.close_all(session, principal.name, proposal, how, now)
    need = session.get_one(Need, proposal.need_id)
    offer = session.get_one(Offer, proposal.offer_id)
    reason = {"reason": str(said.reason)} if said.reason else {}
    audit.record(
        session,
        actor=principal.name,
        action=f"proposal.{result}",
        subject=f"proposal:{proposal.id}",
        of=decision,
        terms=terms_today(session, proposal, need, offer),
        before=before,
        **reason,
    )
    return decision


def _hold_money(
    session: WriteSession, principal: Principal, proposal: Proposal, now: datetime
) -> None:
    """Commit what a proposal costs the pot of its need: it is public money that both agree to."""
    need = session.get_one(Need, proposal.need_id)
    commitment = commitments.reserve(session, principal, proposal, need, now)
    if commitment is None or proposal.public_money_pounds is not None:
        return
    whole_pounds = -(-commitment.pence // PENCE)
    proposal.public_money_pounds, proposal.public_money_by = whole_pounds, principal.name
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="proposal.public_money",
        subject=f"proposal:{proposal.id}",
        pounds=whole_pounds,
        before=None,
    )


def lapse(session: WriteSession, now: datetime) -> Sequence[Proposal]:
    """End every held proposal that nobody answered in time, and set its days free."""
    due = session.scalars(
        select(Proposal)
        .where(Proposal.state.in_(LAPSING), Proposal.held_until <= now)
        .order_by(Proposal.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for proposal in due:
        result = after(ProposalState(proposal.state), DecisionAction.LAPSE)
        move(session, CLOCK, proposal, DecisionAction.LAPSE, result, NOTHING_SAID, now, 0)
    return due
