"""What a page embeds: the widget in its frame, its layer, and the list that needs no script."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.access.callers import Reads
from app.access.declared import by_token, public
from app.access.keys import Unauthenticated
from app.database import database_now
from app.errors import Problem
from app.http.conditions import is_known
from app.http.fields import DIGITS, Content, Words
from app.http.media import JSON, negotiate
from app.http.refusals import refused_map
from app.maps import basemap, layer, queries, service, tokens
from app.maps.basemap import VENDOR
from app.maps.layer import Packed
from app.maps.tokens import Grant
from app.settings import Settings
from app.wording import counted, number, sentence
from models.vocabulary import EmbedLayer

HTML: Final = "text/html; charset=utf-8"
PER_PAGE: Final = 100
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


class TokenInAddress(Problem):
    """A token where logs, histories and other sites would see it."""

    status = 400
    title = "A token must not be in an address"


class OfPage(Content):
    embed: Annotated[
        str | None, Field(max_length=40, description="name of the code; none: our own page")
    ] = None
    token: Annotated[Token | None, Field(description="of code made by earlier versions")] = None


class Widget(OfPage):
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


class ListPage(OfPage):
    q: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""
    page: Annotated[int, Field(ge=1, le=10_000), DIGITS] = 1


router = APIRouter()


def _secret(request: Request) -> str:
    found: str = request.app.state.signing_secret()
    return found


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


@contextmanager
def _kept(request: Request, session: Session) -> Iterator[None]:
    """Write down whose token is refused, once what was read has been given back."""
    try:
        yield
    except tokens.Expired as expired:
        session.close()
        refused_map(request, expired.reason, expired.grant.id)
        raise
    except Unauthenticated:
        session.close()
        refused_map(request, "unknown")
        raise


def _granted(request: Request, session: Session, token: str, audience: str) -> Grant:
    with _kept(request, session):
        granted = tokens.read(token, _secret(request), database_now(session), audience)
        is_short = audience == tokens.DATA_AUDIENCE
        return service.check_stands(session, granted, is_short=is_short)


def _origins(request: Request, session: Session, wanted: OfPage) -> tuple[str, ...]:
    """Whose pages may frame this one."""
    now = database_now(session)
    with _kept(request, session):
        return service.granted_to(session, wanted.embed, _secret(request), now)


def _of_old_code(request: Request, session: Session, wanted: OfPage) -> Response:
    """Lead code of earlier versions to the address without its token.

    Only of the public layer, whose data are everybody's: of any other, the token is spoilt.
    """
    assert wanted.token is not None
    granted = _granted(request, session, wanted.token, tokens.AUDIENCE)
    if granted.layer is not EmbedLayer.PUBLIC or granted.id is None:
        session.close()
        refused_map(request, "in_address", granted.id)
        raise TokenInAddress(
            "the code of this map was made by an earlier version, with its token in an address "
            "that others can see; make new code and copy it"
        )
    kept = {**request.query_params, "embed": tokens.page_of(granted.id, _secret(request))}
    kept.pop("token")
    name = request.url.path.rpartition("/")[2]
    return Response(None, 303, {"Location": f"{name}?{urlencode(kept)}#{wanted.token}"})


def _page(
    name: str, framers: tuple[str, ...], settings: Settings, status: int = 200, **content: Any
) -> Response:
    """A page that only pages of these origins may frame, and that only our own files may script."""
    tiles = urlsplit(settings.map_tiles or "")
    pictures = f" {tiles.scheme}://{tiles.netloc}" if settings.map_tiles else ""
    ancestors = " ".join(framers) or "'none'"
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
    headers = {"Content-Security-Policy": policy, "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(text, status, headers, HTML)


@router.get("/widget")
@public
def widget(request: Request, session: Reads, wanted: Annotated[Widget, Query()]) -> Response:
    """Show the map, in a frame of a page that the token names."""
    if not (VENDOR / "leaflet.js").exists():
        raise PartsMissing("the scripts and styles of the map are missing; run `make parts`")
    settings = _settings(request)
    problem: str | None = None
    ended: str | None = None
    origins: tuple[str, ...] = ()
    try:
        if wanted.token is not None:
            return _of_old_code(request, session, wanted)
        origins = _origins(request, session, wanted)
    except tokens.Expired as expired:
        problem, origins, ended = expired.detail, expired.grant.origins, expired.reason
    except (Unauthenticated, TokenInAddress) as refused:
        problem = refused.detail
    content = {
        "wanted": wanted,
        "problem": problem,
        "ended": ended,
        "origins": json.dumps(origins),
        "tiles": settings.map_tiles or "",
        "attribution": settings.map_attribution,
    }
    return _page("widget.html", origins, settings, 401 if problem else 200, **content)


class DataToken(BaseModel):
    """Opens the layer for minutes, as `Authorization: Bearer ...`."""

    token: str
    expires_at: datetime
    layer: EmbedLayer


@router.post("/data-tokens", response_model=DataToken)
@by_token
def exchange(
    request: Request,
    session: Reads,
    token: Annotated[Token, Form()],
    embed: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Exchange the token of a page for one that opens its layer for a few minutes.

    As a form, which browsers send without asking first. `embed` is the page that it was found on.
    """
    granted = _granted(request, session, token, tokens.AUDIENCE)
    if embed != ("" if granted.id is None else tokens.page_of(granted.id, _secret(request))):
        session.close()
        refused_map(request, "other_page", granted.id)
        raise Unauthenticated("the token is of another map; copy the code of this one again")
    now = database_now(session)
    short = tokens.for_data(granted, now)
    content = DataToken(
        token=tokens.sign(short, _secret(request), now, tokens.DATA_AUDIENCE),
        expires_at=short.expires_at,
        layer=short.layer,
    )
    return Response(content.model_dump_json(), 200, {"Cache-Control": "no-store"}, JSON)


