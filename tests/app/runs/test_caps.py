"""What one caller may have of the machine, and whose turn it is."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access.keys import create_key, rotate_key
from app.access.policy import TERMINAL
from app.database import Database
from app.planning.options import MatchOptions
from app.runs import leases, service
from app.runs.caps import BeyondLimit, TooManyQueued, require_room, require_within
from app.runs.leases import Turns
from app.settings import Settings
from models.matching import Run
from models.vocabulary import RunState
from tests import rows
from tests.callers import keyed, said
from tests.factories import ADMINISTRATOR
from tests.portal import broker
from tests.runs import OPTIONS, contested

RUNS = "/api/v1/runs"


def asked(**options: Any) -> dict[str, Any]:
    given = {"as_of": rows.STARTS.isoformat()} | options
    return {"area": "Testshire", "period": rows.YEAR, "options": given}


@pytest.fixture
def client(sqlite_database: Database) -> Iterator[TestClient]:
    """A key whose runs may search for two minutes each and five together, on three cores."""
    contested(sqlite_database)
    limits = {"run_minutes": 2, "run_workers": 3, "queued_minutes": 5}
    with keyed(sqlite_database, rows.NOW, **limits) as client:
        yield client


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"time_limit_s": 121.0},
            "The time limit of 121 seconds is longer than the 2 minutes that a run may search. Ask "
            "for less, or ask your administrator to raise GIVETAKE_RUN_MINUTES.",
        ),
        (
            {"workers": 4},
            "A run may use 3 workers, not 4. Ask for fewer, or ask your administrator to raise "
            "GIVETAKE_RUN_WORKERS.",
        ),
    ],
)
def test_a_run_may_not_have_more_than_its_share(
    client: TestClient, options: dict[str, Any], sentence: str
) -> None:
    """The limit is named with what was asked for and who can raise it; nothing is queued."""
    assert said(client.post(RUNS, json=asked(**options)), 422, "beyond-limit")["detail"] == sentence
    assert client.get(RUNS).json()["items"] == []
    assert client.post(RUNS, json=asked(time_limit_s=120.0, workers=3)).status_code == 202


def test_what_waits_may_not_search_for_longer_together(client: TestClient) -> None:
    """By the time limits, or as long as a run may where work limits it; a check searches not."""
    for options in ({"time_limit_s": 100.0}, {"work": 5}, {}):
        assert client.post(RUNS, json=asked(**options)).status_code == 202
    refused = client.post(RUNS, json=asked(time_limit_s=21.0))
    problem = said(refused, 429, "too-many-queued")
    assert "5 minutes" in problem["detail"]
    assert "GIVETAKE_QUEUED_MINUTES" in problem["detail"]
    assert client.post(RUNS, json=asked(time_limit_s=20.0)).status_code == 202


def test_one_run_may_always_wait(sqlite_database: Database) -> None:
    """Limits that contradict each other shut nobody out."""
    contested(sqlite_database)
    with keyed(sqlite_database, rows.NOW, queued_minutes=1) as client:
        assert client.post(RUNS, json=asked(time_limit_s=600.0)).status_code == 202
        assert client.post(RUNS, json=asked(time_limit_s=1.0)).status_code == 429


def test_the_portal_says_at_the_field_what_is_too_long(sqlite_database: Database) -> None:
    """As in the interface."""
    contested(sqlite_database)
    who = broker(sqlite_database, rows.NOW, run_minutes=2)
    page = who.open("/runs/new")
    page = who.send(page, "/runs/new", area="Testshire", period=rows.YEAR, minutes="3")
    assert page.status == 422
    assert "#minutes" in page.links
    assert "GIVETAKE_RUN_MINUTES" in page.text
    page = who.send(page, "/runs/new", area="Testshire", period=rows.YEAR, minutes="2")
    assert page.status == 200


def test_commands_have_the_same_limits() -> None:
    """A batch too, before any of its areas is planned."""
    for options in (MatchOptions(time_limit_s=3_601.0), MatchOptions(workers=9)):
        with pytest.raises(BeyondLimit):
            require_within(options, Settings())
    require_within(MatchOptions(time_limit_s=3_600.0, workers=8), Settings())


def wait_for(database: Database, actor: str, count: int) -> list[int]:
    who = replace(TERMINAL, name=actor)
    with database.write() as session:
        takers = service.takers_in(session, who, "Testshire", rows.STARTS)
        return [service.submit(session, who, takers, rows.YEAR, OPTIONS).id for _ in range(count)]


def take_next(database: Database, turns: Turns | None = None) -> tuple[str, int]:
    with database.write() as session:
        held = leases.claim(session, "w", 30.0, turns=turns)
        assert held is not None
        return session.get_one(Run, held.run_id).actor, held.run_id


def finish(database: Database, run_id: int) -> None:
    with database.write() as session:
        leases.end(session, session.get_one(Run, run_id), RunState.FAILED, actor="w")


def test_many_runs_of_one_do_not_keep_another_waiting(database: Database) -> None:
    """One worker takes turns between those who wait, each one's runs in their order."""
    contested(database)
    many = wait_for(database, "many", 50)
    one = wait_for(database, "one", 1)
    few = wait_for(database, "few", 2)
    turns, order = Turns(), []
    for _ in range(7):
        order.append(take_next(database, turns))
        finish(database, order[-1][1])
    assert order == [
        *(("many", many[0]), ("one", one[0]), ("few", few[0])),
        *(("many", many[1]), ("few", few[1]), ("many", many[2]), ("many", many[3])),
    ]


