"""What people decide on proposals, and the days that a decision holds or sets free."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select

from app.access.policy import CLOCK, WORKER, Action, Principal, authorise
from app.database import WriteSession
from app.errors import Conflict, NotFound, Problem, Stale
from app.events import audit
from app.planning.capacity import what_is_left
from app.planning.load import load
from app.planning.options import MatchOptions
from app.proposals.states import ENDED, LAPSING, after
from app.proposals.terms import check_agreed
from models.exchange import Need, Offer
from models.matching import Decision, Proposal, Run
from models.register import Participant
from models.vocabulary import (
    HALF_DAYS_PER_DAY,
    HOLDING,
    Availability,
    DecisionAction,
    DeclineReason,
    NeedState,
    ProposalState,
)

"""Who lapses what nobody answered."""
APPROVING: Final = frozenset(
    {DecisionAction.APPROVE, DecisionAction.APPROVE_WITH_CONDITIONS, DecisionAction.DEFER}
)


class NotToBeSent(Conflict):
    """A proposal that rests on what nobody confirmed yet."""

    title = "It rests on suggestions and cannot go out"


class Spent(Conflict):
    """Days or places that are no longer there."""

    title = "The days or places are no longer free"


class BadDecision(Problem):
    status = 422
    title = "The decision lacks something"


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
    NotToBeSent
        If it rests on a need or an offer that nobody confirmed.
    Spent
        If what it needs is held or used by others.
    BadDecision
        If a decline has no reason, or *other* no note.
    """
    authorise(principal, Action.APPROVE if action in APPROVING else Action.REVIEW)
    check_said(action, said)
    now = now or datetime.now(UTC)
    proposal, need, offer = lock(session, proposal_id)
    check_current(proposal, version, now)
    result = after(ProposalState(proposal.state), action)
    if action in APPROVING:
        check_agreed(session, proposal, need, offer)
    if action is DecisionAction.PREFER:
        check_confirmed(session, need, offer)
        proposal.sendable = True
        check_free(session, proposal, need, offer, now)
    return move(session, principal, proposal, action, result, said, now, hold_days)


def check_said(action: DecisionAction, said: Said) -> None:
    if action is DecisionAction.LAPSE:
        raise BadDecision("a proposal lapses by itself; withdraw it instead")
    if action is DecisionAction.DECLINE and said.reason is None:
        raise BadDecision(f"say why it is declined: reason is one of {', '.join(DeclineReason)}")
    if action is not DecisionAction.DECLINE and said.reason is not None:
        raise BadDecision("a reason goes with a decline only; leave it out or write a note")
    if said.reason is DeclineReason.OTHER and not said.note:
        raise BadDecision("reason 'other' needs a note that says what it is")


def lock(session: WriteSession, proposal_id: int) -> tuple[Proposal, Need, Offer]:
    """Lock a proposal and both sides, so that whoever spends the same days waits."""
    found = session.get(Proposal, proposal_id)
    if found is None:
        raise NotFound(f"there is no proposal {proposal_id}")
    need = session.get_one(Need, found.need_id, populate_existing=True)
    offer = session.get_one(Offer, found.offer_id, populate_existing=True)
    # The sides first and in one order, so that no two wait for each other.
    session.execute(
        select(Participant.id)
        .where(Participant.id.in_({need.participant_id, offer.participant_id}))
        .order_by(Participant.id)
        .with_for_update(key_share=True)
    ).all()
    proposal = session.get_one(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    return proposal, need, offer


def check_current(proposal: Proposal, version: int | None, now: datetime) -> None:
    """Refuse what was decided on an older version, or after the proposal's time was up."""
    if version is not None and version != proposal.version:
        raise Stale(f"proposal {proposal.id} was changed in the meantime; read it again")
    until = proposal.held_until
    if proposal.state in LAPSING and until is not None and until <= now:
        raise Conflict(f"proposal {proposal.id} lapsed at {until:%d %B %Y %H:%M} UTC, unanswered")


def to_be_confirmed(need: Need, offer: Offer, taker: str, giver: str) -> list[str]:
    """Who must confirm what before anything of the pair can be sent."""
    missing = []
    if need.state == NeedState.SUGGESTED:
        missing.append(f"{taker} must confirm need {need.reference}, which is only suggested")
    if offer.availability == Availability.NOT_ANSWERED:
        missing.append(f"{giver} must answer whether it can give offer {offer.reference}")
    return missing


def check_confirmed(session: WriteSession, need: Need, offer: Offer) -> None:
    taker = session.get_one(Participant, need.participant_id).name
    giver = session.get_one(Participant, offer.participant_id).name
    if missing := to_be_confirmed(need, offer, taker, giver):
        raise NotToBeSent("; ".join(missing) + ": until then nothing of it can be sent or agreed")


def check_free(
    session: WriteSession, proposal: Proposal, need: Need, offer: Offer, now: datetime
) -> None:
    """Count again what running support and every other hold leave, with both sides locked."""
    giver, taker = offer.participant_id, need.participant_id
    if offer.withdrawn or offer.availability == Availability.NOT_OFFERING:
        name = session.get_one(Participant, giver).name
        raise Spent(f"{name} no longer gives offer {offer.reference}; decline the proposal")
    run = session.get_one(Run, proposal.run_id)
    loaded = load(
        session,
        WORKER,
        {taker},
        run.period_code,
        now.date(),
        now=now,
        only={giver, taker},
        besides=proposal.id,
    )
    left = what_is_left(loaded, MatchOptions.model_validate(run.options))
    place = {row.id: position for position, row in enumerate(loaded.participants)}
    names = {row.id: row.name for row in loaded.participants}
    needs = {each.id: row for row, each in enumerate(loaded.needs)}
    offers = {each.id: row for row, each in enumerate(loaded.offers)}
    if need.id not in needs:
        raise Spent(
            f"need {need.reference} no longer looks for support: "
            "it was met, closed, or another proposal holds it"
        )
    if offer.id not in offers or not left.may_give[place[giver]]:
        raise Spent(f"{names[giver]} may no longer give offer {offer.reference}")
    asked = proposal.half_days
    days = [
        (left.need_half_days[needs[need.id]], f"need {need.reference} asks for"),
        (left.offer_half_days[offers[offer.id]], f"offer {offer.reference} has left"),
        (left.give_limit[place[giver]], f"{names[giver]} may still give"),
    ]
    places = [
        (left.offer_pairings[offers[offer.id]], f"offer {offer.reference} serves no more at once"),
        (left.max_given[place[giver]], f"{names[giver]} gives to as many as it may at once"),
        (left.max_taken[place[taker]], f"{names[taker]} has as many supporters as it may have"),
    ]
    short = [f"{what} {free / HALF_DAYS_PER_DAY:g} days" for free, what in days if free < asked] + [
        what for free, what in places if free < 1
    ]
    if short:
        raise Spent(
            f"the proposal is for {asked / HALF_DAYS_PER_DAY:g} days, but {', and '.join(short)}; "
            "others hold or use the rest"
        )


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
    proposal.alternate_due = result in ENDED and not passed_over
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
    reason = {"reason": str(said.reason)} if said.reason else {}
    audit.record(
        session,
        actor=principal.name,
        action=f"proposal.{result}",
        subject=f"proposal:{proposal.id}",
        before=before,
        **reason,
    )
    return decision


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
