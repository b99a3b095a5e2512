"""Travel times: the estimate, the matrix, and a router on the loopback."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import METRES_PER_MILE
from solver.travel import (
    EstimatedTravelTimes,
    MatrixTravelTimes,
    OsrmTravelTimes,
    Places,
    TravelTimesUnavailableError,
)

NAN = float("nan")


def places(*at: tuple[float, float], urban: int = -1) -> Places:
    ids = tuple("abcdefghij"[: len(at)])
    lat, lon = np.array(at, float).reshape(-1, 2).T
    return Places(ids, lat, lon, np.full(len(at), urban))


def test_the_estimate_is_slower_in_towns_and_unknown_without_positions() -> None:
    """Urban ends take longer than rural ones, unknown ends lie between; NaN where off the map."""
    ends = ((51.5, -0.1), (51.6, -0.1), (NAN, NAN))
    here, there = np.array([0, 0]), np.array([1, 2])
    urban, unknown, rural = (
        EstimatedTravelTimes().minutes(places(*ends, urban=kind), here, there)
        for kind in (1, -1, 0)
    )
    assert rural[0] < unknown[0] < urban[0]
    assert np.isnan(urban[1])


def test_ten_miles_between_rural_schools_take_under_half_an_hour() -> None:
    """The figures behind the estimate give times a driver would believe."""
    kind = np.array([0])
    minutes = EstimatedTravelTimes().minutes_of_distance(
        np.array([10 * METRES_PER_MILE]), kind, kind
    )
    assert 20 < minutes[0] < 30


@given(st.floats(0, 600_000), st.floats(0, 600_000), st.integers(-1, 1), st.integers(-1, 1))
def test_further_is_never_sooner_and_nothing_is_beyond_reach(
    first: float, second: float, here: int, there: int
) -> None:
    """Minutes grow with the geodesic, and `reach_m` bounds what they can cover."""
    travel = EstimatedTravelTimes()
    metres = np.sort(np.array([first, second]))
    minutes = travel.minutes_of_distance(metres, np.array([here]), np.array([there]))
    assert minutes[0] <= minutes[1]
    assert travel.reach_m(float(minutes[1])) >= metres[1] - 1e-6


def test_a_matrix_is_read_by_id_and_knows_only_what_it_holds(tmp_path: Path) -> None:
    """Times are one way, from giver to taker; a pair that is missing is not known."""
    path = tmp_path / "times.csv"
    path.write_text("from,to,minutes\na,b,12.5\nb,a,14\nz,a,1\n")
    travel = MatrixTravelTimes.from_csv(path)
    here, there = np.array([0, 1, 2, 2]), np.array([1, 0, 0, 2])
    minutes = travel.minutes(places(*[(51.5, 0.0)] * 3), here, there)
    assert minutes[:2].tolist() == [12.5, 14]
    assert np.isnan(minutes[2])
    assert minutes[3] == 0
    assert travel.reach_m(60) == 70 * METRES_PER_MILE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from,to\na,b\n", "lacks the column 'minutes'"),
        ("from,to,minutes\na,b,soon\n", "line 2: minutes is 'soon'; give a number"),
        ("from,to,minutes\na,b,-1\n", "line 2: minutes is '-1'; give 0 or more"),
        ("from,to,minutes\na,b,nan\n", "line 2: minutes is 'nan'"),
        ("from,to,minutes\na,b\n", "line 2: minutes is None"),
        ("from,to,minutes\na,b,1\na,b,2\n", "line 3: a to b is there twice"),
    ],
)
def test_a_broken_matrix_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the line and the value."""
    path = tmp_path / "times.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"times\.csv.*{message}"):
        MatrixTravelTimes.from_csv(path)


Answer = Callable[[list[tuple[float, float]], list[int], list[int]], tuple[int, Any]]


