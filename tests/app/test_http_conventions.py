"""What every operation over HTTP has in common, on both databases."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from structlog.testing import capture_logs

from app.access.keys import create_key, revoke_key
from app.access.policy import TERMINAL
from app.database import Database
from app.http import problems, sessions
from app.main import create_app
from app.settings import Settings
from models.access import ApiKey, AuditEvent
from models.exchange import Need
from models.operations import IdempotencyKey
from tests.rows import NOW, YEAR, add_calendar, add_school

NEEDS = "/api/v1/needs"
NEED = {"participant": "100000", "expertise": "maths", "period": YEAR, "days": 2.5}
PROBLEM = "urn:givetake:problem:"


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with database.write() as session:
        _, key = create_key(session, TERMINAL, "test")
        add_calendar(session)
        for urn in (100000, 100001, 100002):
            add_school(session, urn)
    app = create_app(Settings(workers=0), database)
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def raw(client: TestClient, body: str | bytes, **headers: str) -> Any:
    return client.post(
        NEEDS,
        content=body.encode() if isinstance(body, str) else body,
        headers={"Content-Type": "application/json"} | headers,
    )


def said(response: Any, status: int, type_: str) -> dict[str, Any]:
    """The problem of a response, once it is what was expected."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (problem["type"], problem["status"]) == (f"{PROBLEM}{type_}", status)
    return problem


