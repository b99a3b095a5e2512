"""Changes over HTTP: made from a version, sent again, and many at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.database import Database
from models.exchange import Need
from models.operations import IdempotencyKey
from tests.callers import NEED, NEEDS, PROBLEM, count, said
from tests.factories import new_key
from tests.rows import NOW


def test_a_change_names_the_version_it_was_made_from(client: TestClient) -> None:
    """Without If-Match 428, from an old version 412 and nothing written, else a new version."""
    made = client.post(NEEDS, json=NEED | {"reference": "a/b"})
    assert made.status_code == 201
    assert made.headers["etag"] == '"1"'
    place = made.headers["location"]
    said(client.put(place, json=NEED | {"days": 4}), 428, "precondition-missing")
    changed = client.put(place, json=NEED | {"days": 4}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    for stale in ('"1"', 'W/"1"', '"1", "x"', '"x"', '"99999999999"', "W/2", '"2"x'):
        answer = client.put(place, json=NEED | {"days": 5}, headers={"If-Match": stale})
        said(answer, 412, "stale")
    assert client.get(place).json()["days"] == 4
    assert client.put(place, json=NEED, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("held", ['W/"1"', '"1", "x"', '"x" ,W/"1"', '"0", "1"'])
def test_a_version_is_known_in_each_of_its_forms(client: TestClient, held: str) -> None:
    """A tag that a proxy made weak, or one among several, names the version as well."""
    place = client.post(NEEDS, json=NEED | {"reference": "n"}).headers["location"]
    changed = client.put(place, json=NEED | {"days": 4}, headers={"If-Match": held})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')


def test_what_is_known_is_not_sent_again(client: TestClient) -> None:
    """If-None-Match with the ETag of a read is answered by 304 until the thing changes."""
    place = client.post(NEEDS, json=NEED | {"reference": "n"}).headers["location"]
    for path in (place, NEEDS, "/api/v1/institutions/100000", "/api/v1/openapi.json", "/health"):
        tag = client.get(path).headers["etag"]
        again = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["etag"] == tag
    for form in ("application/json", "text/csv"):
        tag = client.get(NEEDS, headers={"Accept": form}).headers["etag"]
        held = {"Accept": form, "If-None-Match": tag}
        assert client.get(NEEDS, headers=held).status_code == 304
        client.put(place, json=NEED | {"priority": len(form) % 5 + 1}, headers={"If-Match": "*"})
        assert client.get(NEEDS, headers=held).status_code == 200


def test_of_many_changes_from_one_version_one_wins(client: TestClient, database: Database) -> None:
    """Eight brokers who changed the same version at once: one change, seven told to read again."""
    place = client.post(NEEDS, json=NEED | {"reference": "n"}).headers["location"]
    together = threading.Barrier(8)

    def change(days: int) -> int:
        together.wait()
        answer = client.put(place, json=NEED | {"days": days}, headers={"If-Match": '"1"'})
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(change, range(3, 11)))
    assert statuses == [200] + [412] * 7
    assert client.get(place).json()["version"] == 2


def test_a_creation_sent_again_is_answered_again(client: TestClient, database: Database) -> None:
    """The same key and content have one effect and one answer; other content is refused."""
    body = NEED | {"reference": "n"}
    key = {"Idempotency-Key": "k-1"}
    first = client.post(NEEDS, json=body, headers=key)
    again = client.post(NEEDS, json=body, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    for header in ("etag", "location", "content-type"):
        assert again.headers[header] == first.headers[header]
    said(client.post(NEEDS, json=body | {"days": 3}, headers=key), 422, "key-used-otherwise")
    said(client.post(NEEDS, json=body), 409, "conflict")
    assert count(database, Need) == 1


def test_a_creation_that_failed_leaves_its_key_free(client: TestClient) -> None:
    """A key is spent by success only: a mended request may use it."""
    key = {"Idempotency-Key": "k-1"}
    bad = NEED | {"reference": "n", "expertise": "unheard-of"}
    problem = said(client.post(NEEDS, json=bad, headers=key), 422, "unfit")
    assert [error["pointer"] for error in problem["errors"]] == ["#/expertise"]
    good = client.post(NEEDS, json=NEED | {"reference": "n"}, headers=key)
    assert good.status_code == 201


def test_an_expired_key_is_free(client: TestClient, database: Database) -> None:
    """After its day a key means nothing any more."""
    key = {"Idempotency-Key": "k"}
    client.post(NEEDS, json=NEED | {"reference": "n"}, headers=key)
    with database.write() as session:
        session.scalars(select(IdempotencyKey)).one().expires_at = NOW
    other = client.post(NEEDS, json=NEED | {"reference": "m"}, headers=key)
    assert other.status_code == 201
    assert count(database, IdempotencyKey) == 1


def test_the_same_creation_at_once_happens_once(client: TestClient, database: Database) -> None:
    """Eight times the same key at the same moment: one need, eight equal answers."""
    together = threading.Barrier(8)

    def create(_: int) -> tuple[int, bytes]:
        together.wait()
        answer = client.post(
            NEEDS, json=NEED | {"reference": "n"}, headers={"Idempotency-Key": "k"}
        )
        return answer.status_code, answer.content

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(create, range(8)))
    assert {status for status, _ in answers} == {201}
    assert len(answers) == 1
    assert count(database, Need) == 1


def test_of_one_key_at_once_one_content_wins(client: TestClient, database: Database) -> None:
    """Eight times the same key with as many contents: one is done, seven are told of it."""
    together = threading.Barrier(8)

    def create(number: int) -> tuple[int, str]:
        together.wait()
        body = NEED | {"reference": f"n{number}"}
        answer = client.post(NEEDS, json=body, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.json().get("type")

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(create, range(8)))
    assert answers == [(201, None)] + [(422, f"{PROBLEM}key-used-otherwise")] * 7
    assert count(database, Need) == 1


def test_a_key_is_its_callers_own(client: TestClient, database: Database) -> None:
    """Another caller's key of the same name is another: it neither collides nor tells anything."""
    with database.write() as session:
        other = new_key(session)
    first, second = NEED | {"reference": "n"}, NEED | {"reference": "m"}
    key = {"Idempotency-Key": "k"}
    theirs = key | {"Authorization": f"Bearer {other}"}
    assert client.post(NEEDS, json=first, headers=key).status_code == 201
    said(client.post(NEEDS, json=first, headers=theirs), 409, "conflict")
    assert client.post(NEEDS, json=second, headers=theirs).json()["reference"] == "m"
    assert client.post(NEEDS, json=first, headers=key).json()["reference"] == "n"
