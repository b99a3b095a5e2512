"""The partnership that a proposal has become, and how it ends, whoever ends it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.database import WriteSession
from app.events import audit
from app.exchange.service import set_what_came
from app.money import commitments
from app.planning.holds import Hold, promised_for
from app.proposals.states import NotNow
from models.exchange import Need
from models.matching import Decision, Proposal
from models.partnerships import Partnership, Support, SupportVisit
from models.vocabulary import (
    DELIVERED,
    RUNNING_SUPPORT,
    DecisionAction,
    EndReason,
    NeedState,
    SupportResult,
    SupportState,
    VisitState,
)


def partnership_of(session: Session, proposal_id: int) -> Partnership | None:
    return session.scalar(select(Partnership).where(Partnership.proposal_id == proposal_id))


def require_none(session: Session, proposal: Proposal) -> None:
    """Refuse to withdraw what has begun."""
    found = partnership_of(session, proposal.id)
    if found is not None:
        raise NotNow(
            f"You cannot withdraw this proposal: it is partnership {found.id}. Stop the "
            "partnership instead."
        )


def stop_with(
    session: WriteSession,
    principal: Principal,
    proposal: Proposal,
    note: str | None,
    now: datetime,
) -> None:
    """Stop the partnership of a proposal that ends in another way, as by a repair.

    Its need looks for support again, unless what else was approved for it leaves nothing to ask.
    """
    found = partnership_of(session, proposal.id)
    if found is None or found.state not in RUNNING_SUPPORT:
        return
    why = note or "The proposal was withdrawn."
    close(session, principal, found, SupportState.STOPPED, now.date(), EndReason.OTHER, why)
    need = session.get_one(Need, proposal.need_id)
    others = promised_for(session, need.id)
    if need.state == NeedState.MATCHED and not covers(need, others):
        set_what_came(session, principal, need, NeedState.MATCH)


def covers(need: Need, promised: Sequence[Hold]) -> bool:
    """Whether what was approved for a need leaves nothing that it could still be planned for."""
    enough = sum(each.half_days for each in promised) > need.half_days - need.half_days_min
    return enough or 0 < need.max_givers <= len(promised)


def close(
    session: WriteSession,
    principal: Principal,
    partnership: Partnership,
    state: SupportState,
    over_on: date,
    reason: EndReason,
    note: str | None,
) -> None:
    """End a partnership on a day: what was booked after it is cancelled, days are as delivered."""
    before = partnership.state
    partnership.state, partnership.over_on = state, over_on
    partnership.reason, partnership.note = reason, note
    partnership.version += 1
    for visit in session.scalars(
        select(SupportVisit).where(
            SupportVisit.partnership_id == partnership.id,
            SupportVisit.state == VisitState.BOOKED,
            SupportVisit.on_day > over_on,
        )
    ):
        visit.state = VisitState.CANCELLED
        visit.version += 1
    for row in rows_of(session, partnership.id):
        row.state = state
        row.result = SupportResult.NOT_KNOWN
        row.version += 1
        if row.starts is not None and row.ends is not None:
            row.ends = max(row.starts, min(row.ends, over_on))
    settle(session, principal, partnership)
    record(session, principal, partnership, state, before=before, reason=str(reason))


def rows_of(session: Session, partnership_id: int) -> list[Support]:
    """Its rows in the register of support, a period each, in order and locked."""
    query = select(Support).where(Support.partnership_id == partnership_id)
    return list(session.scalars(query.order_by(Support.starts, Support.id).with_for_update()))


def settle(session: WriteSession, principal: Principal, partnership: Partnership) -> None:
    """Let the register say what was delivered in each period of a partnership that is over.

    Money of a pot that it takes no more is free again.
    """
    if partnership.over_on is None:
        return
    session.flush()
    for row in rows_of(session, partnership.id):
        if (half_days := delivered(session, row)) != row.half_days:
            row.half_days = half_days
            row.version += 1
    session.flush()
    commitments.settle(session, principal, partnership)


def delivered(session: Session, row: Support) -> int:
    """Half-days of visits that were written up within the days of a row of the register."""
    found: int | None = session.scalar(
        select(func.sum(SupportVisit.half_days)).where(
            SupportVisit.partnership_id == row.partnership_id,
            SupportVisit.on_day.between(row.starts, row.ends),
            SupportVisit.state.in_(DELIVERED),
        )
    )
    return found or 0


def conditions_of(session: Session, proposal_id: int) -> str | None:
    """On what a proposal was approved; none where the last approval was without conditions."""
    conditional = DecisionAction.APPROVE_WITH_CONDITIONS
    last = session.scalar(
        select(Decision)
        .where(Decision.proposal_id == proposal_id)
        .where(Decision.action.in_((DecisionAction.APPROVE, conditional)))
        .order_by(Decision.id.desc())
        .limit(1)
    )
    return (last.note or "") if last is not None and last.action == conditional else None


def record(
    session: WriteSession,
    principal: Principal,
    partnership: Partnership,
    what: str,
    **detail: Any,
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"partnership.{what}",
        subject=f"partnership:{partnership.id}",
        **detail,
    )
