"""Runs in the background: leased, fenced, cancelled, taken over, written once."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.access.policy import TERMINAL
from app.database import Database
from app.jobs.child import run_in_child
from app.jobs.worker import Worker, embedded
from app.matching import leases, queries, results, service
from app.matching.leases import Lease, LeaseLost
from app.matching.options import MatchOptions
from app.matching.planning import Planned, Stage, carry_out
from app.problems import Conflict
from models.access import AuditEvent
from models.matching import Proposal, Run, RunEvent
from models.vocabulary import Operation
from solver.plan import Plan
from solver.problem import encode
from tests import rows

OPTIONS = MatchOptions(as_of=rows.STARTS, workers=1, method="exact")
PATIENCE_S = 60.0


@pytest.fixture
def exchange(database: Database) -> Database:
    """Two schools that can help each other on site."""
    with database.write() as session:
        rows.add_calendar(session)
        first, second = (rows.add_school(session, urn, urn) for urn in (1, 2))
        rows.add_need(session, "N1", first)
        rows.add_offer(session, "O1", first, expertise_code="reading")
        rows.add_need(session, "N2", second, expertise_code="reading")
        rows.add_offer(session, "O2", second)
    return database


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of a server of travel times that never answers: a run that asks it hangs."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def submit(database: Database, options: MatchOptions = OPTIONS) -> int:
    with database.write() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
        return service.submit(session, TERMINAL, takers, rows.YEAR, options).id


def worker(database: Database, travel_source: str | None = None) -> Worker:
    handle = partial(run_in_child, database, lease_s=30.0, travel_source=travel_source)
    return Worker(database, handle, lambda: None, poll_s=0.05)


def state(database: Database, run_id: int) -> str:
    with database.read() as session:
        return queries.get_run(session, TERMINAL, run_id).state


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def take(database: Database, name: str = "w") -> Lease:
    with database.write() as session:
        held = leases.claim(session, name, 30.0)
    assert held is not None
    return held


def expire(database: Database, run_id: int) -> None:
    """Let the lease's time pass."""
    with database.write() as session:
        past = leases.database_now(session) - timedelta(seconds=1)
        session.execute(update(Run).where(Run.id == run_id).values(leased_until=past))


def kinds(database: Database, run_id: int) -> list[str]:
    with database.read() as session:
        return [event.kind for event in queries.events(session, TERMINAL, run_id)]


def test_a_submitted_run_is_carried_out_in_the_background(exchange: Database) -> None:
    """State, problem, plan, proposals and every step of it end up in the database."""
    run_id = submit(exchange)
    assert state(exchange, run_id) == "queued"
    with embedded(worker(exchange)):
        wait_until(lambda: state(exchange, run_id) not in ("queued", "running"))
    with exchange.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        assert (run.state, run.attempt, run.failure) == ("solved", 1, None)
        assert len(queries.proposals(session, TERMINAL, run_id)) == 2
        events = queries.events(session, TERMINAL, run_id)
        assert [event.sequence for event in events] == list(range(1, run.last_event + 1))
        later = queries.events(session, TERMINAL, run_id, after=run.last_event - 1)
        assert [event.kind for event in later] == ["solved"]
    told = [kind for kind in kinds(exchange, run_id) if kind != "progress"]
    assert told == ["queued", "started", "stage", "problem", "stage", "stage", "solved"]


def test_a_queued_run_is_cancelled_at_once_and_an_ended_one_not_at_all(exchange: Database) -> None:
    """Nobody takes a cancelled run up, and what has ended stays as it is."""
    run_id = submit(exchange)
    with exchange.write() as session:
        service.request_cancel(session, TERMINAL, run_id)
    assert state(exchange, run_id) == "cancelled"
    with exchange.write() as session:
        assert leases.claim(session, "w", 30.0) is None
        with pytest.raises(Conflict, match="ended already"):
            service.request_cancel(session, TERMINAL, run_id)


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


def test_a_worker_that_is_stopped_gives_its_run_back(exchange: Database, silence: str) -> None:
    """The next worker takes it up at once, without waiting for the lease to end."""
    run_id = submit(exchange)
    with embedded(worker(exchange, silence)):
        wait_until(lambda: "stage" in kinds(exchange, run_id))
    assert kinds(exchange, run_id)[-1] == "given_back"
    with embedded(worker(exchange)):
        wait_until(lambda: state(exchange, run_id) == "solved")
    with exchange.read() as session:
        assert queries.get_run(session, TERMINAL, run_id).attempt == 2


def planned(database: Database, run_id: int, held: Lease) -> Planned:
    """Carry a run out up to its last word, which is not yet written down."""
    told: list[Planned] = []
    with database.read() as session:
        order = service.order_of(session, queries.get_run(session, TERMINAL, run_id), None)

    def tell(message: object) -> None:
        if isinstance(message, Planned):
            told.append(message)
        else:
            results.receive(database, held, message)  # type: ignore[arg-type]

    carry_out(order, database, tell, lambda: False)
    return told[0]


def test_a_stopped_and_continued_worker_cannot_write(exchange: Database) -> None:
    """Once its lease is over and another took the run, whatever it still tells is refused."""
    run_id = submit(exchange)
    first = take(exchange, "first")
    late = planned(exchange, run_id, first)
    expire(exchange, run_id)
    second = take(exchange, "second")
    assert (first.attempt, second.attempt) == (1, 2)
    for message in (Stage("solving", 0.2), late):
        with pytest.raises(LeaseLost):
            results.receive(exchange, first, message)
    with exchange.write() as session, pytest.raises(LeaseLost):
        leases.renew(session, first, 30.0)
    results.receive(exchange, second, planned(exchange, run_id, second))
    assert state(exchange, run_id) == "solved"


