"""Batches and their schedules: listed, started, followed by area and cancelled."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action
from app.batches import queries, schedules, service
from app.batches.schedules import DAYS, DEFAULT_ZONE, BadSchedule
from app.catalogue.queries import list_periods
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.files.csv_reading import RowModel, Text, Whole
from app.planning.options import MatchOptions
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import BATCH_FIELDS
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.runs.caps import BeyondLimit
from app.runs.queries import last_progress
from app.wording import capital
from models.vocabulary import AreasNamed, BatchState

router = APIRouter()
PER_PAGE: Final = 30


class Asked(RowModel):
    """A batch, or a schedule of batches, as its form asks for it."""

    areas: Text = ""
    """Names with commas between them; empty: all local authorities with needs."""
    period: Text
    minutes: Annotated[Whole, Field(ge=1, le=720)] | None = None
    at: Text = ""
    """Empty: now."""
    weekday: Annotated[Whole, Field(ge=0, le=6)] | None = None

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self.areas.split(",") if name.strip()]

    @property
    def options(self) -> MatchOptions:
        return MatchOptions(workers=1, time_limit_s=self.minutes and self.minutes * 60.0)


@router.get("/batches")
@does(Action.READ)
def list_batches(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        before = forms.whole(request.query_params.get("before"))
        found = queries.list_batches(session, who.principal, before=before, limit=PER_PAGE + 1)
        batches = [(each, queries.areas_of(session, each.id)) for each in found[:PER_PAGE]]
        return page(
            request,
            "batches.html",
            who,
            batches=batches,
            more=len(found) > PER_PAGE,
            schedules=schedules.list_schedules(session, who.principal),
            days=DAYS,
        )


@router.get("/batches/new")
@does(Action.RUN, reach=Reach.OPEN)
def new_batch(request: Request, who: Who, now: Now) -> Response:
    return _form(request, who, Filled({}), now)


@router.post("/batches/new")
@does(Action.RUN)
def start_batch(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    asked = forms.read(Asked, filled, BATCH_FIELDS)
    if asked is not None:
        try:
            with who.database.write() as session:
                return RedirectResponse(
                    f"{BASE}/batches{_start(request, who, session, asked, now)}", 303
                )
        except BeyondLimit as beyond:
            filled.add("minutes", capital(beyond.detail))
        except BadSchedule as bad:
            filled.add("at", capital(bad.detail))
        except (NotFound, Conflict, queries.NoAreas) as problem:
            field = "period" if "period" in problem.detail else "areas"
            filled.add(field, capital(problem.detail))
    return _form(request, who, filled, now, status=422)


def _start(
    request: Request, who: Visitor, session: WriteSession, asked: Asked, now: datetime
) -> str:
    """Start a batch or add a schedule; what of `/batches` to show next."""
    settings, options = request.app.state.settings, asked.options
    if asked.at:
        areas = asked.names or AreasNamed.ALL
        when: dict[str, Any] = {"at": asked.at, "zone": DEFAULT_ZONE, "weekday": asked.weekday}
        schedules.create_schedule(
            session, who.principal, areas, asked.period, options, settings, **when
        )
        return ""
    service.require_room(session, who.principal, options, settings)
    found = (
        queries.areas_listed(session, who.principal, asked.names)
        if asked.names
        else queries.areas_of_kind(session, who.principal, AreasNamed.ALL, asked.period, now.date())
    )
    batch = service.create_batch(session, who.principal, found, asked.period, options)
    return f"/{batch.id}"


def _form(
    request: Request, who: Visitor, filled: Filled, now: datetime, status: int = 200
) -> Response:
    with who.database.read() as session:
        periods = list_periods(session, who.principal, limit=None)
    return page(
        request,
        "batch_form.html",
        who,
        status=status,
        filled=filled,
        periods=[period for period in periods if period.ends >= now.date()],
        fields=BATCH_FIELDS,
        days=DAYS,
        zone=DEFAULT_ZONE,
    )


@router.get("/batches/{batch_id:id}")
@does(Action.READ)
def show_batch(request: Request, who: Who, batch_id: int) -> Response:
    """How far each area is; the page loads itself again until the batch has ended."""
    with who.database.read() as session:
        batch = queries.get_batch(session, who.principal, batch_id)
        areas = queries.areas_of(session, batch_id)
        ids = [each.run.id for each in areas if each.run]
        return page(
            request,
            "batch.html",
            who,
            batch=batch,
            areas=areas,
            progress=last_progress(session, ids),
            ended=sum(each.has_ended for each in areas),
            running=batch.state == BatchState.RUNNING,
            twice=queries.offers_promised_twice(session, who.principal, ids),
        )


@router.post("/batches/{batch_id:id}/cancel")
@does(Action.RUN)
def cancel_batch(request: Request, who: Who, batch_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        service.cancel_batch(session, who.principal, batch_id)
    return RedirectResponse(f"{BASE}/batches/{batch_id}", 303)


@router.post("/schedules/{schedule_id:id}/end")
@does(Action.RUN)
def end_schedule(request: Request, who: Who, schedule_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        schedules.end_schedule(session, who.principal, schedule_id)
    return RedirectResponse(f"{BASE}/batches", 303)
