"""`givetake match` as a whole: seconds by stage, and the peak memory of all its processes.

At `BENCH_SCALE=full` for the country, with the needs and offers that `givetake draw` draws for the
national register, where that is at hand; else for a made-up county.
"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.access.policy import TERMINAL
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.demo.county_exchange import PERIOD, write_county
from app.demo.draw import draw, write_drawn
from app.demo.queries import to_draw
from app.demo.service import take_in
from app.imports.kinds import GIAS, KINDS
from app.log import configure
from app.migrate import migrate
from app.settings import settings
from models.matching import Run, RunEvent
from tests.benchmarks.watched import ROOT, session_pss_mb

SECONDS = {"quick": 5, "full": 60, "ten": 60}
SAMPLE_S = 0.25
COMMAND = "from app.cli.main import run; run()"


def run() -> dict[str, Any]:
    configure(settings())
    scale = os.environ.get("BENCH_SCALE", "quick")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sqlite3"
        with Database(f"sqlite:///{path}") as database:
            migrate(database)
            area = _fill(database, Path(folder), national=scale != "quick")
        return measure(path, area, SECONDS[scale])


def measure(path: Path, area: str, seconds: float) -> dict[str, Any]:
    """Run the command on a database that holds needs and offers, with its report and a plan."""
    words = ["match", "--area", area, "--period", PERIOD.code, "--json"]
    words += ["--time-limit", str(seconds), "--as-of", PERIOD.starts.isoformat()]
    words += ["--report", str(path.with_suffix(".html"))]
    environment = os.environ | {"GIVETAKE_DATABASE_URL": f"sqlite:///{path}"}
    started, peak_mb = time.time(), None
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while process.poll() is None:
            memory = session_pss_mb(process.pid)
            if memory is not None:
                peak_mb = max(memory, peak_mb or 0)
            time.sleep(SAMPLE_S)
    ended = time.time()
    with Database(f"sqlite:///{path}") as database, database.read() as session:
        planned = session.scalars(select(Run)).one()
        events = session.scalars(select(RunEvent).order_by(RunEvent.sequence)).all()
        begun = [("Starting", started)]
        begun += [
            (each.data["stage"], each.at.timestamp()) for each in events if "stage" in each.data
        ]
        begun += [("Drawing and reporting", events[-1].at.timestamp()), ("", ended)]
        return {
            "area": area,
            "exit_code": process.returncode,
            "seconds": round(ended - started, 1),
            "time_limit_s": seconds,
            "peak_mb": peak_mb,
            "stages": {name: round(end - start, 1) for (name, start), (_, end) in pairwise(begun)},
            "gap": planned.gap,
            **(planned.summary or {}),
        }


def _fill(database: Database, folder: Path, *, national: bool) -> str:
    """Import the register and what is drawn for it; return the area to plan."""
    shared = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data")) / "gias"
    if not national or not (shared / "edubasealldata.csv").exists():
        county = write_county(folder, seed=1)
        take_in(database, TERMINAL, folder)
        return county.local_authority
    register = {role.name: shared / f"{role.download}.csv" for role in GIAS.roles}
    present = {name: path for name, path in register.items() if path.exists()}
    with database.write() as session:
        load_packaged(session)
        GIAS.import_files(session, TERMINAL, present)
    with database.read() as session:
        given = to_draw(session, TERMINAL, "England", PERIOD.code, PERIOD.starts)
    write_drawn(draw(given.takers, given.givers, given.subjects, given.period, seed=1), folder)
    for name in ("needs", "offers", "limits"):
        with database.write() as session:
            KINDS[name].import_files(session, TERMINAL, {name: folder / f"{name}.csv"})
    return "England"
