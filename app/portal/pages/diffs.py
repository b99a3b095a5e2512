"""What differs between the plan of a run and that of another."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.declared import does
from app.access.policy import Action
from app.access.scoped import may_on
from app.insight.diff_map import diff_map
from app.portal import forms
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import csv_page, page
from app.portal.sessions import Who
from app.proposals.states import possible_from
from app.runs.diff import Change, diff
from app.runs.diff_schemas import DiffShown, LineShown
from models.vocabulary import DecisionAction, ProposalState

router = APIRouter()
PREFERABLE: Final = frozenset(
    state for state in ProposalState if DecisionAction.PREFER in possible_from(state)
)


@router.get("/runs/{run_id:id}/diff")
@does(Action.READ_PLAN)
def show_diff(request: Request, who: Who, run_id: int) -> Response:
    before = forms.whole(request.query_params.get("from"))
    with who.database.read() as session:
        found = diff(session, who.principal, run_id, before)
        if request.query_params.get("as") == "csv":
            lines = [line.model_dump(mode="json") for line in DiffShown.of(found).items]
            return csv_page(f"run-{run_id}-diff", list(LineShown.model_fields), lines)
        changed = [line for line in found.lines if line.change is not Change.KEPT]
        newer = [line.after.proposal for line in changed if line.after is not None]
        return page(
            request,
            "diff.html",
            who,
            run=found.after,
            found=found,
            changed=changed,
            drawn=diff_map(changed),
            takeable=[each for each in newer if each.state in PREFERABLE],
            preferable=PREFERABLE,
            may_review=may_on(session, who.principal, Action.REVIEW, found.after),
            expertise=expertise_names(session, who),
        )
