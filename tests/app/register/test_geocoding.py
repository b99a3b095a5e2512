"""Where a place is: by the register, by a server on the loopback, and when that fails."""

import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from app.database import Database
from app.register import geocoder_server
from app.register.geocoder_server import GeocoderUnavailable
from app.register.geocoding import FoundBy, Place, UnknownPlace, locate, require_place
from app.settings import Settings
from models.register import Area
from tests.geocoders import DOVER, Geocoder, forget, geocoder, nominatim, photon
from tests.rows import add, add_calendar, add_hub, add_school


@pytest.fixture
def register(database: Database) -> Database:
    """Schools at two postcodes of one district, one in another, one nobody knows where."""
    with database.write() as session:
        add_calendar(session)
        add(session, Area(kind="district", code="E1", name="Testbourne", region_code="Z"))
        add(session, Area(kind="district", code="E2", name="Nobody's End", region_code="Z"))
        first = {"latitude": 51.0, "longitude": 1.0, "district_code": "E1"}
        add_school(session, 100000, postcode="ZZ1 1AA", **first)
        add_school(session, 100001, postcode="zz11aa", **first | {"latitude": 51.2})
        add_school(session, 100002, postcode="ZZ1 2BB", **first | {"longitude": 1.3})
        add_school(session, 100003, postcode="ZZ10 1AA", latitude=53.0, longitude=1.0)
        add_school(session, 100004, postcode="ZZ1 3CC", latitude=None, longitude=None)
        add_hub(session, "elsewhere")
    return database


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Geocoder]:
    with geocoder(monkeypatch) as server:
        yield server


@pytest.fixture
def photon_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Geocoder]:
    with geocoder(monkeypatch, "photon") as server:
        yield server


def located(database: Database, text: str) -> Place | None:
    with database.read() as session:
        return locate(session, text)


def at(place: Place | None) -> tuple[float, float, str] | None:
    return place and (place.latitude, place.longitude, place.found_by.value)


@pytest.mark.parametrize(
    ("text", "found", "says"),
    [
        (
            "ZZ1 1AA",
            (51.1, 1.0, "postcode"),
            "is the middle of 2 institutions with the postcode ZZ1 1AA",
        ),
        ("zz12bb", (51.0, 1.3, "postcode"), "of an institution with the postcode ZZ1 2BB"),
        ("1 High St,  ZZ1 2bb ", (51.0, 1.3, "postcode"), "with the postcode ZZ1 2BB"),
        ("ZZ1", (51.066667, 1.1, "outcode"), "middle of 3 institutions in the postcode district"),
        ("ZZ1 9ZZ", (51.066667, 1.1, "outcode"), "middle of 3 institutions in the postcode"),
        ("ZZ1 3CC", (51.066667, 1.1, "outcode"), "in the postcode district ZZ1"),
        ("zz10", (53.0, 1.0, "outcode"), "of an institution in the postcode district ZZ10"),
        ("testBOURNE", (51.066667, 1.1, "register"), "middle of 3 institutions in Testbourne"),
        ("Testshire", (51.55, 1.075, "register"), "middle of 4 institutions in Testshire"),
        ("51.5, -0.25", (51.5, -0.25, "position"), "the one you gave"),
    ],
)
def test_the_register_knows_places(
    register: Database, text: str, found: tuple[float, float, str], says: str
) -> None:
    """A postcode, else its district; a district or authority by name; means of what is there."""
    place = located(register, text)
    assert at(place) == found
    assert place is not None
    assert says in place.sentence


@pytest.mark.parametrize(
    "text", ["YY1 1AA", "YY1", "Nobody's End", "elsewhere", "Dover", "0, 0", "1AA", "48.9, 1.0", ""]
)
def test_what_nobody_knows_is_told(register: Database, text: str) -> None:
    """None for callers, and for a search the sentence that says what to type."""
    assert located(register, text) is None
    with register.read() as session, pytest.raises(UnknownPlace) as unknown:
        require_place(session, text)
    said = f"No place was found for '{text}'. " if text else ""
    assert unknown.value.detail == f"{said}Enter a postcode, like CT17 0DQ."


def test_a_server_is_asked_only_for_what_the_register_lacks(
    register: Database, server: Geocoder
) -> None:
    """Exact answers stay here; a text is asked for once, within Britain, under our own name."""
    for text in ("ZZ1 1AA", "ZZ1", "Testbourne", "51.5, 0.5", "4 High Street, ZZ1 1AA"):
        located(register, text)
    assert server.asked == []
    for _ in range(2):
        place = located(register, "  1 Castle   Street, Dover ")
        assert at(place) == (*DOVER, "geocoder")
    assert place is not None
    assert place.sentence == (
        "The position is the one that the address lookup service gives for Dover, Kent."
    )
    asked = {"q": "1 Castle Street, Dover", "format": "json", "limit": "5", "countrycodes": "gb"}
    assert server.asked == [asked]
    assert server.agents == {"givetake"}
    assert at(located(register, "ZZ1 9ZZ")) == (*DOVER, "geocoder")
    assert at(located(register, "YY1")) == (*DOVER, "geocoder")


def test_where_the_server_knows_nothing_the_district_does(
    register: Database, server: Geocoder
) -> None:
    """An empty answer is an answer: the postcode's district, or nothing, and no fault."""
    server.body = []
    place = located(register, "ZZ1 9ZZ")
    assert place is not None
    assert (place.found_by, place.sentence[-4:]) == (FoundBy.OUTCODE, "ZZ1.")
    assert located(register, "Nowhere") is None
    server.body = [{"display_name": "Somewhere, but not where"}]
    assert located(register, "Somewhere") is None
    assert len(server.asked) == 3