def test_a_plan_is_written_exactly_once(exchange: Database) -> None:
    """Told twice, even by the holder of the lease, it is there once."""
    run_id = submit(exchange)
    held = take(exchange)
    plan = planned(exchange, run_id, held)
    raised: list[str] = []

    def write() -> None:
        try:
            results.receive(exchange, held, plan)
        except LeaseLost:
            raised.append("lost")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == 3 * ["lost"]
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(Proposal)) == 2
        solved = select(func.count()).where(RunEvent.kind == "solved")
        assert session.scalar(solved) == 1
        audited = select(func.count()).where(AuditEvent.action == "run.solved")
        assert session.scalar(audited) == 1


def test_a_plan_that_breaks_the_stored_problem_is_not_written(exchange: Database) -> None:
    """The check before writing is the last word, whoever made the plan."""
    run_id = submit(exchange)
    held = take(exchange)
    told = planned(exchange, run_id, held)
    plan = queries.decode(told.plan)
    plan["pairings"]["half_days"][0] += 100
    broken = encode(Plan.from_json(plan).to_json(), gzipped=True)
    with pytest.raises(results.BrokenPlan):
        results.receive(exchange, held, Planned(broken, 0, told.proposals, told.alternates))
    assert state(exchange, run_id) == "running"


def test_no_run_is_leased_twice(exchange: Database) -> None:
    """Workers that ask at the same moment get different runs, or none."""
    submitted = {submit(exchange) for _ in range(3)}
    barrier, got = threading.Barrier(8), []

    def ask(number: int) -> None:
        barrier.wait()
        with exchange.write() as session:
            got.append(leases.claim(session, str(number), 30.0))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [held.run_id for held in got if held is not None]
    assert sorted(taken) == sorted(submitted)


def test_after_three_workers_a_run_is_parked(exchange: Database) -> None:
    """A run that ends every worker is not tried for ever, and says so."""
    run_id = submit(exchange)
    for attempt in (1, 2, 3):
        assert take(exchange).attempt == attempt
        expire(exchange, run_id)
    with exchange.write() as session:
        assert leases.claim(session, "fourth", 30.0) is None
    with exchange.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        assert run.state == "failed"
        assert "3 workers in turn" in str(run.failure)


@contextmanager
def worker_process(database: Database, travel_source: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "GIVETAKE_DATABASE_URL": database.url,
        "GIVETAKE_TRAVEL_TIMES": travel_source,
    }
    command = [sys.executable, "-c", "from app.cli.main import run; run()", "worker"]
    process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    task = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for thread in task.iterdir()
        for child in (thread / "children").read_text().split()
        if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux to see children")
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
        assert len(queries.proposals(session, TERMINAL, run_id)) == 2
    assert kinds(exchange, run_id).count("solved") == 1


def test_what_cannot_be_planned_says_why(exchange: Database) -> None:
    """An impossible pin is named before anything is solved; the run ends, the worker goes on."""
    with exchange.write() as session:
        rows.add_need(session, "N3", rows.add_school(session, 3, 300.0))
    impossible = submit(exchange, OPTIONS.model_copy(update={"pins": ("N3=O2",)}))
    unknown = submit(exchange, OPTIONS.model_copy(update={"pins": ("N9=O2",)}))
    with embedded(worker(exchange)):
        wait_until(lambda: state(exchange, unknown) not in ("queued", "running"))
    with exchange.read() as session:
        run = queries.get_run(session, TERMINAL, impossible)
        assert run.state == "infeasible"
        assert run.failure == (
            "Pin N3=O2 cannot be kept: The journey is beyond the travel limit of one side."
        )
        run = queries.get_run(session, TERMINAL, unknown)
        assert run.state == "failed"
        assert "there is no need 'N9'" in str(run.failure)


def test_a_given_plan_is_checked_against_a_stored_problem(exchange: Database) -> None:
    """Violations come as data, and figures as computed here, not as the file claims them."""
    with exchange.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    solved = service.match(exchange, TERMINAL, takers, rows.YEAR, OPTIONS)
    with exchange.write() as session:
        run = queries.get_run(session, TERMINAL, solved)
        objective, bound = run.objective, run.bound
        plan = queries.decode(queries.file_of(session, solved, "plan"))
        plan["objective"] = 1
        given = service.GivenPlan(solved, encode(plan, gzipped=True))
        validating, evaluating = (
            service.submit(
                session, TERMINAL, takers, rows.YEAR, OPTIONS, operation=operation, given=given
            ).id
            for operation in (Operation.VALIDATE, Operation.EVALUATE)
        )
    with embedded(worker(exchange)):
        wait_until(lambda: state(exchange, evaluating) == "checked")
    with exchange.read() as session:
        found = queries.get_run(session, TERMINAL, validating).summary
        assert found is not None
        assert not found["valid"]
        assert "objective" in {each["rule"] for each in found["violations"]}
        run = queries.get_run(session, TERMINAL, evaluating)
        assert run.summary is not None
        assert (run.objective, run.bound, run.gap) == (objective, bound, 0)
        assert run.summary["violation_count"] == 0