def count(database: Database, model: Any) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_nothing_but_health_is_open(client: TestClient) -> None:
    """Without a key, with a wrong one or a revoked one there is no way in, and no hint why."""
    client.headers.pop("Authorization")
    assert client.get("/health").json()["status"] == "ok"
    said(client.get("/api/v1/openapi.json"), 401, "unauthenticated")
    known = client.app.openapi()["paths"]  # type: ignore[attr-defined]  # a FastAPI
    for path, operations in known.items():
        for method, operation in operations.items():
            assert operation.get("security") == ([] if path == "/health" else [{"key": []}]) or (
                path == "/health" and "security" not in operation
            ), (method, path)
    for wrong in ("gt_00000000_" + "x" * 43, "gt_", "Bearer", "\x7f"):
        answer = client.get(NEEDS, headers={"Authorization": f"Bearer {wrong}"})
        problem = said(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert wrong not in problem["detail"] or wrong in ("gt_", "Bearer")


def test_a_file_that_was_moved_away_is_noticed(sqlite_database: Database, tmp_path: Path) -> None:
    """SQLite goes on with the file it opened; health tells that it is not the one in its place."""
    path = tmp_path / "givetake.sqlite3"
    with TestClient(create_app(Settings(workers=0), sqlite_database)) as client:
        assert client.get("/health").status_code == 200
        path.rename(tmp_path / "elsewhere.sqlite3")
        said(client.get("/health"), 503, "database-gone")
        shutil.copy(tmp_path / "elsewhere.sqlite3", path)
        said(client.get("/health"), 503, "database-gone")
        (tmp_path / "elsewhere.sqlite3").rename(path)
        assert client.get("/health").status_code == 200


def test_a_revoked_key_opens_nothing(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is looked up again, a revoked key is as good as none."""
    monkeypatch.setattr(sessions, "KNOWN_FOR_S", -1.0)
    client.app.state.callers.clear()  # type: ignore[attr-defined]  # a FastAPI
    assert client.get(NEEDS).status_code == 200
    with database.write() as session:
        revoke_key(session, TERMINAL, session.scalars(select(ApiKey.prefix)).one())
    said(client.get(NEEDS), 401, "unauthenticated")


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


def test_many_readers_at_once_are_all_answered(client: TestClient) -> None:
    """More callers than connections and threads: each waits its turn, none is stuck."""
    with ThreadPoolExecutor(60) as pool:
        statuses = pool.map(lambda _: client.get(NEEDS).status_code, range(120))
    assert set(statuses) == {200}


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
        _, other = create_key(session, TERMINAL, "other")
    first, second = NEED | {"reference": "n"}, NEED | {"reference": "m"}
    key = {"Idempotency-Key": "k"}
    theirs = key | {"Authorization": f"Bearer {other}"}
    assert client.post(NEEDS, json=first, headers=key).status_code == 201
    said(client.post(NEEDS, json=first, headers=theirs), 409, "conflict")
    assert client.post(NEEDS, json=second, headers=theirs).json()["reference"] == "m"
    assert client.post(NEEDS, json=first, headers=key).json()["reference"] == "n"


def test_pages_hold_what_stays_while_others_come_and_go(client: TestClient) -> None:
    """Between pages rows are added, changed and withdrawn: the rest comes once."""
    for number in range(8):
        client.post(NEEDS, json=NEED | {"reference": f"n{number}"})
    seen: list[str] = []
    path: str | None = f"{NEEDS}?limit=2&state=identified"
    while path:
        answer = client.get(path)
        seen += [need["reference"] for need in answer.json()["items"]]
        client.post(NEEDS, json=NEED | {"reference": f"a{len(seen)}"})
        client.put(f"{NEEDS}/{seen[-1]}", json=NEED | {"days": 9}, headers={"If-Match": "*"})
        for gone in (seen[-2], "n5"):
            client.post(f"{NEEDS}/{gone}/withdrawal", headers={"If-Match": "*"})
        link = answer.headers.get("link")
        path = link and link.partition(">")[0].lstrip("<")
    assert [one for one in seen if one.startswith("n")] == [
        f"n{each}" for each in (0, 1, 2, 3, 4, 6, 7)
    ]
    assert len(seen) == len(set(seen))


def test_pages_follow_each_other_without_gap_or_repetition(client: TestClient) -> None:
    """Following `Link` gives everything once, in order, also while something is added."""
    for number in range(5):
        client.post(NEEDS, json=NEED | {"reference": f"n{number}"})
    seen = []
    path: str | None = f"{NEEDS}?limit=2&period={YEAR}"
    while path:
        answer = client.get(path)
        seen += [need["reference"] for need in answer.json()["items"]]
        client.post(NEEDS, json=NEED | {"reference": f"late{len(seen)}"})
        link = answer.headers.get("link")
        path = link and link.partition(">")[0].lstrip("<")
        if len(seen) > 20:
            break
    assert seen[:5] == ["n0", "n1", "n2", "n3", "n4"]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"days": "2.5"}, "#/days"),
        ({"days": 2.3}, "#/days"),
        ({"days": 10**400}, "#/days"),
        ({"days": True}, "#/days"),
        ({"max_givers": 10**30}, "#/max_givers"),
        ({"max_givers": 1.5}, "#/max_givers"),
        ({"priority": 6}, "#/priority"),
        ({"agreed_by": "nul\0"}, "#/agreed_by"),
        ({"agreed_by": "lone\ud800"}, "#/agreed_by"),
        ({"agreed_by": "x" * 101}, "#/agreed_by"),
        ({"reference": "white space"}, "#/reference"),
        ({"window_starts": 20260901}, "#/window_starts"),
        ({"window_starts": "2026-09-01T00:00:00"}, "#/window_starts"),
        ({"window_starts": "9999-01-01"}, "#/window_starts"),
        ({"travel_limit_miles": 0}, "#/travel_limit_miles"),
        ({"mode": "by_post"}, "#/mode"),
        ({"unheard/of": 1}, "#/unheard~1of"),
        ({"\ud800": 1}, None),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_stands(
    client: TestClient, change: dict[str, Any], pointer: str | None
) -> None:
    """Each is named by a JSON pointer, and what was sent is not sent back."""
    answer = raw(client, json.dumps(NEED | {"reference": "n"} | change))
    problem = said(answer, 422, "invalid")
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]]
    assert "input" not in answer.text


@pytest.mark.parametrize(
    "repeated",
    ['"days": 3, "days": 4', '"days": 3, "\\u0064ays": 4', '"x": [{"days": 1, "days": 1}]'],
)
def test_a_field_that_is_given_twice_is_refused(client: TestClient, repeated: str) -> None:
    """Which of the two was meant is not ours to guess, however deep and however it is written."""
    problem = said(raw(client, f"{{{repeated}}}"), 422, "invalid")
    assert problem["errors"] == [{"detail": "'days' is given more than once", "pointer": "#"}]


def test_words_are_quoted_as_they_are_written(client: TestClient) -> None:
    """What is possible instead is said in words of the document, not as Python shows them."""
    bad = client.post(
        "/api/v1/proposals/1/decisions", json={"action": "approved"}, headers={"If-Match": "*"}
    )
    said(bad, 422, "invalid")
    assert "'prefer'" in bad.json()["errors"][0]["detail"]
    assert "<" not in bad.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(client: TestClient, number: str) -> None:
    """Python's JSON reader takes them; we do not."""
    body = json.dumps(NEED | {"reference": "n", "travel_limit_miles": 1}).replace(
        '"travel_limit_miles": 1', f'"travel_limit_miles": {number}'
    )
    said(raw(client, body), 422, "invalid")


@pytest.mark.parametrize("body", ["{", b"\xff", "[" * 100_000, "1" * 5_000, ""])
def test_what_is_no_json_is_told_so(client: TestClient, body: str | bytes) -> None:
    """Nothing that is sent as a body ends in a fault of ours."""
    assert raw(client, body).status_code in (400, 422)


def test_text_is_composed_one_way(client: TestClient) -> None:
    """An accent written apart from its letter is stored as one character."""
    made = client.post(NEEDS, json=NEED | {"reference": "n", "agreed_by": "chargee\u0301e"})
    assert made.json()["agreed_by"] == "charge\u00e9e"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=5_0",
        "limit=%2B5",
        "limit=5.0",
        "limit=%205",
        "after=-1",
        f"after={10**30}",
        "area=x",
        "perod=2026",
        "limit=1&limit=2",
    ],
)
def test_a_query_that_means_nothing_is_refused(client: TestClient, query: str) -> None:
    """A misspelt filter is not silently none."""
    problem = said(client.get(f"{NEEDS}?{query}"), 422, "invalid")
    assert problem["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/api/v1/institutions/100000"),
        ("GET", "/api/v1/institutions/100000/measures"),
        ("GET", "/api/v1/runs/1/events"),
        ("POST", "/api/v1/runs/1/cancellation"),
        ("POST", NEEDS),
    ],
)
def test_no_operation_takes_a_parameter_it_does_not_know(
    client: TestClient, method: str, path: str
) -> None:
    """Of any operation, list or not: one that is misspelt is named, not passed over."""
    problem = said(client.request(method, f"{path}?prety=1", json=NEED), 422, "invalid")
    assert {"prety"} == {error.get("parameter") for error in problem["errors"]} - {None}


