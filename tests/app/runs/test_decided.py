"""What became of the proposals of a run: in numbers and days, over HTTP, on its page, and told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.access.policy import TERMINAL, Scope
from app.cli.main import app
from app.database import Database
from app.partnerships import life
from app.partnerships.terms import Terms
from app.proposals import agreements, decisions
from app.proposals.decisions import Said
from app.runs.decided import Became, Decided, Number, decided
from app.settings import settings
from models.vocabulary import (
    DecisionAction,
    DeclineReason,
    EndReason,
    NeedState,
    Role,
    Says,
    ScopeKind,
    Side,
)
from tests import rows
from tests.callers import keyed
from tests.factories import acting, heard
from tests.portal import broker
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
GIVEN: dict[str, Any] = {"hold_days": 14, "now": NOW}
TERMS = Terms("phonics taught daily", "headteacher", "deputy headteacher")


def planned(database: Database) -> Database:
    """Four schools that are each helped for two days by another."""
    with database.write() as session:
        rows.add_calendar(session)
        for n in range(4):
            place = {"local_authority_code": "999" if n < 3 else "998"}
            rows.add_need(session, f"N{n}", rows.add_school(session, 10 + n, **place))
            rows.add_offer(
                session,
                f"O{n}",
                rows.add_school(session, 20 + n, 1, **place),
                half_days=4,
                max_pairings=1,
            )
    match(database, FREELY, takers=("10", "11", "12", "13"), now=NOW)
    return database


@pytest.fixture
def exchange(database: Database) -> Database:
    return planned(database)


def came(database: Database, who: Any = TERMINAL) -> Decided:
    with database.read() as session:
        return decided(session, who, 1)


def of(proposals: int) -> Number:
    return Number(proposals, 4 * proposals)


def decide(database: Database, number: int, action: DecisionAction, *said: Said) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, number, action, *said, **GIVEN)


def test_what_became_of_each_proposal_is_counted(exchange: Database) -> None:
    """Each is in one place, by number and days, and all together are all there are."""
    assert came(exchange) == Decided({Became.PROPOSED: of(4)})
    decide(exchange, 1, DecisionAction.PREFER)
    decide(exchange, 2, DecisionAction.DECLINE, Said(DeclineReason.CAPACITY))
    decide(exchange, 3, DecisionAction.WITHDRAW)
    found = came(exchange)
    assert found.became == {
        Became.PROPOSED: of(1),
        Became.PREFERRED: of(1),
        Became.DECLINED: of(1),
        Became.WITHDRAWN: of(1),
    }
    assert (found.declined, found.held) == ({DeclineReason.CAPACITY: of(1)}, of(1))
    assert found.total == of(4)
    with exchange.write() as session:
        for side in Side:
            agreements.agree(session, TERMINAL, 1, side, Says.YES, heard("head", NOW), **GIVEN)
    assert came(exchange).became[Became.AGREED] == of(1)
    decide(exchange, 1, DecisionAction.APPROVE)
    assert came(exchange).became[Became.APPROVED] == of(1)
    dates: dict[str, Any] = {"starts": date(2026, 9, 7), "ends": date(2027, 7, 16), "now": NOW}
    with exchange.write() as session:
        life.start(session, TERMINAL, 1, TERMS, **dates)
    assert came(exchange).became[Became.RUNNING] == of(1)
    assert (came(exchange).held, came(exchange).needs_met) == (of(1), 0)
    with exchange.write() as session:
        ends = datetime(2026, 11, 20, tzinfo=UTC)
        why = EndReason.COMPLETED
        life.end(session, TERMINAL, 1, why, ends.date(), NeedState.MET, now=ends)
    found = came(exchange)
    assert found.became[Became.COMPLETED] == of(1)
    assert (found.held, found.needs_met, found.total) == (Number(), 1, of(4))


def test_what_cannot_be_read_is_not_counted(exchange: Database) -> None:
    """A broker of one of the two areas counts what lies there."""
    there = acting(Role.BROKER, scope=Scope(ScopeKind.AREA, "998"))
    assert came(exchange, there) == Decided({Became.PROPOSED: of(1)})
    nobody = acting(Role.BROKER, scope=Scope(ScopeKind.AREA, "997"))
    assert came(exchange, nobody) == Decided({})


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with keyed(exchange, NOW) as client:
        yield client


def test_a_run_tells_what_became_of_it(client: TestClient, exchange: Database) -> None:
    """Over HTTP for one run, and not in lists; on its page as a table."""
    decide(exchange, 2, DecisionAction.DECLINE, Said(DeclineReason.FINANCE))
    found = client.get("/api/v1/runs/1").json()["decided"]
    assert found == {
        "total": {"proposals": 4, "days": 8},
        "became": {
            "proposed": {"proposals": 3, "days": 6},
            "declined": {"proposals": 1, "days": 2},
        },
        "declined": {"finance": {"proposals": 1, "days": 2}},
        "held": {"proposals": 0, "days": 0},
        "needs_met": 0,
    }
    (listed,) = client.get("/api/v1/runs").json()["items"]
    assert listed["decided"] is None
    text = broker(exchange, NOW).open("/runs/1").text
    assert "What has come of it" in text
    assert "Declined: finance 1 2" in text


def test_a_run_tells_it_in_the_terminal(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As lines or as JSON; the list has the runs there are."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    planned(sqlite_database)
    decide(sqlite_database, 2, DecisionAction.DECLINE, Said(DeclineReason.FINANCE))
    shown = CliRunner().invoke(app, ["runs", "show", "1"])
    assert shown.exit_code == 0, shown.output
    assert "All: 4 proposals, 8 days" in shown.stdout
    assert "- Declined: 1 proposal, 2 days" in shown.stdout
    as_json = CliRunner().invoke(app, ["runs", "show", "1", "--json"])
    assert '"declined"' in as_json.stdout
    assert "1 Planned" in CliRunner().invoke(app, ["runs", "list"]).stdout
    settings.cache_clear()