class Router(ThreadingHTTPServer):
    """A table service on the loopback that answers as it is told and counts requests."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Table)
        self.answer, self.asked = answer, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Table(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        router = self.server
        assert isinstance(router, Router)
        router.asked += 1
        url = urlsplit(self.path)
        prefix = "/table/v1/driving/"
        assert url.path.startswith(prefix)
        at = [tuple(map(float, pair.split(","))) for pair in url.path[len(prefix) :].split(";")]
        query = parse_qs(url.query)
        rows = [
            [int(row) for row in query[name][0].split(";")] for name in ("sources", "destinations")
        ]
        status, body = router.answer(at, *rows)  # type: ignore[arg-type]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], Router]]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    routers = []

    def start(answer: Answer) -> Router:
        router = Router(answer)
        routers.append(router)
        threading.Thread(target=router.serve_forever, daemon=True).start()
        return router

    yield start
    for router in routers:
        router.shutdown()
        router.server_close()


def degrees_as_minutes(
    at: list[tuple[float, float]], sources: list[int], destinations: list[int]
) -> tuple[int, Any]:
    rows = [[60 * abs(at[a][1] - at[b][1]) for b in destinations] for a in sources]
    return 200, {"code": "Ok", "durations": rows}


def test_a_router_is_asked_in_batches_for_each_taker(
    serve: Callable[[Answer], Router],
) -> None:
    """Every pair gets its own time; repeated pairs are asked once, unknown positions never."""
    router = serve(degrees_as_minutes)
    travel = OsrmTravelTimes(router.url, max_locations=3)
    at = places((50.0, 0.0), (51.0, 0.0), (52.0, 0.0), (54.0, 0.0), (NAN, NAN))
    here, there = np.array([1, 2, 3, 1, 4, 0, 1]), np.array([0, 0, 0, 0, 0, 3, 3])
    minutes = travel.minutes(at, here, there)
    assert minutes[[0, 1, 2, 3, 5, 6]].tolist() == [1, 2, 4, 1, 4, 3]
    assert np.isnan(minutes[4])
    assert router.asked == 3
    assert travel.minutes(at, here[:0], there[:0]).tolist() == []


def test_a_place_without_a_route_is_unknown(serve: Callable[[Answer], Router]) -> None:
    """The router's null is not known, never 0."""
    router = serve(lambda *_: (200, {"code": "Ok", "durations": [[None]]}))
    at = places((50.0, 0.0), (51.0, 0.0))
    assert np.isnan(OsrmTravelTimes(router.url).minutes(at, np.array([0]), np.array([1])))[0]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"code": "TooBig", "message": "Too many"}, "answered TooBig: Too many; check"),
        (200, {"code": "NoTable"}, "answered NoTable: no reason"),
        (500, b"oops", "answered HTTP 500"),
        (200, b"<html>", "answered no JSON"),
        (200, b"[1]", "answered no object"),
        (200, {"code": "Ok"}, "without a table of durations"),
        (200, {"code": "Ok", "durations": [["x"]]}, "without a table of durations"),
        (200, {"code": "Ok", "durations": [[1], [2]]}, "answered 2 durations for 1 places"),
    ],
)
def test_a_router_that_fails_is_named(
    serve: Callable[[Answer], Router], status: int, body: Any, message: str
) -> None:
    """Whatever goes wrong at the router is one error that says what to check."""
    router = serve(lambda *_: (status, body))
    at = places((50.0, 0.0), (51.0, 0.0))
    with pytest.raises(TravelTimesUnavailableError, match=message):
        OsrmTravelTimes(router.url).minutes(at, np.array([0]), np.array([1]))


def test_a_router_that_is_not_there_is_named(serve: Callable[[Answer], Router]) -> None:
    """No answer at all says so, and offers planning in miles."""
    router = serve(degrees_as_minutes)
    router.shutdown()
    router.server_close()
    at = places((50.0, 0.0), (51.0, 0.0))
    with pytest.raises(TravelTimesUnavailableError, match=r"does not answer .* plan in miles"):
        OsrmTravelTimes(router.url).minutes(at, np.array([0]), np.array([1]))


def test_addresses_and_places_are_checked() -> None:
    """A file address is no router, and places are whole and on the earth."""
    with pytest.raises(ValueError, match="begin it with http:// or https://"):
        OsrmTravelTimes("file:///etc/passwd")
    with pytest.raises(ValueError, match="max_locations is 1"):
        OsrmTravelTimes("http://localhost", max_locations=1)
    with pytest.raises(ValueError, match="a has only one of latitude and longitude"):
        places((51.0, NAN))
    with pytest.raises(ValueError, match=r"a lies at 95\.0, 0\.0"):
        places((95.0, 0.0))
    with pytest.raises(ValueError, match=r"holds an id twice"):
        Places(("a", "a"), np.zeros(2), np.zeros(2), np.zeros(2, np.int8))
    with pytest.raises(ValueError, match=r"Places\.urban has shape \(1,\)"):
        Places(("a", "b"), np.zeros(2), np.zeros(2), np.zeros(1, np.int8))
