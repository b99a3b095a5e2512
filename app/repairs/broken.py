"""Which pairings need repair: read from the rows of today, whatever anybody was told before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.database import database_now
from app.planning.load import PLANNED_NEEDS
from app.proposals.pair_check import pair_today_if_any
from app.proposals.queries import Full, find_proposals
from app.proposals.states import APPROVED, ENDED, LAPSING
from app.runs.replacement import newer_run
from app.wording import at_moment
from models.exchange import Need, Offer, Period
from models.matching import Decision, Proposal, ProposalFlag, Run
from models.vocabulary import (
    Availability,
    DecisionAction,
    DeclineReason,
    FlagOutcome,
    NeedState,
    ProposalState,
)

AT_ONCE: Final = 50
"""Suspects that are looked at before the next are read."""
NO_SUCCESSOR: Final = (ProposalState.DECLINED, ProposalState.LAPSED)
"""Ends that leave a school without support that somebody meant it to have."""
SERVED: Final = (*PLANNED_NEEDS, NeedState.MATCHED, NeedState.MET)
"""Needs that an approved pairing can be for."""
Later = aliased(Proposal)


@dataclass(frozen=True, slots=True)
class Broken:
    """A pairing that cannot go ahead as it is, and why, in sentences."""

    full: Full
    reasons: Sequence[str]


def why_broken(
    session: Session, proposal: Proposal, need: Need, offer: Offer, now: datetime | None = None
) -> list[str]:
    """Say why a pairing needs repair, as the rows of today have it; nothing where it needs none.

    An open one does where the rules of a pair, days or places no longer allow it, or its hold has
    run out. One that was declined or lapsed does as long as its need looks for support, nobody
    else is proposed for it, and no newer run has planned it.
    """
    now = now or database_now(session)
    run = session.get_one(Run, proposal.run_id)
    if session.get_one(Period, run.period_code).ends < now.date():
        return []
    if proposal.state in ENDED:
        return _why_left(session, proposal, need, run)
    reasons = []
    if has_run_out(proposal, now):
        reasons.append(f"Nobody responded by {at_moment(proposal.held_until)}.")
    today = pair_today_if_any(session, proposal, need, offer, now)
    return reasons + (today.reasons(proposal) if today else [])


def has_run_out(proposal: Proposal, now: datetime) -> bool:
    """Whether the time to respond to a held proposal is over."""
    until = proposal.held_until
    return proposal.state in LAPSING and until is not None and until <= now


def _why_left(session: Session, proposal: Proposal, need: Need, run: Run) -> list[str]:
    if proposal.state not in NO_SUCCESSOR or need.state not in PLANNED_NEEDS:
        return []
    later = select(Proposal.id).where(
        Proposal.need_id == need.id,
        or_(Proposal.id > proposal.id, Proposal.state.not_in(ENDED)),
        Proposal.state != ProposalState.REPLACED,
    )
    if session.scalars(later.limit(1)).first() is not None or newer_run(session, run) is not None:
        return []
    if proposal.state == ProposalState.LAPSED:
        return ["Nobody responded in time, and nobody else is proposed."]
    declined = session.scalars(
        select(Decision.reason)
        .where(Decision.proposal_id == proposal.id, Decision.action == DecisionAction.DECLINE)
        .order_by(Decision.id.desc())
    ).first()
    reason = DeclineReason(declined or DeclineReason.OTHER).replace("_", " ")
    return [f"It was declined (reason: {reason}), and nobody else is proposed."]


def list_broken(
    session: Session,
    principal: Principal,
    *,
    now: datetime | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Broken]:
    """Pairings that need repair, by number of the proposal, beginning after one of them.

    What somebody has said to have dealt with is left out, as long as nothing was added to it.
    """
    authorise(principal, Action.READ)
    now = now or database_now(session)
    found: list[Broken] = []
    for full in _suspects(session, principal, now, after):
        reasons = why_broken(session, full.proposal, full.need, full.offer, now)
        if reasons and not _is_dealt_with(session, full.proposal, reasons):
            found.append(Broken(full, reasons))
            if len(found) == limit:
                break
    return found


def _suspects(session: Session, principal: Principal, now: datetime, after: int) -> Iterator[Full]:
    """Proposals that a look at their rows may find broken, so that not all are looked at.

    Whatever a change took the ground from has a flag, which that change raised. What the rows of
    both sides tell by themselves needs none.
    """
    open_one = and_(
        Proposal.state.not_in(ENDED),
        or_(
            ProposalFlag.id.is_not(None),
            Offer.withdrawn,
            Offer.availability == Availability.NOT_OFFERING,
            Offer.half_days < Proposal.half_days,
            Need.half_days < Proposal.half_days,
            Need.half_days_min > Proposal.half_days,
            Need.state.not_in(SERVED),
            and_(Need.state.not_in(PLANNED_NEEDS), Proposal.state.not_in(APPROVED)),
            and_(Proposal.state.in_(LAPSING), Proposal.held_until <= now),
        ),
    )
    left = and_(
        Proposal.state.in_(NO_SUCCESSOR),
        Need.state.in_(PLANNED_NEEDS),
        ~exists().where(
            Later.need_id == Proposal.need_id,
            or_(Later.id > Proposal.id, Later.state.not_in(ENDED)),
            Later.state != ProposalState.REPLACED,
        ),
    )
    while True:
        page = find_proposals(
            session, principal, Proposal.id > after, or_(open_one, left), limit=AT_ONCE
        )
        yield from page
        if len(page) < AT_ONCE:
            return
        after = page[-1].proposal.id


def _is_dealt_with(session: Session, proposal: Proposal, reasons: Sequence[str]) -> bool:
    latest = session.scalars(
        select(ProposalFlag)
        .where(ProposalFlag.proposal_id == proposal.id)
        .order_by(ProposalFlag.id.desc())
    ).first()
    return (
        latest is not None
        and latest.outcome == FlagOutcome.DEALT_WITH
        and set(reasons) <= set(latest.reasons)
    )
