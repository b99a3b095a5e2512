"""Layers over HTTP for map programs: OGC API Features, public unless a run is asked for."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field
from sqlalchemy import false
from starlette.responses import Response

from app.access.callers import Reads
from app.access.declared import public
from app.access.keys import Unauthenticated, principal_of
from app.database import ReadSession
from app.errors import NotFound
from app.http.fields import DIGITS, LARGEST, Content, Id, Words
from app.http.media import negotiate
from app.http.refusals import refused_key
from app.maps import features, queries
from app.maps.features import COLLECTIONS, GEOJSON, JSON, Collection, Json
from app.maps.queries import AnyRow
from app.proposals.statement import statements_of

MOST_PER_PAGE = 10_000
AS_GEOJSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {GEOJSON: {"schema": {"type": "object"}}}}
}


class Form(Content):
    f: Annotated[
        Literal["json", "geojson"] | None, Field(description="instead of the header Accept")
    ] = None


Property = Annotated[Words | None, Field(description="only features with this value")]


class Items(Form):
    limit: Annotated[
        int,
        Field(ge=1, le=LARGEST, description=f"more than {MOST_PER_PAGE:,} count as so many"),
        DIGITS,
    ] = 100
    bbox: Annotated[
        str | None,
        Field(max_length=200, description="west,south,east,north", examples=["-1,51,0,52"]),
    ] = None
    datetime: Annotated[
        str | None, Field(max_length=100, description="features here have no time: any fits")
    ] = None
    after: Annotated[
        int, Field(ge=0, le=LARGEST, description="set by links of rel `next`"), DIGITS
    ] = 0
    run: Annotated[Id | None, Field(description="of pairings: with a key, a run's proposals")] = (
        None
    )

    name: Property = None
    type: Property = None
    kind: Property = None
    postcode: Property = None
    local_authority: Property = None
    region: Property = None
    giver: Property = None
    taker: Property = None
    expertise: Property = None
    ladder: Property = None
    state: Property = None
    mode: Property = None
    period: Property = None

    @property
    def properties(self) -> dict[str, str]:
        """The properties that features must have, by name."""
        asked = ((name, getattr(self, name)) for name in queries.FILTERABLE)
        return {name: value for name, value in asked if value is not None}


class OfRun(Form):
    run: Id | None = None


async def negotiate_form(request: Request) -> None:
    """`f` decides where it is given, else Accept."""
    if "f" not in request.query_params:
        await negotiate(request)


router = APIRouter(prefix="/features", dependencies=[Depends(negotiate_form)])
Key = Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))]


def _site(request: Request) -> str:
    """Where the maps are mounted, which `base_url` does not say."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}"


def _base(request: Request) -> str:
    return f"{_site(request)}/features"


def _answer(content: Json, type_: str = JSON) -> Response:
    headers = {"Access-Control-Allow-Origin": "*"}
    return Response(json.dumps(content, ensure_ascii=False), 200, headers, type_)


def _collection(name: str) -> Collection:
    found = COLLECTIONS.get(name)
    if found is None:
        raise NotFound(f"there is no collection {name!r}; there are {', '.join(COLLECTIONS)}")
    return found


def _query(
    request: Request, session: ReadSession, collection: Collection, key: Key, run_id: int | None
) -> queries.Query:
    """What may be read of a collection by whoever asks."""
    today = datetime.now(UTC).date()
    if run_id is not None:
        if collection.name != "pairings":
            raise features.BadQuery(
                f"run is only for pairings, not for {collection.name}; leave it out"
            )
        if key is None:
            raise Unauthenticated(
                "proposals of a run need a key; send `Authorization: Bearer gt_...`"
            )
        try:
            principal = principal_of(session, key.credentials)
        except Unauthenticated:
            session.close()
            refused_key(request)
            raise
        request.state.principal = principal.name
        return queries.pairings(session, principal, run_id)
    if collection.name == "institutions":
        return queries.INSTITUTIONS
    if collection.name == "organisations":
        return queries.organisations(today)
    if collection.name == "offers":
        offers = queries.published_offers(today)
        return offers if request.app.state.settings.publish_offers else offers.where(false())
    return queries.PUBLIC_PAIRINGS


