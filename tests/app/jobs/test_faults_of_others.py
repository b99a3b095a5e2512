"""A run survives what others do: restarts of the database and of workers, and hung stages."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text

from app.access.policy import TERMINAL
from app.batches.command import plan_areas
from app.batches.manifest import Manifest
from app.batches.queries import areas_named
from app.database import Database, database_now
from app.jobs import child
from app.jobs.child import run_in_child
from app.jobs.worker import Worker, embedded
from app.planning.carry_out import Searching
from app.runs import leases, queries, service
from app.runs.lease_keeper import Watch, kept
from app.runs.leases import Doubts
from models.matching import Run
from models.vocabulary import RunState
from tests.rows import STARTS, YEAR
from tests.runs import OPTIONS, expire, filled, kinds, state, submit, take
from tests.waiting import PATIENCE_S, needs_linux, silence, wait_until

__all__ = ["silence"]


@pytest.fixture
def exchange(database: Database) -> Database:
    return filled(database)


@pytest.fixture
def local_exchange(sqlite_database: Database) -> Database:
    return filled(sqlite_database)


def worker(database: Database, travel_source: str | None = None, **more: float) -> Worker:
    handle = partial(run_in_child, database, lease_s=30.0, travel_source=travel_source, **more)
    return Worker(database, handle, lambda: None, poll_s=0.05)


def test_clean_stops_cost_no_attempt(exchange: Database) -> None:
    """However often a worker is restarted, the run is taken up again and never parked."""
    run_id = submit(exchange)
    for _ in range(5):
        held = take(exchange)
        with exchange.write() as session:
            leases.give_back(session, held)
        assert state(exchange, run_id) == "queued"
    for _ in range(3):
        take(exchange)
        expire(exchange, run_id)
    with exchange.write() as session:
        assert leases.claim(session, "next", 30.0) is None
    assert state(exchange, run_id) == "failed"


def test_killed_children_are_counted(exchange: Database) -> None:
    """Three times killed, say for want of memory, and the run is parked with its reason."""
    run_id = submit(exchange)
    for _ in range(3):
        held = take(exchange)
        with exchange.write() as session:
            leases.give_back(session, held, counted=True)
    with exchange.write() as session:
        assert leases.claim(session, "next", 30.0) is None
        assert "may be too large" in str(queries.get_run(session, TERMINAL, run_id).failure)


def test_a_run_that_was_given_back_can_be_cancelled(exchange: Database) -> None:
    """At once, and also where the wish came before it was given back."""
    first, second = submit(exchange), submit(exchange)
    with exchange.write() as session:
        held = leases.claim(session, "w", 30.0)
        assert held is not None
        leases.give_back(session, held)
        service.request_cancel(session, TERMINAL, first)
        held = leases.claim(session, "w", 30.0)
        assert held is not None
        service.request_cancel(session, TERMINAL, second)
        leases.give_back(session, held)
    assert [state(exchange, run) for run in (first, second)] == ["cancelled", "cancelled"]


def test_a_run_is_left_alone_for_a_pause(exchange: Database) -> None:
    """A database that stayed away from one worker is not asked at once by the next."""
    run_id = submit(exchange)
    held = take(exchange)
    with exchange.write() as session:
        leases.give_back(session, held, pause_s=60)
        assert leases.claim(session, "next", 30.0) is None
        assert not leases.is_waiting(session)
    expire(exchange, run_id)
    assert take(exchange).attempt == 2


def test_an_expired_lease_is_watched_before_it_is_taken(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder may only have waited for the database; once it renews, nothing is taken over."""
    run_id = submit(exchange)
    held, doubts = take(exchange, "holder"), Doubts()

    def claim() -> leases.Lease | None:
        with exchange.write() as session:
            return leases.claim(session, "next", 30.0, doubts)

    expire(exchange, run_id)
    assert claim() is None
    with exchange.write() as session:
        leases.renew(session, held, 30.0)
    monkeypatch.setattr(leases, "DOUBT_S", 0.0)
    assert claim() is None
    expire(exchange, run_id)
    taken = claim()
    assert taken is not None
    assert taken.attempt == 2


