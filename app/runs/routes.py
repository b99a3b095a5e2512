"""Runs over HTTP: submitted, followed, cancelled, and their files."""

import gzip
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from app.access.callers import Caller, Reads, Writes, database_of
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.database import ReadSession, WriteSession
from app.errors import Problem
from app.http.conditions import is_known, tag_of_content
from app.http.fields import DIGITS, LARGEST, Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, JSON
from app.http.problems import PROBLEMS_OF_TOO_MANY
from app.http.replies import listed, shown
from app.planning.options import MatchOptions
from app.planning.scope import Takers
from app.runs import caps, queries, service
from app.runs.decided import decided
from app.runs.event_stream import follow, news_of_run
from app.runs.leases import ENDED
from app.runs.schemas import (
    PLAN_EXAMPLE,
    PROBLEM_EXAMPLE,
    DecidedShown,
    NewRun,
    OverlapShown,
    RunFilter,
    Runs,
    RunShown,
)
from models.matching import Run
from models.vocabulary import RunState
from solver.formats.json_columns import encode
from solver.formats.plan import Plan
from solver.formats.tables import ProblemFault

MOST_WAIT_S: Final = 600
EVENTS: Final = "text/event-stream"
EVENT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "one event; `data` is a JSON object that holds at least `at`",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
    "required": ["id", "event", "data"],
}
COLUMNS: Final = (
    "id",
    "operation",
    "state",
    "period",
    "objective",
    "bound",
    "gap",
    "stopped",
    "kept_run",
    "attempt",
    "failure",
    "problem_sha256",
    "author",
    "created_at",
    "finished_at",
)
router = APIRouter(tags=["runs"])
WaitS = Annotated[
    int,
    Query(
        ge=0,
        le=MOST_WAIT_S,
        description="how long to wait for more, in seconds",
        examples=[60],
    ),
    DIGITS,
]
RunId = Annotated[Id, Path(examples=[1])]


class UnreadablePlan(Problem):
    status = 422
    title = "Invalid plan"


@router.get("/runs", response_model=Runs, responses=AS_CSV)
@does(Action.READ)
def list_runs(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[RunFilter, Query()]
) -> Response:
    """List runs, the newest first."""

    def read(limit: int | None) -> list[RunShown]:
        found = queries.list_runs(
            session,
            principal,
            state=wanted.state,
            operation=wanted.operation,
            period=wanted.period,
            before=wanted.after,
            limit=limit,
        )
        progress = queries.last_progress(session, [run.id for run in found])
        whole = queries.seen_whole(session, principal, found)
        items = [RunShown.of(run, progress.get(run.id), whole=run.id in whole) for run in found]
        return with_names(session, items, "author")

    return listed(request, wanted, Runs, read, lambda run: run.id, COLUMNS)


@router.post("/runs", response_model=RunShown, status_code=202, responses=PROBLEMS_OF_TOO_MANY)
@does(Action.RUN)
def submit_run(
    request: Request,
    principal: Caller,
    session: Writes,
    body: NewRun,
    key: Key,
) -> Response:
    """Submit a run. It is carried out in the background. Follow it at `Location`."""

    def create() -> Response:
        settings = request.app.state.settings
        caps.require_room(session, principal, body.options or MatchOptions(), settings)
        submit = _check if body.of_run is not None else _plan
        run = submit(session, principal, body)
        location = f"{request.url.path}/{run.id}"
        told = named_one(session, RunShown.of(run, None, whole=True), "author")
        return shown(request, told, status=202, location=location)

    return once(request, session, principal.name, key, body, create)


def _plan(session: WriteSession, principal: Caller, body: NewRun) -> Run:
    assert body.period is not None
    options = body.options or MatchOptions()
    day = service.day_of(options)
    if body.area is not None:
        takers = service.takers_in(session, principal, body.area, day)
    else:
        takers = service.takers_listed(session, principal, body.takers or ())
    return service.submit(
        session, principal, takers, body.period, options, operation=body.operation
    )


def _check(session: WriteSession, principal: Caller, body: NewRun) -> Run:
    assert body.of_run is not None
    assert body.plan is not None
    earlier = queries.get_run(session, principal, body.of_run, whole=True)
    queries.file_of(session, earlier.id, "problem")
    try:
        content = encode(Plan.from_json(body.plan).to_json(), gzipped=True)
    except ProblemFault as fault:
        raise UnreadablePlan(str(fault)) from fault
    return service.submit(
        session,
        principal,
        Takers(earlier.scope, None),
        earlier.period_code,
        MatchOptions.model_validate(earlier.options),
        operation=body.operation,
        given=service.GivenPlan(earlier.id, content),
    )