def test_whoever_has_fewer_runs_under_way_comes_first(database: Database) -> None:
    """Also between workers that know nothing of each other."""
    contested(database)
    wait_for(database, "many", 3)
    assert [take_next(database)[0] for _ in range(2)] == ["many", "many"]
    wait_for(database, "one", 2)
    assert [take_next(database)[0] for _ in range(3)] == ["one", "one", "many"]


def test_keys_of_one_owner_take_their_turns_and_fill_the_queue_together(
    database: Database,
) -> None:
    """As do a key and the one that it was rotated to: they are one person."""
    contested(database)
    with database.write() as session:
        first = create_key(session, TERMINAL, "one", [ADMINISTRATOR], owner="Testshire")[0].prefix
        second = create_key(session, TERMINAL, "two", [ADMINISTRATOR], owner="TESTSHIRE ")[0].prefix
        third = rotate_key(session, TERMINAL, first)[0].prefix
    keys = [f"key:{each}" for each in (first, second, third)]
    ids = {each: wait_for(database, each, 2) for each in keys}
    other = wait_for(database, "other", 2)
    taken = [take_next(database)[1] for _ in range(8 - 4)]
    assert taken == [ids[keys[0]][0], other[0], ids[keys[0]][1], other[1]]
    turns = Turns()
    waiting = wait_for(database, "other", 1)
    with database.write() as session:
        for run_id in taken:
            leases.end(session, session.get_one(Run, run_id), RunState.FAILED, actor="w")
    order = []
    for _ in range(2):
        order.append(take_next(database, turns)[1])
        finish(database, order[-1])
    assert order == [ids[keys[1]][0], waiting[0]]
    limits = Settings(queued_runs=3)
    for name, refused in ((keys[2], True), ("other", False), ("user:1", False)):
        with database.write() as session:
            who = replace(TERMINAL, name=name)
            with pytest.raises(TooManyQueued) if refused else nullcontext():
                require_room(session, who, MatchOptions(), limits)


def test_who_comes_back_has_to_wait_for_a_turn(database: Database) -> None:
    """Whoever submits one run after the other gets every other turn, and not all of them."""
    contested(database)
    wait_for(database, "many", 4)
    turns, order = Turns(), []
    for _ in range(4):
        wait_for(database, "again", 1)
        actor, run_id = take_next(database, turns)
        order.append(actor)
        finish(database, run_id)
    assert order == ["many", "again", "many", "again"]
