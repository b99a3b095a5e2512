"""Visits of a partnership, its ledger of days: booked, written up by the giver, then signed."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select

from app.access.employed import speaks_for_giver, speaks_for_taker
from app.access.persons import same_person
from app.access.policy import TERMINAL, WORKER, Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound, Problem, require_version
from app.money.commitments import commitment_of, price_of
from app.partnerships.life import find, require_running
from app.proposals.running import record, rows_of, settle
from app.wording import on_day
from models.partnerships import Partnership, SupportVisit
from models.vocabulary import HALF_DAYS_PER_DAY, SupportState, VisitState, days_text

COUNTED: Final = frozenset({VisitState.BOOKED, VisitState.WRITTEN_UP, VisitState.SIGNED})
"""Visits that use up days that were agreed."""
PENCE: Final = 100


class BadVisit(Problem):
    """What is wrong with a visit; `field` names which."""

    status = 422
    title = "Invalid visit"

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


def book(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    day: date,
    half_days: int,
    *,
    remote: bool = False,
) -> SupportVisit:
    """Book a visit, or enter one that took place, so that it can be written up.

    Raises
    ------
    NotFound, Conflict
        As `life.find`; or if the partnership is over or paused.
    BadVisit
        If it lies outside what was agreed, or takes more days than that.
    """
    authorise(principal, Action.AGREE_FOR_GIVER)
    found, proposal, _, _ = find(session, principal, partnership_id)
    authorise_on(session, principal, Action.AGREE_FOR_GIVER, proposal)
    require_running(found, "book a visit")
    if found.state == SupportState.PAUSED:
        raise Conflict(
            f"You cannot book a visit: partnership {found.id} is paused. Resume it first."
        )
    if not 1 <= half_days <= HALF_DAYS_PER_DAY:
        raise BadVisit("enter half a day or a whole day; book longer visits day by day", "days")
    _check_fits(session, found, day, half_days)
    visit = SupportVisit(
        partnership_id=found.id,
        on_day=day,
        half_days=half_days,
        remote=remote,
        state=VisitState.BOOKED,
    )
    session.add(visit)
    session.flush()
    record(session, principal, found, "visit_booked", of=visit, half_days=half_days)
    return visit


def _check_fits(session: WriteSession, partnership: Partnership, day: date, half_days: int) -> None:
    """Refuse a visit outside the days of a period, or beyond what is left of them."""
    if day < partnership.starts:
        raise BadVisit(
            f"{on_day(day)} is before the partnership starts, on {on_day(partnership.starts)}. "
            "Enter a later day",
            "on_day",
        )
    rows = rows_of(session, partnership.id)
    row = next((each for each in rows if (each.starts or day) <= day <= (each.ends or day)), None)
    if row is None:
        spans = " and ".join(f"from {on_day(each.starts)} to {on_day(each.ends)}" for each in rows)
        raise BadVisit(
            f"no days are agreed for {on_day(day)}. Enter a day {spans}",
            "on_day",
        )
    used = session.scalar(
        select(func.sum(SupportVisit.half_days)).where(
            SupportVisit.partnership_id == partnership.id,
            SupportVisit.on_day.between(row.starts, row.ends),
            SupportVisit.state.in_(COUNTED),
        )
    )
    left = (row.agreed_half_days or 0) - (used or 0)
    if half_days > left:
        raise BadVisit(
            f"{days_text(row.agreed_half_days or 0)} are agreed for {row.period_code}, and "
            f"{days_text(left) if left else 'none'} of them left to book: {days_text(half_days)} "
            "is more. Cancel another visit first",
            "days",
        )


def write_up(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    visit_id: int,
    report: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> SupportVisit:
    """Say what was done on a visit that took place; its days count from then on.

    Also anew, after the school disputed it. The pounds are those of the partnership's rate.

    Raises
    ------
    NotFound, Stale, Conflict
        If there is no such visit, it changed, or it is signed or cancelled.
    BadVisit
        If it is yet to come, or its days no longer fit.
    """
    authorise(principal, Action.AGREE_FOR_GIVER)
    now = now or database_now(session)
    found, visit = _find(
        session, principal, Action.AGREE_FOR_GIVER, partnership_id, visit_id, version
    )
    if visit.state == VisitState.WRITTEN_UP and visit.report == report:
        return visit
    if visit.state in (VisitState.SIGNED, VisitState.CANCELLED):
        raise Conflict(f"You cannot write up visit {visit_id}: it is {visit.state}.")
    if visit.on_day > now.date():
        raise BadVisit(
            f"the visit is on {on_day(visit.on_day)}: write it up once it has taken place", "on_day"
        )
    if visit.state == VisitState.DISPUTED:
        _check_fits(session, found, visit.on_day, visit.half_days)
    if visit.written_up_by is not None:
        before = {visit.written_up_by, *(visit.written_before_by or ())} - {principal.name}
        visit.written_before_by = sorted(before) or None
    visit.state, visit.report = VisitState.WRITTEN_UP, report
    visit.written_up_by, visit.written_up_at = principal.name, now
    visit.pence = _pence(session, found, visit.half_days)
    visit.dispute = None
    return _moved(session, principal, found, visit, "visit_written_up")


def _pence(session: WriteSession, partnership: Partnership, half_days: int) -> int:
    """What half-days come to: at what a pot committed for them, or at the rate of the terms."""
    if (commitment := commitment_of(session, partnership.proposal_id)) is not None:
        return price_of(commitment).of(half_days)
    rate = (partnership.day_rate_pounds or 0) + (partnership.fee_pounds or 0)
    return rate * PENCE * half_days // HALF_DAYS_PER_DAY


def cancel(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    visit_id: int,
    *,
    version: int | None = None,
) -> SupportVisit:
    """Cancel a visit that was not written up.

    Raises
    ------
    NotFound, Stale, Conflict
        If there is no such visit, it changed, or it is written up.
    """
    authorise(principal, Action.AGREE_FOR_GIVER)
    found, visit = _find(
        session, principal, Action.AGREE_FOR_GIVER, partnership_id, visit_id, version
    )
    if visit.state == VisitState.CANCELLED:
        return visit
    if visit.state not in (VisitState.BOOKED, VisitState.DISPUTED):
        state = visit.state.replace("_", " ")
        raise Conflict(f"You cannot cancel visit {visit_id}: it is {state}.")
    visit.state = VisitState.CANCELLED
    return _moved(session, principal, found, visit, "visit_cancelled")


def sign(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    visit_id: int,
    role: str,
    dispute: str | None = None,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> SupportVisit:
    """Sign a visit for the school that received it, or say with `dispute` what was not so.

    A disputed visit counts for nobody until it is written up anew or cancelled.

    Raises
    ------
    NotFound, Stale, Conflict
        If there is no such visit, it changed, or it is not written up.
    Forbidden
        If the same person wrote it up, or an earlier version of it, or speaks for who gave it
        and not for the school.
    """
    authorise(principal, Action.AGREE_FOR_TAKER)
    now = now or database_now(session)
    found, visit = _find(
        session, principal, Action.AGREE_FOR_TAKER, partnership_id, visit_id, version
    )
    state = VisitState.SIGNED if dispute is None else VisitState.DISPUTED
    if (visit.state, visit.dispute, visit.signed_role) == (state, dispute, role):
        return visit
    if visit.state != VisitState.WRITTEN_UP:
        now_is = visit.state.replace("_", " ")
        raise Conflict(f"You cannot sign visit {visit_id}: it is {now_is}, and not written up.")
    if principal not in (TERMINAL, WORKER) and visit.is_work_of(
        same_person(session, principal.name)
    ):
        raise Forbidden(
            "You cannot sign this visit, because you wrote it up. Ask the school to sign it."
        )
    if (
        principal not in (TERMINAL, WORKER)
        and speaks_for_giver(session, principal, found.proposal_id)
        and not speaks_for_taker(session, principal, found.proposal_id)
    ):
        raise Forbidden(
            "You cannot sign this visit, because you speak for the supporting organisation. Ask "
            "the school to sign it."
        )
    visit.state, visit.dispute = state, dispute
    visit.signed_role, visit.signed_by, visit.signed_at = role, principal.name, now
    return _moved(session, principal, found, visit, f"visit_{state}")


def _find(
    session: WriteSession,
    principal: Principal,
    action: Action,
    partnership_id: int,
    visit_id: int,
    version: int | None,
) -> tuple[Partnership, SupportVisit]:
    found, proposal, _, _ = find(session, principal, partnership_id)
    authorise_on(session, principal, action, proposal)
    visit = session.get(SupportVisit, visit_id, with_for_update=True, populate_existing=True)
    if visit is None or visit.partnership_id != found.id:
        raise NotFound(f"There is no visit {visit_id} of partnership {found.id}.")
    require_version(visit.version, version, f"Visit {visit_id}")
    return found, visit


def _moved(
    session: WriteSession,
    principal: Principal,
    partnership: Partnership,
    visit: SupportVisit,
    what: str,
) -> SupportVisit:
    visit.version += 1
    session.flush()
    settle(session, principal, partnership)
    record(session, principal, partnership, what, of=visit, visit=visit.id)
    return visit