def test_photon_is_asked_within_the_box_and_answers_for_britain(
    register: Database, photon_server: Geocoder
) -> None:
    """Dublin and Calais lie in the box as well, so that the country of an answer counts."""
    photon_server.body = photon((53.3, -6.3, "IE"), (50.9, 1.9, "FR"), (*DOVER, "GB"))
    assert at(located(register, "Dover")) == (*DOVER, "geocoder")
    assert photon_server.asked == [{"q": "Dover", "limit": "5", "bbox": "-9.0,49.0,2.5,61.0"}]
    photon_server.body = photon((53.3, -6.3, "IE"))
    assert located(register, "Dublin") is None
    photon_server.body = photon()
    assert located(register, "Nowhere") is None


@pytest.mark.parametrize("outside", [(48.99, 1.0), (61.01, 1.0), (51.0, -9.01), (51.0, 2.51)])
def test_an_answer_outside_britain_is_refused(
    register: Database, server: Geocoder, outside: tuple[float, float]
) -> None:
    """The next answer inside counts; without one there is no place."""
    server.body = nominatim(outside, DOVER)
    assert at(located(register, "Dover")) == (*DOVER, "geocoder")
    server.body = nominatim(outside)
    assert located(register, "Elsewhere") is None


UNREADABLE = "gave an answer that cannot be read"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, b"slow down", "takes no more requests for now"),
        (403, b"no", "did not answer"),
        (400, b"what?", "did not answer"),
        (500, b"oops", "did not answer"),
        (503, b"", "did not answer in time"),
        (200, b"<html>", UNREADABLE),
        (200, b"\xff\xfe", UNREADABLE),
        (200, {"error": {"code": 1, "message": "broken"}}, "did not answer"),
        (200, [1], UNREADABLE),
        (200, "text", UNREADABLE),
        (200, [{"lat": "north", "lon": "1", "display_name": "x"}], UNREADABLE),
        (200, [{"lat": "nan", "lon": "1", "display_name": "x"}], UNREADABLE),
        (200, [{"lat": "51", "lon": "1"}], UNREADABLE),
        (200, b"[" * 100_000, UNREADABLE),
    ],
)
def test_each_fault_of_a_server_is_one_sentence(
    register: Database, server: Geocoder, status: int, body: object, reason: str
) -> None:
    """A search says so; a postcode is still found by its district; no fault is remembered."""
    server.status, server.body = status, body
    with pytest.raises(GeocoderUnavailable) as failed:
        located(register, "Dover")
    assert failed.value.detail == (
        f"The address lookup service {reason}. Enter a postcode, like CT17 0DQ, or try again later."
    )
    place = located(register, "ZZ1 9ZZ")
    assert place is not None
    assert place.found_by == FoundBy.OUTCODE
    assert place.sentence.endswith(f" ZZ1. The address lookup service {reason}.")
    server.status, server.body = 200, nominatim(DOVER)
    assert at(located(register, "Dover")) == (*DOVER, "geocoder")


@pytest.mark.parametrize("body", [{}, [], {"features": [{}]}, {"features": 5}])
def test_another_server_than_a_photon_is_noticed(
    register: Database, photon_server: Geocoder, body: object
) -> None:
    """What has no features, or none that can be read, is a fault and not an empty answer."""
    photon_server.body = body
    with pytest.raises(GeocoderUnavailable, match=UNREADABLE):
        located(register, "Dover")


def test_a_server_that_is_late_or_gone_is_not_waited_for(
    register: Database, server: Geocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the timeout the search goes on; a refused connection is told at once."""
    monkeypatch.setattr(geocoder_server, "TIMEOUT_S", 0.2)
    let_go = threading.Event()
    server.meanwhile = lambda: let_go.wait(30)
    try:
        with pytest.raises(GeocoderUnavailable, match="did not answer in time"):
            located(register, "Dover")
    finally:
        let_go.set()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"nominatim+http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("GIVETAKE_GEOCODER", address)
        forget()
        with pytest.raises(GeocoderUnavailable, match="service did not answer\\."):
            located(register, "Dover")


def test_what_a_server_names_can_be_shown(register: Database, server: Geocoder) -> None:
    """No control characters, no halves of letters, and not for ever."""
    server.body = nominatim(DOVER, name="Do\x1b[1mver\ud800 " + "x" * 10_000)
    place = located(register, "Dover")
    assert place is not None
    place.sentence.encode()
    assert "gives for Do[1mver x" in place.sentence
    assert len(place.sentence) < 250


@pytest.mark.parametrize(
    "server",
    [
        "nominatim+https://nominatim.example.org",
        "photon+http://127.0.0.1:2322",
        "nominatim+http://[::1]:8080/nominatim/",
    ],
)
def test_servers_that_can_be_set(server: str) -> None:
    """With or without port and path; plain HTTP where the operator says so."""
    assert Settings(geocoder=server).geocoder == server


@pytest.mark.parametrize(
    "server",
    [
        "https://nominatim.example.org",
        "google+https://maps.example.org",
        "photon+ftp://example.org",
        "photon+https://",
        "photon+https://user:word@example.org",
        "photon+https://example.org?key=1",
        "photon+https://example.org/#a b",
    ],
)
def test_servers_that_cannot_be_set(server: str) -> None:
    """The setting says how to write it, and does not repeat what may be a password."""
    with pytest.raises(ValidationError) as refused:
        Settings(geocoder=server)
    (error,) = refused.value.errors(include_url=False)
    assert "write nominatim+https://host or photon+https://host" in error["msg"]
