"""What expires goes by the database's clock, and not at all where clocks differ."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app import database as clocks
from app.access.policy import TERMINAL
from app.database import Database, database_now
from app.jobs.setup import make_worker
from app.proposals.decisions import decide
from app.settings import Settings
from models.matching import Proposal
from models.vocabulary import DecisionAction
from tests.callers import keyed
from tests.runs import matched

ROOT = Path(__file__).parents[3]
EXPIRING = ("access", "consent", "http", "jobs", "mail", "maps", "planning", "proposals", "runs")
"""Rooms where something expires; elsewhere the machine's clock says when a row was written."""
STAMPS = {"app/maps/features.py"}


@pytest.fixture
def held(database: Database) -> Database:
    """A proposal whose hold has just come to its end."""
    matched(database)
    with database.write() as session:
        proposal = session.scalars(select(Proposal)).one()
        decide(session, TERMINAL, proposal.id, DecisionAction.PREFER, hold_days=14)
        ended = database_now(session) - timedelta(seconds=1)
        session.execute(update(Proposal).values(held_until=ended))
    return database


def state_of_hold(database: Database) -> str:
    with database.read() as session:
        return session.scalars(select(Proposal.state).order_by(Proposal.id)).first() or ""


@pytest.mark.parametrize("days", [20, -20])
def test_a_worker_whose_clock_differs_ends_no_hold(
    held: Database, monkeypatch: pytest.MonkeyPatch, log_lines: list[Any], days: int
) -> None:
    """Nobody can tell whose clock is wrong, so it says so and leaves what is due to others."""
    worker = make_worker(held, Settings(), at_once=1)
    with monkeypatch.context() as patch:
        patch.setattr(clocks, "machine_now", lambda: datetime.now(UTC) + timedelta(days=days))
        worker.housekeeping()
        assert state_of_hold(held) == "preferred"
        (said,) = (line for line in log_lines if line["event"] == "worker.clock_differs")
        assert abs(said["ahead_s"] - days * 86_400) <= 60
        with keyed(held) as client:
            health = client.get("/health").json()
            assert (health["status"], health["clock"]) == ("ok", "differs")
            assert abs(health["clock_ahead_s"] - days * 86_400) <= 60
    worker.housekeeping()
    assert state_of_hold(held) == "lapsed"
    with keyed(held) as client:
        assert client.get("/health").json()["clock"] == "agrees"


def test_a_hold_lasts_by_the_database(held: Database) -> None:
    """Its end is counted from the database's now, whoever decides."""
    with held.write() as session:
        session.execute(update(Proposal).values(state="proposed", held_until=None))
        before = database_now(session)
        proposal = session.scalars(select(Proposal)).one()
        decide(session, TERMINAL, proposal.id, DecisionAction.PREFER, hold_days=14)
        assert proposal.held_until is not None
        waited = proposal.held_until - before - timedelta(days=14)
        assert timedelta(0) <= waited <= database_now(session) - before


def test_nothing_expires_by_the_machine_s_clock() -> None:
    """Outside the stamps of rows, only the day of today is read from it."""
    found = {
        str(path.relative_to(ROOT))
        for room in EXPIRING
        for path in (ROOT / "app" / room).rglob("*.py")
        if re.search(r"datetime\.now\(UTC\)(?!\.date\(\))|utcnow\(", path.read_text())
    }
    assert found == STAMPS
