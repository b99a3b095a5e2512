"""Asking, sheets and many answers over HTTP."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader
from sqlalchemy import select

from app.access.policy import Grant, Scope
from app.consent.service import Whom
from app.database import Database
from models.matching import Agreement
from models.vocabulary import Role, ScopeKind
from tests.callers import csv_rows, keyed, said
from tests.consent import NOW, ask, preferred, proposal, states
from tests.factories import new_key

AT = "/api/v1/proposals/1"
MANY = "/api/v1/requests/answers"


@pytest.fixture
def exchange(database: Database) -> Database:
    return preferred(database)


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with keyed(exchange, NOW) as client:
        yield client


def asks(client: TestClient, body: dict[str, Any], **headers: str) -> Any:
    return client.post(f"{AT}/requests", json=body, headers={"If-Match": "*"} | headers)


def test_both_sides_are_asked_once(client: TestClient, exchange: Database) -> None:
    """The same key has the same answer; the list says what is next, and never the link."""
    body = {"taker": 1, "giver": 2, "home_head": 4}
    once, again = (asks(client, body, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (once.status_code, once.text) == (201, again.text)
    assert states(exchange) == [("taker", "open"), ("giver", "waiting"), ("home_head", "open")]
    listed = client.get(f"{AT}/requests")
    assert listed.json()["items"] == once.json()["items"]
    first = listed.json()["items"][0]
    assert (first["party"], first["contact"], first["role"]) == ("taker", 1, "headteacher")
    assert (first["next_clock"], first["expires_at"]) == (
        "2026-09-04T12:00:00Z",
        "2026-09-09T12:00:00Z",
    )
    assert "token" not in listed.text
    assert "nonce" not in listed.text
    rows = csv_rows(client.get(f"{AT}/requests", headers={"Accept": "text/csv"}))
    assert [row["state"] for row in rows] == ["open", "waiting", "open"]
    said(asks(client, {"taker": 2}), 422, "cannot-ask")
    said(asks(client, {"taker": 1}, **{"If-Match": '"1"'}), 412, "stale")
    said(asks(client, {"pupil": 1}), 422, "invalid")


def test_a_release_told_by_telephone(client: TestClient, exchange: Database) -> None:
    """Lets the giver be asked."""
    asks(client, {"giver": 2, "home_head": 4})
    word = {"says": "yes", "said_by": "headteacher", "said_on": "2026-09-02"}
    headers = {"If-Match": "*"}
    wrong = client.post(f"{AT}/release", json=word | {"channel": "in_service"}, headers=headers)
    said(wrong, 422, "not-heard")
    done = client.post(f"{AT}/release", json=word | {"channel": "telephone"}, headers=headers)
    assert done.status_code == 201, done.text
    assert states(exchange) == [("giver", "open"), ("home_head", "yes")]
    later = client.post(f"{AT}/release", json=word | {"channel": "telephone"}, headers=headers)
    said(later, 409, "not-now")


def test_a_sheet_in_three_forms(client: TestClient) -> None:
    """JSON without a word, HTML with its style alone, and a PDF that opens."""
    as_json = client.get(f"{AT}/sheet")
    assert as_json.json()["title"] == "School 2 supporting School 1"
    html = client.get(f"{AT}/sheet", headers={"Accept": "text/html"})
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'sha256-" in html.headers["content-security-policy"]
    assert "<h1>School 2 supporting School 1</h1>" in html.text
    pdf = client.get(f"{AT}/sheet", headers={"Accept": "application/pdf"})
    assert pdf.headers["content-type"] == "application/pdf"
    assert len(PdfReader(BytesIO(pdf.content)).pages) == 1
    assert client.get(f"{AT}/sheet", headers={"Accept": "text/csv"}).status_code == 406
    assert client.get("/api/v1/proposals/99/sheet").status_code == 404


@pytest.fixture
def contact(exchange: Database) -> Iterator[TestClient]:
    """Somebody who speaks for schools 1 and 2, and for nobody else, today."""
    with exchange.write() as session:
        grants = [Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, urn)) for urn in ("1", "2")]
        key = new_key(session, *grants)
    with keyed(exchange, NOW) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


def row(side: str, says: str = "yes", **more: Any) -> dict[str, Any]:
    return {"proposal": 1, "side": side, "says": says, "said_by": "headteacher"} | more


def test_many_answers_are_saved_together(contact: TestClient, exchange: Database) -> None:
    """All of them; open links of these sides are closed, and the same key answers the same."""
    ask(exchange, Whom(1, 2))
    headers = {"Idempotency-Key": "k"}
    body = {"answers": [row("taker"), row("giver")]}
    once, again = (contact.post(MANY, json=body, headers=headers) for _ in range(2))
    assert (once.status_code, again.text) == (201, once.text)
    assert [each["says"] for each in once.json()["items"]] == ["yes", "yes"]
    assert states(exchange) == [("taker", "otherwise"), ("giver", "otherwise")]
    assert proposal(exchange).state == "agreed"


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
def test_one_faulty_answer_saves_none(
    contact: TestClient, exchange: Database, key: dict[str, str]
) -> None:
    """Each faulty row is named by its place and its proposal; the good one is not saved either."""
    rows = [
        row("taker"),
        row("giver", "no"),
        row("taker", proposal=99),
        row("taker"),
        row("giver", said_by="broker"),
    ]
    problem = said(contact.post(MANY, json={"answers": rows}, headers=key), 422, "faulty-answers")
    assert [each["pointer"] for each in problem["errors"]] == [
        "#/answers/1",
        "#/answers/2",
        "#/answers/3",
        "#/answers/4",
    ]
    assert "4 answers cannot be saved. No changes were made." in problem["detail"]
    assert "enter a reason for declining" in problem["errors"][0]["detail"]
    assert "there is no proposal 99" in problem["errors"][1]["detail"]
    assert "answer 1 is of the same side" in problem["errors"][2]["detail"]
    with exchange.read() as session:
        assert session.scalars(select(Agreement)).all() == []
    fixed = contact.post(MANY, json={"answers": [row("taker")]}, headers=key)
    assert fixed.status_code == 201, fixed.text


def test_who_speaks_for_nobody_answers_nothing(exchange: Database) -> None:
    """A broker says who told it, one by one; many at once are of those who speak for a side."""
    with keyed(exchange, NOW) as client:
        problem = said(client.post(MANY, json={"answers": [row("taker")]}), 422, "faulty-answers")
    assert "as the channel" in problem["errors"][0]["detail"]
