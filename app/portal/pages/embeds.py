"""The code that a council or trust copies into its page to show the public map."""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.access.secret import signing_secret
from app.database import database_now
from app.maps import service
from app.maps.tokens import BadEmbed
from app.portal.forms import Filled
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.wording import capital
from models.vocabulary import EmbedLayer

router = APIRouter()
DAYS: Final = (30, 90, 180, 365)
MOST_SHOWN: Final = 100


@router.get("/embed")
@does(Action.EMBED, reach=Reach.OPEN)
def ask(request: Request, who: Who) -> Response:
    authorise(who.principal, Action.EMBED)
    return _form(request, who, Filled({"days": "90"}))


@router.post("/embed")
@does(Action.EMBED, reach=Reach.OPEN)
def make(request: Request, who: Who, form: SentBy) -> Response:
    filled = Filled(texts(form))
    days = filled.values.get("days", "")
    address = str(request.base_url)
    made = None
    try:
        if not filled.values.get("origins"):
            raise BadEmbed("enter the websites that can show the map, like https://www.example.org")
        with who.database.write() as session:
            granted, token = service.create_embed(
                session,
                who.principal,
                signing_secret(request.app.state.settings),
                filled.values.get("origins", "").split(),
                EmbedLayer.PUBLIC,
                valid_for=timedelta(days=int(days)) if days in map(str, DAYS) else None,
            )
            made = {
                "snippet": service.snippet(address, granted, token),
                "frame": service.frame(address, granted, token),
                "expires_at": granted.expires_at,
            }
    except BadEmbed as bad:
        filled.add("origins", capital(bad.detail))
    return _form(request, who, filled, made=made, status=200 if made else 422)


@router.post("/embed/{token_id:id}/revoke")
@does(Action.EMBED)
def revoke(request: Request, who: Who, token_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        service.revoke_embed(session, who.principal, token_id)
    return RedirectResponse(f"{BASE}/embed?revoked={token_id}", 303)


def _form(
    request: Request,
    who: Visitor,
    filled: Filled,
    *,
    made: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    with who.database.read() as session:
        return page(
            request,
            "embed.html",
            who,
            status=status,
            filled=filled,
            lengths=DAYS,
            made=made,
            given=service.list_embeds(session, who.principal, limit=MOST_SHOWN),
            now=database_now(session),
        )
