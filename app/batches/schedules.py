"""Schedules: batches started at a time of day, once however many workers there are.

What was due while no worker was there is caught up once, and told. A schedule acts with the rights
that its owner has at the time; one whose owner has none any more ends.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.holders import hold, principal_of_holder
from app.access.persons import same_person
from app.access.policy import CLOCK, TERMINAL, Action, Principal, authorise, may
from app.access.scoped import visible
from app.batches import queries, service, times
from app.batches.queries import LIST, Areas
from app.catalogue.queries import get_period
from app.database import Database, WriteSession, database_now
from app.errors import Forbidden, NotFound, Problem
from app.events import audit
from app.planning.options import MatchOptions
from app.planning.scope import takers_of
from app.register.lookups import Scope
from app.runs.caps import require_within
from app.runs.service import authorise_takers
from app.settings import Settings
from app.wording import at_moment
from models.batches import Batch, Schedule
from models.vocabulary import AreasNamed, BatchState, Cadence

MOST: Final = 20
"""Schedules of one person."""
LATE: Final = timedelta(minutes=15)
"""By how much a start is told to be late."""
MOST_LETTERS: Final = 500
DEFAULT_ZONE: Final = "Europe/London"
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

log = structlog.get_logger()


class BadSchedule(Problem):
    status = 422
    title = "Invalid schedule"


def create_schedule(
    session: WriteSession,
    principal: Principal,
    areas: Sequence[str] | AreasNamed,
    period: str,
    options: MatchOptions,
    settings: Settings,
    *,
    at: str,
    zone: str,
    weekday: int | None = None,
    first_on: date | None = None,
) -> Schedule:
    """Start a batch of these areas at a time of every day, or of one day of the week.

    Raises
    ------
    BadSchedule
        If the time, the zone or the first day is none or has passed, or there are too many.
    NotFound, Conflict
        If there is no such area or period, or the period will be over.
    Forbidden
        If the principal may not start runs for an area.
    """
    authorise(principal, Action.RUN)
    require_within(options, settings)
    service.require_of_many(options)
    due_at = _first_time(at, zone, weekday, first_on, database_now(session))
    get_period(session, principal, period, not_over_on=times.today_in(zone, due_at))
    scopes: tuple[Scope, ...] = ()
    if not isinstance(areas, AreasNamed):
        scopes = queries.areas_listed(session, principal, areas).scopes
        for scope in scopes:
            takers = takers_of(session, principal, scope.as_json(), due_at.date())
            authorise_takers(session, principal, takers)
    names = same_person(session, principal.name)
    hold(session, names)
    mine = select(func.count()).where(Schedule.owner.in_(names), Schedule.ended_at.is_(None))
    if (session.scalar(mine) or 0) >= MOST:
        raise BadSchedule(f"You have {MOST} schedules already. Remove one first.")
    made = Schedule(
        period_code=period,
        named=areas if isinstance(areas, AreasNamed) else LIST,
        areas=[scope.as_json() for scope in scopes],
        options=options.model_dump(mode="json"),
        every=Cadence.DAY if weekday is None else Cadence.WEEK,
        weekday=weekday,
        at=at,
        zone=zone,
        owner=principal.name,
        created_at=database_now(session),
        due_at=due_at,
    )
    session.add(made)
    session.flush()
    _record(session, made, principal.name, "create")
    return made


def _first_time(
    at: str, zone: str, weekday: int | None, first_on: date | None, now: datetime
) -> datetime:
    if not times.is_time(at):
        raise BadSchedule(f"{at!r} is not a time of day. Enter hours and minutes, like 02:00.")
    if not times.is_zone(zone):
        raise BadSchedule(f"There is no time zone {zone!r}. Enter one like Europe/London.")
    today = times.today_in(zone, now)
    if first_on is not None and first_on < today:
        raise BadSchedule(
            f"The first day {first_on} has passed. Enter today or a later day, or leave it out."
        )
    after = now if first_on is None else max(now, times.begin_of(first_on, zone))
    return times.next_time(after, at, zone, weekday)


def list_schedules(session: Session, principal: Principal) -> Sequence[Schedule]:
    """Those of the principal that have not ended or told why they did, the newest first."""
    authorise(principal, Action.READ)
    mine = visible(principal, Action.READ, Schedule)
    return session.scalars(select(Schedule).where(mine).order_by(Schedule.id.desc())).all()


def get_schedule(
    session: Session, principal: Principal, schedule_id: int, action: Action = Action.READ
) -> Schedule:
    """A schedule that the principal may read, or do `action` to; locked to be written."""
    authorise(principal, action)
    mine = visible(principal, action, Schedule)
    query = select(Schedule).where(Schedule.id == schedule_id, mine)
    if isinstance(session, WriteSession):
        query = query.with_for_update()
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no schedule {schedule_id}. Check the number.")
    return found


def end_schedule(session: WriteSession, principal: Principal, schedule_id: int) -> Schedule:
    """Start no more batches; one that has ended already stays as it is, and so do its batches."""
    found = get_schedule(session, principal, schedule_id, Action.RUN)
    if found.ended_at is None:
        _end(session, found, principal.name)
    return found


def _end(session: WriteSession, schedule: Schedule, by: str) -> None:
    schedule.ended_at, schedule.ended_by = database_now(session), by
    session.flush()
    _record(session, schedule, by, "end")


def start_due(database: Database, settings: Settings) -> None:
    """Start the batches that are due; each in one transaction, by whoever is first."""
    with database.read() as session:
        due = session.scalars(
            select(Schedule.id)
            .where(Schedule.ended_at.is_(None), Schedule.due_at <= database_now(session))
            .order_by(Schedule.due_at, Schedule.id)
        ).all()
    for schedule_id in due:
        with database.write() as session:
            _start(session, schedule_id, settings)


def _start(session: WriteSession, schedule_id: int, settings: Settings) -> None:
    schedule = session.get(Schedule, schedule_id, with_for_update={"skip_locked": True})
    now = database_now(session)
    if schedule is None or schedule.ended_at is not None or schedule.due_at > now:
        return  # Some other worker was first.
    due, schedule.told = schedule.due_at, None
    schedule.last_due_at = due
    schedule.due_at = times.next_time(now, schedule.at, schedule.zone, schedule.weekday)
    principal = _owner(session, schedule, now)
    if principal is None:
        _tell(schedule, "Its owner no longer has permission to start runs, so it has ended.")
        _end(session, schedule, CLOCK.name)
        return
    before = session.get(Batch, schedule.last_batch_id) if schedule.last_batch_id else None
    if before is not None and before.state == BatchState.RUNNING:
        _tell(schedule, f"Batch {before.id} had not ended, so no other one was started.")
        return
    try:
        with session.begin_nested():
            batch = _batch(session, schedule, principal, settings, now)
    except Problem as problem:
        is_over = now.date() > get_period(session, TERMINAL, schedule.period_code).ends
        _tell(schedule, problem.detail)
        if is_over or isinstance(problem, Forbidden):
            _end(session, schedule, CLOCK.name)
        return
    schedule.last_batch_id = batch.id
    if now - due > LATE:
        _tell(schedule, f"It was due at {at_moment(due)} and started at {at_moment(now)}.")
    session.flush()
    _record(session, schedule, principal.name, "start", batch=batch.id)


def _batch(
    session: WriteSession,
    schedule: Schedule,
    principal: Principal,
    settings: Settings,
    now: datetime,
) -> Batch:
    day = times.today_in(schedule.zone, now)
    options = MatchOptions.model_validate(schedule.options).model_copy(update={"as_of": day})
    service.require_room(session, principal, options, settings)
    period = schedule.period_code
    if schedule.named == LIST:
        areas = Areas(tuple(Scope(**each) for each in schedule.areas), LIST)
    else:
        named = AreasNamed(schedule.named)
        areas = queries.areas_of_kind(session, principal, named, period, day)
    return service.create_batch(session, principal, areas, period, options)


def _owner(session: Session, schedule: Schedule, now: datetime) -> Principal | None:
    """Whoever made a schedule, with the rights they have now; none where they have none to it."""
    if schedule.owner == TERMINAL.name:
        return TERMINAL
    principal = principal_of_holder(session, schedule.owner, now)
    return principal if principal is not None and may(principal, Action.RUN) else None


def _tell(schedule: Schedule, sentence: str) -> None:
    schedule.told = sentence[:MOST_LETTERS]
    log.warning("schedule.not_as_planned", schedule=schedule.id, why=schedule.told)


def _record(
    session: WriteSession, schedule: Schedule, actor: str, what: str, **detail: Any
) -> None:
    audit.record(
        session,
        actor=actor,
        action=f"schedule.{what}",
        subject=f"schedule:{schedule.id}",
        **detail,
    )
