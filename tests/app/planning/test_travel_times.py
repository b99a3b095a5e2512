"""Travel times of an OSRM server, played by one on the loopback."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from app.planning.travel import OsrmTravelTimes, TravelTimesUnavailableError
from app.register.water import known_water
from solver.pairing.pair_rules import TOO_FAR
from solver.pairing.places import Places
from tests.solver.made_exchange import exchange


def places(*lat: float) -> Places:
    """Places on the zero meridian, unknown where the latitude is NaN."""
    at = np.array(lat)
    return Places(tuple("abcdefghij"[: len(at)]), at, at * 0, np.full(len(at), -1))


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
        pairs = (pair.split(",") for pair in url.path[len(prefix) :].split(";"))
        query = parse_qs(url.query)
        sources, destinations = (
            [int(row) for row in query[name][0].split(";")] for name in ("sources", "destinations")
        )
        at = [(float(lon), float(lat)) for lon, lat in pairs]
        status, body = router.answer(at, sources, destinations)
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
    at = places(50.0, 51.0, 52.0, 54.0, float("nan"))
    here, there = np.array([1, 2, 3, 1, 4, 0, 1]), np.array([0, 0, 0, 0, 0, 3, 3])
    minutes = travel.minutes(at, here, there)
    assert minutes[[0, 1, 2, 3, 5, 6]].tolist() == [1, 2, 4, 1, 4, 3]
    assert np.isnan(minutes[4])
    assert router.asked == 3
    assert travel.minutes(at, here[:0], there[:0]).tolist() == []


def test_a_place_without_a_route_is_unknown(serve: Callable[[Answer], Router]) -> None:
    """The router's null is not known, never 0."""
    router = serve(lambda *_: (200, {"code": "Ok", "durations": [[None]]}))
    at = places(50.0, 51.0)
    assert np.isnan(OsrmTravelTimes(router.url).minutes(at, np.array([0]), np.array([1])))[0]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"code": "TooBig", "message": "Too many"}, "answered TooBig .Too many.. Check"),
        (200, {"code": "NoTable"}, "answered NoTable .no reason."),
        (500, b"oops", "answered HTTP 500"),
        (200, b"<html>", "did not answer with JSON"),
        (200, b"[1]", "did not answer with an object"),
        (200, {"code": "Ok"}, "answered without durations"),
        (200, {"code": "Ok", "durations": [["x"]]}, "answered without durations"),
        (200, {"code": "Ok", "durations": [[1], [2]]}, "answered 2 durations for 1 places"),
    ],
)
def test_a_router_that_fails_is_named(
    serve: Callable[[Answer], Router], status: int, body: Any, message: str
) -> None:
    """Whatever goes wrong at the router is one error that says what to check."""
    router = serve(lambda *_: (status, body))
    at = places(50.0, 51.0)
    with pytest.raises(TravelTimesUnavailableError, match=message):
        OsrmTravelTimes(router.url).minutes(at, np.array([0]), np.array([1]))


def test_a_router_that_is_not_there_is_named(serve: Callable[[Answer], Router]) -> None:
    """No answer at all says so, and offers planning in miles."""
    router = serve(degrees_as_minutes)
    router.shutdown()
    router.server_close()
    at = places(50.0, 51.0)
    with pytest.raises(TravelTimesUnavailableError, match=r"did not answer .* plan in miles"):
        OsrmTravelTimes(router.url, pause_s=0.0).minutes(at, np.array([0]), np.array([1]))


def test_a_router_that_restarts_is_asked_again(serve: Callable[[Answer], Router]) -> None:
    """Who drops two connections and answers the third has answered."""
    dropped = []

    def answer(*asked: Any) -> tuple[int, Any]:
        if len(dropped) < 2:
            dropped.append(asked)
            raise ConnectionResetError
        return degrees_as_minutes(*asked)

    router = serve(answer)
    travel = OsrmTravelTimes(router.url, pause_s=0.0)
    assert travel.minutes(places(50.0, 51.0), np.array([0]), np.array([1])).tolist() == [1]
    assert router.asked == 3


def test_a_router_that_stops_within_its_answers_is_named(
    serve: Callable[[Answer], Router],
) -> None:
    """All requests of one plan have a total time, however quick each of them is."""
    router = serve(degrees_as_minutes)
    at = places(50.0, 51.0)
    with pytest.raises(TravelTimesUnavailableError, match=r"everything within 0 minutes"):
        OsrmTravelTimes(router.url, total_s=0.0).minutes(at, np.array([0]), np.array([1]))
    assert router.asked == 0


def test_addresses_are_checked() -> None:
    """A file address is no router, and a request holds two places at least."""
    with pytest.raises(ValueError, match="must begin with http:// or https://"):
        OsrmTravelTimes("file:///etc/passwd")
    with pytest.raises(ValueError, match="max_locations must be 2 or more, not 1"):
        OsrmTravelTimes("http://localhost", max_locations=1)


def test_a_router_is_asked_across_water_too(serve: Callable[[Answer], Router]) -> None:
    """Minutes across the Thames are the router's, who knows the roads; miles go round by ours.

    In the order of longitude and latitude that such servers want, and one way: giver to taker.
    """
    leigh, sheppey = (51.542, 0.654), (51.420, 0.810)
    asked = []

    def answer(
        at: list[tuple[float, float]], sources: list[int], destinations: list[int]
    ) -> tuple[int, Any]:
        asked.append((at, sources, destinations))
        return 200, {"code": "Ok", "durations": [[5_700.5] for _ in sources], "sources": []}

    router = serve(answer)
    made = exchange(
        [{"at": sheppey}, {"at": leigh}],
        needs=[{"limit_minutes": 100.0}],
        offers=[{"limit_minutes": 100.0}],
    )
    given = {"travel": OsrmTravelTimes(router.url), "water": known_water()}
    found, _ = made.find(**given)
    assert found.minutes.tolist() == [5_700.5 / 60]
    assert found.by[0].startswith("by the Dartford Crossing")
    assert asked[0] == ([(0.654, 51.542), (0.81, 51.42)], [0], [1])
    stricter = exchange([{"at": sheppey}, {"at": leigh}], needs=[{"limit_minutes": 95.0}])
    found, refused = stricter.find(default_limit_m=200_000.0, **given)
    assert not len(found)
    assert refused.total() == {TOO_FAR: 1}
