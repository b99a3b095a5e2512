"""Cases over HTTP: what was so on any day."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads
from app.access.declared import does
from app.access.names import names_of
from app.access.policy import Action
from app.cases.queries import case_on
from app.cases.schemas import CaseDay, CaseShown
from app.exchange.rows import Reference
from app.http.replies import shown

router = APIRouter(tags=["exchange"])


@router.get("/needs/{reference:path}/case", response_model=CaseShown)
@does(Action.READ)
def get_case(
    request: Request,
    principal: Caller,
    session: Reads,
    reference: Annotated[Reference, Path(examples=["made-up-need-1"])],
    day: Annotated[CaseDay, Query()],
    now: Now,
) -> Response:
    """Read a need with its proposals, decisions, agreements and terms as they were on a day."""
    case = case_on(session, principal, reference, day.on or now.date())
    return shown(request, CaseShown.of(case, names_of(session, case.actors)))
