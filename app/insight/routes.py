"""What a plan comes to over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads
from app.access.declared import does
from app.access.policy import Action
from app.errors import NotFound
from app.http.fields import Id
from app.http.media import AS_CSV
from app.http.replies import listed
from app.insight import rendered
from app.insight.queries import report_data, result_of
from app.insight.rendered import Summary
from app.insight.schemas import PartFilter, Parts, PartShown
from app.runs import queries

router = APIRouter(tags=["runs"])


@router.get("/runs/{run_id}/breakdown", response_model=Parts, responses=AS_CSV)
@does(Action.READ_PLAN)
def break_down(
    request: Request,
    principal: Caller,
    session: Reads,
    run_id: Annotated[Id, Path(examples=[1])],
    wanted: Annotated[PartFilter, Query()],
) -> Response:
    """Tell what a plan comes to by local authority, expertise and phase of the schools in need."""
    queries.get_run(session, principal, run_id, whole=True)
    try:
        stored = queries.file_of(session, run_id, "summary")
        summary: Summary = rendered.read("summary", stored)
    except (NotFound, ValueError):
        # Planned in the terminal, or drawn by another version.
        result = result_of(session, principal, run_id)
        summary = rendered.draw(report_data(session, result)).summary
    parts = [
        PartShown.of(by, part)
        for by, found in summary.breakdown.by.items()
        if wanted.by in (None, by)
        for part in found
    ]
    return listed(request, None, Parts, lambda limit: parts, lambda part: part.name)
