"""The one register of support over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads
from app.access.declared import does
from app.access.policy import Action
from app.files.csv_writing import columns
from app.http.media import AS_CSV
from app.http.replies import listed, shown
from app.partnerships import queries
from app.partnerships.schemas import SupportPage, SupportQuery, SupportShown
from app.partnerships.service import Reference, SupportRow
from app.register.routes import area_of

router = APIRouter(tags=["partnerships"])
SupportReference = Annotated[Reference, Path(examples=["made-up-support-1"])]


@router.get("/support", response_model=SupportPage, responses=AS_CSV)
@does(Action.READ)
def list_support(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[SupportQuery, Query()]
) -> Response:
    """List current and past support, whoever arranged it; as CSV as an import reads it."""
    ids: dict[str, int] = {}

    def read(limit: int | None) -> list[SupportShown]:
        filters = wanted.model_dump(exclude={"limit", "area"})
        found = queries.list_support(
            session, principal, **filters, area=area_of(wanted.area), limit=limit
        )
        ids.update((row["reference"], row["id"]) for row in found)
        return [SupportShown.of(row) for row in found]

    return listed(
        request, wanted, SupportPage, read, lambda one: ids[one.reference], columns(SupportRow)
    )


@router.get("/support/{reference:path}", response_model=SupportShown)
@does(Action.READ)
def get_support(
    request: Request, principal: Caller, session: Reads, reference: SupportReference
) -> Response:
    """Read one arrangement."""
    return shown(request, SupportShown.of(queries.get_support(session, principal, reference)))
