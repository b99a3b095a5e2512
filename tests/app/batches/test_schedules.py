"""Schedules: once however many workers, caught up once, with the rights of their owner."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.access.keys import create_key, principal_of, revoke_key
from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.batches import schedules
from app.batches.schedules import BadSchedule, create_schedule, start_due
from app.cli.main import run as command
from app.database import Database, database_now
from app.errors import Conflict, Forbidden, NotFound
from app.settings import Settings, settings
from models.batches import Batch, Schedule
from models.exchange import Period
from models.vocabulary import AreasNamed, Role, ScopeKind
from tests import batches, rows
from tests.batches import finish
from tests.callers import count, keyed, said
from tests.runs import OPTIONS

SETTINGS = Settings(workers=0)
WHEN: dict[str, Any] = {"at": "02:00", "zone": "Europe/London"}


@pytest.fixture
def county(database: Database) -> Database:
    """Three areas, in a period that goes on for long."""
    with database.write() as session:
        batches.add_areas(session, 3)
        session.execute(update(Period).values(ends=rows.ENDS.replace(year=2100)))
    return database


def add(database: Database, *areas: str, principal: Principal = TERMINAL, **changes: Any) -> int:
    how = {"period": rows.YEAR, "options": OPTIONS} | WHEN | changes
    period, options = how.pop("period"), how.pop("options")
    with database.write() as session:
        named = areas or AreasNamed.ALL
        made = create_schedule(session, principal, named, period, options, SETTINGS, **how)
        return made.id


def let_be_due(database: Database, **late: float) -> None:
    with database.write() as session:
        then = database_now(session) - timedelta(**late or {"seconds": 1.0})
        session.execute(update(Schedule).values(due_at=then))


def read(database: Database, schedule_id: int) -> Schedule:
    with database.read() as session:
        return schedules.get_schedule(session, TERMINAL, schedule_id)


def test_a_batch_is_started_once_whoever_looks(county: Database) -> None:
    """Several workers look at the same time, and again and again."""
    schedule_id = add(county)
    start_due(county, SETTINGS)
    assert count(county, Batch) == 0
    let_be_due(county)
    with ThreadPoolExecutor(4) as workers:
        for each in [workers.submit(start_due, county, SETTINGS) for _ in range(8)]:
            each.result()
    assert count(county, Batch) == 1
    found = read(county, schedule_id)
    assert (found.last_batch_id, found.told, found.ended_at) == (1, None, None)
    assert found.last_due_at is not None
    assert found.due_at > found.last_due_at
    with county.read() as session:
        batch = session.get_one(Batch, 1)
        assert (batch.actor, batch.named) == ("terminal", "all")
    assert finish(county, 1) == 2


def test_what_was_missed_is_caught_up_once_and_told(county: Database) -> None:
    """After three nights without a worker one batch is started, and the next night another."""
    schedule_id = add(county)
    let_be_due(county, days=3)
    start_due(county, SETTINGS)
    start_due(county, SETTINGS)
    assert count(county, Batch) == 1
    found = read(county, schedule_id)
    assert (found.told or "").startswith("It was due at ")
    with county.read() as session:
        assert timedelta() < found.due_at - database_now(session) <= timedelta(days=1, hours=1)


def test_no_second_batch_while_the_first_goes_on(county: Database) -> None:
    """It is told, and the schedule goes on."""
    schedule_id = add(county)
    for _ in range(2):
        let_be_due(county)
        start_due(county, SETTINGS)
    assert count(county, Batch) == 1
    assert read(county, schedule_id).told == "Batch 1 had not ended, so no other one was started."
    finish(county, 1)
    let_be_due(county)
    start_due(county, SETTINGS)
    assert (count(county, Batch), read(county, schedule_id).told) == (2, None)


def test_it_acts_with_the_rights_of_its_owner_at_the_time(county: Database) -> None:
    """Of all areas it plans those that the owner may plan; without a right it ends and tells."""
    grant = Grant(Role.BROKER, Scope(ScopeKind.AREA, "902"))
    with county.write() as session:
        _, key = create_key(session, TERMINAL, "made-up broker", [grant])
        owner = principal_of(session, key)
    schedule_id = add(county, principal=owner)
    let_be_due(county)
    start_due(county, SETTINGS)
    assert [each.scope.name for each in batches.found(county, 1)] == ["Area 2"]
    with pytest.raises(Forbidden):
        add(county, "Area 1", principal=owner)
    finish(county, 1)
    with county.write() as session:
        revoke_key(session, TERMINAL, owner.name.removeprefix("key:"))
    let_be_due(county)
    start_due(county, SETTINGS)
    found = read(county, schedule_id)
    assert (found.told or "").startswith("Its owner no longer has permission")
    assert (found.ended_by, count(county, Batch)) == ("clock", 1)


def test_it_ends_with_its_period(county: Database) -> None:
    """And says so."""
    schedule_id = add(county)
    with county.write() as session:
        past = (database_now(session) - timedelta(days=2)).date()
        session.execute(update(Period).values(ends=past, starts=past))
    let_be_due(county)
    start_due(county, SETTINGS)
    found = read(county, schedule_id)
    assert found.ended_by == "clock"
    assert "ended" in (found.told or "")
    assert count(county, Batch) == 0


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"at": "24:00"}, BadSchedule, "'24:00' is not a time of day"),
        ({"zone": "Europe/Londres"}, BadSchedule, "no time zone 'Europe/Londres'"),
        ({"first_on": rows.STARTS.replace(year=2020)}, BadSchedule, "has passed"),
        ({"period": "2019-20"}, NotFound, "2019-20"),
        ({"first_on": rows.STARTS.replace(year=2101)}, Conflict, "has ended|is over|ended"),
    ],
)
def test_bad_input_is_named(
    county: Database, changes: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    """Nothing is written."""
    with pytest.raises(error, match=sentence):
        add(county, **changes)
    with pytest.raises(NotFound, match="Nowhere"):
        add(county, "Nowhere")
    assert count(county, Schedule) == 0


@pytest.fixture
def client(county: Database) -> Iterator[TestClient]:
    with keyed(county) as client:
        yield client


def test_over_http_it_is_made_read_and_ended(client: TestClient, county: Database) -> None:
    """By its owner: to anybody else it is not there."""
    asked = {"period": rows.YEAR, "areas": ["Area 1"], "weekday": "monday", "at": "02:00"}
    with county.write() as session:
        grant = Grant(Role.BROKER, Scope(ScopeKind.AREA, "901"))
        mine, other = (
            {"Authorization": f"Bearer {create_key(session, TERMINAL, name, [grant])[1]}"}
            for name in ("one", "other")
        )
    made = client.post("/api/v1/schedules", json=asked, headers=mine)
    assert (made.status_code, made.json()["every"]) == (201, "week")
    location = made.headers["location"]
    assert client.get(location, headers=mine).json()["weekday"] == "monday"
    for path in ("", "/cancellation"):
        answer = client.request("POST" if path else "GET", f"{location}{path}", headers=other)
        said(answer, 404, "not-found")
    assert client.get("/api/v1/schedules", headers=other).json()["items"] == []
    ended = [client.post(f"{location}/cancellation", headers=mine).json() for _ in range(2)]
    assert ended[0] == ended[1]
    assert ended[0]["ended_at"] is not None
    let_be_due(county)
    start_due(county, SETTINGS)
    assert count(county, Batch) == 0
    said(client.post("/api/v1/schedules", json=asked | {"zone": "X"}), 422, "bad-schedule")


def test_the_terminal_adds_lists_and_removes(
    county: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is told with exit code 2."""

    def give(*words: str) -> int:
        settings.cache_clear()
        monkeypatch.setenv("GIVETAKE_DATABASE_URL", county.url)
        monkeypatch.setattr("sys.argv", ["givetake", "schedules", *words])
        with pytest.raises(SystemExit) as end:
            command()
        settings.cache_clear()
        return int(end.value.code or 0)

    new = ("add", "--period", rows.YEAR, "--at", "02:00")
    assert give(*new, "--areas", "all") == 0
    assert give(*new, "--area", "Area 1", "--weekday", "sunday") == 0
    assert give(*new, "--area", "Area 1", "--weekday", "someday") == 2
    assert give(*new, "--area", "Area 1", "--from", "2020-01-01") == 2
    assert give(*new, "--area", "Area 1", "--areas", "all") == 2
    assert give("remove", "1") == 0
    assert give("remove", "9") == 2
    capfd.readouterr()
    assert give("list") == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith(f"2  Area 1  {rows.YEAR}  sunday 02:00 Europe/London  next ")
    assert "1  all  " in lines[1]
    assert " ended " in lines[1]
    with county.read() as session:
        assert len(session.scalars(select(Schedule.id)).all()) == 2