@pytest.mark.parametrize("path", ["institutions/100_000", "runs/%201", "runs/+1", "runs/1.0"])
def test_a_number_in_an_address_is_written_in_digits(client: TestClient, path: str) -> None:
    """What Python would read as a number is no second address of the same thing."""
    said(client.get(f"/api/v1/{path}"), 422, "invalid")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs", {"operation": "validate", "of_run": "1", "plan": {}}),
        ("organisations", {"key": "k", "name": "n", "kind": "hub", "group_uid": "1"}),
        ("embed-tokens", {"layer": "partner", "origins": ["https://a.example"], "run_id": "1"}),
    ],
)
def test_a_number_in_a_body_is_no_text(client: TestClient, path: str, body: Any) -> None:
    """The document says integer, and text is none."""
    problem = said(client.post(f"/api/v1/{path}", json=body), 422, "invalid")
    assert [error["detail"] for error in problem["errors"]] == ["Input should be a valid integer"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("needs", {f"unknown-{number}": 1 for number in range(2_000)}),
        ("runs", {"period": YEAR, "takers": [1] * 2_000}),
        ("runs", {"area": "x", "period": YEAR, "options": {"pins": [1] * 2_000}}),
        ("offers", NEED | {"phases": [1] * 2_000}),
        ("organisations", {"key": "k", "name": "n", "kind": "hub", "areas_served": [1] * 2_000}),
    ],
)
def test_what_is_wrong_throughout_is_told_early(client: TestClient, path: str, body: Any) -> None:
    """A body of a thousand faults is not searched for all of them, of which few would be told."""
    problem = said(client.post(f"/api/v1/{path}", json=body), 422, "invalid")
    assert len(problem["errors"]) < 5