def test_a_keeper_outlasts_a_busy_database(local_exchange: Database) -> None:
    """Its lease expires while another writes for long; it renews it afterwards and has it."""
    run_id = submit(local_exchange)
    held = take(local_exchange)
    refused = threading.Event()

    @event.listens_for(local_exchange.write_engine, "connect")
    def wait_little(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=1")

    @event.listens_for(local_exchange.write_engine, "handle_error")
    def note(context: Any) -> None:
        refused.set()

    local_exchange.write_engine.dispose()
    expire(local_exchange, run_id)
    with Database(local_exchange.url) as another, another.write() as session:
        session.execute(select(1))
        with kept(local_exchange, held, 30.0, every_s=0.01) as watch:
            wait_until(refused.is_set)
            session.commit()
            wait_until(lambda: not expired(local_exchange, run_id))
            assert not watch.lost.is_set()


def expired(database: Database, run_id: int) -> bool:
    with database.read() as session:
        until = session.get_one(Run, run_id).leased_until
        return until is not None and until < database_now(session)


def test_a_database_that_leaves_while_candidates_are_found_costs_nothing(
    postgres_database: Database,
) -> None:
    """The child's connection is ended in the midst of reading: it reads again, in one attempt."""
    exchange = filled(postgres_database)
    run_id = submit(exchange)
    with exchange.write() as locking:
        # The child waits for the lock when it reads needs, and is ended there.
        locking.execute(text("LOCK TABLE need IN ACCESS EXCLUSIVE MODE"))
        with embedded(worker(exchange)):
            wait_until(lambda: ended_waiting(exchange) > 0)
            wait_until(lambda: ended_waiting(exchange) > 0)
            locking.rollback()
            wait_until(lambda: state(exchange, run_id) == "solved")
    assert kinds(exchange, run_id).count("started") == 1


def test_a_batch_outlasts_a_database_that_leaves(
    postgres_database: Database, tmp_path: Path
) -> None:
    """Its processes read again, and every area has its plan."""
    exchange = filled(postgres_database)
    with exchange.read() as session:
        areas = areas_named(session, TERMINAL, "all", YEAR, STARTS)
    planned: list[Manifest] = []

    def plan() -> None:
        planned.append(plan_areas(exchange, TERMINAL, areas, YEAR, OPTIONS, tmp_path / "out"))

    with exchange.write() as locking:
        locking.execute(text("LOCK TABLE need IN ACCESS EXCLUSIVE MODE"))
        thread = threading.Thread(target=plan)
        thread.start()
        wait_until(lambda: ended_waiting(exchange) > 0)
        locking.rollback()
        thread.join()
    assert planned[0].all_planned


def ended_waiting(database: Database) -> int:
    """End every connection that waits for a lock; how many there were."""
    with database.read_engine.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        ).all()
    return len(ended)


def test_a_child_that_gives_up_gives_its_run_back(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database stays away from the child for long, the run waits for the next worker."""
    run_id = submit(exchange)
    held = take(exchange)
    monkeypatch.setattr(child, "PAUSE_S", 0.0)
    monkeypatch.setattr(child, "work", give_up)
    run_in_child(exchange, held, threading.Event(), lease_s=30.0, travel_source=None)
    assert state(exchange, run_id) == "queued"
    assert kinds(exchange, run_id)[-1] == "given_back"


def give_up(connection: Any, *_: Any) -> None:
    connection.send(child.GivenUp())


def run_out_of_memory(connection: Any, *_: Any) -> None:
    sys.exit(child.OUT_OF_MEMORY)


def test_a_child_without_memory_costs_an_attempt(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, but not for ever."""
    run_id = submit(exchange)
    held = take(exchange)
    monkeypatch.setattr(child, "work", run_out_of_memory)
    run_in_child(exchange, held, threading.Event(), lease_s=30.0, travel_source=None)
    assert (state(exchange, run_id), kinds(exchange, run_id)[-1]) == ("queued", "child_died")


def test_a_stage_that_takes_too_long_is_named(local_exchange: Database, silence: str) -> None:
    """The child is killed, and the run says which stage it was and what to do."""
    run_id = submit(local_exchange)
    with embedded(worker(local_exchange, silence, stage_s=3.0)):
        wait_until(lambda: state(local_exchange, run_id) == "failed")
    with local_exchange.read() as session:
        assert queries.get_run(session, TERMINAL, run_id).failure == (
            "Finding candidates took longer than 0.1 minutes and was stopped. Plan a smaller "
            "area, or ask your administrator to raise GIVETAKE_STAGE_MINUTES."
        )


def test_a_wait_for_the_database_makes_no_stage_overdue(local_exchange: Database) -> None:
    """What a child told in time is written when the database is back, however late that is."""
    run_id = submit(local_exchange)
    held, stop = take(local_exchange), threading.Event()
    mine, theirs = get_context("spawn").Pipe(duplex=False)
    search = child.Search(get_context("spawn").Event(), stage_s=PATIENCE_S)
    theirs.send(Searching(1.0, 10, 20.0, 1.0, 1, None))
    theirs.send(child.Refused(RunState.INFEASIBLE, "No plan is possible."))
    search.due = time.monotonic() + 1.0
    watch, endings = Watch(threading.Event(), threading.Event()), []
    follow = partial(child.follow, local_exchange, held, mine, watch, stop, search)
    with Database(local_exchange.url) as another, another.write() as session:
        session.execute(select(1))
        thread = threading.Thread(target=lambda: endings.append(follow()))
        thread.start()
        wait_until(lambda: time.monotonic() > search.due)
        session.commit()
        thread.join()
    assert endings == [child.Ending.TOLD]
    assert state(local_exchange, run_id) == "infeasible"
    mine.close()
    theirs.close()


@needs_linux
def test_a_group_that_is_told_to_stop_costs_no_attempt(
    local_exchange: Database, silence: str
) -> None:
    """A service manager tells every process of a worker, its children too."""
    run_id = submit(local_exchange)
    environment = os.environ | {
        "GIVETAKE_DATABASE_URL": local_exchange.url,
        "GIVETAKE_TRAVEL_TIMES": silence,
    }
    command = [sys.executable, "-c", "from app.cli.main import run; run()", "worker"]
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        wait_until(lambda: "stage" in kinds(local_exchange, run_id))
        os.killpg(process.pid, signal.SIGTERM)
    assert process.returncode == 0
    assert kinds(local_exchange, run_id)[-1] == "given_back"
