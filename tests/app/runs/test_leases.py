"""One worker at a time, fenced: what an earlier attempt still tells is not written."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import Conflict
from app.planning.carry_out import Stage
from app.runs import leases, queries, results, service
from app.runs.leases import LeaseLost
from models.access import AuditEvent
from models.matching import Proposal, RunEvent
from solver.formats.json_columns import decode, encode
from solver.formats.plan import Plan
from tests.runs import expire, filled, planned, state, submit, take


@pytest.fixture
def exchange(database: Database) -> Database:
    return filled(database)


def test_a_queued_run_is_cancelled_at_once_and_an_ended_one_not_at_all(exchange: Database) -> None:
    """Nobody takes a cancelled run up, and what has ended stays as it is."""
    run_id = submit(exchange)
    with exchange.write() as session:
        service.request_cancel(session, TERMINAL, run_id)
    assert state(exchange, run_id) == "cancelled"
    with exchange.write() as session:
        assert leases.claim(session, "w", 30.0) is None
        with pytest.raises(Conflict, match="has already ended"):
            service.request_cancel(session, TERMINAL, run_id)


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
    plan = decode(told.plan)
    plan["pairings"]["half_days"][0] += 100
    broken = encode(Plan.from_json(plan).to_json(), gzipped=True)
    with pytest.raises(results.BrokenPlan):
        results.receive(exchange, held, replace(told, plan=broken))
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
        assert "3 workers stopped" in str(run.failure)
