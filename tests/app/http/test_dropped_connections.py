"""Clients that go away in the middle of something: no error, and nothing goes on for them."""

import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.database import Database
from app.main import create_app
from app.settings import Settings
from tests.factories import new_key
from tests.runs import contested, submit
from tests.serving import serving

OFF = struct.pack("ii", 1, 0)
"""To close at once, as a client does that is killed."""
BODY = "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nkey="


@pytest.fixture
def port(sqlite_database: Database) -> Iterator[int]:
    contested(sqlite_database)
    submit(sqlite_database)
    with serving(create_app(Settings(workers=0), sqlite_database)) as address:
        yield int(address.rpartition(":")[2])


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("request_line", "rest", "read"),
    [
        ("GET /api/v1/openapi.json", "\r\n", 2_000),  # in the middle of an answer
        ("GET /api/v1/runs/1/events?wait_s=600", "\r\n", 300),  # in the middle of a stream
        ("GET /maps/features", "\r\n", 0),  # before any of it
        ("POST /api/v1/needs", BODY, 0),  # in the middle of its own request
        ("GET /maps/features/collections/institutions/items", "\r\n", 100),
        ("POST /maps/data-tokens", FORM.replace("key", "token"), 0),
        ("POST /portal/sign-in", f"Sec-Fetch-Site: same-origin\r\n{FORM}", 0),
    ],
)
def test_a_client_that_goes_away_is_no_error(
    sqlite_database: Database,
    port: int,
    log_lines: list[Any],
    caplog: pytest.LogCaptureFixture,
    request_line: str,
    rest: str,
    read: int,
) -> None:
    """Its request ends soon, the log has no complaint of it, and the next one is answered."""
    with sqlite_database.write() as session:
        key = new_key(session)
    caplog.set_level(logging.INFO)
    client = socket.create_connection(("127.0.0.1", port))
    head = f"{request_line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    client.sendall((head + rest).encode())
    got = b""
    while len(got) < read:
        got += client.recv(read)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, OFF)
    if not read:
        time.sleep(0.3)
    client.close()
    until(lambda: [each for each in log_lines if each["event"] == "http.request_completed"])
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert other.recv(12) == b"HTTP/1.1 200"
    complaints = [each for each in log_lines if each["log_level"] in ("warning", "error")]
    assert complaints == []
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