class OfLayer(Content):
    token: Annotated[Token | None, Field(description="refused: exchange it")] = None


Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))]


@router.get("/layer", dependencies=[Depends(negotiate)])
@by_token
def read_layer(
    request: Request, session: Reads, given: Bearer, wanted: Annotated[OfLayer, Query()]
) -> Response:
    """Read what the widget shows, in columns."""
    if wanted.token is not None:
        refused_map(request, "in_address")
        raise TokenInAddress(
            "send the token of the map to maps/data-tokens as a form, and the data token that you "
            "get from there as `Authorization: Bearer ...`"
        )
    if given is None:
        raise Unauthenticated(
            "send a data token as `Authorization: Bearer ...`; maps/data-tokens makes one from "
            "the token of a map"
        )
    granted = _granted(request, session, given.credentials, tokens.DATA_AUDIENCE)
    return _sent(request, _packed(request, session, granted))


@router.get("/basemap", dependencies=[Depends(negotiate)])
@public
def read_basemap(request: Request, session: Reads) -> Response:
    """Read what is drawn under the map: coast, boundaries and towns, which are everybody's."""
    kept: basemap.Kept = request.app.state.basemaps
    return _sent(request, kept.get(session))


def _sent(request: Request, packed: Packed) -> Response:
    headers = {
        "ETag": packed.tag,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Accept-Encoding",
    }
    if is_known(request, packed.tag):
        return Response(None, 304, headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(packed.gzipped), 200, headers, JSON)
    return Response(packed.gzipped, 200, headers | {"Content-Encoding": "gzip"}, JSON)


def _packed(request: Request, session: Reads, granted: Grant) -> Packed:
    kept: layer.Kept = request.app.state.layers
    return kept.get(session, granted, offers=_settings(request).publish_offers)


@router.get("/list")
@public
def read_list(request: Request, session: Reads, wanted: Annotated[ListPage, Query()]) -> Response:
    """List what the map shows, for browsers that run no script."""
    settings = _settings(request)
    try:
        if wanted.token is not None:
            return _of_old_code(request, session, wanted)
        origins = _origins(request, session, wanted)
    except tokens.Expired as ended:
        if ended.reason != "expired":
            return _page("list.html", (), settings, 401, problem=ended.detail, wanted=wanted)
        origins = ended.grant.origins  # the list is everybody's, and the code only ran out
    except (Unauthenticated, TokenInAddress) as problem:
        return _page("list.html", (), settings, 401, problem=problem.detail, wanted=wanted)
    rows, matched = queries.listed(
        session, wanted.q.strip(), offset=(wanted.page - 1) * PER_PAGE, limit=PER_PAGE
    )
    content: dict[str, Any] = {
        "rows": rows,
        "matched": matched,
        "pages": max(1, -(-matched // PER_PAGE)),
    }
    return _page("list.html", origins, settings, problem=None, wanted=wanted, **content)
