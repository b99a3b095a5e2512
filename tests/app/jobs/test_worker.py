"""Runs in the background: carried out in a child, cancelled, given back, taken over."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from app.access.policy import TERMINAL
from app.database import Database
from app.jobs import child
from app.jobs.child import run_in_child
from app.jobs.worker import Worker, embedded
from app.runs import queries, service
from app.runs.results import receive
from models.matching import Proposal, Run, RunFile
from models.vocabulary import Operation
from solver.formats.json_columns import decode, encode
from solver.formats.plan import Plan
from tests import rows
from tests.processes import children, is_gone
from tests.runs import OPTIONS, expire, filled, kinds, planned, proposals_of, state, submit, take
from tests.waiting import needs_linux, silence, wait_until

__all__ = ["silence"]


@pytest.fixture
def exchange(database: Database) -> Database:
    return filled(database)


@pytest.fixture
def local_exchange(sqlite_database: Database) -> Database:
    """For what happens between processes, whatever the database."""
    return filled(sqlite_database)


def worker(database: Database, travel_source: str | None = None) -> Worker:
    handle = partial(run_in_child, database, lease_s=30.0, travel_source=travel_source)
    return Worker(database, handle, lambda: None, poll_s=0.05)


def test_a_submitted_run_is_carried_out_in_the_background(exchange: Database) -> None:
    """State, problem, plan, proposals and every step of it end up in the database."""
    run_id = submit(exchange)
    assert state(exchange, run_id) == "queued"
    with embedded(worker(exchange)):
        wait_until(lambda: state(exchange, run_id) not in ("queued", "running"))
    with exchange.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        assert (run.state, run.attempt, run.failure) == ("solved", 1, None)
        assert len(proposals_of(session, run_id)) == 2
        events = queries.events(session, TERMINAL, run_id)
        assert [event.sequence for event in events] == list(range(1, run.last_event + 1))
        later = queries.events(session, TERMINAL, run_id, after=run.last_event - 1)
        assert [event.kind for event in later] == ["solved"]
    told = [kind for kind in kinds(exchange, run_id) if kind != "progress"]
    stages = ["stage"] * 3
    assert told == ["queued", "started", "stage", "problem", *stages, "solved"]
    with exchange.read() as session:
        files = session.scalars(select(RunFile.name).where(RunFile.run_id == run_id)).all()
    assert set(files) == {"problem", "plan", "refusals", "explained", "summary", "unmet", "picture"}


def test_cancelling_ends_the_child(exchange: Database, silence: str) -> None:
    """A run that is busy ends when asked, its process with it, and nothing is proposed."""
    run_id = submit(exchange)
    with embedded(worker(exchange, silence)):
        wait_until(lambda: "stage" in kinds(exchange, run_id))
        with exchange.write() as session:
            service.request_cancel(session, TERMINAL, run_id)
        wait_until(lambda: state(exchange, run_id) == "cancelled")
        assert kinds(exchange, run_id)[-2:] == ["cancel_requested", "cancelled"]
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(Proposal)) == 0


@needs_linux
def test_a_search_under_way_is_cancelled(database: Database) -> None:
    """In the midst of solving: the run ends, its process is gone, and nothing is proposed."""
    drawn = random.Random(1)
    with database.write() as session:
        rows.add_calendar(session)
        for number in range(1, 61):
            who = rows.add_school(session, number, drawn.uniform(0, 12))
            rows.add_limits(session, who, allowance_half_days=200)
            days = drawn.randint(5, 15)
            rows.add_need(session, f"N{number}", who, half_days=days, half_days_min=days)
            if number % 3 == 0:
                given = {"half_days": drawn.randint(20, 30), "max_pairings": 4}
                rows.add_offer(session, f"O{number}", who, **given)
    run_id = submit(database, OPTIONS.model_copy(update={"gap": 0.0, "time_limit_s": 600}))
    with embedded(worker(database)):
        wait_until(lambda: "progress" in kinds(database, run_id))
        (searching,) = children(os.getpid())
        with database.write() as session:
            service.request_cancel(session, TERMINAL, run_id)
        wait_until(lambda: state(database, run_id) == "cancelled")
        wait_until(lambda: is_gone(searching))
    assert kinds(database, run_id)[-1] == "cancelled"
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Proposal)) == 0


def test_what_a_cancelled_search_found_is_kept(exchange: Database) -> None:
    """Its plan is verified and can be read, but nothing is proposed, and it stays cancelled."""
    run_id = submit(exchange)
    held = take(exchange)
    found = planned(exchange, run_id, held)
    with exchange.write() as session:
        service.request_cancel(session, TERMINAL, run_id)
    receive(exchange, held, found)
    with exchange.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        assert run.state == "cancelled"
        plan = Plan.from_json(decode(queries.file_of(session, run_id, "plan")))
        assert (run.objective, len(plan)) == (plan.objective, 2)
        assert not proposals_of(session, run_id)


def test_a_search_that_is_cancelled_has_a_moment_to_tell_its_plan() -> None:
    """Before it has begun there is nothing to wait for; then it is asked, and waited for once."""
    search = child.Search(get_context("spawn").Event())
    assert search.has_had_its_time()
    assert not search.asked.is_set()
    search.begun = True
    assert not search.has_had_its_time()
    assert search.asked.is_set()
    search.given_up = 0.0
    assert search.has_had_its_time()


def test_a_worker_that_is_stopped_gives_its_run_back(
    local_exchange: Database, silence: str
) -> None:
    """The next worker takes it up at once, without waiting for the lease to end."""
    run_id = submit(local_exchange)
    with embedded(worker(local_exchange, silence)):
        wait_until(lambda: "stage" in kinds(local_exchange, run_id))
    assert kinds(local_exchange, run_id)[-1] == "given_back"
    with embedded(worker(local_exchange)):
        wait_until(lambda: state(local_exchange, run_id) == "solved")
    with local_exchange.read() as session:
        assert queries.get_run(session, TERMINAL, run_id).attempt == 2


@contextmanager
def worker_process(database: Database, travel_source: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "GIVETAKE_DATABASE_URL": database.url,
        "GIVETAKE_TRAVEL_TIMES": travel_source,
    }
    command = [sys.executable, "-c", "from app.cli.main import run; run()", "worker"]
    process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[3])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@needs_linux
def test_a_killed_child_costs_an_attempt(local_exchange: Database, silence: str) -> None:
    """What the machine kills, for want of memory say, is tried again, by whoever is free."""
    run_id = submit(local_exchange)
    with embedded(worker(local_exchange, silence)):
        wait_until(lambda: "stage" in kinds(local_exchange, run_id))
        (child,) = children(os.getpid())
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: kinds(local_exchange, run_id).count("started") == 2)
    with embedded(worker(local_exchange)):
        wait_until(lambda: state(local_exchange, run_id) == "solved")


def test_a_busy_database_costs_no_attempt(local_exchange: Database) -> None:
    """What the child tells while somebody else writes for long is written down afterwards."""
    run_id = submit(local_exchange)
    refused = threading.Event()

    @event.listens_for(local_exchange.write_engine, "connect")
    def wait_little(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=10")

    @event.listens_for(local_exchange.write_engine, "handle_error")
    def note(context: Any) -> None:
        refused.set()

    local_exchange.write_engine.dispose()
    with embedded(worker(local_exchange)):
        wait_until(lambda: "started" in kinds(local_exchange, run_id))
        with Database(local_exchange.url) as another, another.write() as session:
            session.execute(select(1))
            refused.clear()
            wait_until(refused.is_set)
        wait_until(lambda: state(local_exchange, run_id) == "solved")
    assert kinds(local_exchange, run_id).count("started") == 1


def test_a_fault_of_ours_fails_the_run_and_leaves_the_worker(local_exchange: Database) -> None:
    """What raises once would raise again: it is not tried again, and the next run is."""
    first, second = submit(local_exchange), submit(local_exchange)
    with local_exchange.write() as session:
        nonsense = {"kind": "planet", "code": "4", "name": "Mars"}
        session.execute(update(Run).where(Run.id == first).values(scope=nonsense))
    with embedded(worker(local_exchange)):
        wait_until(lambda: state(local_exchange, second) == "solved")
    with local_exchange.read() as session:
        run = queries.get_run(session, TERMINAL, first)
        assert (run.state, run.attempt, run.failure) == ("failed", 1, service.FAULT)


@needs_linux
def test_a_killed_worker_leaves_its_run_to_the_next(exchange: Database, silence: str) -> None:
    """kill -9 in the middle of a run: its child ends too, and another carries it out, once."""
    run_id = submit(exchange)
    with worker_process(exchange, silence) as process:
        wait_until(lambda: "stage" in kinds(exchange, run_id))
        (child,) = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: is_gone(child))
    assert state(exchange, run_id) == "running"
    expire(exchange, run_id)
    with embedded(worker(exchange)):
        wait_until(lambda: state(exchange, run_id) == "solved")
    with exchange.read() as session:
        assert queries.get_run(session, TERMINAL, run_id).attempt == 2
        assert len(proposals_of(session, run_id)) == 2
    assert kinds(exchange, run_id).count("solved") == 1


def test_what_cannot_be_planned_says_why(local_exchange: Database) -> None:
    """An impossible pin is named before anything is solved; the run ends, the worker goes on."""
    with local_exchange.write() as session:
        rows.add_need(session, "N3", rows.add_school(session, 3, 300.0))
    impossible = submit(local_exchange, OPTIONS.model_copy(update={"pins": ("N3=O2",)}))
    unknown = submit(local_exchange, OPTIONS.model_copy(update={"pins": ("N9=O2",)}))
    with embedded(worker(local_exchange)):
        wait_until(lambda: state(local_exchange, unknown) not in ("queued", "running"))
    with local_exchange.read() as session:
        run = queries.get_run(session, TERMINAL, impossible)
        assert run.state == "infeasible"
        assert run.failure == (
            "Pin N3=O2 is not possible: The journey is longer than the travel limit of one side."
        )
        run = queries.get_run(session, TERMINAL, unknown)
        assert run.state == "failed"
        assert "there is no need 'N9'" in str(run.failure)


def test_a_given_plan_is_checked_against_a_stored_problem(local_exchange: Database) -> None:
    """Violations come as data, and figures as computed here, not as the file claims them."""
    with local_exchange.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    solved = service.match(local_exchange, TERMINAL, takers, rows.YEAR, OPTIONS)
    with local_exchange.write() as session:
        run = queries.get_run(session, TERMINAL, solved)
        objective, bound = run.objective, run.bound
        plan = decode(queries.file_of(session, solved, "plan"))
        plan["objective"] = 1
        given = service.GivenPlan(solved, encode(plan, gzipped=True))
        validating, evaluating = (
            service.submit(
                session, TERMINAL, takers, rows.YEAR, OPTIONS, operation=operation, given=given
            ).id
            for operation in (Operation.VALIDATE, Operation.EVALUATE)
        )
    with embedded(worker(local_exchange)):
        wait_until(lambda: state(local_exchange, evaluating) == "checked")
    with local_exchange.read() as session:
        found = queries.get_run(session, TERMINAL, validating).summary
        assert found is not None
        assert not found["valid"]
        assert "objective" in {each["rule"] for each in found["violations"]}
        run = queries.get_run(session, TERMINAL, evaluating)
        assert run.summary is not None
        assert (run.objective, run.bound, run.gap) == (objective, bound, 0)
        assert run.summary["violation_count"] == 0


def test_a_given_plan_of_absurd_days_is_worth_what_it_says(local_exchange: Database) -> None:
    """Sums beyond 64 bits do not turn round: more days are never worth less."""
    with local_exchange.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    solved = service.match(local_exchange, TERMINAL, takers, rows.YEAR, OPTIONS)
    with local_exchange.write() as session:
        plan = decode(queries.file_of(session, solved, "plan"))
        plan["pairings"]["half_days"] = [2**62 for _ in plan["pairings"]["half_days"]]
        given = service.GivenPlan(solved, encode(plan, gzipped=True))
        evaluating = service.submit(
            session,
            TERMINAL,
            takers,
            rows.YEAR,
            OPTIONS,
            operation=Operation.EVALUATE,
            given=given,
        ).id
    with embedded(worker(local_exchange)):
        wait_until(lambda: state(local_exchange, evaluating) == "checked")
    with local_exchange.read() as session:
        found = queries.get_run(session, TERMINAL, evaluating).summary
        assert found is not None
        assert found["half_days"] == 2**62 * len(plan["pairings"]["half_days"])
        assert found["objective"] > 2**63
        assert found["violation_count"] > 0
