"""Servers of others that dribble, hang, or answer without end hold nobody up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pytest

from app.outside import NoAnswer, TooSlow, fetch
from app.planning.travel import OsrmTravelTimes, TravelTimesUnavailableError
from app.register import geocoder_server
from app.register.geocoder_server import GeocoderUnavailable
from solver.pairing.places import Places
from tests.waiting import wait_until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


class Dribbler:
    """A server that writes its answer byte by byte, for ever."""

    def __init__(self, head: bytes, drop: bytes, pause_s: float) -> None:
        self.head, self.drop, self.pause_s = head, drop, pause_s
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.cut_off, self.over = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        self.listening.settimeout(0.05)
        while not self.over.is_set():
            with suppress(TimeoutError):
                connection, _ = self.listening.accept()
                with connection, suppress(OSError):
                    self._answer(connection)
                self.cut_off.set()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(1)
        connection.recv(65_536)
        connection.sendall(self.head)
        while not self.over.is_set():
            connection.sendall(self.drop)
            time.sleep(self.pause_s)

    def close(self) -> None:
        self.over.set()
        self.thread.join()
        self.listening.close()


@pytest.fixture
def dribble(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Dribbler]]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made: list[Dribbler] = []

    def start(head: bytes = HEAD, drop: bytes = b" ", pause_s: float = 0.02) -> Dribbler:
        made.append(Dribbler(head, drop, pause_s))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", HEAD])
def test_what_dribbles_is_cut_off(dribble: Callable[..., Dribbler], head: bytes) -> None:
    """In its first line, in its headers or in its body; the connection is closed, too."""
    server = dribble(head, b"x")
    with pytest.raises(TooSlow, match=r"not within 0\.3 seconds"):
        fetch(f"http://127.0.0.1:{server.port}/", {}, total_s=0.3)
    wait_until(server.cut_off.is_set)


def test_an_answer_without_end_is_not_read_to_it(dribble: Callable[..., Dribbler]) -> None:
    """It is refused once it has more bytes than may be."""
    server = dribble(HEAD, b"x" * 10_000, 0.0)
    with pytest.raises(NoAnswer, match="more than 1,000 bytes"):
        fetch(f"http://127.0.0.1:{server.port}/", {}, total_s=60, most_bytes=1_000)


def test_a_router_that_dribbles_is_named(dribble: Callable[..., Dribbler]) -> None:
    """A run is told which server it was, within the time of one request."""
    url = f"http://127.0.0.1:{dribble().port}"
    at = Places(("a", "b"), np.array([50.0, 51.0]), np.zeros(2), np.full(2, -1))
    router = OsrmTravelTimes(url, timeout_s=0.2)
    with pytest.raises(TravelTimesUnavailableError, match=r"not within 0\.2 seconds"):
        router.minutes(at, np.array([0]), np.array([1]))


@pytest.mark.parametrize("drop", [b" ", b"x" * 10_000])
def test_a_geocoder_that_dribbles_is_given_up(
    dribble: Callable[..., Dribbler], monkeypatch: pytest.MonkeyPatch, drop: bytes
) -> None:
    """Whoever looks a place up waits no longer than a moment, and reads no endless answer."""
    monkeypatch.setattr(geocoder_server, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(geocoder_server, "MOST_BYTES", 1_000)
    server = dribble(HEAD, drop)
    with pytest.raises(GeocoderUnavailable, match="did not answer"):
        geocoder_server.ask(f"nominatim+http://127.0.0.1:{server.port}", "Dover")
