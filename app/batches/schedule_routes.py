"""Schedules of batches over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.batches import schedules
from app.batches.schedules import DAYS, DEFAULT_ZONE
from app.batches.schemas import NewBatch
from app.http.fields import Day, Id, Moment, Shown
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.replies import Listed, listed, shown
from app.planning.options import MatchOptions
from app.runs.schemas import ScopeShown
from models.batches import Schedule
from models.vocabulary import AreasNamed, Cadence

router = APIRouter(prefix="/schedules", tags=["batches"])
ScheduleId = Annotated[Id, Path(examples=[1])]
ACTORS = ("owner", "ended_by")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class NewSchedule(NewBatch):
    """Which batch to start, and when."""

    at: Annotated[str, Field(max_length=5, description="HH:MM, 24 hours", examples=["02:00"])]
    zone: Annotated[str, Field(max_length=50, examples=["Europe/London"])] = DEFAULT_ZONE
    weekday: Annotated[
        Weekday | None, Field(description="once a week on that day; absent: every day")
    ] = None
    first_on: Annotated[Day | None, Field(description="not before this day", examples=[None])] = (
        None
    )


class ScheduleShown(Shown):
    id: int = Field(examples=[1])
    period: str = Field(examples=["2026-27"])
    named: str = Field(description="as of a batch", examples=["all"])
    areas: list[ScopeShown] = Field(description="of a list", examples=[[]])
    options: MatchOptions
    every: Cadence
    weekday: Weekday | None
    at: str = Field(examples=["02:00"])
    zone: str = Field(examples=["Europe/London"])
    owner: str = Field(examples=["portal (broker)"])
    due_at: Moment = Field(description="when it starts a batch next, unless it has ended")
    last_due_at: Moment | None
    last_batch: int | None = Field(examples=[1])
    told: str | None = Field(
        description="of the last time: that it was late, or why there is no batch",
        examples=[None],
    )
    created_at: Moment
    ended_at: Moment | None
    ended_by: str | None = Field(examples=[None])

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleShown":
        same = ("id", "named", "at", "zone", "owner", "due_at", "last_due_at", "told")
        return cls(
            **{name: getattr(schedule, name) for name in same},
            period=schedule.period_code,
            areas=[ScopeShown.model_validate(scope) for scope in schedule.areas],
            options=MatchOptions.model_validate(schedule.options),
            every=Cadence(schedule.every),
            weekday=None if schedule.weekday is None else DAYS[schedule.weekday],
            last_batch=schedule.last_batch_id,
            created_at=schedule.created_at,
            ended_at=schedule.ended_at,
            ended_by=schedule.ended_by,
        )


class Schedules(Listed[ScheduleShown]):
    pass


@router.get("", response_model=Schedules, responses=AS_CSV)
@does(Action.READ)
def list_schedules(request: Request, principal: Caller, session: Reads) -> Response:
    """List your schedules with those that have ended, the newest first."""

    def read(limit: int | None) -> list[ScheduleShown]:
        found = schedules.list_schedules(session, principal)
        return with_names(session, [ScheduleShown.of(each) for each in found], *ACTORS)

    return listed(request, None, Schedules, read, lambda one: one.id)


@router.post("", response_model=ScheduleShown, status_code=201)
@does(Action.RUN)
def create_schedule(
    request: Request, principal: Caller, session: Writes, body: NewSchedule, key: Key
) -> Response:
    """Start a batch at a time of every day, or of one day of the week, with your rights then."""

    def create() -> Response:
        areas: Sequence[str] | AreasNamed = body.every or body.areas or ()
        made = schedules.create_schedule(
            session,
            principal,
            areas,
            body.period,
            body.options or MatchOptions(workers=1),
            request.app.state.settings,
            at=body.at,
            zone=body.zone,
            weekday=None if body.weekday is None else DAYS.index(body.weekday),
            first_on=body.first_on,
        )
        location = f"{request.url.path}/{made.id}"
        content = named_one(session, ScheduleShown.of(made), *ACTORS)
        return shown(request, content, status=201, location=location)

    return once(request, session, principal.name, key, body, create)


@router.get("/{schedule_id}", response_model=ScheduleShown)
@does(Action.READ)
def get_schedule(
    request: Request, principal: Caller, session: Reads, schedule_id: ScheduleId
) -> Response:
    """Read one schedule: when it is due, and what became of the last time."""
    found = schedules.get_schedule(session, principal, schedule_id)
    return shown(request, named_one(session, ScheduleShown.of(found), *ACTORS))


@router.post("/{schedule_id}/cancellation", response_model=ScheduleShown)
@does(Action.RUN)
def end_schedule(
    request: Request, principal: Caller, session: Writes, schedule_id: ScheduleId
) -> Response:
    """Start no more batches. Those that were started go on, and the schedule stays on record."""
    ended = schedules.end_schedule(session, principal, schedule_id)
    return shown(request, named_one(session, ScheduleShown.of(ended), *ACTORS))
