"""A batch whose command and workers are killed again and again ends with the same manifest."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.batches.manifest import AreaResult, read
from app.database import Database
from tests import batches, rows
from tests.faults import chaos
from tests.waiting import needs_linux, wait_until

ROOT = Path(__file__).parents[2]
KILLS = 20
AREAS = 30
OF_THE_CLOCK = {"run", "kept_run", "seconds", "build_seconds", "solve_seconds", "files"}


def start(database: Database, *words: str | Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", "from app.cli.main import run; run()", *map(str, words)],
        env=os.environ | {"GIVETAKE_DATABASE_URL": database.url},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def batch(database: Database, folder: Path) -> "subprocess.Popen[bytes]":
    how = ("--as-of", rows.STARTS.isoformat(), "--method", "exact", "--work", "1000")
    all_areas = ("--areas", "all", "--out", folder, "--period", rows.YEAR)
    return start(database, "match", *all_areas, *how, "--workers", "1")


def told(result: AreaResult) -> dict[str, Any]:
    """What of a result is the same whenever and however often it was planned."""
    return result.model_dump(exclude=OF_THE_CLOCK)


@needs_linux
def test_a_batch_outlasts_its_command_and_its_workers(
    postgres_database: Database, sqlite_database: Database, tmp_path: Path
) -> None:
    """Killed at any moment, what is left of it goes on; every area has one plan, the same."""
    database, chance = postgres_database, random.Random(chaos.SEED)
    for each in (database, sqlite_database):
        with each.write() as session:
            batches.add_areas(session, AREAS + 1, miles=60.0)
    worker = start(database, "worker")
    folder = tmp_path / "out"
    try:
        for number in range(KILLS):
            command = batch(database, folder)
            wait_until((folder / "manifest.json").exists)
            time.sleep(chance.uniform(0.0, 2.0))
            for victim in (command, worker) if number % 2 else (command,):
                victim.send_signal(signal.SIGKILL)
                victim.wait()
            if worker.poll() is not None:
                worker = start(database, "worker")
        assert batch(database, folder).wait(240) == 0
    finally:
        worker.kill()
        worker.wait()
    left = read(folder)
    assert left is not None
    assert (left.state, len(left.results)) == ("finished", AREAS)
    undisturbed = tmp_path / "undisturbed"
    assert batch(sqlite_database, undisturbed).wait(240) == 0
    other = read(undisturbed)
    assert other is not None
    assert list(map(told, left.results.values())) == list(map(told, other.results.values()))