@router.get("/runs/{run_id}", response_model=RunShown)
@does(Action.READ)
def get_run(request: Request, principal: Caller, session: Reads, run_id: RunId) -> Response:
    """Read one run: its state, progress and result."""
    run = queries.get_run(session, principal, run_id)
    replaced = queries.replaced(session, principal, run_id)
    newest = replaced[-1][0] if replaced else None
    overlaps = [
        OverlapShown(run=each.run.id, area=each.run.scope["name"], needs=each.needs)
        for each in queries.overlaps(session, principal, run_id)
    ]
    came = DecidedShown.of(decided(session, principal, run_id))
    others: dict[str, Any] = {"replaced_by": newest, "overlaps": overlaps, "decided": came}
    return _run(request, principal, session, run, **others)


def _run(
    request: Request,
    principal: Caller,
    session: ReadSession | WriteSession,
    run: Run,
    status: int = 200,
    **others: Any,
) -> Response:
    progress = queries.last_progress(session, [run.id]).get(run.id)
    whole = queries.sees_all(session, principal, run)
    told = named_one(session, RunShown.of(run, progress, whole=whole), "author")
    return shown(request, told.model_copy(update=others), status=status)


@router.post("/runs/{run_id}/cancellation", response_model=RunShown, status_code=202)
@does(Action.RUN)
def cancel_run(request: Request, principal: Caller, session: Writes, run_id: RunId) -> Response:
    """Cancel a run. It stops within seconds and needs no version."""
    run = service.request_cancel(session, principal, run_id)
    return _run(request, principal, session, run, 202)


@router.get(
    "/runs/{run_id}/plan",
    response_model=dict[str, Any],
    responses={200: {"content": {JSON: {"example": PLAN_EXAMPLE}}}},
)
@does(Action.READ_PLAN)
def get_plan(request: Request, principal: Caller, session: Reads, run_id: RunId) -> Response:
    """Download the plan of a run, a `givetake-plan/1` file."""
    return _file(request, principal, session, run_id, "plan")


@router.get(
    "/runs/{run_id}/problem",
    response_model=dict[str, Any],
    responses={200: {"content": {JSON: {"example": PROBLEM_EXAMPLE}}}},
)
@does(Action.READ_PLAN)
def get_problem(request: Request, principal: Caller, session: Reads, run_id: RunId) -> Response:
    """Download the exact problem of a run, a `givetake-problem/1` file."""
    return _file(request, principal, session, run_id, "problem")


def _file(
    request: Request,
    principal: Caller,
    session: ReadSession,
    run_id: int,
    name: queries.FileName,
) -> Response:
    queries.get_run(session, principal, run_id, whole=True)
    content = queries.file_of(session, run_id, name)
    tag = tag_of_content(content)
    headers = {
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "Content-Disposition": f'attachment; filename="run-{run_id}-{name}.json"',
    }
    if is_known(request, tag):
        return Response(None, 304, headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(content, 200, headers | {"Content-Encoding": "gzip"}, JSON)
    return Response(gzip.decompress(content), 200, headers, JSON)


@router.get(
    "/runs/{run_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events, each with its number, and comments in between.",
            "content": {
                EVENTS: {
                    "schema": EVENT_SCHEMA,
                    "example": {"id": "3", "event": "stage", "data": '{"stage": "Solving"}'},
                }
            },
        },
        204: {"description": "The run has ended and you have seen all of its events."},
    },
)
@does(Action.READ)
def follow_run(
    request: Request,
    principal: Caller,
    session: Reads,
    run_id: RunId,
    last_event_id: Annotated[
        int,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=LARGEST,
            description="number of the last event seen",
            examples=[0],
        ),
        DIGITS,
    ] = 0,
    wait_s: WaitS = 60,
) -> Response:
    """Follow a run by server-sent events. To continue, send `Last-Event-ID`."""
    run = queries.get_run(session, principal, run_id)
    if RunState(run.state) in ENDED and last_event_id >= run.last_event:
        return Response(None, 204)
    news = partial(news_of_run, database_of(request), principal, run_id)
    return stream(follow(news, last_event_id, wait_s))


def stream(events: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(events, media_type=EVENTS, headers={"Cache-Control": "no-store"})
