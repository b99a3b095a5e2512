"""Runs made before there was a background keep their files, proposals and states."""

import json

import pytest
from sqlalchemy import text

from app.access.policy import TERMINAL
from app.database import Database
from app.migrate import migrate
from app.runs import queries
from models.matching import Run
from tests import rows
from tests.runs import FREELY, contested, match

REFUSALS = '{"total": {"mode": 2}, "by_need": {"N": {"mode": 2}}}'


@pytest.fixture
def older(database: Database) -> Database:
    """A database of the revision before, with a solved run and one of its proposals."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N", rows.add_school(session, 1))
        rows.add_offer(session, "O", rows.add_school(session, 2))
    migrate(database, "0006_operations")
    with database.write() as session:
        session.execute(
            text(
                "insert into run (id, period_code, scope, options, state, problem, plan, refusals,"
                " actor, created_at) values (7, '2026-27', '{}', '{}', 'running', :problem, :plan,"
                " :refusals, 'x', '2026-09-01 00:00:00')"
            ),
            {"problem": b"problem", "plan": b"plan", "refusals": REFUSALS},
        )
        session.execute(
            text(
                "insert into proposal (run_id, need_id, offer_id, half_days, points, components,"
                " ladder, remote, sendable, state, version) select 7, need.id, offer.id, 4, 10,"
                " '[]', 'region', false, true, 'proposed', 1 from need, offer"
            )
        )
    return database


def test_files_move_out_of_the_run_and_back(older: Database) -> None:
    """Up and down again, the problem and plan of a run are where that version reads them."""
    migrate(older)
    files = "select name, content from run_file where run_id = 7 order by name"
    with older.read() as session:
        found = [(name, bytes(content)) for name, content in session.execute(text(files))]
        assert found[:2] == [("plan", b"plan"), ("problem", b"problem")]
        run = session.get_one(Run, 7)
        assert (run.state, run.refusals) == ("failed", {"mode": 2})
        assert queries.refusals_of(session, TERMINAL, 7) == {"N": {"mode": 2}}
        assert session.scalar(text("select count(*) from proposal")) == 1
    migrate(older, "0006_operations")
    with older.read() as session:
        columns = text("select problem, plan, refusals from run")
        problem, plan, refusals = session.execute(columns).one()
        again = refusals if isinstance(refusals, dict) else json.loads(refusals)
        assert again == json.loads(REFUSALS)
        assert (bytes(problem), bytes(plan)) == (b"problem", b"plan")
        assert session.scalar(text("select count(*) from proposal where run_id = 7")) == 1


def test_runs_stay_when_their_request_is_forgotten(database: Database) -> None:
    """Down and up again a run is still there; only the id of its request is lost."""
    with database.write() as session:
        rows.add_calendar(session)
        scope = {"kind": "list", "code": "", "name": "x"}
        said = {"actor": "x", "created_at": rows.NOW, "request_id": "broker-7"}
        made = Run(period_code=rows.YEAR, scope=scope, options={}, state="queued", **said)
        run_id = rows.add(session, made).id
    migrate(database, "0012_pair_rules")
    migrate(database)
    with database.read() as session:
        run = session.get_one(Run, run_id)
        assert (run.state, run.request_id) == ("queued", None)


def test_an_older_version_is_left_no_state_and_no_option_it_does_not_know(
    sqlite_database: Database,
) -> None:
    """Of a run that searched by prices; an older version refuses options that it does not know."""
    contested(sqlite_database)
    match(sqlite_database, FREELY.model_copy(update={"method": "prices", "work": 20}))
    with sqlite_database.read() as session:
        assert session.scalar(text("select count(*) from run_file where name = 'state'")) == 1
        assert "change_tolerance" in session.scalar(text("select options from run"))
    migrate(sqlite_database, "0033_repairs")
    with sqlite_database.read() as session:
        assert session.scalar(text("select count(*) from run_file where name = 'state'")) == 0
        options = session.scalar(text("select options from run"))
    assert "change_price" in options
    assert "change_tolerance" not in options
