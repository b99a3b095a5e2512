"""Why one need was not met by a run: what binds, who holds it, and what would meet the need."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action
from app.explanations import queries, words
from app.explanations.schemas import NeedAnswer
from app.portal.rendering import page
from app.portal.sessions import BASE, Who
from app.proposals.states import ENDED
from app.runs.queries import get_run

router = APIRouter()


@router.get("/needs/{reference:path}/why")
@does(Action.READ_PLAN)
def show_newest(request: Request, who: Who, reference: str) -> Response:
    """The page of the newest run that planned the need."""
    with who.database.read() as session:
        run_id = queries.latest_run(session, who.principal, reference)
    return RedirectResponse(f"{BASE}/runs/{run_id}/unmet/{reference}", 303)


@router.get("/runs/{run_id:id}/unmet/{reference:path}")
@does(Action.READ_PLAN)
def show_why(request: Request, who: Who, run_id: int, reference: str) -> Response:
    found = queries.why(who.database, who.principal, run_id, reference)
    ended = {each.id: each.state for each in found.met_by if each.state in ENDED}
    with who.database.read() as session:
        run = get_run(session, who.principal, run_id)
        return page(
            request, "why.html", who, run=run, answer=NeedAnswer.of(found), ended=ended, words=words
        )
