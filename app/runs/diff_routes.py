"""The difference of two plans over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads
from app.access.declared import does
from app.access.policy import Action
from app.http.fields import Id
from app.http.media import AS_CSV, wants_csv
from app.http.replies import csv_file, shown
from app.runs.diff import diff
from app.runs.diff_schemas import DiffFilter, DiffShown, LineShown

router = APIRouter(tags=["runs"])


@router.get("/runs/{run_id}/diff", response_model=DiffShown, responses=AS_CSV)
@does(Action.READ_PLAN)
def get_diff(
    request: Request,
    principal: Caller,
    session: Reads,
    run_id: Annotated[Id, Path(examples=[1])],
    wanted: Annotated[DiffFilter, Query()],
) -> Response:
    """Compare the plan of a run with that of another of the same period; as CSV, line by line."""
    found = DiffShown.of(diff(session, principal, run_id, wanted.from_))
    if wants_csv(request):
        return csv_file(request, f"run-{run_id}-diff", list(LineShown.model_fields), found.items)
    return shown(request, found)
