"""A need with its proposals, decisions and agreements, as they were on any day."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.declared import does
from app.access.names import names_of
from app.access.policy import Action
from app.cases.queries import case_on
from app.cases.schemas import CaseShown
from app.database import database_now
from app.errors import NotFound
from app.portal.forms import day_of
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import json_page, page
from app.portal.sessions import Who

router = APIRouter()


@router.get("/needs/{reference:path}/case")
@does(Action.READ)
def show_case(
    request: Request, who: Who, reference: str, day: str = "", month: str = "", year: str = ""
) -> Response:
    """As it is now, or at the end of the day that was asked for; as a page or, to keep, as JSON."""
    asked = {"day": day, "month": month, "year": year}
    with who.database.read() as session:
        now = database_now(session).date()
        on, error = day_of(asked) if any(asked.values()) else (now, None)
        if not any(asked.values()):
            asked = {"day": str(now.day), "month": str(now.month), "year": str(now.year)}
        case = None
        try:
            case = case_on(session, who.principal, reference, on or now)
        except NotFound as unknown:
            if on is None or on >= now:
                raise
            error = unknown.detail
        if case is not None and request.query_params.get("as") == "json":
            told = CaseShown.of(case, names_of(session, case.actors))
            return json_page(f"{reference}-{case.on}", told.model_dump_json(indent=2))
        return page(
            request,
            "case.html",
            who,
            status=422 if error else 200,
            case=case,
            reference=reference,
            asked=asked,
            not_yet=case is not None and case.on > now,
            error=error,
            expertise=expertise_names(session, who),
        )
