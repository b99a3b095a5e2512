"""PostgreSQL is restarted under a worker in every stage of a run; every run ends as it ought."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.access.policy import TERMINAL
from app.database import Database
from app.jobs.child import run_in_child
from app.jobs.worker import Worker, embedded
from app.migrate import migrate
from app.runs import service
from tests.conftest import TEMPLATE, PostgresServer, postgres_folder
from tests.faults import chaos
from tests.faults.chaos import Stage
from tests.runs import kinds, state
from tests.waiting import silence, wait_until

__all__ = ["silence"]
UNTIL_LET_GO = 'exec 3<&0; (cat <&3; kill -INT $$) & exec "$@" <&-'
"""Becomes the server, which ends when its input is closed, as it is when the tests are killed."""


class Restartable:
    """A server of its own for these tests, to stop and to kill."""

    def __init__(self, folder: Path, command: list[Any], as_user: dict[str, Any]) -> None:
        self.server = PostgresServer(folder)
        self._command, self._as_user = command, as_user
        self._process = self._run()

    def _run(self) -> subprocess.Popen[bytes]:
        """Until it answers; after a kill, the first tries find what is left of the last."""
        end = time.monotonic() + 120
        while True:
            process = subprocess.Popen(
                ["sh", "-c", UNTIL_LET_GO, "sh", *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **self._as_user,
            )
            while process.poll() is None:
                try:
                    self.server.execute("SELECT 1")
                    return process
                except OperationalError:
                    assert time.monotonic() < end, "the server does not start"
                    time.sleep(0.05)
            self._close(process)

    def _close(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)

    def end(self) -> None:
        self._close(self._process)

    def restart(self, how: signal.Signals) -> None:
        """SIGINT is a fast shutdown; SIGKILL leaves it to recover."""
        self._process.send_signal(how)
        self._process.wait(60)
        self.end()
        self._process = self._run()


@pytest.fixture(scope="module")
def server() -> Iterator[Restartable]:
    with postgres_folder() as given:
        found = Restartable(*given)
        try:
            found.server.execute(f"CREATE DATABASE {TEMPLATE}")
            with Database(found.server.url(TEMPLATE)) as template:
                migrate(template)
            yield found
        finally:
            found.end()


def worker(database: Database, travel_source: str | None = None) -> Worker:
    handle = partial(run_in_child, database, lease_s=30.0, travel_source=travel_source)
    return Worker(database, handle, lambda: None, poll_s=0.05)


def disturb(server: Restartable, database: Database, stage: Stage, how: signal.Signals) -> int:
    """Restart the server when a run is in a stage; the run."""
    run_id = chaos.submit(database, stage)
    table = {Stage.FINDING: "need", Stage.STORING: "run_file", Stage.WRITING: "run_file"}
    if stage is Stage.QUEUED:
        server.restart(how)
        assert state(database, run_id) == "queued"
        chaos.let_go(database, run_id)
    elif stage is Stage.DONE:
        chaos.let_go(database, run_id)
        wait_until(lambda: chaos.has_ended(database, run_id))
        server.restart(how)
    elif stage is Stage.SOLVING:
        chaos.let_go(database, run_id)
        wait_until(lambda: chaos.is_in(database, run_id, "Solving"))
        server.restart(how)
    elif stage is Stage.WRITING:
        chaos.let_go(database, run_id)
        wait_until(lambda: chaos.is_in(database, run_id, "Solving"))
        with chaos.locked(database, table[stage]):
            wait_until(lambda: chaos.somebody_waits(database))
            server.restart(how)
    else:
        with chaos.locked(database, table[stage]):
            chaos.let_go(database, run_id)
            wait_until(lambda: chaos.somebody_waits(database))
            server.restart(how)
    return run_id


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_runs_outlast_restarts_of_the_database(server: Restartable, how: signal.Signals) -> None:
    """In every stage: each run is solved once, in its first attempt, with a plan that verifies."""
    stages = list(Stage)
    random.Random(chaos.SEED).shuffle(stages)
    with server.server.database() as database:
        chaos.fill(database)
        with embedded(worker(database)):
            disturbed = [disturb(server, database, stage, how) for stage in stages]
            for run_id in disturbed:
                wait_until(lambda run_id=run_id: chaos.has_ended(database, run_id))  # type: ignore[misc]
        for run_id in disturbed:
            chaos.assert_solved(database, run_id)
            chaos.assert_attempts(database, run_id, given_back=0, lost=0)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_wish_to_cancel_outlasts_a_restart(
    server: Restartable, how: signal.Signals, silence: str
) -> None:
    """What was asked before the server went is done when it is back."""
    with server.server.database() as database:
        chaos.fill(database)
        run_id = chaos.submit(database, Stage.FINDING)
        with embedded(worker(database, silence)):
            chaos.let_go(database, run_id)
            wait_until(lambda: "stage" in kinds(database, run_id))
            with database.write() as session:
                service.request_cancel(session, TERMINAL, run_id)
            server.restart(how)
            wait_until(lambda: chaos.has_ended(database, run_id))
        assert state(database, run_id) == "cancelled"
        assert kinds(database, run_id).count("started") == 1
