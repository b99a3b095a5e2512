"""Organisations that are given by address or postcode, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.import_kit.report import ImportReport
from app.register.organisations import import_organisations
from models.exchange import Expertise
from models.register import Participant
from tests.callers import keyed
from tests.geocoders import DOVER, Geocoder, geocoder, nominatim
from tests.rows import add, add_calendar, add_school

API = "/api/v1/organisations"
HEADER = "key,name,kind,address,postcode,latitude,longitude,designation,designated_by\n"
FAILED = "because the address lookup service failed."
LATER = "Import the file again later to place them"


@pytest.fixture
def register(database: Database) -> Database:
    with database.write() as session:
        add_calendar(session)
        add_school(session, 100000, postcode="ZZ1 1AA", latitude=51.0, longitude=1.0)
        add_school(session, 100001, postcode="ZZ1 2BB", latitude=51.0, longitude=1.5)
    return database


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Geocoder]:
    with geocoder(monkeypatch) as server:
        yield server


@pytest.fixture
def client(register: Database) -> Iterator[TestClient]:
    with keyed(register) as client:
        yield client


def take_in(database: Database, folder: Path, *rows: str) -> ImportReport:
    path = folder / "organisations.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")
    with database.write() as session:
        return import_organisations(session, TERMINAL, path)


def positions(database: Database) -> dict[str, tuple[float | None, float | None]]:
    query = select(Participant.reference, Participant.latitude, Participant.longitude)
    with database.read() as session:
        found = session.execute(query.where(Participant.kind == "organisation"))
        return {reference.removeprefix("org:"): (lat, lon) for reference, lat, lon in found}


def test_each_is_placed_as_exactly_as_is_known(
    register: Database, server: Geocoder, tmp_path: Path
) -> None:
    """As given, else by the register, else by the server, else nowhere; each way is counted."""
    rows = (
        "given,Given,hub,1 Castle Street,ZZ1 1AA,52.5,-1.5,,",
        "known,Known,hub,1 High Street,ZZ1 1AA,,,,",
        "asked,Asked,hub,1 Castle Street,YY1 1AA,,,maths,DfE",
        "asked,,,,,,,english,DfE",
        "plain,Plain,hub,,,,,,",
    )
    report = take_in(register, tmp_path, *rows)
    assert positions(register) == {
        "given": (52.5, -1.5),
        "known": (51.0, 1.0),
        "asked": DOVER,
        "plain": (None, None),
    }
    assert server.texts == ["1 Castle Street, YY1 1AA"]
    assert report.notes == [
        "1 placed with the schools of the same postcode.",
        "1 placed by the address lookup service.",
        "1 without a position, address or postcode: how near it is, is not known.",
        "Not known where: plain (line 6). Add the postcode or the position.",
    ]
    assert not take_in(register, tmp_path, *rows).any_change


def test_without_a_server_an_address_needs_a_postcode(register: Database, tmp_path: Path) -> None:
    """The register alone knows no streets; nobody is asked, and what has no place is counted."""
    report = take_in(
        register,
        tmp_path,
        "street,Street,hub,1 Castle Street,,,,,",
        "near,Near,hub,1 High Street,ZZ1 9ZZ,,,,",
        "whole,Whole,hub,1 High Street ZZ1 1AA,,,,,",
        "area,Area,hub,Testshire,,,,,",
    )
    assert positions(register) == {
        "street": (None, None),
        "near": (51.0, 1.25),
        "whole": (51.0, 1.0),
        "area": (51.0, 1.25),
    }
    assert report.notes == [
        "1 placed with the schools of the same postcode.",
        "1 placed by postcode in the middle of the schools of its district.",
        "1 placed in the middle of the schools of the area in the address.",
        "1 without a position: no place was found for the address or postcode.",
        "Not known where: street (line 2). Add the postcode or the position.",
    ]


def test_a_server_that_fails_loses_nothing(
    register: Database, server: Geocoder, tmp_path: Path
) -> None:
    """Once it failed it is asked no more; organisations come in, and keep what they had."""
    before = "before,Before,hub,1 Castle Street,YY1 1AA,,,,"
    take_in(register, tmp_path, before)
    server.status = 500
    rows = (
        "new,New,hub,2 Castle Street,,,,,",
        "near,Near,hub,3 Castle Street,ZZ1 9ZZ,,,,",
        "known,Known,hub,,ZZ1 1AA,,,,",
    )
    # Not the same address: what was answered once is remembered.
    report = take_in(register, tmp_path, *rows, before.replace("1 Castle", "4 Castle"))
    assert server.texts == ["1 Castle Street, YY1 1AA", "2 Castle Street"]
    assert positions(register) == {
        "before": DOVER,
        "new": (None, None),
        "near": (51.0, 1.25),
        "known": (51.0, 1.0),
    }
    assert report.things["organisations"].added == 3
    assert report.things["organisations"].unchanged == 1
    assert report.notes == [
        "1 placed with the schools of the same postcode.",
        f"1 placed by postcode in the middle of the schools of its district, {FAILED} "
        f"{LATER} better.",
        f"1 placed where they were before, {FAILED}",
        f"1 without a position, {FAILED} {LATER}.",
        "Not known where: new (line 2). Add the postcode or the position.",
    ]
    server.status = 200
    report = take_in(register, tmp_path, *rows)
    assert report.things["organisations"].changed == 2
    assert positions(register)["new"] == positions(register)["near"] == DOVER


def test_one_that_moved_does_not_keep_its_position(
    register: Database, server: Geocoder, tmp_path: Path
) -> None:
    """Where it was tells nothing once its postcode is another, even while nobody can be asked."""
    take_in(register, tmp_path, "hub,Hub,hub,1 Castle Street,YY1 1AA,,,,")
    server.status = 429
    take_in(register, tmp_path, "hub,Hub,hub,9 Other Street,XX1 1AA,,,,")
    assert positions(register) == {"hub": (None, None)}


def test_nothing_is_locked_while_a_server_is_asked(
    register: Database, server: Geocoder, tmp_path: Path
) -> None:
    """Others write while an import waits for an answer."""

    def write() -> None:
        with register.write() as session:
            add(session, Expertise(code="meanwhile", name="Meanwhile", version="test"))

    server.meanwhile = write
    take_in(register, tmp_path, "hub,Hub,hub,1 Castle Street,YY1 1AA,,,,")
    with register.read() as session:
        assert session.get(Expertise, "meanwhile") is not None
    assert positions(register) == {"hub": DOVER}


def test_an_import_that_began_sees_its_own_schools(
    register: Database, server: Geocoder, tmp_path: Path
) -> None:
    """In a transaction that has written already, what it wrote counts."""
    path = tmp_path / "organisations.csv"
    path.write_text(f"{HEADER}hub,Hub,hub,,YY1 1AA,,,,\n", "utf-8")
    with register.write() as session:
        add_school(session, 100002, postcode="YY1 1AA", latitude=52.0, longitude=0.5)
        import_organisations(session, TERMINAL, path)
    assert positions(register) == {"hub": (52.0, 0.5)}
    assert server.asked == []


def test_further_rows_of_a_key_may_not_move_it(register: Database, tmp_path: Path) -> None:
    """An organisation has one address, and a faulty file asks nobody."""
    with pytest.raises(FaultyFile) as refused:
        take_in(
            register,
            tmp_path,
            "hub,Hub,hub,1 Castle Street,,,,maths,DfE",
            "hub,,,2 Castle Street,,,,english,DfE",
        )
    assert [(fault.column, fault.line) for fault in refused.value.faults] == [("address", 3)]


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "Hub", "kind": "subject_hub"} | changes


def test_over_http_an_address_gives_the_position(client: TestClient, server: Geocoder) -> None:
    """How it was found is told with the change alone; the address is not kept."""
    content = body(address="1 Castle Street", postcode="YY1 1AA")
    made = client.post(API, json=content | {"key": "hub"}, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201, made.text
    assert (made.json()["latitude"], made.json()["longitude"]) == DOVER
    assert made.json()["position_note"].endswith("lookup service gives for Dover, Kent.")
    place = f"{API}/hub"
    assert client.get(place).json() == made.json() | {"position_note": None}
    assert "Castle" not in client.get(place).text
    match = {"If-Match": made.headers["etag"]}
    assert client.put(place, json=content, headers=match).json()["version"] == 1
    moved = client.put(place, json=body(postcode="ZZ1 1AA"), headers=match).json()
    assert (moved["latitude"], moved["longitude"], moved["version"]) == (51.0, 1.0, 2)
    assert moved["position_note"] == (
        "The position is that of an institution with the postcode ZZ1 1AA."
    )


def test_over_http_a_fault_is_told_and_the_organisation_kept(
    client: TestClient, server: Geocoder
) -> None:
    """201 without a position, and the sentence that says why."""
    server.body = b"<html>"
    made = client.post(API, json=body(key="hub", address="1 Castle Street"))
    assert made.status_code == 201, made.text
    assert made.json()["latitude"] is None
    unreadable = "The address lookup service gave an answer that cannot be read."
    assert made.json()["position_note"] == unreadable
    server.body = nominatim(DOVER)
    made = client.put(f"{API}/hub", json=body(address="1 Castle Street"), headers={"If-Match": "*"})
    assert made.json()["latitude"] == DOVER[0]
    server.status = 500
    kept = client.put(f"{API}/hub", json=body(address="2 Castle Street"), headers={"If-Match": "*"})
    assert (kept.json()["latitude"], kept.json()["version"]) == (DOVER[0], made.json()["version"])
    assert kept.json()["position_note"] == (
        "The address lookup service did not answer. The position is as it was."
    )
    server.status, server.body = 200, []
    nowhere = client.post(API, json=body(key="other", address="3 Castle Street"))
    assert nowhere.json()["position_note"] == "No place was found for the address or postcode."
