"""Waiting for what other processes do, without a wish about how fast they are."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 180.0
needs_linux = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="needs Linux to see children"
)


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of a server of travel times that never answers: a run that asks it hangs."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
