"""What every operation over HTTP has in common, on both databases."""

import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from app.access.keys import revoke_key
from app.access.policy import TERMINAL
from app.database import Database
from app.http import problems
from app.main import create_app
from app.settings import Settings
from models.access import ApiKey, AuditEvent
from models.exchange import Need
from tests.callers import NEED, NEEDS, count, csv_rows, raw, said
from tests.rows import YEAR


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


def test_a_revoked_key_opens_nothing(client: TestClient, database: Database) -> None:
    """Once it is looked up again, within seconds, a revoked key is as good as none."""
    assert client.get(NEEDS).status_code == 200
    with database.write() as session:
        revoke_key(session, TERMINAL, session.scalars(select(ApiKey.prefix)).one())
    end = time.monotonic() + 60
    while client.get(NEEDS).status_code == 200 and time.monotonic() < end:
        time.sleep(0.1)
    said(client.get(NEEDS), 401, "unauthenticated")


def test_many_readers_at_once_are_all_answered(client: TestClient) -> None:
    """More callers than connections and threads: each waits its turn, none is stuck."""
    with ThreadPoolExecutor(60) as pool:
        statuses = pool.map(lambda _: client.get(NEEDS).status_code, range(120))
    assert set(statuses) == {200}


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


@pytest.mark.parametrize("path", ["/health", NEEDS, f"{NEEDS}/n", "/api/v1/needs/none"])
def test_head_is_answered_as_get_without_content(client: TestClient, path: str) -> None:
    """Whoever only wants to know whether something changed need not take it."""
    client.post(NEEDS, json=NEED | {"reference": "n"})
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers.get(name) == got.headers.get(name)


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
    found = csv_rows(answer)
    assert [row["reference"] for row in found] == ["n0", "n1", "n2"]
    assert found[0]["agreed_by"] == "'=1+1"


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
    assert problem["errors"] == [{"detail": "is repeated. Send it once", "pointer": "#/file"}]
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
    wish = {"need": "n", "offer": "o", "reason": "r", "expires_at": "2199-01-01T00:00:00+14:00"}
    made = client.post("/api/v1/exclusions", json=wish)
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


def test_the_log_says_why_the_database_did_not_answer(log_lines: list[Any]) -> None:
    """Callers are told to come again; who keeps the service running must know of a full disk."""
    full = OperationalError("INSERT", None, Exception("database or disk is full\nat a row"))
    answer = problems.answer(Request({"type": "http"}), full)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert b"disk" not in answer.body
    assert [each["reason"] for each in log_lines] == ["database or disk is full"]
