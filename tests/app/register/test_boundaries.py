"""Outlines under maps: what is read, what is refused, and where towns are."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.access.policy import TERMINAL
from app.database import Database
from app.register import boundaries
from app.register.boundary_files import BadBoundaries, read_boundaries
from app.register.towns import towns
from models.access import AuditEvent
from models.boundaries import Boundary
from models.vocabulary import BoundaryKind
from tests import rows

SQUARE = [[1.0, 51.0], [1.5, 51.0], [1.5, 51.5], [1.0, 51.0]]
GREAT_BRITAIN = ("E92000001", "W92000004", "S92000003")


def feature(code: str = "E10000099", name: str = "Testshire", ring: Any = None) -> dict[str, Any]:
    polygon = {"type": "Polygon", "coordinates": [SQUARE if ring is None else ring]}
    properties = {"OBJECTID": 1, "CTYUA24CD": code, "CTYUA24NM": name, "LAT": 51.2}
    return {"type": "Feature", "properties": properties, "geometry": polygon}


def geojson(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def faults(content: bytes) -> tuple[str, ...]:
    with pytest.raises(BadBoundaries) as refused:
        read_boundaries(content)
    return refused.value.faults


def test_geojson_and_topojson_say_the_same() -> None:
    """Arcs are joined, also backwards, and steps are added up."""
    topology = {
        "type": "Topology",
        "transform": {"scale": [0.5, 0.5], "translate": [1.0, 51.0]},
        "arcs": [[[0, 0], [1, 0], [0, 1]], [[0, 0], [1, 1]]],
        "objects": {
            "areas": {
                "type": "GeometryCollection",
                "geometries": [
                    {
                        "type": "MultiPolygon",
                        "id": "E10000099",
                        "properties": {"name": "Testshire"},
                        "arcs": [[[0, ~1]]],
                    },
                    {"type": "Polygon", "id": "E12000001", "properties": {"name": "A region"}},
                ],
            }
        },
    }
    topology["objects"]["areas"]["geometries"][1]["arcs"] = [[0, ~1]]  # type: ignore[index]
    (of_arcs,) = read_boundaries(json.dumps(topology).encode())
    (plain,) = read_boundaries(b"\xef\xbb\xbf" + geojson(feature()))
    assert of_arcs == plain
    assert plain.kind is BoundaryKind.LOCAL_AUTHORITY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"reference,name\n", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "neither a FeatureCollection"),
        (geojson(), "no country or local authority"),
        (geojson(feature("E12000001", "A region")), "no country or local authority"),
        (geojson(feature(ring=[[530000, 180000]] * 4)), "not in metres"),
        (geojson(feature(ring=SQUARE[:3])), "not closed"),
        (geojson(feature(ring=[["a", "b"]] * 4)), "cannot be read"),
        (geojson(feature(ring=[[float("nan"), 51.0]] * 4)), "not a longitude and latitude"),
        (geojson(feature("999")), "not a code like E10000016"),
        (geojson(feature(), feature()), "twice"),
        (geojson(feature() | {"properties": {}}), "has no code"),
        (geojson(feature() | {"geometry": None}), "has no geometry"),
        (
            geojson(feature() | {"geometry": {"type": "Point", "coordinates": [1, 51]}}),
            "not an area",
        ),
        (b'{"type": "Topology", "arcs": 3, "objects": {}}', "arcs of the file cannot be read"),
        (
            b'{"type": "Topology", "arcs": [], "objects": {"a": {"geometries": '
            b'[{"type": "Polygon", "id": "E10000099", "arcs": [[7]]}]}}}',
            "an arc that is not in the file",
        ),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(content: bytes, said: str) -> None:
    (fault,) = faults(content)
    assert said in fault


def test_every_fault_is_told_at_once() -> None:
    """With the feature that has it; of very many only the first are in the sentence."""
    found = faults(geojson(feature("999"), feature(ring=SQUARE[:3]), feature()))
    assert [each.split(" ")[1].rstrip(":") for each in found] == ["1", "2"]
    with pytest.raises(BadBoundaries, match="and 80 more"):
        read_boundaries(geojson(*[feature("999")] * 100))


def test_an_import_takes_the_place_of_the_last_or_changes_nothing(database: Database) -> None:
    """Only of the kinds in the file; it is on the record, with the digest of the file."""
    assert _drawn(database).credit == ""
    _take_in(database, feature("E92000001", "England"), feature(), feature("E10000098", "Otherton"))
    with pytest.raises(BadBoundaries):
        _take_in(database, feature("E10000097", "Third"), feature("999"))
    assert len(_drawn(database).borders) == 2
    _take_in(database, feature("E10000097", "Third"))
    drawn = _drawn(database)
    assert (len(drawn.land), len(drawn.borders)) == (1, 1)
    assert "database right 2025" in drawn.credit
    with database.read() as session:
        assert not boundaries.has_whole_coast(session)
        names = set(session.scalars(select(Boundary.name)))
        events = session.scalar(
            select(func.count()).where(AuditEvent.action == "boundaries.import")
        )
    assert (names, events) == ({"England", "Third"}, 2)
    _take_in(database, *(feature(code, code) for code in GREAT_BRITAIN))
    with database.read() as session:
        assert boundaries.has_whole_coast(session)


def test_the_country_s_own_file_is_read(national_data: Path) -> None:
    """Countries and education authorities are taken, regions are left out."""
    path = national_data / "england-basemap.topojson.json"
    if not path.exists():
        pytest.skip("there is no file of boundaries")
    kinds = [each.kind for each in read_boundaries(path.read_bytes())]
    assert kinds.count(BoundaryKind.COUNTRY) == 4
    assert kinds.count(BoundaryKind.LOCAL_AUTHORITY) == 153


def test_towns_are_in_the_middle_of_their_schools(database: Database) -> None:
    """One mistyped address is no town, and two towns of one name are two."""
    with database.write() as session:
        for n, (town, latitude, area) in enumerate(
            [
                *(("Otherton", 51.0 + step / 100, "999") for step in range(3)),
                *(("Ashby", latitude, "999") for latitude in (52.0, 52.01)),
                *(("Ashby", latitude, "998") for latitude in (54.0, 54.01)),
                ("Mistyped", 51.0, "999"),
            ]
        ):
            rows.add_school(session, 1 + n, latitude=latitude, town=town, local_authority_code=area)
        rows.add_school(session, 50, latitude=None, longitude=None, town="Otherton")
    with database.read() as session:
        found = towns(session)
    assert [(each.name, round(each.latitude, 3), each.schools) for each in found] == [
        ("Otherton", 51.01, 3),
        ("Ashby", 52.005, 2),
        ("Ashby", 54.005, 2),
    ]


def _take_in(database: Database, *features: Any) -> None:
    with database.write() as session:
        boundaries.import_boundaries(session, TERMINAL, geojson(*features), 2025)


def _drawn(database: Database) -> boundaries.Drawn:
    with database.read() as session:
        return boundaries.boundaries(session)
