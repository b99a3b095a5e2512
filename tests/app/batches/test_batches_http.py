"""Batches as a portal of brokers calls them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access.keys import create_key
from app.access.policy import TERMINAL, Grant, Scope
from app.batches import service
from app.database import Database
from models.batches import Batch
from models.matching import Run
from models.vocabulary import Role, ScopeKind
from tests import batches, rows
from tests.batches import finish
from tests.callers import count, keyed, said

BATCHES = "/api/v1/batches"
OPTIONS = {"workers": 1, "method": "exact", "as_of": rows.STARTS.isoformat()}
ASKED = {"period": rows.YEAR, "areas": ["Area 1", "local_authority:902"], "options": OPTIONS}


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with database.write() as session:
        batches.add_areas(session, 3)
    with keyed(database, running_batches=1) as client:
        yield client


def of_area(client: TestClient, database: Database, code: str) -> dict[str, str]:
    """Who may start runs for one area alone."""
    grant = Grant(Role.BROKER, Scope(ScopeKind.AREA, code))
    with database.write() as session:
        _, key = create_key(session, TERMINAL, f"broker of {code}", [grant])
    return {"Authorization": f"Bearer {key}"}


def test_a_batch_is_submitted_once_followed_by_area_and_read(
    client: TestClient, database: Database
) -> None:
    """Sent again with the same key it is the same batch; events tell what became of each area."""
    again = {"Idempotency-Key": "one"}
    answers = [client.post(BATCHES, json=ASKED, headers=again) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["states"] == {"waiting": 2}
    location = answers[0].headers["location"]
    finish(database, answers[0].json()["id"])
    whole = client.get(location).json()
    assert (whole["state"], whole["areas"], whole["ended"]) == ("finished", 2, 2)
    assert [(each["state"], each["needs"], each["gap"]) for each in whole["items"]] == [
        ("solved", 2, 0.0),
        ("solved", 2, 0.0),
    ]
    assert whole["offers_promised_twice"] == 0
    events = client.get(f"{location}/events").text.split("\n\n")
    told = [line.splitlines() for line in events if line.startswith("event: ")]
    assert [kind for kind, _ in told] == ["event: area", "event: area", "event: batch"]
    assert json.loads(told[0][1].removeprefix("data: "))["run"] == whole["items"][0]["run"]
    listed = client.get(BATCHES, params={"state": "finished"}).json()["items"]
    assert [each["id"] for each in listed] == [whole["id"]]
    assert count(database, Batch) == 1


def test_events_tell_changes_as_they_come(database: Database) -> None:
    """With its own worker the service brings a batch to its end while somebody follows it."""
    with database.write() as session:
        batches.add_areas(session, 2)
    with keyed(database, workers=1) as client:
        answer = client.post(BATCHES, json=ASKED | {"areas": ["Area 1"]})
        text = client.get(f"{answer.headers['location']}/events", params={"wait_s": 120}).text
    states = [
        json.loads(line.removeprefix("data: "))["state"]
        for line in text.splitlines()
        if line.startswith("data: ")
    ]
    assert states[0] in ("waiting", "queued")
    assert states[-2:] == ["solved", "finished"]


def test_every_area_is_every_area_of_the_scope(client: TestClient, database: Database) -> None:
    """Whoever holds a role for one local authority plans that one, and no other."""
    mine = of_area(client, database, "902")
    asked = {"period": rows.YEAR, "every": "all", "options": OPTIONS}
    answer = client.post(BATCHES, json=asked, headers=mine)
    location = answer.headers["location"]
    names = [each["scope"]["name"] for each in client.get(location).json()["items"]]
    assert names == ["Area 2"]
    assert (
        len(client.get(client.post(BATCHES, json=asked).headers["location"]).json()["items"]) == 2
    )
    nothing = of_area(client, database, "903")
    refused = said(client.post(BATCHES, json=asked, headers=nothing), 422, "no-areas")
    assert "No local authority that you can plan" in refused["detail"]


def test_a_batch_of_somebody_else_is_not_there(client: TestClient, database: Database) -> None:
    """Nor are areas planned outside the scope: nothing is written."""
    mine = of_area(client, database, "901")
    other = client.post(BATCHES, json=ASKED).headers["location"]
    for answer in (
        client.get(other, headers=mine),
        client.get(f"{other}/events", headers=mine),
        client.post(f"{other}/cancellation", headers=mine),
    ):
        said(answer, 404, "not-found")
    assert client.get(BATCHES, headers=mine).json()["items"] == []
    said(client.post(BATCHES, json=ASKED, headers=mine), 403, "forbidden")
    assert count(database, Batch) == 1


def test_a_cancelled_batch_plans_no_more(client: TestClient, database: Database) -> None:
    """Its queued runs end with it, and it ends once."""
    location = client.post(BATCHES, json=ASKED).headers["location"]
    service.advance(database, 1, None)
    assert client.get(location).json()["states"] == {"queued": 2}
    cancelled = client.post(f"{location}/cancellation")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert cancelled.json()["states"] == {"cancelled": 2}
    said(client.post(f"{location}/cancellation"), 409, "conflict")
    assert client.post(BATCHES, json=ASKED).status_code == 202


def test_nobody_fills_the_workers_with_batches(client: TestClient) -> None:
    """One more than the limit waits until one has ended."""
    client.post(BATCHES, json=ASKED)
    refused = said(client.post(BATCHES, json=ASKED), 429, "too-many-batches")
    assert refused["detail"].startswith("You have 1 running batch, and the limit is 1.")


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"areas": ["Aera 1"]}, 404, "not-found"),
        ({"areas": []}, 422, "invalid"),
        ({"every": "all"}, 422, "invalid"),
        ({"areas": None}, 422, "invalid"),
        ({"period": "2019-20"}, 404, "not-found"),
        ({"options": OPTIONS | {"as_of": "2028-01-01"}}, 409, "conflict"),
        ({"options": OPTIONS | {"pins": ["N11=O12"]}}, 422, "option-of-one-run"),
        ({"options": OPTIONS | {"workers": 99}}, 422, "beyond-limit"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    client: TestClient, database: Database, changes: dict[str, Any], status: int, kind: str
) -> None:
    """An unknown area, a bad period, options of another kind of run."""
    said(client.post(BATCHES, json=ASKED | changes), status, kind)
    assert (count(database, Batch), count(database, Run)) == (0, 0)
