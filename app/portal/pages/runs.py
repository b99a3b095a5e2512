"""Runs: listed, started with their rules in words, watched and cancelled."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.catalogue.queries import list_periods
from app.database import ReadSession, database_now
from app.errors import Conflict, NotFound
from app.exchange.rows import Count, Miles
from app.files.csv_reading import RowModel, Text, Whole, YesNo
from app.insight.queries import rules_in_words
from app.planning.options import MatchOptions
from app.planning.standing import price_in_words
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import RUN_FIELDS
from app.portal.rendering import csv_page, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.register import list_queries
from app.runs import caps, queries, service
from app.runs.leases import CHILD_DIED, ENDED, GIVEN_BACK
from app.wording import capital
from models.matching import Run, RunEvent
from models.vocabulary import AreaKind, BalanceHolder, Ladder, Operation, Reciprocity, RunState

router = APIRouter()
PER_PAGE: Final = 30
WIDTH, HEIGHT = 600.0, 160.0
REFERENCES: Final = r"^[\s,]*([A-Za-z0-9][A-Za-z0-9._:/-]{0,63}([\s,]+|$))*$"
"""Of needs, with spaces or commas between them."""


def _steps(value: object) -> object:
    return tuple(filter(None, value.split(";"))) if isinstance(value, str) else value


Steps = Annotated[tuple[Ladder, ...], BeforeValidator(_steps)]


class Asked(RowModel):
    """A run as its form asks for it."""

    area: Text
    period: Text
    reciprocity: Reciprocity
    max_loop: Annotated[Whole, Field(ge=2, le=100)] = MatchOptions().max_loop
    balance_held_by: BalanceHolder = BalanceHolder.SCHOOL
    travel_limit_miles: Miles
    max_taken: Count
    max_given: Count
    refuse_failed_support_years: Annotated[Whole, Field(ge=0, le=100)] = (
        MatchOptions().refuse_failed_support_years
    )
    steps: Steps = ()
    nearest_step_first: YesNo = False
    change_price: Annotated[Whole, Field(ge=0, le=5_000_000)] = MatchOptions().change_price
    free: Annotated[Text, StringConstraints(pattern=REFERENCES)] = ""
    minutes: Annotated[Whole, Field(ge=1, le=720)]
    include_suggestions: YesNo = False
    include_declined: YesNo = False
    compare: YesNo = False
    """Whether prices of change are compared first, and nothing is planned."""

    def options(self, as_of: date) -> MatchOptions:
        return MatchOptions(
            as_of=as_of,
            **self.model_dump(exclude={"area", "period", "minutes", "free", "compare"}),
            free=tuple(self.free.replace(",", " ").split()),
            time_limit_s=self.minutes * 60.0,
        )


@router.get("/runs")
@does(Action.READ)
def list_runs(request: Request, who: Who) -> Response:
    as_csv = request.query_params.get("as") == "csv"
    with who.database.read() as session:
        runs = queries.list_runs(
            session,
            who.principal,
            before=forms.whole(request.query_params.get("before")),
            limit=None if as_csv else PER_PAGE + 1,
        )
        if as_csv:
            columns = ["id", "area", "period", "state", "objective", "bound", "gap", "created_at"]
            rows: list[dict[str, object]] = [
                {name: getattr(run, name, None) for name in columns}
                | {"area": run.scope["name"], "period": run.period_code}
                for run in runs
            ]
            return csv_page("runs", columns, rows)
        return page(request, "runs.html", who, runs=runs[:PER_PAGE], more=len(runs) > PER_PAGE)


@router.get("/runs/new")
@does(Action.RUN, reach=Reach.OPEN)
def new_run(request: Request, who: Who, now: Now) -> Response:
    authorise(who.principal, Action.RUN)
    options = MatchOptions()
    defaults = {
        "reciprocity": options.reciprocity.value,
        "max_loop": str(options.max_loop),
        "balance_held_by": options.balance_held_by.value,
        "travel_limit_miles": f"{options.travel_limit_miles:g}",
        "max_taken": str(options.max_taken),
        "max_given": str(options.max_given),
        "refuse_failed_support_years": str(options.refuse_failed_support_years),
        "change_price": str(options.change_price),
        "minutes": "1",
    }
    given = request.query_params
    defaults |= {name: given[name] for name in ("area", "period", "change_price") if name in given}
    with who.database.read() as session:
        return _form(request, who, session, Filled(defaults), now.date())


@router.post("/runs/new")
@does(Action.RUN)
def start_run(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    steps = [text for text in form.getlist("steps") if isinstance(text, str)]
    filled = Filled(texts(form) | ({"steps": ";".join(steps)} if steps else {}))
    asked = forms.read(Asked, filled, RUN_FIELDS)
    if asked is not None:
        options = asked.options(now.date())
        try:
            with who.database.write() as session:
                takers = service.takers_in(session, who.principal, asked.area, now.date())
                caps.require_room(session, who.principal, options, request.app.state.settings)
                run = service.submit(
                    session,
                    who.principal,
                    takers,
                    asked.period,
                    options,
                    operation=Operation.CURVE if asked.compare else Operation.SOLVE,
                )
                return RedirectResponse(f"{BASE}/runs/{run.id}", 303)
        except caps.BeyondLimit as beyond:
            filled.add("minutes", capital(beyond.detail))
        except (NotFound, Conflict) as problem:
            field = "period" if "period" in problem.detail else "area"
            filled.add(field, capital(problem.detail))
    with who.database.read() as session:
        return _form(request, who, session, filled, now.date(), status=422)


def _form(
    request: Request,
    who: Visitor,
    session: ReadSession,
    filled: Filled,
    today: date,
    status: int = 200,
) -> Response:
    areas = [
        area
        for kind in (AreaKind.REGION, AreaKind.LOCAL_AUTHORITY)
        for area in list_queries.list_areas(session, who.principal, kind=kind, limit=None)
    ]
    periods = list_periods(session, who.principal, limit=None)
    return page(
        request,
        "run_form.html",
        who,
        status=status,
        filled=filled,
        areas=areas,
        periods=[period for period in periods if period.ends >= today],
        fields=RUN_FIELDS,
        price_hint=price_in_words(MatchOptions()),
    )


@router.get("/runs/{run_id:id}/watch")
@does(Action.READ)
def watch_run(request: Request, who: Who, run_id: int) -> Response:
    """How far a run is; asked for again and again until it has ended."""
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id)
        if RunState(run.state) in ENDED:
            if request.headers.get("hx-request"):
                return Response(None, 200, {"HX-Redirect": f"{BASE}/runs/{run_id}"})
            return RedirectResponse(f"{BASE}/runs/{run_id}", 303)
        template = "run_live.html" if request.headers.get("hx-request") else "run_watch.html"
        return page(request, template, who, **watched(session, who, run))


def watched(session: ReadSession, who: Visitor, run: Run) -> dict[str, Any]:
    """What a page that watches a run shows."""
    events = queries.events(session, who.principal, run.id)
    told = [event for event in events if event.kind == "progress"]
    searched = [event.data for event in told]
    waited = (database_now(session) - told[-1].at).total_seconds() if told else 0.0
    return {
        "run": run,
        "rules": rules_in_words(MatchOptions.model_validate(run.options)),
        "latest": searched[-1] if searched else None,
        "waited": max(waited, 0.0),  # time goes on while the solver says nothing
        "curve": curve(searched),
        "prices": _prices(run),
        "stages": _stages(events),
        "ended": RunState(run.state) in ENDED,
    }


def _prices(run: Run) -> dict[str, Any] | None:
    """What planning would come to at several prices of change, with its curve on paper."""
    rows: list[dict[str, Any]] = (run.summary or {}).get("prices", [])
    if not rows or run.operation != Operation.CURVE:
        return None
    most = max(row["people"] for row in rows) or 1
    points = [row["points"] for row in rows]
    low, high = min(points), max(points)
    spots = [
        (
            round(WIDTH * row["people"] / most, 1),
            round(HEIGHT * (1 - (row["points"] - low) / (high - low or 1)), 1),
        )
        for row in rows
    ]
    return {"rows": rows, "spots": spots, "stood": run.summary and run.summary["stood"]}


def _stages(events: Sequence[RunEvent]) -> list[tuple[str, datetime]]:
    """Each step that began, of the latest attempt only."""
    stages: list[tuple[str, datetime]] = []
    for event in events:
        if event.kind in ("queued", "started", GIVEN_BACK, CHILD_DIED):
            stages = [("started", event.at)] if event.kind == "started" else []
        elif event.kind == "stage":
            stages.append((str(event.data.get("stage", "")), event.at))
    return stages


def curve(searched: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The plan's points and their bound over time, as lines on paper; none before two points."""
    plans = [(each["seconds"], each["objective"]) for each in searched if each["objective"]]
    bounds = [(each["seconds"], each["bound"]) for each in searched if each["bound"]]
    if len(plans) < 2 or not bounds:
        return None
    first = min(seconds for seconds, _ in plans + bounds)
    longest = max(seconds for seconds, _ in plans + bounds) - first or 1
    highest = max(points for _, points in plans[-1:] + bounds[-1:]) * 1.02
    lowest = min(points for _, points in plans) * 0.9

    def line(spots: list[tuple[float, float]]) -> str:
        return " ".join(
            f"{WIDTH * (seconds - first) / longest:.1f},"
            f"{HEIGHT * (1 - (min(points, highest) - lowest) / (highest - lowest or 1)):.1f}"
            for seconds, points in spots
        )

    return {"plan": line(plans), "bound": line(bounds), "seconds": longest}


@router.post("/runs/{run_id:id}/cancel")
@does(Action.RUN)
def cancel_run(request: Request, who: Who, run_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        service.request_cancel(session, who.principal, run_id)
    return RedirectResponse(f"{BASE}/runs/{run_id}", 303)