@pytest.mark.parametrize("path", ["/health", NEEDS, f"{NEEDS}/n", "/api/v1/needs/none"])
def test_head_is_answered_as_get_without_content(client: TestClient, path: str) -> None:
    """Whoever only wants to know whether something changed need not take it."""
    client.post(NEEDS, json=NEED | {"reference": "n"})
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/api/v1/institutions?q=%00", "/api/v1/networks?q=%00a"])
def test_a_search_for_what_cannot_be_is_refused(client: TestClient, path: str) -> None:
    """A NUL in a query reaches no database."""
    said(client.get(path), 422, "invalid")


def test_methods_media_and_lengths(client: TestClient) -> None:
    """405 names every method of the address, 406, 415 and 413 what is possible instead."""
    answer = client.delete(f"{NEEDS}/x")
    said(answer, 405, "method-not-possible")
    assert answer.headers["allow"] == "GET, HEAD, PUT"
    assert client.patch(NEEDS).headers["allow"] == "GET, HEAD, POST"
    said(client.get("/api/v1/nothing"), 404, "not-found")
    said(client.get(NEEDS, headers={"Accept": "image/png"}), 406, "not-acceptable")
    said(client.get(f"{NEEDS}/x", headers={"Accept": "text/csv"}), 406, "not-acceptable")
    said(raw(client, "{}", **{"Content-Type": "text/plain"}), 415, "unsupported-media")
    said(raw(client, " " * (2**20 + 1)), 413, "too-long")


@pytest.mark.parametrize("path", ["imports/needs", "needs", "runs", "nothing"])
@pytest.mark.parametrize("key", ["", "Bearer gt_00000000_" + "x" * 43])
def test_of_strangers_no_body_is_read(client: TestClient, path: str, key: str) -> None:
    """Without a valid key the answer comes before the first byte of a body, whatever its form."""
    headers = {"Authorization": key, "Content-Type": "multipart/form-data; boundary=x"}
    sent: list[bytes] = []

    async def receive() -> Any:
        sent.append(b"x")
        return {"type": "http.request", "body": b"x", "more_body": True}

    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/api/v1/{path}",
        "raw_path": f"/api/v1/{path}".encode(),
        "query_string": b"",
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in (headers | {"Transfer-Encoding": "chunked"}).items()
        ],
        "app": client.app,
    }
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]  # a coroutine
    assert answers[0]["status"] == 401
    assert (b"connection", b"close") in answers[0]["headers"]
    assert sent == []


