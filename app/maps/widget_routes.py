"""What a page embeds: the widget in its frame, its layer, and the list that needs no script."""

import gzip
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.access.callers import Reads
from app.access.keys import Unauthenticated
from app.database import database_now
from app.errors import Problem
from app.http.conditions import is_known
from app.http.fields import DIGITS, Content, Words
from app.http.media import JSON, negotiate
from app.maps import layer, queries, service, tokens
from app.maps.tokens import Grant
from app.settings import Settings
from app.wording import counted, number, sentence

HTML: Final = "text/html; charset=utf-8"
PER_PAGE: Final = 100
VENDOR: Final = Path(__file__).parents[1] / "static" / "vendor"
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {"counted": counted, "number": number, "sentence": sentence}
Token = Annotated[str, Field(min_length=1, max_length=4000)]


class PartsMissing(Problem):
    """The front-end parts were never put in place."""

    status = 503
    title = "The map is not installed"


class OfToken(Content):
    token: Token


class Widget(OfToken):
    theme: Literal["auto", "light", "dark", "contrast"] = "auto"
    accent: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{6}$")] = "12436d"
    view: Literal["map", "list"] = "map"
    area: Annotated[Words | None, Field(description="name of a local authority or region")] = None
    kinds: Annotated[str | None, Field(max_length=100, pattern=r"^[a-z_,]*$")] = None
    cards: Annotated[
        Literal["own", "page"],
        Field(description="who shows a chosen pairing: the map, or the page that is told of it"),
    ] = "own"
    heading: Words = "Schools and support partners"


class ListPage(OfToken):
    q: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""
    page: Annotated[int, Field(ge=1, le=10_000), DIGITS] = 1


router = APIRouter()


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


def _granted(request: Request, session: Session, token: str) -> Grant:
    granted = tokens.read(token, request.app.state.signing_secret(), database_now(session))
    service.check_not_revoked(session, granted)
    return granted


def _page(
    name: str, granted: Grant | None, settings: Settings, status: int = 200, **content: Any
) -> Response:
    """A page that only the granted origins may frame, and that only our own files may script."""
    tiles = urlsplit(settings.map_tiles or "")
    pictures = f" {tiles.scheme}://{tiles.netloc}" if settings.map_tiles else ""
    ancestors = " ".join(granted.origins) if granted else "'none'"
    forms = "'self'" if name == "list.html" else "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' data:{pictures}; base-uri 'none'; "
        f"form-action {forms}; frame-ancestors {ancestors}"
    )
    if name == "widget.html":
        # Also where a page forgets to: a frame without an origin has no cookies and no storage.
        policy += "; sandbox allow-scripts allow-popups allow-modals"
    text = _PAGES.get_template(name).render(**content)
    return Response(text, status, {"Content-Security-Policy": policy}, HTML)


@router.get("/widget")
def widget(request: Request, session: Reads, wanted: Annotated[Widget, Query()]) -> Response:
    """Show the map, in a frame of a page that the token names."""
    if not (VENDOR / "leaflet.js").exists():
        raise PartsMissing("the scripts and styles of the map are missing; run `make parts`")
    settings = _settings(request)
    problem, granted = None, None
    try:
        granted = _granted(request, session, wanted.token)
    except tokens.Expired as expired:
        problem, granted = expired.detail, expired.grant
    except Unauthenticated as unknown:
        problem = unknown.detail
    content = {
        "wanted": wanted,
        "problem": problem,
        "origins": json.dumps(granted.origins if granted else []),
        "tiles": settings.map_tiles or "",
        "attribution": settings.map_attribution,
    }
    return _page("widget.html", granted, settings, 401 if problem else 200, **content)


@router.get("/layer", dependencies=[Depends(negotiate)])
def read_layer(request: Request, session: Reads, wanted: Annotated[OfToken, Query()]) -> Response:
    """Read what the widget shows, in columns."""
    granted = _granted(request, session, wanted.token)
    packed = _packed(request, session, granted)
    headers = {"ETag": packed.tag, "Access-Control-Allow-Origin": "*", "Vary": "Accept-Encoding"}
    if is_known(request, packed.tag):
        return Response(None, 304, headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(packed.gzipped), 200, headers, JSON)
    return Response(packed.gzipped, 200, headers | {"Content-Encoding": "gzip"}, JSON)


def _packed(request: Request, session: Reads, granted: Grant) -> layer.Packed:
    kept: layer.Kept = request.app.state.layers
    return kept.get(session, granted, offers=_settings(request).publish_offers)


@router.get("/list")
def read_list(request: Request, session: Reads, wanted: Annotated[ListPage, Query()]) -> Response:
    """List what the map shows, for browsers that run no script."""
    settings = _settings(request)
    try:
        granted = _granted(request, session, wanted.token)
    except Unauthenticated as problem:
        return _page("list.html", None, settings, 401, problem=problem.detail, wanted=wanted)
    rows, matched = queries.listed(
        session, wanted.q.strip(), offset=(wanted.page - 1) * PER_PAGE, limit=PER_PAGE
    )
    content: dict[str, Any] = {
        "rows": rows,
        "matched": matched,
        "pages": max(1, -(-matched // PER_PAGE)),
    }
    return _page("list.html", granted, settings, problem=None, wanted=wanted, **content)
