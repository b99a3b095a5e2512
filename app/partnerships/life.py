"""Partnerships: how they start, pause, go on and end, and their terms."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on, visible
from app.catalogue.queries import get_period
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound, require_version
from app.exchange.service import set_what_came
from app.money.commitments import begin, commitment_of
from app.partnerships.service import PARTNERSHIP
from app.partnerships.terms import (
    BadPartnership,
    Later,
    LaterAgreed,
    Terms,
    agreed_window,
    check_dates,
    check_later,
    check_left,
    check_money,
    check_pot,
)
from app.planning.holds import promised_for
from app.planning.load import PLANNED_NEEDS
from app.proposals import flags, running
from app.proposals.decisions import NOTHING_SAID, lock, move
from app.proposals.pair_check import check_pair
from app.proposals.running import record, rows_of
from app.proposals.states import APPROVED, NotNow
from app.register.closing import last_days
from app.wording import on_day
from models.exchange import Need, Offer, Period
from models.matching import Proposal, Run
from models.partnerships import Partnership, Support, SupportVisit
from models.vocabulary import (
    DELIVERED,
    RUNNING_SUPPORT,
    DecisionAction,
    EndReason,
    NeedState,
    ProposalState,
    SupportState,
    VisitState,
)

REOPENED: Final = frozenset({NeedState.MET, NeedState.MATCH, NeedState.CLOSED})
"""What a need may be when its support is over."""


def start(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    terms: Terms,
    starts: date,
    ends: date,
    later: Sequence[Later] = (),
    *,
    later_agreed: LaterAgreed | None = None,
    conditions_met: bool = False,
    version: int | None = None,
    now: datetime | None = None,
) -> Partnership:
    """Make an approved proposal a partnership, which holds its days from then on.

    Raises
    ------
    NotFound, Stale
        If there is no such proposal or later period, or the proposal is no longer at `version`.
    NotNow
        If it is not approved.
    Conflict
        If it is a partnership already.
    NotToBeSent, Spent, RulesBroken
        If the pair no longer keeps what the rules, days or places allow.
    BadPartnership
        If dates, days or money are not what was agreed to or could be, or nobody said that the
        conditions of the approval are met.
    PotShort
        If a pot pays, and has too little left for the terms.
    """
    authorise(principal, Action.REVIEW)
    now = now or database_now(session)
    proposal, need, offer = lock(session, principal, proposal_id)
    authorise_on(session, principal, Action.REVIEW, proposal)
    if (before := running.partnership_of(session, proposal_id)) is not None:
        raise Conflict(f"proposal {proposal_id} is partnership {before.id} already")
    require_version(proposal.version, version, f"Proposal {proposal_id}")
    if proposal.state not in APPROVED:
        raise NotNow(
            f"You cannot start this partnership: proposal {proposal_id} is "
            f"{proposal.state.replace('_', ' ')}, and it must be approved first."
        )
    conditions = running.conditions_of(session, proposal_id)
    if conditions is not None and not conditions_met:
        raise BadPartnership(
            "confirm that the conditions of the approval are met, or meet them first",
            "conditions_met",
        )
    check_pair(session, proposal, need, offer, now)
    run = session.get_one(Run, proposal.run_id)
    days = {run.period_code: proposal.half_days} | {each.period: each.half_days for each in later}
    if len(days) <= len(later):
        raise BadPartnership("name each period once, after the one that was proposed", "later")
    periods = [get_period(session, principal, code) for code in days]
    opens, closes = agreed_window(session, proposal, need, offer)
    owners = {need.participant_id, offer.participant_id}
    last_day = min(last_days(session, owners).values(), default=date.max)
    check_dates(opens, closes, last_day, periods, starts, ends)
    commitment = commitment_of(session, proposal_id)
    terms, each_day = check_pot(session, commitment, terms, starts, ends)
    check_money(proposal, terms, sum(days.values()), each_day)
    check_later(later, later_agreed, now.date())
    for each in periods[1:]:
        check_left(session, principal, need, offer, each, days[each.code], now)
    made = Partnership(
        proposal_id=proposal_id,
        state=SupportState.ACTIVE,
        starts=starts,
        ends=ends,
        **terms.columns,
        later_said_on=later_agreed.said_on if later_agreed and later else None,
        later_channel=later_agreed.channel if later_agreed and later else None,
        started_by=principal.name,
        started_at=now,
    )
    session.add(made)
    session.flush()
    if commitment is not None and each_day is not None:
        begin(session, principal, commitment, made, sum(days.values()), each_day)
    for period in periods:
        until = min(ends, period.ends, closes) if period is periods[0] else min(ends, period.ends)
        session.add(_row(made, need, offer, period, days[period.code], until, now))
    session.flush()
    flags.clear_by_decision(session, principal, proposal, now)
    proposal.version += 1
    _cover(session, principal, need)
    session.flush()
    met = {} if conditions is None else {"conditions_met": True}
    record(session, principal, made, "started", of=made, proposal=proposal_id, **met)
    return made


def _row(
    made: Partnership,
    need: Need,
    offer: Offer,
    period: Period,
    half_days: int,
    ends: date,
    now: datetime,
) -> Support:
    return Support(
        reference=f"{PARTNERSHIP}{made.id}:{period.code}",
        taker_id=need.participant_id,
        giver_id=offer.participant_id,
        expertise_code=need.expertise_code,
        period_code=period.code,
        half_days=half_days,
        agreed_half_days=half_days,
        partnership_id=made.id,
        starts=max(made.starts, period.starts),
        ends=ends,
        state=SupportState.ACTIVE,
        updated_at=now,
    )


def _cover(session: WriteSession, principal: Principal, need: Need) -> None:
    """Make a need matched where what is promised for it leaves nothing to look for."""
    promised = promised_for(session, need.id)
    if running.covers(need, promised) and need.state in PLANNED_NEEDS:
        set_what_came(session, principal, need, NeedState.MATCHED)


def find(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    version: int | None = None,
) -> tuple[Partnership, Proposal, Need, Offer]:
    """Lock a partnership that the principal may read, with its proposal and both sides.

    Raises
    ------
    NotFound, Stale
        If there is none, or it is no longer at `version`.
    """
    seen = visible(principal, Action.READ, Proposal)
    proposal_id = session.scalar(
        select(Partnership.proposal_id)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .where(Partnership.id == partnership_id, seen)
    )
    if proposal_id is None:
        raise NotFound(f"There is no partnership {partnership_id}. Check the number.")
    sides = lock(session, principal, proposal_id)
    found = session.get_one(
        Partnership, partnership_id, with_for_update=True, populate_existing=True
    )
    require_version(found.version, version, f"Partnership {partnership_id}")
    return found, *sides


def require_running(partnership: Partnership, what: str) -> None:
    if partnership.state not in RUNNING_SUPPORT:
        raise Conflict(
            f"You cannot {what}: partnership {partnership.id} was over on "
            f"{on_day(partnership.over_on)}."
        )


def change_terms(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    changes: Mapping[str, Any],
    *,
    version: int | None = None,
) -> Partnership:
    """Change aims, rhythm, people or the plan to end; days, dates and money are agreed anew.

    Raises
    ------
    NotFound, Stale, Conflict
        As `find`; or if the partnership is over.
    """
    authorise(principal, Action.REVIEW)
    found, proposal, _, _ = find(session, principal, partnership_id, version)
    authorise_on(session, principal, Action.REVIEW, proposal)
    require_running(found, "change its terms")
    changed = [name for name, value in changes.items() if getattr(found, name) != value]
    if not changed:
        return found
    for name in changed:
        setattr(found, name, changes[name])
    found.version += 1
    session.flush()
    record(session, principal, found, "changed", of=found, changed=sorted(changed))
    return found


def pause(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    reason: EndReason,
    note: str | None = None,
    *,
    version: int | None = None,
) -> Partnership:
    """Pause a partnership: its days stay promised, and no visit can be booked."""
    return _turn(
        session, principal, partnership_id, SupportState.PAUSED, reason, note, version, "pause it"
    )


def resume(
    session: WriteSession, principal: Principal, partnership_id: int, *, version: int | None = None
) -> Partnership:
    return _turn(
        session, principal, partnership_id, SupportState.ACTIVE, None, None, version, "resume it"
    )


def _turn(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    state: SupportState,
    reason: EndReason | None,
    note: str | None,
    version: int | None,
    what: str,
) -> Partnership:
    authorise(principal, Action.REVIEW)
    found, proposal, _, _ = find(session, principal, partnership_id, version)
    authorise_on(session, principal, Action.REVIEW, proposal)
    require_running(found, what)
    if (found.state, found.reason, found.note) == (state, reason, note):
        return found
    _check_reason(reason, note)
    before, found.state = found.state, state
    found.reason, found.note = reason, note
    found.version += 1
    for row in rows_of(session, found.id):
        row.state = state
        row.version += 1
    session.flush()
    record(session, principal, found, state, of=found, before=before)
    return found


def end(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    reason: EndReason,
    over_on: date,
    need_becomes: NeedState,
    note: str | None = None,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Partnership:
    """End a partnership: completed where it went as agreed, stopped for any other reason.

    Its days become those delivered, and its need what it is said to become: met, open again for
    other support (`match`), or closed.

    Raises
    ------
    NotFound, Stale, Conflict
        As `find`; or if the partnership is over.
    BadPartnership
        If the day lies before its start or ahead, or a reason lacks its note.
    """
    authorise(principal, Action.REVIEW)
    now = now or database_now(session)
    found, proposal, need, _ = find(session, principal, partnership_id, version)
    authorise_on(session, principal, Action.REVIEW, proposal)
    require_running(found, "end it")
    _check_reason(reason, note)
    earliest = min(found.starts, now.date())
    last_visit = session.scalar(
        select(func.max(SupportVisit.on_day)).where(
            SupportVisit.partnership_id == found.id,
            SupportVisit.state.in_(DELIVERED | {VisitState.DISPUTED}),
        )
    )
    earliest = max(earliest, last_visit or earliest)
    if not earliest <= over_on <= now.date():
        raise BadPartnership(
            f"enter the day on which it was over, from {on_day(earliest)} to today"
            f"{' as there was a visit then' if last_visit == earliest else ''}: "
            f"{on_day(over_on)} is not",
            "over_on",
        )
    if need_becomes not in REOPENED:
        raise BadPartnership(
            f"the need becomes one of {', '.join(sorted(REOPENED)).replace('_', ' ')}: "
            f"{need_becomes} is not",
            "need_becomes",
        )
    completed = reason is EndReason.COMPLETED
    state = SupportState.ENDED if completed else SupportState.STOPPED
    running.close(session, principal, found, state, over_on, reason, note)
    complete, result = DecisionAction.COMPLETE, ProposalState.COMPLETED
    move(session, principal, proposal, complete, result, NOTHING_SAID, now, 0)
    if need.state not in (need_becomes, NeedState.MET, NeedState.CLOSED):
        set_what_came(session, principal, need, need_becomes)
    return found


def _check_reason(reason: EndReason | None, note: str | None) -> None:
    if reason is EndReason.OTHER and not note:
        raise BadPartnership("reason 'other' needs a note that explains it", "note")
