"""The service on a port of its own, for clients that speak real HTTP."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from app.database import Database
from app.migrate import require_current
from tests.factories import new_key

GIVETAKE = (sys.executable, "-c", "from app.cli.main import run; run()")
PATIENCE_S = 300


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Answer in a thread; the address without a path."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="warning", access_log=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def givetake_serve(database: Database, log: Path, **settings: str) -> Iterator[httpx.Client]:
    """`givetake serve` as it is started, writing to `log`, and a client with a new key."""
    require_current(database)
    with database.write() as session:
        key = new_key(session)
    told = {"database_url": database.url, "log_level": "info"} | settings
    environment = os.environ | {f"GIVETAKE_{name.upper()}": told[name] for name in told}
    command = [*GIVETAKE, "serve", "--port", "0"]
    with (
        log.open("wb") as lines,
        subprocess.Popen(command, env=environment, stderr=lines) as server,
    ):
        try:
            with httpx.Client(
                base_url=_address(server, log),
                headers={"Authorization": f"Bearer {key}"},
                timeout=PATIENCE_S,
            ) as client:
                yield client
        finally:
            server.terminate()
            server.wait(30)


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where the server said that it answers."""
    end = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < end:
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()}")
