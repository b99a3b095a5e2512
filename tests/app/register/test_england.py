"""Positions at sea, abroad or swapped are told from those in England."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.register.england import may_be_in_england
from app.register.organisations import import_organisations
from tests.factories import establishment, take_in, write_gias

HEAD = "key,name,kind,easting,northing,latitude,longitude\n"


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        (49.92, -6.30), (50.07, -5.71), (50.22, -3.65), (50.91, 0.97), (51.38, 1.44),
        (52.48, 1.76), (53.39, -3.18), (54.12, -0.08), (54.51, -3.63), (55.81, -2.03),
        (52.07, -3.12), (51.5, -0.1),
    ],
)  # fmt: skip
def test_the_ends_of_england_are_in_it(latitude: float, longitude: float) -> None:
    """Capes, islands and border towns are no mistakes."""
    assert may_be_in_england(latitude, longitude)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(55.95, -3.19), (52.41, -4.08), (54.6, -5.93), (53.5, 1.5), (49.5, -2.5), (48.86, 2.35)],
)
def test_the_sea_and_other_countries_are_not(latitude: float, longitude: float) -> None:
    """Edinburgh, Aberystwyth, Belfast, the North Sea, Guernsey and Paris are outside."""
    assert not may_be_in_england(latitude, longitude)


@pytest.mark.parametrize(
    ("position", "column", "reason"),
    [
        ("150000,612000,,", "easting", "looks swapped with the northing"),
        (",,-0.5,51.5", "latitude", "looks swapped with the longitude"),
        (",,53.5,2.5", "latitude", "is at sea or outside England"),
        ("650000,20000,,", "easting", "is at sea or outside England"),
    ],
)
def test_an_organisation_at_sea_is_refused_with_the_cause(
    sqlite_database: Database, tmp_path: Path, position: str, column: str, reason: str
) -> None:
    """The line and column are named, and what to exchange or check."""
    path = tmp_path / "o.csv"
    path.write_text(f"{HEAD}hub,Hub,hub,{position}\n")
    with sqlite_database.write() as session, pytest.raises(FaultyFile) as refused:
        import_organisations(session, TERMINAL, path)
    (fault,) = refused.value.faults
    assert (fault.line, fault.column) == (2, column)
    assert reason in fault.reason


def test_an_organisation_without_a_position_is_counted(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """As institutions are: one that gives neither position nor postcode cannot be near."""
    path = tmp_path / "o.csv"
    path.write_text(f"{HEAD}hub,Hub,hub,,,,\nother,Other,hub,420000,560000,,\n")
    with sqlite_database.write() as session:
        report = import_organisations(session, TERMINAL, path)
    assert report.notes == [
        "1 without a position, address or postcode: how near it is, is not known.",
        "Not known where: hub (line 2). Add the postcode or the position.",
    ]


def test_a_school_at_sea_is_named_in_a_note(sqlite_database: Database, tmp_path: Path) -> None:
    """The register is not refused for one position, but whoever imports it is told."""
    rows = (
        establishment(900001, easting="150000", northing="612000"),
        establishment(900002, easting="420000", northing="560000"),
    )
    report = take_in(sqlite_database, write_gias(tmp_path, rows))
    assert report.notes == [
        "1 institution has a position at sea or outside England, kept as it is. "
        "Check the easting and northing of 900001."
    ]


def test_where_the_register_has_schools_is_no_sea(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """A made-up register lies in the North Sea; its organisations are where its schools are."""
    rows = [establishment(urn, easting="600000", northing="450000") for urn in (900001, 900002)]
    assert take_in(sqlite_database, write_gias(tmp_path, rows)).notes == []
    path = tmp_path / "o.csv"
    path.write_text(f"{HEAD}hub,Hub,hub,601000,451000,,\n")
    with sqlite_database.write() as session:
        assert import_organisations(session, TERMINAL, path).any_change


def test_http_refuses_a_position_at_sea(client: TestClient) -> None:
    """As a file does, by the name of what is wrong."""
    content = {"key": "hub", "name": "Hub", "kind": "hub", "latitude": -0.5, "longitude": 51.5}
    answer = client.post("/api/v1/organisations", json=content)
    assert answer.status_code == 422
    assert "looks swapped with the longitude" in answer.text
