"""Proposals that no longer rest on what they were made for are flagged until that is dealt with."""

from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on, visible
from app.chunks import chunked
from app.database import WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.events import audit, touched
from app.proposals.apart import acting_for
from app.proposals.approval_rules import rules_in_force
from app.proposals.pair_check import pair_today_if_any
from app.proposals.states import ENDED
from app.wording import counted
from models.exchange import Need, Offer
from models.matching import Proposal, ProposalFlag
from models.vocabulary import FlagOutcome

AT_ONCE: Final = 500
SHOWN: Final = 20


def review(session: WriteSession, now: datetime | None = None) -> list[int]:
    """Look at every open proposal of those whose rows this transaction changed.

    What the pair's rules, days or places no longer allow is flagged, and a flag whose cause is
    gone is cleared. `Database.write` calls it before it commits.

    Returns
    -------
    The proposals that were flagged, by id.

    Raises
    ------
    Forbidden
        If whoever acts for one of them ended a circumstance that lets an approver decide it, or
        withdrew or shortened an interest between its sides.
    """
    found = touched.take(session)
    if found is None:
        return []
    now = now or database_now(session)
    session.flush()
    # Imports write past the objects that the session holds.
    session.expire_all()
    asked_for = {rule.circumstance for rule in rules_in_force(session)}
    ended = {who: kind for who, kind in found.ended if kind in asked_for}
    flagged = []
    for proposal, need, offer in _open_proposals(session, found):
        for side in (need.participant_id, offer.participant_id):
            if side in ended and found.actor in acting_for(session, proposal):
                raise Forbidden(
                    f"You cannot end or delete the circumstance {ended[side]}, because you act "
                    f"for proposal {proposal.id}, and an approver decides because of it. Ask "
                    "another broker."
                )
        _require_not_eased(session, found, proposal, need, offer)
        if _look(session, proposal, need, offer, found.actor, now):
            flagged.append(proposal.id)
    return flagged


def _require_not_eased(
    session: WriteSession, found: touched.Touched, proposal: Proposal, need: Need, offer: Offer
) -> None:
    """Refuse whoever acts for a proposal and makes less of an interest between its sides."""
    sides = need.participant_id, offer.participant_id
    eased = next((each for each in found.eased if each.is_between(*sides)), None)
    if eased is not None and found.actor in acting_for(session, proposal):
        raise Forbidden(
            f"You cannot withdraw or shorten interest {eased.interest}, because you act for "
            f"proposal {proposal.id} between its two sides. Ask another broker."
        )


def told(flagged: Sequence[int]) -> str:
    """What a report says of proposals that were flagged."""
    listed = ", ".join(str(each) for each in flagged[:SHOWN])
    more = f" and {len(flagged) - SHOWN:,} more" if len(flagged) > SHOWN else ""
    return (
        f"Flagged: {counted(len(flagged), 'proposal')} can no longer go ahead as planned after "
        f"this change: {listed}{more}. Open each one and decide what to do."
    )


def _open_proposals(
    session: WriteSession, found: touched.Touched
) -> Iterator[tuple[Proposal, Need, Offer]]:
    ids: set[int] = set()
    marked: tuple[tuple[tuple[InstrumentedAttribute[Any], ...], Set[Any]], ...] = (
        ((Need.participant_id, Offer.participant_id), found.participants),
        ((Need.reference,), found.needs),
    )
    for columns, values in marked:
        for some in chunked(sorted(values), AT_ONCE):
            query = (
                select(Proposal.id)
                .join(Need, Need.id == Proposal.need_id)
                .join(Offer, Offer.id == Proposal.offer_id)
                .where(Proposal.state.not_in(ENDED), or_(*(column.in_(some) for column in columns)))
            )
            ids.update(session.scalars(query))
    for proposal_id in sorted(ids):
        proposal = session.get_one(Proposal, proposal_id, with_for_update=True)
        need = session.get_one(Need, proposal.need_id)
        yield proposal, need, session.get_one(Offer, proposal.offer_id)


