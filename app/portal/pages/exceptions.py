"""Exceptions from a rule of the pair, allowed by somebody with the right to approve."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action
from app.files.csv_reading import clean_text
from app.portal.forms import whole
from app.portal.sessions import BASE, SentBy, Who, texts
from app.proposals import decisions
from solver.pairing.pair_rules import REASON_OF

router = APIRouter()
MOST_LETTERS = 300


@router.post("/proposals/{proposal_id:id}/exceptions/{rule}")
@does(Action.APPROVE)
def allow(request: Request, who: Who, proposal_id: int, rule: str, form: SentBy) -> Response:
    given = texts(form)
    place = f"{BASE}/proposals/{proposal_id}"
    reason = str(clean_text(given.get("reason", "")[:MOST_LETTERS].replace("\0", "")))
    if not reason and rule in REASON_OF:
        return RedirectResponse(f"{place}?lacks={rule}#exception-{rule}", 303)
    with who.database.write() as session:
        decisions.allow_exception(
            session,
            who.principal,
            proposal_id,
            rule,
            reason,
            version=whole(given.get("version")),
        )
    return RedirectResponse(f"{place}?excepted=yes", 303)
