"""Pairings that need repair."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.declared import does
from app.access.policy import Action
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import Pager, csv_page, page, page_number
from app.portal.sessions import Who
from app.repairs.broken import list_broken
from app.repairs.schemas import BrokenShown

router = APIRouter()
PER_PAGE: Final = 25


@router.get("/repairs")
@does(Action.READ)
def list_needing_repair(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = list_broken(session, who.principal)
        if request.query_params.get("as") == "csv":
            rows = [BrokenShown.of(each).model_dump(mode="json") for each in found]
            return csv_page("repairs", list(BrokenShown.model_fields), rows)
        pager = Pager(page_number(request), PER_PAGE, len(found))
        return page(
            request,
            "repairs.html",
            who,
            found=found[(pager.page - 1) * PER_PAGE :][:PER_PAGE],
            pager=pager,
            expertise=expertise_names(session, who),
        )
