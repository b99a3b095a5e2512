"""Institutions near a place, over HTTP and in the terminal; distances against another library."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient
from geopy.distance import geodesic
from sqlalchemy import select, update
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cli.main import app
from app.database import Database
from app.register.lookups import find_near
from app.register.nearby import Near
from models.register import Participant
from tests.callers import csv_rows, keyed, said
from tests.geocoders import Geocoder, forget, geocoder, nominatim
from tests.rows import STARTS, add_calendar, add_hub, add_school

API = "/api/v1/institutions"
HERE = (55.0, 2.0)


@pytest.fixture
def register(database: Database) -> Database:
    """Schools at 0, 1, 3, 3 and 30 miles, the last but one closed; one nowhere; and a hub."""
    with database.write() as session:
        add_calendar(session)
        add_school(session, 100003, 3, phases=["secondary"])
        add_school(session, 100001, 1, specialist=True)
        add_school(session, 100000, 0, postcode="ZZ1 1AA")
        add_school(session, 100002, 3, in_scope=False)
        add_school(session, 100004, 30)
        add_school(session, 100005, latitude=None, longitude=None)
        add_hub(session, "hub")
    return database


@pytest.fixture
def client(register: Database) -> Iterator[TestClient]:
    with keyed(register) as client:
        yield client


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Geocoder]:
    with geocoder(monkeypatch) as server:
        yield server


def found(client: TestClient, query: str) -> list[tuple[int, float]]:
    answer = client.get(f"{API}?{query}")
    assert answer.status_code == 200, answer.text
    return [(one["urn"], one["distance_miles"]) for one in answer.json()["items"]]


NEAREST = [(100000, 0.0), (100001, 1.0), (100002, 3.0), (100003, 3.0)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("near=ZZ1%201AA", NEAREST),
        ("near=zz1", NEAREST),
        ("near=55,2&within_miles=2.9", NEAREST[:2]),
        ("near=55.0,%202.0&within_miles=200", [*NEAREST, (100004, 30.0)]),
        ("near=ZZ1%201AA&in_scope=true&specialist=false", [NEAREST[0], NEAREST[3]]),
        ("near=ZZ1%201AA&phase=secondary", NEAREST[3:]),
        ("near=ZZ1%201AA&q=school%20100001", NEAREST[1:2]),
        ("near=50,-5", []),
    ],
)
def test_institutions_near_a_place_come_nearest_first(
    client: TestClient, query: str, expected: list[tuple[int, float]]
) -> None:
    """Within ten miles or as many as are asked for, beside every other filter."""
    assert found(client, query) == expected


def test_the_answer_tells_whose_position_was_taken(client: TestClient) -> None:
    """With `near` alone; without it there is neither place nor distance."""
    assert client.get(f"{API}?near=ZZ1%209ZZ").json()["place"] == {
        "latitude": 55.0,
        "longitude": 2.0,
        "found_by": "outcode",
        "sentence": "The position is that of an institution in the postcode district ZZ1.",
    }
    plain = client.get(API).json()
    assert plain["place"] is None
    assert {one["distance_miles"] for one in plain["items"]} == {None}
    assert "distance_miles" not in client.get(f"{API}/100000").json()


def test_a_town_is_the_middle_of_its_institutions(client: TestClient, register: Database) -> None:
    """As the register has it; towns far apart of one name are none that is known."""
    towns = {100000: "Otherton", 100001: "Otherton", 100003: "Newton", 100009: "Newton"}
    with register.write() as session:
        add_school(session, 100009, 40)
        for urn, town in towns.items():
            one = update(Participant).where(Participant.reference == f"urn:{urn}")
            session.execute(one.values(town=town))
    answer = client.get(f"{API}?near=otherton&within_miles=1").json()
    assert answer["place"]["sentence"] == (
        "The position is the middle of 2 institutions in Otherton."
    )
    assert {one["urn"]: one["distance_miles"] for one in answer["items"]} == {
        100000: 0.5,
        100001: 0.5,
    }
    said(client.get(f"{API}?near=newton"), 422, "unknown-place")


def test_pages_go_on_by_distance(client: TestClient, register: Database, server: Geocoder) -> None:
    """Nothing twice, nothing left out, equal distances by URN, and the server is asked once."""
    server.body = nominatim(HERE)
    seen, address, pages = [], f"{API}?near=Somewhere&within_miles=50&limit=2", 0
    while address:
        answer = client.get(address)
        seen += [one["urn"] for one in answer.json()["items"]]
        link = answer.headers.get("link", "")
        address, pages = link[1 : link.index(">")] if link else "", pages + 1
        # The server's word changes, and so does what is near: the pages stay those of one place.
        server.body = nominatim((51.0, 0.0))
    assert seen == [100000, 100001, 100002, 100003, 100004]
    assert (pages, len(server.asked)) == (3, 1)
    last = f"{API}?near=55,2&limit=2&after=100001"
    with register.write() as session:
        one = update(Participant).where(Participant.reference == "urn:100001")
        session.execute(one.values(latitude=None, longitude=None))
    assert "start the list again" in said(client.get(last), 409, "conflict")["detail"]


def test_the_whole_list_comes_as_a_table(client: TestClient) -> None:
    """As CSV without pages, in the same order, with the miles."""
    answer = client.get(f"{API}?near=ZZ1&limit=1", headers={"Accept": "text/csv"})
    rows = csv_rows(answer)
    assert [(int(row["urn"]), float(row["distance_miles"])) for row in rows] == NEAREST


@pytest.mark.parametrize(
    ("query", "type_", "parameter", "detail"),
    [
        (
            "near=XYZ",
            "unknown-place",
            "near",
            "No place was found for 'XYZ'. Enter a postcode, like CT17 0DQ.",
        ),
        ("within_miles=5", "invalid", "within_miles", "Enter a postcode, like CT17 0DQ"),
        ("near=ZZ1&within_miles=0", "invalid", "within_miles", "greater than 0"),
        ("near=ZZ1&within_miles=201", "invalid", "within_miles", "less than or equal to 200"),
        ("near=ZZ1&within_miles=nan", "invalid", "within_miles", "number"),
        ("near=", "invalid", "near", "at least 1 character"),
    ],
)
def test_a_place_that_cannot_be_searched_is_refused(
    client: TestClient, query: str, type_: str, parameter: str, detail: str
) -> None:
    """The parameter is named, and what to enter instead."""
    (error,) = said(client.get(f"{API}?{query}"), 422, type_)["errors"]
    assert error["parameter"] == parameter
    assert detail in error["detail"]


def test_a_server_that_fails_is_told(client: TestClient, server: Geocoder) -> None:
    """503 where only it could tell; with a postcode the search goes on, and says so."""
    server.status = 429
    problem = said(client.get(f"{API}?near=Dover"), 503, "geocoder-unavailable")
    assert problem["detail"].startswith(
        "The address lookup service takes no more requests for now. Enter a postcode,"
    )
    answer: Any = client.get(f"{API}?near=ZZ1%209ZZ").json()
    assert len(answer["items"]) == 4
    assert answer["place"]["sentence"].endswith(
        "district ZZ1. The address lookup service takes no more requests for now."
    )


@pytest.mark.parametrize("miles", [0.5, 10.0, 73.0, 200.0])
def test_distances_are_those_of_another_library(database: Database, miles: float) -> None:
    """All within the miles and no others, wherever in the country, as geopy measures them."""
    random = Random(miles)
    scattered = [(random.uniform(49.5, 60.5), random.uniform(-8, 2)) for _ in range(300)]
    centre = (60.0, -1.5) if miles > 100 else (51.5, -0.1)
    spread = miles / 60
    around = [
        (centre[0] + random.uniform(-spread, spread), centre[1] + random.uniform(-spread, spread))
        for _ in range(100)
    ]
    places = {f"School {100000 + n}": at for n, at in enumerate([*scattered, *around])}
    with database.write() as session:
        for name, (lat, lon) in places.items():
            add_school(session, int(name.split()[1]), latitude=lat, longitude=lon)
    expected = {name: geodesic(centre, at).m for name, at in places.items()}
    within = {name for name, far in expected.items() if far <= miles * 1609.344}
    with database.read() as session:
        results = find_near(session, TERMINAL, "", Near(*centre, miles), on=STARTS, limit=1_000)
    assert {one.name for one in results.found} == within
    assert results.total == len(within) > 0
    assert [one.distance_m for one in results.found] == pytest.approx(
        sorted(expected[name] for name in within), abs=1e-3
    )


def test_find_near_in_the_terminal(register: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`givetake find --near`: the nearest open ones, of a name where one is given."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", register.url)
    forget()
    terminal = CliRunner()
    try:
        shown = terminal.invoke(app, ["find", "--near", "ZZ1 1AA", "--miles", "2"])
        assert shown.output.splitlines() == [
            "3 within 2 miles of ZZ1 1AA. "
            "The position is that of an institution with the postcode ZZ1 1AA.",
            "100000  School 100000 (Community school) Testshire, ZZ1 1AA, less than 0.1 miles",
            "hub  Hub hub (organisation) less than 0.1 miles",
            "100001  School 100001 (Community school) Testshire, 1 mile",
        ]
        named = terminal.invoke(app, ["find", "school", "--near", "ZZ1", "--limit", "2"]).output
        assert named.splitlines()[0].startswith("3 within 10 miles of ZZ1. ")
        assert named.splitlines()[1:] == [
            *(shown.output.splitlines()[line] for line in (1, 3)),
            "2 of 3 results.",
        ]
        by_urn = terminal.invoke(app, ["find", "100002", "--near", "ZZ1"]).output
        assert "(Community school, not in scope) Testshire, 3 miles" in by_urn
        far = terminal.invoke(app, ["find", "--near", "50,-5", "--miles", "1"]).output
        assert far.splitlines() == ["0 within 1 mile of 50,-5. The position is the one you gave."]
        unknown = terminal.invoke(app, ["find", "--near", "XYZ"])
        assert "No place was found for 'XYZ'. Enter a postcode" in str(unknown.exception)
        nothing = terminal.invoke(app, ["find"])
        assert (nothing.exit_code, "Enter a name or a URN" in nothing.output) == (2, True)
    finally:
        forget()


def test_the_closest_of_a_page_are_read_alone(register: Database) -> None:
    """Pages of `find_near` follow each other and count all."""
    with register.read() as session:
        pages = [
            find_near(session, TERMINAL, "", Near(*HERE), on=STARTS, skip=skip, limit=2)
            for skip in (0, 2, 4)
        ]
        hub = session.scalars(select(Participant.id).where(Participant.reference == "org:hub"))
        assert hub.one() in {one.participant_id for one in pages[0].found}
    assert [each.total for each in pages] == [5, 5, 5]
    assert [one.reference for each in pages for one in each.found][2:] == [
        "urn:100001",
        "urn:100003",
        "urn:100002",
    ]
