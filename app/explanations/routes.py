"""Why needs were not met, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads, database_of
from app.access.declared import does
from app.access.policy import Action
from app.exchange.rows import Reference
from app.explanations import queries
from app.explanations.schemas import NeedAnswer, UnmetFilter, Unmets, UnmetShown
from app.http.fields import Id
from app.http.media import AS_CSV
from app.http.replies import listed, shown

router = APIRouter(tags=["runs"])
RunId = Annotated[Id, Path(examples=[1])]
COLUMNS = ("need", "participant", "name", "expertise", "days", "priority", "why")


@router.get("/runs/{run_id}/unmet", response_model=Unmets, responses=AS_CSV)
@does(Action.READ_PLAN)
def list_unmet(
    request: Request,
    principal: Caller,
    session: Reads,
    run_id: RunId,
    wanted: Annotated[UnmetFilter, Query()],
) -> Response:
    """List the needs that a run left unmet, with the rules that bind and who holds what."""

    def read(limit: int | None) -> list[UnmetShown]:
        found, names = queries.unmet_needs(
            session, principal, run_id, after=wanted.after, limit=limit
        )
        return [UnmetShown.of(each, names) for each in found]

    return listed(request, wanted, Unmets, read, lambda each: each.need, COLUMNS)


@router.get("/runs/{run_id}/unmet/{reference:path}", response_model=NeedAnswer)
@does(Action.READ_PLAN)
def why_unmet(
    request: Request,
    principal: Caller,
    run_id: RunId,
    reference: Annotated[Reference, Path(examples=["made-up-need-1"])],
) -> Response:
    """Say why one need is not met, and try what would meet it; or who meets it.

    The first answer takes seconds: changes are tried by solving again around the need.
    """
    found = queries.why(database_of(request), principal, run_id, reference)
    return shown(request, NeedAnswer.of(found))