def _look(
    session: WriteSession, proposal: Proposal, need: Need, offer: Offer, actor: str, now: datetime
) -> bool:
    """Flag a locked proposal, or clear its flag; whether there is something new to deal with."""
    today = pair_today_if_any(session, proposal, need, offer, now)
    reasons = today.reasons(proposal) if today else []
    flags = session.scalars(
        select(ProposalFlag)
        .where(ProposalFlag.proposal_id == proposal.id)
        .order_by(ProposalFlag.id.desc())
    )
    latest = next(flags, None)
    if latest is not None and latest.cleared_at is None:
        if not reasons:
            _clear(session, latest, actor, FlagOutcome.CAUSE_GONE, now)
        elif latest.reasons != reasons:
            latest.reasons = reasons
            _record(session, "proposal.flag_change", proposal.id, actor, reasons=len(reasons))
            return True
        return False
    if not reasons or (
        latest is not None
        and latest.outcome == FlagOutcome.DEALT_WITH
        and set(reasons) <= set(latest.reasons)
    ):
        return False
    session.add(
        ProposalFlag(proposal_id=proposal.id, reasons=reasons, raised_at=now, raised_by=actor)
    )
    session.flush()
    _record(session, "proposal.flag", proposal.id, actor, reasons=len(reasons))
    return True


def clear(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> ProposalFlag:
    """Say that somebody dealt with what a proposal was flagged for; it stays on record.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal, or it is no longer at `version`.
    Conflict
        If it is not flagged.
    """
    authorise(principal, Action.REVIEW)
    seen = visible(principal, Action.READ, Proposal)
    proposal = session.scalar(
        select(Proposal)
        .where(Proposal.id == proposal_id, seen)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if proposal is None:
        raise NotFound(f"There is no proposal {proposal_id}. Check the number.")
    authorise_on(session, principal, Action.REVIEW, proposal)
    if version is not None and version != proposal.version:
        raise Stale(f"Proposal {proposal_id} has changed since you read it. Read it again.")
    flag = _open_flag(session, proposal_id)
    if flag is None:
        raise Conflict(f"Proposal {proposal_id} is not flagged. There is nothing to clear.")
    proposal.version += 1
    _clear(session, flag, principal.name, FlagOutcome.DEALT_WITH, now or database_now(session))
    return flag


def clear_by_decision(
    session: WriteSession, principal: Principal, proposal: Proposal, now: datetime
) -> None:
    """Clear what a decision on a locked proposal settles: it has ended, or every rule was kept."""
    flag = _open_flag(session, proposal.id)
    if flag is not None:
        outcome = FlagOutcome.DECIDED if proposal.state in ENDED else FlagOutcome.CAUSE_GONE
        _clear(session, flag, principal.name, outcome, now)


def flagged_now(session: WriteSession) -> frozenset[int]:
    """Proposals with a flag that nobody has dealt with."""
    query = select(ProposalFlag.proposal_id).where(ProposalFlag.cleared_at.is_(None))
    return frozenset(session.scalars(query))


def _open_flag(session: WriteSession, proposal_id: int) -> ProposalFlag | None:
    query = select(ProposalFlag).where(
        ProposalFlag.proposal_id == proposal_id, ProposalFlag.cleared_at.is_(None)
    )
    return session.scalar(query)


def _clear(
    session: WriteSession, flag: ProposalFlag, actor: str, outcome: FlagOutcome, now: datetime
) -> None:
    flag.cleared_at, flag.cleared_by, flag.outcome = now, actor, outcome
    session.flush()
    _record(session, "proposal.flag_clear", flag.proposal_id, actor, outcome=outcome)


def _record(
    session: WriteSession, action: str, proposal_id: int, actor: str, **detail: Any
) -> None:
    audit.record(session, actor=actor, action=action, subject=f"proposal:{proposal_id}", **detail)
