"""Closed institutions with open needs, offers or support that no import could hand over."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, outside
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.register.successors.open_items import OpenItems, closed_with_work, open_items
from app.register.successors.resolve import Followed, School, follow, schools
from models.register import Institution

AnySession = ReadSession | WriteSession


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A closed institution, where its links lead, and what is open at it."""

    school: School
    closed: date | None
    followed: Followed
    items: OpenItems


def count_unsettled(session: ReadSession, principal: Principal, today: date) -> int:
    authorise(principal, Action.READ)
    return len(_seen(session, principal, today))


def _seen(session: AnySession, principal: Principal, today: date) -> list[School]:
    """Closed institutions with open work, of those that the principal may read of."""
    found = closed_with_work(session, today)
    beyond = outside(session, principal, Action.READ, {each.participant_id for each in found})
    return [each for each in found if each.participant_id not in beyond]


def list_unsettled(
    session: ReadSession,
    principal: Principal,
    today: date,
    *,
    after: int = 0,
    limit: int | None = 100,
) -> list[Unsettled]:
    """A page of them by URN; each stays until it is settled."""
    authorise(principal, Action.READ)
    found = [each for each in _seen(session, principal, today) if each.urn > after]
    return _unsettled(session, found[:limit], today)


def get_unsettled(session: AnySession, principal: Principal, urn: int, today: date) -> Unsettled:
    """One closed institution, also when nothing is open at it any more.

    Raises
    ------
    NotFound
        If the register has no such institution.
    Conflict
        If it is not closed.
    """
    authorise(principal, Action.READ)
    school = closed_school(session, urn)
    authorise_for(session, principal, Action.READ, [school.participant_id])
    return _unsettled(session, [school], today)[0]


def closed_school(session: AnySession, urn: int) -> School:
    found = schools(session, [urn])
    if not found:
        raise NotFound(f"There is no institution {urn} in the register. Check the URN.")
    if not found[0].is_closed:
        raise Conflict(f"{urn} {found[0].name} is not closed. There is nothing to settle.")
    return found[0]


def _unsettled(session: AnySession, found: Collection[School], today: date) -> list[Unsettled]:
    followed = follow(session, [each.urn for each in found])
    items = open_items(session, [each.participant_id for each in found], today)
    days: dict[int, date | None] = dict(
        session.execute(
            select(Institution.urn, Institution.close_date).where(
                Institution.urn.in_([each.urn for each in found])
            )
        ).all()
    )
    return [
        Unsettled(each, days[each.urn], followed[each.urn], items[each.participant_id])
        for each in found
    ]