def test_a_list_as_csv_is_all_of_it_as_filtered(client: TestClient) -> None:
    """The same filters, no pages, and no cell that a spreadsheet would run."""
    for number in range(3):
        body = NEED | {"reference": f"n{number}", "agreed_by": "=1+1", "days": number + 1}
        client.post(NEEDS, json=body)
    client.post(NEEDS, json=NEED | {"reference": "other", "participant": "100001"})
    answer = client.get(
        f"{NEEDS}?participant=100000&limit=1", headers={"Accept": "text/csv, */*;q=0.1"}
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert [line.split(",")[0] for line in lines] == ["reference", "n0", "n1", "n2"]
    assert "'=1+1" in lines[1]


@pytest.mark.parametrize(
    ("accepted", "form"),
    [
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("image/png, text/csv;q=0.5", "text/csv"),
        ("text/csv;q=0.1, */*", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_a_list_comes_in_a_form_that_is_accepted(
    client: TestClient, accepted: str, form: str
) -> None:
    """The most wanted of those that a list is offered as, whatever else is wanted more."""
    answer = client.get(NEEDS, headers={"Accept": accepted})
    assert answer.headers["content-type"].partition(";")[0] == form


def test_files_that_would_not_be_read_are_refused(client: TestClient, database: Database) -> None:
    """Two files for one field, or a file in a field that is none: neither is dropped unsaid."""
    content = f"reference,participant,expertise,period,days\na,100000,maths,{YEAR},2\n"
    twice = [("file", ("a.csv", content)), ("file", ("b.csv", content))]
    problem = said(client.post("/api/v1/imports/needs", files=twice), 422, "invalid")
    assert problem["errors"] == [{"detail": "is given more than once", "pointer": "#/file"}]
    foreign = {"file": ("a.csv", content), "groups": ("b.csv", content)}
    problem = said(client.post("/api/v1/imports/needs", files=foreign), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["#/groups"]
    assert count(database, Need) == 0


def test_no_offer_stands_at_the_address_of_an_answer(client: TestClient) -> None:
    """What was made can be read where its `Location` says, so some references cannot be."""
    problem = said(
        client.post("/api/v1/offers", json=NEED | {"reference": "a/availability"}), 422, "invalid"
    )
    assert problem["errors"][0]["pointer"] == "#/reference"
    made = client.post("/api/v1/offers", json=NEED | {"reference": "a/availability/1"})
    assert client.get(made.headers["location"]).json()["reference"] == "a/availability/1"
    assert client.get(f"{made.headers['location']}/availability").status_code == 200


def test_moments_are_answered_in_utc(client: TestClient) -> None:
    """Whatever the zone of what was sent: the creation's answer is what is read later."""
    client.post(NEEDS, json=NEED | {"reference": "n"})
    client.post("/api/v1/offers", json=NEED | {"participant": "100001", "reference": "o"})
    pin = {"need": "n", "offer": "o", "reason": "r", "expires_at": "2199-01-01T00:00:00+14:00"}
    made = client.post("/api/v1/pins", json=pin)
    assert made.json()["expires_at"] == "2198-12-31T10:00:00Z"
    assert client.get(made.headers["location"]).json() == made.json()


def test_every_answer_is_careful_and_can_be_traced(client: TestClient) -> None:
    """A caller's request id comes back, one that could forge a log line does not."""
    answer = client.get(NEEDS, headers={"X-Request-ID": "broker-7"})
    assert answer.headers["x-request-id"] == "broker-7"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "Authorization" in answer.headers["vary"]
    forged = client.get(NEEDS, headers={"X-Request-ID": "a b\tstatus=200"})
    assert forged.headers["x-request-id"].isalnum()


def test_changes_are_on_record_under_their_key(client: TestClient, database: Database) -> None:
    """The audit names the key that acted, and the list of it pages and filters."""
    client.post(NEEDS, json=NEED | {"reference": "n"})
    with database.read() as session:
        prefix = session.scalars(select(ApiKey.prefix)).one()
    events = client.get("/api/v1/audit-events?action=need.").json()["items"]
    assert [(e["actor"], e["subject"]) for e in events] == [(f"key:{prefix}", "need:n")]
    assert count(database, AuditEvent) == 2


def test_the_log_says_why_the_database_did_not_answer() -> None:
    """Callers are told to come again; who keeps the service running must know of a full disk."""
    full = OperationalError("INSERT", None, Exception("database or disk is full\nat a row"))
    with capture_logs() as logs:
        answer = problems.answer(Request({"type": "http"}), full)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert b"disk" not in answer.body
    assert [each["reason"] for each in logs] == ["database or disk is full"]
