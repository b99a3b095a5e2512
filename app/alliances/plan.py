"""The plan of an alliance: actions that members lead, targets, and reviews by members."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select

from app.access.policy import Action, Principal
from app.access.scoped import authorise_for, may_on, outside
from app.alliances.service import (
    BadAlliance,
    find,
    members_of,
    moved,
    named,
)
from app.database import WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound
from app.exchange.queries import get_need
from app.import_kit.misfits import Misfit, Unfit
from app.partnerships.partnership_queries import get_partnership
from app.partnerships.targets import TargetRow, target_columns
from app.wording import on_day
from models.alliances import Alliance, AllianceAction, AllianceReview, AllianceTarget
from models.vocabulary import ActionState, MemberState, Rating

SAME_TARGET: Final = "has a target for the same date already. Remove that one first"


@dataclass(frozen=True, slots=True)
class NewAction:
    """What is to be done until when, and which member leads it."""

    what: str
    leader: str
    due: date
    need: str | None = None
    partnership: int | None = None


def add_action(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    new: NewAction,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """Add an action to the plan.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`.
    BadAlliance
        If it is led by nobody who is in, due before the alliance starts, or serves an unknown need
        or partnership, or somebody else's.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version)
    standing = _planners(session, principal, found)
    leader = named(session, principal, new.leader, "leader")
    if leader not in standing:
        raise BadAlliance(
            f"{new.leader} is not in the alliance. Enter a member, or ask it to join first",
            "leader",
        )
    if new.due < found.starts:
        raise BadAlliance(
            f"{on_day(new.due)} is before the alliance starts, on {on_day(found.starts)}. Enter a "
            "later day",
            "due",
        )
    made = AllianceAction(
        alliance_id=found.id,
        what=new.what,
        leader_id=leader,
        due=new.due,
        state=ActionState.OPEN,
        need_id=_need(session, principal, new.need, standing),
        partnership_id=_partnership(session, principal, new.partnership, standing),
        recorded_by=principal.name,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    return moved(session, principal, found, "plan", made, number=made.id)


def _need(
    session: WriteSession, principal: Principal, reference: str | None, standing: set[int]
) -> int | None:
    if reference is None:
        return None
    try:
        need = get_need(session, principal, reference)
    except NotFound as unknown:
        raise BadAlliance(unknown.detail, "need") from unknown
    if need.participant_id not in standing:
        raise BadAlliance(f"need {reference} is of nobody in the alliance", "need")
    return need.id


def _partnership(
    session: WriteSession, principal: Principal, number: int | None, standing: set[int]
) -> int | None:
    if number is None:
        return None
    try:
        full = get_partnership(session, principal, number).summary.full
    except NotFound as unknown:
        raise BadAlliance(unknown.detail, "partnership") from unknown
    if standing.isdisjoint({full.taker.id, full.giver.id}):
        raise BadAlliance(f"partnership {number} is of nobody in the alliance", "partnership")
    return number


def end_action(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    action_id: int,
    state: ActionState,
    reason: str | None = None,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """Say that an action is done, or with the reason that it was dropped.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`; or if there is no such action, or it has ended.
    BadAlliance
        If it is dropped without a reason.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version)
    _planners(session, principal, found)
    action = session.get(AllianceAction, action_id, populate_existing=True)
    if action is None or action.alliance_id != found.id:
        raise NotFound(f"There is no action {action_id} of alliance {found.reference}.")
    if (action.state, action.reason) == (state, reason):
        return found
    if action.state != ActionState.OPEN:
        raise Conflict(f"Action {action_id} has ended: it is {action.state}.")
    if state is ActionState.OPEN:
        raise BadAlliance("say that it is done, or that it was dropped", "state")
    if state is ActionState.DROPPED and reason is None:
        raise BadAlliance("enter the reason for dropping it", "reason")
    action.state, action.reason, action.ended_on = state, reason, now.date()
    return moved(session, principal, found, state, action, number=action_id)


def add_target(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    row: TargetRow,
    *,
    version: int | None = None,
) -> Alliance:
    """Add a target that every member has; it is compared with those of its other support.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`.
    Unfit
        If the measure, its value or its date does not fit, or there is one for the same date.
    """
    found = find(session, principal, alliance_id, version)
    _planners(session, principal, found)
    misfits: list[Misfit] = []
    columns = target_columns(row, found.starts, misfits)
    same = select(AllianceTarget.id).where(
        AllianceTarget.alliance_id == found.id,
        AllianceTarget.measure == columns["measure"],
        AllianceTarget.by_date == columns["by_date"],
    )
    if not misfits and session.scalar(same) is not None:
        misfits.append(Misfit("measure", row.measure, SAME_TARGET))
    if misfits:
        raise Unfit(misfits)
    made = AllianceTarget(alliance_id=found.id, **columns)
    session.add(made)
    session.flush()
    return moved(session, principal, found, "target", made, number=made.id)


def remove_target(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    target_id: int,
    *,
    version: int | None = None,
) -> Alliance:
    """Remove a target from the plan.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`; or if there is no such target.
    """
    found = find(session, principal, alliance_id, version)
    _planners(session, principal, found)
    target = session.get(AllianceTarget, target_id)
    if target is None or target.alliance_id != found.id:
        raise NotFound(f"There is no target {target_id} of alliance {found.reference}.")
    session.delete(target)
    return moved(session, principal, found, "untarget", found, number=target_id)


def review(
    session: WriteSession,
    principal: Principal,
    alliance_id: int,
    participant: str,
    rating: Rating,
    day: date,
    role: str,
    note: str | None = None,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Alliance:
    """Record how a member says that the alliance goes.

    Raises
    ------
    NotFound, Stale, Forbidden, Conflict
        As `service.find`; or if the principal may not speak for the member.
    BadAlliance
        If it is not in, the day lies before the start or ahead, or amber and red have no note.
    """
    now = now or database_now(session)
    found = find(session, principal, alliance_id, version)
    who = named(session, principal, participant, "participant")
    if who not in _standing(session, found):
        raise BadAlliance(f"{participant} is not in the alliance. Enter a member", "participant")
    authorise_for(session, principal, Action.CHANGE_ALLIANCE, [who])
    if not found.starts <= day <= now.date():
        raise BadAlliance(
            f"enter the day of the review, from {on_day(found.starts)} to today: {on_day(day)} is "
            "not",
            "on_day",
        )
    if rating is not Rating.GREEN and note is None:
        raise BadAlliance(f"say with a note why it is {rating}, and what happens next", "note")
    made = AllianceReview(
        alliance_id=found.id,
        participant_id=who,
        rating=rating,
        on_day=day,
        role=role,
        note=note,
        recorded_by=principal.name,
        at=now,
    )
    session.add(made)
    session.flush()
    return moved(session, principal, found, "review", made, rating=rating)


def _standing(session: WriteSession, alliance: Alliance) -> set[int]:
    """Who is in."""
    members = members_of(session, alliance.id)
    return {each.participant_id for each in members if each.state == MemberState.MEMBER}


def _planners(session: WriteSession, principal: Principal, alliance: Alliance) -> set[int]:
    """Who is in; refuse whoever acts for none of them and is no broker of the alliance."""
    standing = _standing(session, alliance)
    beyond = outside(session, principal, Action.CHANGE_ALLIANCE, standing)
    if beyond == standing and not may_on(session, principal, Action.MAKE_ALLIANCE, alliance):
        raise Forbidden(
            "Only members that are in the alliance keep its plan. Say yes for your school first."
        )
    return standing
