"""Workers are stopped and killed in every stage of a run, and every run ends as it ought."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.jobs.child import run_in_child
from app.jobs.worker import Worker, embedded
from app.runs import leases, service
from tests.faults import chaos
from tests.faults.chaos import Stage
from tests.processes import children, is_gone
from tests.runs import kinds, state
from tests.waiting import needs_linux, silence, wait_until

__all__ = ["silence"]
ROOT = Path(__file__).parents[2]
STAGES = (Stage.FINDING, Stage.STORING, Stage.SOLVING, Stage.WRITING)


@contextmanager
def worker_process(database: Database, travel_source: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "GIVETAKE_DATABASE_URL": database.url,
        "GIVETAKE_TRAVEL_TIMES": travel_source,
    }
    command = [sys.executable, "-c", "from app.cli.main import run; run()", "worker"]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def held_in(
    database: Database, stage: Stage, run_id: int, process: subprocess.Popen[bytes]
) -> Iterator[None]:
    """A run that is in a stage, and stays there for the block."""
    wait_until(lambda: "stage" in kinds(database, run_id))
    if stage is Stage.SOLVING:
        wait_until(lambda: chaos.is_in(database, run_id, "Solving"))
    if stage in (Stage.FINDING, Stage.SOLVING):
        yield
        return
    if stage is Stage.WRITING:
        wait_until(lambda: chaos.is_in(database, run_id, "Solving"))
    child = children(process.pid)
    with chaos.locked(database, "run_file"):
        # What a child has told is waiting to be written once the child is gone.
        wait_until(lambda: all(map(is_gone, child)) or is_seen_waiting(database))
        yield


def is_seen_waiting(database: Database) -> bool:
    return not database.is_embedded and chaos.somebody_waits(database)


def disturb(
    database: Database, stage: Stage, how: signal.Signals, silence: str, *, cancel: bool = False
) -> int:
    """Signal a worker when its run is in a stage; the run, which nobody takes up for now."""
    run_id = chaos.submit(database, stage)
    with worker_process(database, silence if stage is Stage.FINDING else "") as process:
        chaos.let_go(database, run_id)
        with held_in(database, stage, run_id, process):
            if cancel:
                with database.write() as session:
                    service.request_cancel(session, TERMINAL, run_id)
            process.send_signal(how)
            if how == signal.SIGKILL:
                process.wait()
        process.wait()
    assert process.returncode == (0 if how == signal.SIGTERM else -signal.SIGKILL)
    if not chaos.has_ended(database, run_id):
        assert state(database, run_id) == ("queued" if how == signal.SIGTERM else "running")
        with database.write() as session:
            chaos.keep(session, run_id)
    return run_id


@needs_linux
def test_runs_outlast_workers(
    database: Database, silence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop gives the run back, a kill costs an attempt, and the next worker solves it, once."""
    monkeypatch.setattr(leases, "DOUBT_S", 0.2)
    chaos.fill(database)
    signals = (signal.SIGTERM, signal.SIGKILL)
    # SQLite does not tell who waits to write: there the other stages are disturbed twice.
    stages = [Stage.FINDING, Stage.SOLVING] * 2 if database.is_embedded else STAGES
    events = [(stage, how) for stage in stages for how in signals]
    random.Random(chaos.SEED).shuffle(events)
    disturbed = {disturb(database, *event, silence): event for event in events}
    # What was being written when its worker was told to stop may be written first.
    in_time = {each for each in disturbed if chaos.has_ended(database, each)}
    assert {disturbed[each][0] for each in in_time} <= {Stage.SOLVING, Stage.WRITING}
    cancelled = disturb(database, Stage.FINDING, signal.SIGKILL, silence, cancel=True)
    chaos.let_go(database, *disturbed.keys() - in_time, cancelled)
    handle = partial(run_in_child, database, lease_s=30.0, travel_source=None)
    with embedded(Worker(database, handle, lambda: None, at_once=2, poll_s=0.05)):
        wait_until(lambda: all(chaos.has_ended(database, each) for each in (*disturbed, cancelled)))
    for run_id, (_, how) in disturbed.items():
        chaos.assert_solved(database, run_id)
        disturbances = int(run_id not in in_time)
        given_back = disturbances if how == signal.SIGTERM else 0
        chaos.assert_attempts(
            database, run_id, given_back=given_back, lost=disturbances - given_back
        )
    assert state(database, cancelled) == "cancelled"
    assert kinds(database, cancelled).count("started") == 1
