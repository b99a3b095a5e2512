"""A proposal's card beside the map of its run: what its points are made of, and the decision."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.errors import NotFound
from app.portal import forms
from app.portal.pages.proposals import STEERING, about, act_of, carry_out, lacks
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts

router = APIRouter()
HERE: Final = frozenset({"prefer", "decline", *STEERING})
"""What can be decided on the card; the rest has a page of its own."""


@router.get("/proposals/{proposal_id:id}/card")
def show_card(request: Request, who: Who, proposal_id: int) -> Response:
    if not request.headers.get("hx-request"):
        return RedirectResponse(f"{BASE}/proposals/{proposal_id}", 303)
    return _card(request, who, proposal_id)


@router.post("/proposals/{proposal_id:id}/card")
def decide(request: Request, who: Who, proposal_id: int, form: SentBy, now: Now) -> Response:
    given = texts(form)
    action, version = given.get("action", ""), forms.whole(given.get("version"))
    if action not in HERE or version is None:
        raise NotFound("choose what to do with the proposal")
    if error := lacks(action, given):
        return _card(request, who, proposal_id, error, action)
    act = act_of(action, given, request.app.state.settings.hold_days, now)
    refused = carry_out(who, act, proposal_id, version).refused
    if refused:
        return _card(request, who, proposal_id, refused[:1].upper() + refused[1:], action)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}/card?done={action}", 303)


def _card(
    request: Request,
    who: Visitor,
    proposal_id: int,
    error: str | None = None,
    action: str | None = None,
) -> Response:
    with who.database.read() as session:
        shown = about(session, who, proposal_id)
        status = 422 if error else 200
        return page(request, "card.html", who, status=status, **shown, error=error, action=action)
