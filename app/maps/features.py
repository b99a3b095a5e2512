"""Collections of features in the shape of OGC API Features, part 1: core and GeoJSON."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from app.errors import Problem
from app.insight.report import symbol_of
from app.maps.queries import AnyRow, Box
from models.vocabulary import HALF_DAYS_PER_DAY, METRES_PER_MILE

GEOJSON: Final = "application/geo+json"
JSON: Final = "application/json"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CONFORMS_TO: Final = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]
DIGITS: Final = 6
Json = dict[str, Any]


class BadQuery(Problem):
    """A query that the standard does not know or that this service cannot read."""

    status = 400
    title = "Invalid query"


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    title: str
    description: str
    feature: Callable[[AnyRow], Json]


def _point(row: AnyRow) -> Json | None:
    if row.longitude is None or row.latitude is None:
        return None
    return {
        "type": "Point",
        "coordinates": [round(row.longitude, DIGITS), round(row.latitude, DIGITS)],
    }


def _feature(id_: int | str, geometry: Json | None, properties: Json) -> Json:
    return {"type": "Feature", "id": id_, "geometry": geometry, "properties": properties}


def _institution(row: AnyRow) -> Json:
    symbol = symbol_of(
        specialist=row.specialist, alternative=row.alternative_provision, phases=row.phases
    )
    properties = {
        "urn": row.urn,
        "name": row.name,
        "kind": symbol,
        "type": row.type_name,
        "phases": ", ".join(row.phases),
        "low_age": row.low_age,
        "high_age": row.high_age,
        "postcode": row.postcode,
        "local_authority": row.local_authority,
        "region": row.region,
    }
    return _feature(row.urn, _point(row), properties)


def _organisation(row: AnyRow) -> Json:
    properties = {
        "key": row.organisation,
        "name": row.name,
        "kind": row.kind,
        "postcode": row.postcode,
        "local_authority": row.local_authority,
        "region": row.region,
    }
    return _feature(row.organisation, _point(row), properties)


def _offer(row: AnyRow) -> Json:
    properties = {
        "giver": row.giver,
        "giver_name": row.giver_name,
        "expertise": row.expertise_code,
        "expertise_name": row.expertise,
        "mode": row.mode,
        "phases": ", ".join(row.phases),
        "period": row.period_code,
        "starts": row.window_starts.isoformat(),
        "ends": row.window_ends.isoformat(),
    }
    return _feature(row.reference, _point(row), properties)


def _pairing(row: AnyRow) -> Json:
    ends = (row.giver_longitude, row.giver_latitude), (row.taker_longitude, row.taker_latitude)
    line = None
    if all(value is not None for end in ends for value in end):
        coordinates = [[round(value, DIGITS) for value in end] for end in ends]
        line = {"type": "LineString", "coordinates": coordinates}
    properties = {
        "giver": row.giver,
        "giver_name": row.giver_name,
        "taker": row.taker,
        "taker_name": row.taker_name,
        "expertise": row.expertise_code,
        "expertise_name": row.expertise,
        "days": row.half_days / HALF_DAYS_PER_DAY,
        "ladder": row.ladder,
        "miles": None if row.distance_m is None else round(row.distance_m / METRES_PER_MILE, 1),
        "remote": row.remote,
        "state": row.state,
    }
    return _feature(row.key, line, properties)


COLLECTIONS: Final = {
    each.name: each
    for each in (
        Collection(
            "institutions",
            "Institutions",
            "Open schools, colleges and other providers of the public register.",
            _institution,
        ),
        Collection(
            "organisations",
            "Organisations",
            "Supporting organisations that are not schools: trust teams, hubs, council services.",
            _organisation,
        ),
        Collection(
            "offers",
            "Published offers",
            "Support that organisations say they can offer, where the service publishes that.",
            _offer,
        ),
        Collection(
            "pairings",
            "Pairings",
            "Lines from supporting organisations to the schools they support, where both agreed to "
            "publish that; with a key and `run`, the proposals of that run.",
            _pairing,
        ),
    )
}


def read_box(text: str | None) -> Box | None:
    """`west,south,east,north` in degrees, or six numbers with heights, which do not matter."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(-360 <= number <= 360 for number in numbers):
        raise BadQuery(f"bbox={text[:80]} is not valid; enter west,south,east,north in degrees")
    box = Box(*numbers)
    if box.west > box.east or box.south > box.north:
        raise BadQuery(f"bbox={text[:80]} is empty; enter west,south,east,north in degrees")
    return box


def link(href: str, rel: str, type_: str = JSON, title: str | None = None) -> Json:
    return {"href": href, "rel": rel, "type": type_} | ({"title": title} if title else {})


def in_older_words(schema: Any) -> Any:
    """A description as OpenAPI 3.0, which is what clients of the standard look for, has it."""
    if isinstance(schema, list):
        return [in_older_words(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        schema = schema | choices[0]
        del schema["anyOf"]
    return {name: in_older_words(value) for name, value in schema.items() if name != "examples"}


def landing(base: str) -> Json:
    return {
        "title": "Givetake maps",
        "description": "Schools and organisations that support each other: public layers.",
        "links": [
            link(base, "self", title="This document"),
            link(f"{base}/api", "service-desc", OPENAPI, "API definition"),
            link(f"{base}/conformance", "conformance", title="Classes of the standard"),
            link(f"{base}/collections", "data", title="Collections"),
        ],
    }


def described(base: str, collection: Collection, extent: Box | None) -> Json:
    here = f"{base}/collections/{collection.name}"
    content: Json = {
        "id": collection.name,
        "title": collection.title,
        "description": collection.description,
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            link(here, "self"),
            link(f"{here}/items", "items", GEOJSON, collection.title),
        ],
    }
    if extent is not None:
        content["extent"] = {"spatial": {"bbox": [list(extent)], "crs": CRS84}}
    return content


def collections(base: str, extent: Box | None) -> Json:
    return {
        "links": [link(f"{base}/collections", "self")],
        "collections": [described(base, each, extent) for each in COLLECTIONS.values()],
    }


def items(
    base: str,
    collection: Collection,
    rows: list[AnyRow],
    matched: int,
    *,
    limit: int,
    asked: dict[str, str],
) -> Json:
    """A page of features; `rows` holds one more than `limit` where more follow."""
    here = f"{base}/collections/{collection.name}"
    wanted = f"?{urlencode(asked)}" if asked else ""
    links = [
        link(f"{here}/items{wanted}", "self", GEOJSON),
        link(here, "collection"),
    ]
    if len(rows) > limit:
        following = urlencode(asked | {"limit": str(limit), "after": str(rows[limit - 1].key)})
        links.append(link(f"{here}/items?{following}", "next", GEOJSON))
    features = [collection.feature(row) for row in rows[:limit]]
    return {
        "type": "FeatureCollection",
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "numberMatched": matched,
        "numberReturned": len(features),
        "links": links,
        "features": features,
    }
