"""Reads of the taxonomy and the calendar, by page."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession
from app.errors import Conflict, NotFound
from app.wording import on_day
from models.exchange import Expertise, Period


def list_expertise(
    session: ReadSession,
    principal: Principal,
    *,
    parent: str | None = None,
    retired: bool | None = False,
    after: str | None = None,
    limit: int | None = 100,
) -> Sequence[Expertise]:
    authorise(principal, Action.READ)
    query = select(Expertise).order_by(Expertise.code).limit(limit)
    if after is not None:
        query = query.where(Expertise.code > after)
    if parent is not None:
        query = query.where(Expertise.parent_code == parent)
    if retired is not None:
        query = query.where(Expertise.retired == retired)
    return session.scalars(query).all()


def expertise_by_code(session: ReadSession, principal: Principal) -> dict[str, str]:
    """The name of every entry, retired ones too, by its code."""
    found = list_expertise(session, principal, retired=None, limit=None)
    return {each.code: each.name for each in found}


def list_periods(
    session: ReadSession,
    principal: Principal,
    *,
    year: str | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int | None = 100,
) -> Sequence[Period]:
    authorise(principal, Action.READ)
    query = select(Period).order_by(Period.code).limit(limit)
    if after is not None:
        query = query.where(Period.code > after)
    if year is not None:
        query = query.where(Period.year_code == year)
    if kind is not None:
        query = query.where(Period.kind == kind)
    return session.scalars(query).all()


def get_expertise(session: ReadSession, principal: Principal, code: str) -> Expertise:
    authorise(principal, Action.READ)
    found = session.get(Expertise, code)
    if found is None:
        raise NotFound(f"There is no area of expertise {code!r}. Check the code.")
    return found


def get_period(
    session: Session,
    principal: Principal,
    code: str,
    *,
    not_over_on: date | None = None,
) -> Period:
    """A year or a term of the calendar, which must not have ended before a day, if one is given.

    Raises
    ------
    NotFound
        With the periods that there are.
    Conflict
        If it is over.
    """
    authorise(principal, Action.READ)
    period = session.get(Period, code)
    if period is None:
        known = session.scalars(select(Period.code).order_by(Period.starts, Period.code)).all()
        choices = f"Choose one of: {', '.join(known)}." if known else "Import periods first."
        raise NotFound(f"There is no period {code!r}. {choices}")
    if not_over_on is not None and period.ends < not_over_on:
        raise Conflict(
            f"{period.name} ended on {on_day(period.ends)}, before the day to plan from, "
            f"{on_day(not_over_on)}. Choose a later period or an earlier day."
        )
    return period
