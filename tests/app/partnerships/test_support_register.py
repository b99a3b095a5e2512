"""The one register of support of a school: over HTTP, as a file and in the terminal."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.access.policy import Scope
from app.cli.main import app
from app.database import Database
from app.errors import NotFound
from app.partnerships.support_register import support_register
from app.settings import settings
from models.targets import SupportTarget
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.callers import csv_rows, keyed, said
from tests.factories import acting

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PLACE = "/api/v1/institutions/100000/support-register"
OAK = "Oak Primary School"


def fill(database: Database) -> None:
    """A school with support of two agencies that contradict, and some that has ended."""
    with database.write() as session:
        rows.add_calendar(session)
        taker = rows.add_school(session, 100000, name=OAK)
        giver = rows.add_school(session, 100001, name="Ash Primary School")
        first = {"agency": "Programme A", "authority": "dfe_programme", "leader_half_days": 3}
        second = {"agency": "Agency B", "authority": "local_authority", "leader_half_days": 4}
        ended = {"agency": "Agency C", "state": "ended", "leader_half_days": 9}
        starts = {"starts": rows.STARTS}
        made = [
            rows.add_support(session, "a", taker, giver, **first, **starts),
            rows.add_support(session, "b", taker, None, **second, period_code=rows.TERM),
            rows.add_support(session, "c", taker, None, **ended),
        ]
        for support, value in zip(made, (95.0, 94.0, 90.0), strict=True):
            target = {"measure": "attendance_pct", "direction": "raise", "value": value}
            by = {"by_date": date(2099, 7, 16), "owner": "headteacher"}
            rows.add(session, SupportTarget(support_id=support.id, **target, **by))
        rows.add_limits(session, taker, max_taken=1)


@pytest.fixture
def register(database: Database) -> Iterator[TestClient]:
    fill(database)
    with keyed(database, NOW) as client:
        yield client


def test_the_register_tells_who_supports_and_what_is_at_odds(register: TestClient) -> None:
    """Supporters against the limit, contradictions of what runs, and days of leaders by period."""
    found = register.get(PLACE).json()
    assert (found["name"], found["on"], found["period"]) == (OAK, "2026-11-30", rows.YEAR)
    assert (found["supporters"], found["allowed"]) == (2, 1)
    assert [each["reference"] for each in found["current"]] == ["a", "b"]
    assert [each["reference"] for each in found["past"]] == ["c"]
    assert found["leader_days"] == [
        {"period": rows.YEAR, "days": 1.5},
        {"period": rows.TERM, "days": 2},
    ]
    [one] = found["contradictions"]
    assert (one["measure"], one["kind"]) == ("attendance_pct", "value")
    assert (one["first"]["support"], one["second"]["support"]) == ("a", "b")
    assert found["warnings"] == [
        f"{OAK} has 2 supporting organisations at a time in 2026-27. Its limit is 1. Agree which "
        "of them goes on, or change the limit.",
        "Attendance: Ash Primary School wants to raise it to 95% of sessions by 16 July 2099, and "
        "Somebody else to raise it to 94% of sessions by 16 July 2099. Agree one target.",
    ]


def test_the_register_is_had_as_a_file(register: TestClient) -> None:
    """A line for each target, with what it contradicts."""
    answer = register.get(PLACE, headers={"Accept": "text/csv"})
    found = csv_rows(answer)
    assert [(row["reference"], row["value"], row["contradicts"]) for row in found] == [
        ("a", "95.0", "b"),
        ("b", "94.0", "a"),
        ("c", "90.0", ""),
    ]
    assert found[0]["authority"] == "dfe_programme"


def test_a_school_without_support_has_an_empty_register(register: TestClient) -> None:
    """With the limit of runs; one that is not there is not found."""
    found = register.get(PLACE.replace("100000", "100001")).json()
    assert (found["supporters"], found["allowed"], found["warnings"]) == (0, 3, [])
    said(register.get(PLACE.replace("100000", "7")), 404, "not-found")


def test_whoever_may_read_no_school_reads_no_register(database: Database) -> None:
    """Of support of a school elsewhere nothing is told, though its supporter lies here."""
    fill(database)
    broker: Any = acting(Role.BROKER, scope=Scope(ScopeKind.INSTITUTION, "100001"))
    with database.read() as session, pytest.raises(NotFound):
        support_register(session, broker, "100000", NOW.date())


def test_the_terminal_shows_the_register(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In sentences, or as JSON."""
    fill(sqlite_database)
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    told = CliRunner().invoke(app, ["support", "100000"]).stdout
    as_json = CliRunner().invoke(app, ["support", "100000", "--json"]).stdout
    settings.cache_clear()
    assert "Warning: Attendance: Ash Primary School wants to raise it to 95%" in told
    assert "Support a by Ash Primary School, arranged by Programme A: active. On whose" in told
    assert "  Raise Attendance: 95% of sessions by 16 July 2099 (headteacher)" in told
    assert json.loads(as_json)["participant"] == "100000"
