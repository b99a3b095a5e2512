"""One institution over HTTP beside a bare asynchronous route of the same framework, and pages.

A real uvicorn on the loopback in a process of its own serves both; rounds of the two alternate, and
each round has its own ratio, so that what else the machine does falls on both alike.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.access.policy import TERMINAL
from app.database import Database
from app.demo.county import make_county
from app.demo.county_files import write_register
from app.migrate import migrate
from app.register.gias.importer import GiasFiles, import_gias
from tests.factories import new_key

ROOT = Path(__file__).parents[2]
ROUNDS = 7
REQUESTS = 400
CONNECTIONS = 4
BARE, ONE = "/bare", "/api/v1/institutions/{urn}"
PAGES = (
    "/api/v1/institutions?limit=50&area=local_authority:{area}&in_scope=true",
    "/api/v1/institutions?limit=50&q=a%20name%20nobody%20bears",
    "/api/v1/institutions?limit=50&phase=secondary&specialist=true",
    "/api/v1/institutions?limit=50&after={urn}",
)


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sqlite3"
        source, key, urn, area = _fill(path)
        command = [sys.executable, "-m", "tests.benchmarks.bench_http", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
            try:
                assert server.stdout is not None
                port = int(server.stdout.readline())
                return {"register": source} | asyncio.run(_measure(port, key, urn, area))
            finally:
                server.terminate()


def _fill(path: Path) -> tuple[str, str, int, str]:
    shared = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data")) / "gias"
    national = (shared / "edubasealldata.csv").exists()
    folder = shared if national else path.parent
    if not national:
        write_register(make_county(seed=1), folder)
    files = GiasFiles(folder / "edubasealldata.csv", groups=folder / "allgroupsdata.csv")
    with Database(f"sqlite:///{path}") as database:
        migrate(database)
        with database.write() as session:
            import_gias(session, TERMINAL, files)
            key = new_key(session)
        with database.read() as session:
            connection = session.connection()
            urn, area = connection.exec_driver_sql(
                "select i.urn, p.local_authority_code from institution i"
                " join participant p on p.id = i.participant_id order by i.urn limit 1 offset 150"
            ).one()
    return "national" if national else "made up", key, urn, area


async def _measure(port: int, key: str, urn: int, area: str) -> dict[str, Any]:
    one = ONE.format(urn=urn)
    ratios: list[float] = []
    rates: dict[str, list[float]] = {BARE: [], one: []}
    for _ in range(ROUNDS):
        for path in (BARE, one):
            started = time.perf_counter()
            share = REQUESTS // CONNECTIONS
            await asyncio.gather(*(_get(port, key, path, share) for _ in range(CONNECTIONS)))
            rates[path].append(REQUESTS / (time.perf_counter() - started))
        ratios.append(rates[one][-1] / rates[BARE][-1])
    pages = {}
    for page in PAGES:
        taken = sorted(await _get(port, key, page.format(urn=urn, area=area), 40))
        pages[page] = {"median_ms": _ms(taken[20]), "p95_ms": _ms(taken[37])}
    return {
        "bare_per_second": round(statistics.median(rates[BARE])),
        "institution_per_second": round(statistics.median(rates[one])),
        "ratio": round(statistics.median(ratios), 3),
        "pages_of_50": pages,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


async def _get(port: int, key: str, path: str, times: int) -> list[float]:
    """Seconds of each of so many requests on one connection that is kept open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        taken.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return taken


def _serve(path: str) -> None:
    """Both on one port: the bare application and ours."""
    import socket

    import uvicorn
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from app.log import configure
    from app.main import create_app
    from app.settings import Settings

    bare, settings = FastAPI(), Settings(workers=0)
    configure(settings)

    @bare.get(BARE)
    async def nothing() -> dict[str, str]:
        return {"status": "ok"}

    # Named as TCP, or asyncio leaves Nagle's delay on and measures that.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with Database(f"sqlite:///{path}") as database, listening:
        ours = create_app(settings, database)

        async def both(scope: Scope, receive: Receive, send: Send) -> None:
            await (bare if scope.get("path") == BARE else ours)(scope, receive, send)

        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)  # noqa: T201 - for the parent
        config = uvicorn.Config(both, access_log=False, log_level="warning")
        uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    _serve(sys.argv[1])
