"""Batches over HTTP: submitted, followed by area, cancelled."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from app.access.callers import Caller, Reads, Writes, database_of
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.batches import queries, service
from app.batches.queries import Areas
from app.batches.schemas import AreaShown, Batches, BatchFilter, BatchShown, BatchWhole, NewBatch
from app.database import Database, WriteSession
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_TOO_MANY
from app.http.replies import listed, shown
from app.planning.options import MatchOptions
from app.runs.event_stream import follow, text_of
from app.runs.queries import last_progress
from app.runs.routes import EVENT_SCHEMA, EVENTS, WaitS, stream
from app.runs.service import day_of
from models.vocabulary import BatchState

router = APIRouter(tags=["batches"])
BatchId = Annotated[Id, Path(examples=[1])]
COLUMNS = (
    "id",
    "state",
    "period",
    "named",
    "areas",
    "ended",
    "author",
    "created_at",
    "finished_at",
)


@router.get("/batches", response_model=Batches, responses=AS_CSV)
@does(Action.READ)
def list_batches(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[BatchFilter, Query()]
) -> Response:
    """List your batches, the newest first."""

    def read(limit: int | None) -> list[BatchShown]:
        found = queries.list_batches(
            session, principal, state=wanted.state, before=wanted.after, limit=limit
        )
        items = [BatchShown.of(each, queries.areas_of(session, each.id)) for each in found]
        return with_names(session, items, "author")

    return listed(request, wanted, Batches, read, lambda batch: batch.id, COLUMNS)


@router.post("/batches", response_model=BatchShown, status_code=202, responses=PROBLEMS_OF_TOO_MANY)
@does(Action.RUN)
def submit_batch(
    request: Request, principal: Caller, session: Writes, body: NewBatch, key: Key
) -> Response:
    """Plan many areas, each by a run of its own, in the background. Follow it at `Location`."""

    def create() -> Response:
        options = body.options or MatchOptions(workers=1)
        service.require_room(session, principal, options, request.app.state.settings)
        areas = _areas(session, principal, body, options)
        batch = service.create_batch(session, principal, areas, body.period, options)
        content = BatchShown.of(batch, queries.areas_of(session, batch.id))
        location = f"{request.url.path}/{batch.id}"
        return shown(request, named_one(session, content, "author"), status=202, location=location)

    return once(request, session, principal.name, key, body, create)


def _areas(
    session: WriteSession, principal: Principal, body: NewBatch, options: MatchOptions
) -> Areas:
    day = day_of(options)
    if body.every is not None:
        return queries.areas_of_kind(session, principal, body.every, body.period, day)
    return queries.areas_listed(session, principal, body.areas or ())


@router.get("/batches/{batch_id}", response_model=BatchWhole)
@does(Action.READ)
def get_batch(request: Request, principal: Caller, session: Reads, batch_id: BatchId) -> Response:
    """Read one batch with its areas: their states, progress and gaps."""
    batch = queries.get_batch(session, principal, batch_id)
    areas = queries.areas_of(session, batch.id)
    ids = [each.run.id for each in areas if each.run]
    twice = queries.offers_promised_twice(session, principal, ids)
    content = BatchWhole.whole(batch, areas, last_progress(session, ids), twice)
    return shown(request, named_one(session, content, "author"))


@router.post("/batches/{batch_id}/cancellation", response_model=BatchShown, status_code=202)
@does(Action.RUN)
def cancel_batch(
    request: Request, principal: Caller, session: Writes, batch_id: BatchId
) -> Response:
    """Cancel a batch and its runs that have not ended. What is planned stays."""
    batch = service.cancel_batch(session, principal, batch_id)
    content = BatchShown.of(batch, queries.areas_of(session, batch.id))
    return shown(request, named_one(session, content, "author"), status=202)


@router.get(
    "/batches/{batch_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "An `area` event for each area, and again whenever it changes; last, "
            "`batch`.",
            "content": {
                EVENTS: {
                    "schema": EVENT_SCHEMA,
                    "example": {"event": "area", "data": '{"state": "solved", "run": 1}'},
                }
            },
        },
    },
)
@does(Action.READ)
def follow_batch(
    request: Request, principal: Caller, session: Reads, batch_id: BatchId, wait_s: WaitS = 60
) -> Response:
    """Follow a batch by server-sent events; whoever comes back gets every area anew."""
    queries.get_batch(session, principal, batch_id)
    news = partial(_news, database_of(request), principal, batch_id)
    return stream(follow(news, {}, wait_s))


def _news(
    database: Database, principal: Principal, batch_id: int, seen: dict[int, Any]
) -> tuple[list[str], dict[int, Any], bool]:
    with database.read() as session:
        # Read before its areas: what has ended changes no more.
        batch = queries.get_batch(session, principal, batch_id)
        areas = queries.areas_of(session, batch_id)
        progress = last_progress(session, [each.run.id for each in areas if each.run])
    now = {
        each.area.position: AreaShown.of(each, progress.get(each.area.run_id or 0)).model_dump(
            mode="json"
        )
        for each in areas
    }
    texts = [text_of("area", area) for at, area in now.items() if seen.get(at) != area]
    ended = batch.state != BatchState.RUNNING
    if ended:
        texts.append(text_of("batch", {"state": batch.state}))
    return texts, now, ended
