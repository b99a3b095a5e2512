"""Outlines from GeoJSON and TopoJSON, as the Office for National Statistics publishes them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from app.errors import Problem
from app.wording import number
from models.vocabulary import BoundaryKind

MOST_BYTES: Final = 40_000_000
MOST_POINTS: Final = 400_000
"""Enough for the generalised files of the whole United Kingdom; more would make pages slow."""
MOST_FAULTS: Final = 20
DIGITS: Final = 5
ABOUT: Final = (-14.0, 48.0, 4.0, 62.0)
"""West, south, east and north of everything that can be drawn."""
_NAMED: Final = re.compile(r"^(?:name|[a-z]{3,8}\d{0,2}nm)$", re.IGNORECASE)
_CODED: Final = re.compile(r"^(?:code|[a-z]{3,8}\d{0,2}cd)$", re.IGNORECASE)
_COUNTRY: Final = re.compile(r"^(?:E92|W92|S92|N92|K0[1-4])\d{6}$")
_LOCAL_AUTHORITY: Final = re.compile(r"^(?:E0[6-9]|E10|W06|S12|N09)\d{6}$")
_OTHER: Final = re.compile(r"^[EWSNK]\d{8}$")

Ring = list[tuple[float, float]]


class BadBoundaries(Problem):
    """A file of boundaries that was refused as a whole; `faults` names each error in it."""

    status = 422
    title = "The file of boundaries has errors"

    def __init__(self, faults: Sequence[str]) -> None:
        shown = list(faults[:MOST_FAULTS])
        if len(faults) > len(shown):
            shown.append(f"and {number(len(faults) - len(shown))} more")
        super().__init__("; ".join(shown) + ". No changes were made")
        self.faults = tuple(faults)

    @property
    def extra(self) -> dict[str, Any]:
        return {"errors": list(self.faults[:MOST_FAULTS])}


@dataclass(frozen=True, slots=True)
class Outline:
    kind: BoundaryKind
    code: str
    name: str
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class _Feature:
    """One feature of either format; `polygons` may be anything that a file can say."""

    place: str
    properties: dict[str, Any]
    id: Any
    kind: Any
    polygons: Any


def read_boundaries(content: bytes) -> list[Outline]:
    """Every country and local authority of a file; other areas in it are left out.

    Raises `BadBoundaries`, with everything that is wrong, if anything is.
    """
    document = _document(content)
    faults: list[str] = []
    found: dict[tuple[BoundaryKind, str], Outline] = {}
    for each in _features(document, faults):
        outline = _outline(each, faults)
        if outline is None:
            continue
        key = (outline.kind, outline.code)
        if key in found:
            faults.append(f"{each.place}: {outline.code} is in the file twice; keep one of them")
        found[key] = outline
    if not faults and not found:
        faults.append(
            "the file has no country or local authority; download a file of countries or of "
            "counties and unitary authorities"
        )
    points = sum(len(ring) for each in found.values() for ring in each.rings)
    if points > MOST_POINTS:
        faults.append(
            f"the outlines have {number(points)} points, more than the {number(MOST_POINTS)} that "
            "a map can draw; download the ultra generalised file (BUC)"
        )
    if faults:
        raise BadBoundaries(faults)
    return list(found.values())


def _document(content: bytes) -> dict[str, Any]:
    if len(content) > MOST_BYTES:
        raise BadBoundaries(
            [
                f"the file has {number(len(content) // 1_000_000)} MB, more than "
                f"{MOST_BYTES // 1_000_000}; download the ultra generalised file (BUC)"
            ]
        )
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as wrong:
        raise BadBoundaries(
            ["the file is not JSON; download boundaries as GeoJSON or TopoJSON"]
        ) from wrong
    if not isinstance(document, dict) or document.get("type") not in (
        "FeatureCollection",
        "Topology",
    ):
        raise BadBoundaries(
            [
                "the file is neither a FeatureCollection (GeoJSON) nor a Topology (TopoJSON); "
                "download boundaries as one of these"
            ]
        )
    return document


def _features(document: dict[str, Any], faults: list[str]) -> Iterator[_Feature]:
    if document["type"] == "Topology":
        yield from _of_topology(document, faults)
        return
    listed = document.get("features")
    for count, each in enumerate(listed if isinstance(listed, list) else [], 1):
        place = f"feature {number(count)}"
        geometry = each.get("geometry") if isinstance(each, dict) else None
        if not isinstance(geometry, dict):
            faults.append(f"{place} has no geometry; download the file again")
            continue
        properties = each.get("properties")
        yield _Feature(
            place,
            properties if isinstance(properties, dict) else {},
            each.get("id"),
            geometry.get("type"),
            geometry.get("coordinates"),
        )


def _of_topology(document: dict[str, Any], faults: list[str]) -> Iterator[_Feature]:
    try:
        arcs = _arcs(document)
        objects = dict(document["objects"])
    except (KeyError, TypeError, ValueError, IndexError):
        faults.append("the arcs of the file cannot be read; download the file again")
        return
    for name, each in objects.items():
        geometries = each.get("geometries") if isinstance(each, dict) else None
        for count, geometry in enumerate(geometries if isinstance(geometries, list) else [], 1):
            place = f"object {name}, geometry {number(count)}"
            if not isinstance(geometry, dict):
                faults.append(f"{place} cannot be read; download the file again")
                continue
            try:
                polygons = _joined(geometry.get("arcs"), arcs)
            except (TypeError, IndexError):
                faults.append(
                    f"{place} names an arc that is not in the file; download the file again"
                )
                continue
            properties = geometry.get("properties")
            yield _Feature(
                place,
                properties if isinstance(properties, dict) else {},
                geometry.get("id"),
                geometry.get("type"),
                polygons,
            )


def _arcs(document: dict[str, Any]) -> list[Ring]:
    """Arcs as degrees; with a transform they are steps from one point to the next."""
    transform = document.get("transform")
    if transform is None:
        return [[(float(x), float(y)) for x, y, *_ in arc] for arc in document["arcs"]]
    (scale_x, scale_y), (left, bottom) = transform["scale"], transform["translate"]
    arcs = []
    for arc in document["arcs"]:
        xs = accumulate(step[0] for step in arc)
        ys = accumulate(step[1] for step in arc)
        arcs.append(
            [(x * scale_x + left, y * scale_y + bottom) for x, y in zip(xs, ys, strict=True)]
        )
    return arcs


def _joined(parts: Any, arcs: list[Ring]) -> Any:
    """The same nesting with rings in place of their lists of arcs; `~n` is arc n backwards."""
    if not isinstance(parts, list):
        raise TypeError("not a list of arcs")
    if not parts or not isinstance(parts[0], int):
        return [_joined(part, arcs) for part in parts]
    ring: Ring = []
    for at in parts:
        arc = arcs[at] if at >= 0 else arcs[~at][::-1]
        ring.extend(arc[1:] if ring else arc)
    return ring


def _outline(feature: _Feature, faults: list[str]) -> Outline | None:
    code = _property(feature, _CODED) or (feature.id if isinstance(feature.id, str) else None)
    name = _property(feature, _NAMED)
    if code is None or name is None:
        missing = "code" if code is None else "name"
        faults.append(
            f"{feature.place} has no {missing}; download a file that has names and codes of areas, "
            "like CTYUA24NM and CTYUA24CD"
        )
        return None
    kind = _kind(code)
    if kind is None:
        if not _OTHER.match(code):
            faults.append(f"{feature.place}: {code[:20]!r} is not a code like E10000016")
        return None
    if feature.kind not in ("Polygon", "MultiPolygon"):
        faults.append(f"{feature.place} ({name[:60]}) is not an area but {feature.kind!r:.40}")
        return None
    polygons = [feature.polygons] if feature.kind == "Polygon" else feature.polygons
    try:
        rings = tuple(_ring(ring) for polygon in polygons for ring in polygon)
    except _Unreadable as wrong:
        faults.append(f"{feature.place} ({name[:60]}): {wrong}")
        return None
    except (TypeError, ValueError, OverflowError):
        faults.append(f"{feature.place} ({name[:60]}): its coordinates cannot be read")
        return None
    if not rings:
        faults.append(f"{feature.place} ({name[:60]}) has no outline")
        return None
    return Outline(kind, code, name[:200], tuple(ring for ring in rings if len(ring) > 3))


class _Unreadable(ValueError):
    pass


def _ring(points: Any) -> Ring:
    west, south, east, north = ABOUT
    ring: Ring = []
    for x, y, *_ in points:
        if not (west <= x <= east and south <= y <= north):
            raise _Unreadable(
                f"{x:g}, {y:g} is not a longitude and latitude of the United Kingdom; download the "
                "file in degrees (WGS84, EPSG:4326), not in metres of the National Grid"
            )
        point = (round(float(x), DIGITS), round(float(y), DIGITS))
        if not ring or ring[-1] != point:
            ring.append(point)
    if len(points) < 4 or ring[0] != ring[-1]:
        raise _Unreadable("a ring of its outline is not closed")
    return ring


def _kind(code: str) -> BoundaryKind | None:
    if _COUNTRY.match(code):
        return BoundaryKind.COUNTRY
    return BoundaryKind.LOCAL_AUTHORITY if _LOCAL_AUTHORITY.match(code) else None


def _property(feature: _Feature, wanted: re.Pattern[str]) -> str | None:
    for key, value in feature.properties.items():
        if wanted.match(str(key)) and isinstance(value, str) and value.strip():
            return value.strip()
    return None