@router.get("")
@router.get("/", include_in_schema=False)
@public
def landing(request: Request, wanted: Annotated[Form, Query()]) -> Response:
    """Where everything else is."""
    return _answer(features.landing(_base(request)))


@router.get("/api", include_in_schema=False)
@public
def api(request: Request) -> Response:
    """What can be asked, as OpenAPI."""
    app = request.app
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.0.3",
        description=app.description,
        routes=app.routes,
    )
    document = features.in_older_words(document)
    document["servers"] = [{"url": _site(request)}]
    return _answer(document, features.OPENAPI)


@router.get("/conformance")
@public
def conformance(request: Request, wanted: Annotated[Form, Query()]) -> Response:
    """Which parts of the standard are kept."""
    return _answer({"conformsTo": features.CONFORMS_TO})


@router.get("/collections")
@public
def list_collections(
    request: Request, session: Reads, wanted: Annotated[Form, Query()]
) -> Response:
    """List the collections."""
    return _answer(features.collections(_base(request), queries.extent(session)))


@router.get("/collections/{name}")
@public
def get_collection(
    request: Request, session: Reads, name: str, wanted: Annotated[Form, Query()]
) -> Response:
    """Read about one collection."""
    found = _collection(name)
    return _answer(features.described(_base(request), found, queries.extent(session)))


@router.get("/collections/{name}/items", responses=AS_GEOJSON)
@public
def list_items(
    request: Request, session: Reads, key: Key, name: str, wanted: Annotated[Items, Query()]
) -> Response:
    """List features of a collection, page by page, in a box."""
    collection = _collection(name)
    query = _query(request, session, collection, key, wanted.run)
    box = features.read_box(wanted.bbox)
    try:
        query = queries.with_properties(name, query, wanted.properties)
    except KeyError as unknown:
        raise features.BadQuery(
            f"{name} cannot be filtered by {unknown.args[0]}; use {queries.filters_of(name)}"
        ) from unknown
    limit = min(wanted.limit, MOST_PER_PAGE)  # as the standard says, not refused
    rows, matched = queries.page(session, name, query, box, wanted.after, limit + 1)
    shown = rows[:limit] if collection.name == "pairings" and wanted.run is None else []
    content = features.items(
        _base(request),
        collection,
        list(rows),
        matched,
        limit=limit,
        asked=dict(request.query_params),
    )
    _add_statements(session, shown, content["features"])
    return _answer(content, GEOJSON)


@router.get("/collections/{name}/items/{feature:path}", responses=AS_GEOJSON)
@public
def get_item(
    request: Request,
    session: Reads,
    key: Key,
    name: str,
    feature: str,
    wanted: Annotated[OfRun, Query()],
) -> Response:
    """Read one feature."""
    collection = _collection(name)
    query = _query(request, session, collection, key, wanted.run)
    row = queries.one(session, name, query, feature)
    if row is None:
        raise NotFound(f"there is no {feature[:60]!r} in {name}")
    here = f"{_base(request)}/collections/{name}"
    links = [
        features.link(f"{here}/items/{quote(feature, safe='/:')}", "self", GEOJSON),
        features.link(here, "collection"),
    ]
    content = collection.feature(row)
    if name == "pairings" and wanted.run is None:
        _add_statements(session, [row], [content])
    return _answer(content | {"links": links}, GEOJSON)


def _add_statements(
    session: ReadSession, rows: Sequence[AnyRow], found: Sequence[dict[str, Any]]
) -> None:
    """Say of each public pairing who matched it, and what was declared."""
    said = statements_of(session, [row.key for row in rows], datetime.now(UTC).date())
    for row, feature in zip(rows, found, strict=False):
        feature["properties"]["statement"] = said[row.key].text
