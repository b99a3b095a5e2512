"""A proposal's card beside the map of its run: how the match was scored, and the decision."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action
from app.errors import NotFound
from app.portal import forms
from app.portal.choices import ReviewAction
from app.portal.pages.proposals import STEERING, about, act_of, action_of, carry_out, done_in, lacks
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.wording import capital

router = APIRouter()
HERE: Final = frozenset({ReviewAction.PREFER, ReviewAction.DECLINE, *STEERING})
"""What can be decided on the card; the rest has a page of its own."""


@router.get("/proposals/{proposal_id:id}/card")
@does(Action.READ)
def show_card(request: Request, who: Who, proposal_id: int) -> Response:
    if not request.headers.get("hx-request"):
        return RedirectResponse(f"{BASE}/proposals/{proposal_id}", 303)
    return _card(request, who, proposal_id)


@router.post("/proposals/{proposal_id:id}/card")
@does(Action.REVIEW, Action.STEER)
def decide(request: Request, who: Who, proposal_id: int, form: SentBy, now: Now) -> Response:
    given = texts(form)
    action, version = action_of(given), forms.whole(given.get("version"))
    if action not in HERE or version is None:
        raise NotFound("select what to do with the proposal")
    if error := lacks(action, given):
        return _card(request, who, proposal_id, error, action)
    act = act_of(action, given, request.app.state.settings.hold_days, now)
    refused = carry_out(who, act, proposal_id, version).refused
    if refused:
        return _card(request, who, proposal_id, capital(refused), action)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}/card?done={action}", 303)


def _card(
    request: Request,
    who: Visitor,
    proposal_id: int,
    error: str | None = None,
    action: ReviewAction | None = None,
) -> Response:
    with who.database.read() as session:
        shown = about(session, who, proposal_id)
        status = 422 if error else 200
        done = done_in(request.query_params)
        return page(
            request,
            "card.html",
            who,
            status=status,
            **shown,
            error=error,
            action=action,
            done=done,
        )
