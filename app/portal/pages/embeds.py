"""The code that a council or trust copies into its page to show the public map."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.access.secret import signing_secret
from app.database import ReadSession, database_now
from app.insight.report import Symbol
from app.maps import looks, service, tokens
from app.maps.looks import BadLook
from app.maps.tokens import BadEmbed
from app.portal.forms import Filled
from app.portal.labels import EMBED_FIELDS
from app.portal.rendering import VENDOR, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, home, texts
from app.wording import capital
from models.access import EmbedToken
from models.vocabulary import EmbedLayer

router = APIRouter()
DAYS: Final = (30, 90, 180, 365)
MOST_SHOWN: Final = 100
REMIND: Final = timedelta(days=21)
"""How long before its end code is marked, so that it can be renewed in time."""
FOR_ONE_LOOK: Final = timedelta(minutes=30)
BLANK: Final = {
    "days": "90",
    "heading": looks.HEADING,
    "accent": looks.ACCENT,
    "kinds": ";".join(symbol.value for symbol in Symbol),
}


@router.get("/embed")
@does(Action.EMBED, reach=Reach.OPEN)
def ask(request: Request, who: Who) -> Response:
    authorise(who.principal, Action.EMBED)
    return _form(request, who, Filled(dict(BLANK)))


@router.post("/embed")
@does(Action.EMBED, reach=Reach.OPEN)
def make(request: Request, who: Who, form: SentBy) -> Response:
    """Look at the map, or make the code; what is wrong is told at its field."""
    authorise(who.principal, Action.EMBED)
    filled = _filled(form)
    try:
        with who.database.read() as session:
            options = _look(session, filled)
    except BadLook as bad:
        for name, error in bad.errors.items():
            filled.add(name, error)
        return _form(request, who, filled, status=422)
    if "preview" in form:
        return _form(request, who, filled)
    days = filled.values.get("days", "")
    try:
        if not filled.values.get("origins"):
            raise BadEmbed("enter the websites that can show the map, like https://www.example.org")
        with who.database.write() as session:
            granted, _ = service.create_embed(
                session,
                who.principal,
                signing_secret(request.app.state.settings),
                filled.values.get("origins", "").split(),
                EmbedLayer.PUBLIC,
                valid_for=timedelta(days=int(days)) if days in map(str, DAYS) else None,
                options=options,
            )
    except BadEmbed as bad:
        filled.add("origins", capital(bad.detail))
        return _form(request, who, filled, status=422)
    return RedirectResponse(f"{BASE}/embed/{granted.id}", 303)


@router.get("/embed/{token_id:id}")
@does(Action.EMBED)
def show(request: Request, who: Who, token_id: int) -> Response:
    """The same lines again, and how to let them work for longer."""
    secret = signing_secret(request.app.state.settings)
    address = str(request.base_url)
    with who.database.read() as session:
        found, granted, token = service.lines_of(session, who.principal, secret, token_id)
        return page(
            request,
            "embed_code.html",
            who,
            each=found,
            snippet=service.snippet(address, granted, token, found.options),
            frame=service.frame(address, granted, token, found.options),
            lengths=_lengths(found),
            filled=Filled({"days": "90"}),
            now=database_now(session),
        )


@router.post("/embed/{token_id:id}/renew")
@does(Action.EMBED)
def renew(request: Request, who: Who, token_id: int, form: SentBy) -> Response:
    days = texts(form).get("days", "")
    with who.database.write() as session:
        service.renew_embed(
            session,
            who.principal,
            token_id,
            timedelta(days=int(days)) if days in map(str, DAYS) else None,
        )
    return RedirectResponse(f"{BASE}/embed/{token_id}?renewed=1", 303)


@router.post("/embed/{token_id:id}/revoke")
@does(Action.EMBED)
def revoke(request: Request, who: Who, token_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        service.revoke_embed(session, who.principal, token_id)
    return RedirectResponse(f"{BASE}/embed?revoked={token_id}", 303)


def _filled(form: FormData) -> Filled:
    """What was typed; a form of an earlier page without kinds means all of them."""
    kinds = [str(each) for each in form.getlist("kinds")]
    typed = texts(form)
    if "heading" not in typed:
        return Filled(BLANK | typed)
    return Filled({"accent": looks.ACCENT} | typed | {"kinds": ";".join(kinds)})


def _look(session: ReadSession, filled: Filled) -> dict[str, str]:
    values = filled.values
    return looks.look(
        session,
        values.get("heading", ""),
        values.get("area", ""),
        values.get("accent", ""),
        [kind for kind in values.get("kinds", "").split(";") if kind],
    )


def _lengths(found: EmbedToken) -> tuple[int, ...]:
    """For how many days code can be renewed; that of a run only for hours, as it was made."""
    return DAYS if found.layer == EmbedLayer.PUBLIC else ()


def _preview(request: Request, session: ReadSession, who: Visitor, filled: Filled) -> Any:
    """Where the map can be looked at as it would begin; none where it is not installed."""
    if not (VENDOR / "leaflet.js").is_file():
        return None
    now = database_now(session)
    try:
        granted = tokens.grant(
            [f"{request.url.scheme}://{request.url.netloc}"],
            EmbedLayer.PUBLIC,
            now=now,
            valid_for=FOR_ONE_LOOK,
            maker=who.principal.name,
        )
        options = _look(session, filled)
    except BadEmbed:
        return None
    except BadLook:
        options = {}
    token = tokens.sign(granted, signing_secret(request.app.state.settings), now)
    base = f"{home(request)}/maps/widget"
    query = f"?{urlencode(options)}" if options else ""
    return {"base": base, "token": token, "src": f"{base}{query}#{token}"}


def _form(request: Request, who: Visitor, filled: Filled, *, status: int = 200) -> Response:
    with who.database.read() as session:
        now = database_now(session)
        given = service.list_embeds(session, who.principal, limit=MOST_SHOWN)
        return page(
            request,
            "embed.html",
            who,
            status=status,
            filled=filled,
            fields=EMBED_FIELDS,
            lengths=DAYS,
            areas=looks.areas(session),
            preview=_preview(request, session, who, filled),
            given=given,
            ending=[each for each in given if _ends_soon(each, now)],
            now=now,
        )


def _ends_soon(each: EmbedToken, now: Any) -> bool:
    return (
        each.layer == EmbedLayer.PUBLIC
        and each.revoked_at is None
        and now - REMIND < each.expires_at <= now + REMIND
    )
