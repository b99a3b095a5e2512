"""What the log tells of a run: its end in figures, and on every line who had asked for it."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import Conflict
from app.planning.carry_out import Checked
from app.planning.pair_constraints import ImpossiblePin
from app.runs import leases, queries, results, service
from tests import rows
from tests.runs import expire, filled, planned, submit, take
from tests.serving import givetake_serve

ENDED = "run.ended"
FIELDS = {"run_id", "request_id", "state", "stopped", "objective", "bound", "gap", "seconds"}
FIELDS |= {"needs", "offers", "candidates", "pairings", "attempt", "worker", "event", "log_level"}
REQUEST = "broker-7"


@pytest.fixture
def exchange(database: Database) -> Database:
    return filled(database)


def solved(database: Database, run_id: int) -> None:
    held = take(database)
    results.receive(database, held, planned(database, run_id, held))


def cancelled_while_solving(database: Database, run_id: int) -> None:
    held = take(database)
    found = planned(database, run_id, held)
    cancelled_in_the_queue(database, run_id)
    results.receive(database, held, found)


def cancelled_in_the_queue(database: Database, run_id: int) -> None:
    with (
        structlog.contextvars.bound_contextvars(request_id="another request"),
        database.write() as session,
    ):
        service.request_cancel(session, TERMINAL, run_id)


def refused(problem: Exception, database: Database, run_id: int) -> None:
    results.refuse(database, take(database), problem)


def parked(database: Database, run_id: int) -> None:
    for _ in range(leases.MOST_ATTEMPTS):
        take(database)
        expire(database, run_id)
    with database.write() as session:
        assert leases.claim(session, "one too many", 30.0) is None


def checked(database: Database, run_id: int) -> None:
    findings = {"objective": 7, "bound": 8.0, "gap": 0.1, "needs": 3, "pairings": 2}
    results.receive(database, take(database), Checked(findings))


SIZES = {"needs": 2, "offers": 2, "candidates": 2}


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (solved, {"state": "solved", "gap": 0.0, "pairings": 2, "worker": "w"} | SIZES),
        (
            cancelled_while_solving,
            {"state": "cancelled", "stopped": "proved", "pairings": 2, "attempt": 1} | SIZES,
        ),
        (
            cancelled_in_the_queue,
            {"state": "cancelled", "stopped": None, "seconds": None, "attempt": 0, "worker": None},
        ),
        (
            partial(refused, ImpossiblePin("no")),
            {"state": "infeasible", "gap": None, "pairings": None, "attempt": 1},
        ),
        (partial(refused, Conflict("no")), {"state": "failed", "objective": None, "attempt": 1}),
        (parked, {"state": "failed", "attempt": 3, "worker": "w"}),
        (checked, {"state": "checked", "objective": 7, "needs": 3, "pairings": 2, "offers": None}),
    ],
)
def test_the_end_of_a_run_is_one_line_of_figures(
    exchange: Database,
    log_lines: list[Any],
    end: Callable[[Database, int], None],
    said: dict[str, Any],
) -> None:
    """However a run ends there is one line, with all fields, and the id of who submitted it."""
    with structlog.contextvars.bound_contextvars(request_id=REQUEST):
        run_id = submit(exchange)
    end(exchange, run_id)
    (line,) = [each for each in log_lines if each["event"] == ENDED]
    assert set(line) == FIELDS
    expected = {"run_id": run_id, "request_id": REQUEST, "log_level": "info"} | said
    assert expected.items() <= line.items()
    with exchange.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        assert (run.state, run.stopped, run.gap) == (line["state"], line["stopped"], line["gap"])
    assert line["seconds"] is None or line["seconds"] >= 0


def test_what_is_rolled_back_is_not_logged(exchange: Database, log_lines: list[Any]) -> None:
    """A line tells of what stands in the database."""
    run_id = submit(exchange)
    with exchange.rehearse() as session:
        service.request_cancel(session, TERMINAL, run_id)
    assert [each["event"] for each in log_lines] == ["run.submitted"]


def test_every_line_about_a_run_names_the_request_that_submitted_it(
    exchange: Database, tmp_path: Path
) -> None:
    """From the request over the worker to its child; the id is kept with the run and shown."""
    log = tmp_path / "serve.log"
    both = ({}, {"pins": ["N1=nowhere"]})
    with givetake_serve(exchange, log, log_format="json") as client:
        runs = [carried_out(client, options) for options in both]
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    of_child = ["run.problem_built", "run.solver_ended"]
    for run, state, told in zip(runs, ("solved", "failed"), (of_child, []), strict=True):
        about = {run["id"], f"run:{run['id']}"}
        found = [line for line in lines if {line.get("run_id"), line.get("subject")} & about]
        assert {line.get("request_id") for line in found} == {run["request_id"]}
        events = [line["event"] for line in found]
        # The event of the audit is written, and told, with the commit.
        assert events == ["run.submitted", *told, ENDED, f"run.{state}", "run.child_ended"]


def carried_out(client: httpx.Client, options: dict[str, Any]) -> dict[str, Any]:
    """What became of a run, once it has ended."""
    asked = {"area": "Testshire", "period": rows.YEAR}
    asked |= {"options": {"workers": 1, "as_of": rows.STARTS.isoformat(), **options}}
    answer = client.post("/api/v1/runs", json=asked)
    assert answer.status_code == 202, answer.text
    url = answer.headers["location"]
    client.get(f"{url}/events", params={"wait_s": 300})
    run: dict[str, Any] = client.get(url).json()
    assert run["request_id"] == answer.headers["x-request-id"]
    return run
