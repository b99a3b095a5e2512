"""Who was asked to declare interests, and what they answered: over HTTP and on pages."""

from collections.abc import Iterator
from datetime import date

import pytest
from fastapi.testclient import TestClient

from app.access.policy import TERMINAL, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound
from app.events.verify import verify
from app.interests import questions
from app.interests.questions import BadQuestion
from app.portal.labels import QUESTION_FIELDS
from models.vocabulary import InterestAnswer, Role, ScopeKind
from tests import rows
from tests.callers import csv_rows, keyed, said
from tests.factories import acting
from tests.portal import Visitor

AT = "/api/v1/interest-questions"
ASKED = {"participant": "1", "asked_role": "chair of governors", "asked_on": "2026-09-01"}
NONE = {"answer": "none", "answered_by": "clerk to governors", "answered_on": "2026-09-02"}
NO = InterestAnswer.NONE
FIRST, NEXT = date(2026, 9, 1), date(2026, 9, 2)


@pytest.fixture
def exchange(database: Database) -> Database:
    """Two schools, each in an area of its own."""
    with database.write() as session:
        rows.add_calendar(session)
        for urn in (1, 2):
            rows.add_school(session, urn, local_authority_code=f"90{urn}")
    return database


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with keyed(exchange) as client:
        yield client


def test_asked_and_answered_over_http(client: TestClient, exchange: Database) -> None:
    """By role and day; the same answer again is the same, and another needs another question."""
    headers = {"Idempotency-Key": "k"}
    once, again = (client.post(AT, json=ASKED, headers=headers) for _ in range(2))
    assert (once.status_code, again.text) == (201, once.text)
    made = once.json()
    assert (made["participant"], made["participant_name"], made["answer"]) == (
        "1",
        "School 1",
        None,
    )
    where = f"{AT}/{made['id']}/answer"
    tag = {"If-Match": once.headers["etag"]}
    told = client.post(where, json=NONE, headers=tag)
    assert (told.status_code, told.json()["answer"]) == (200, "none"), told.text
    assert client.post(where, json=NONE, headers=tag).json() == told.json()
    other = NONE | {"answer": "declared"}
    said(client.post(where, json=other, headers=tag), 412, "stale")
    fresh = {"If-Match": told.headers["etag"]}
    said(client.post(where, json=other, headers=fresh), 409, "conflict")
    assert client.get(f"{AT}/{made['id']}").json() == told.json()
    assert client.get(AT, params={"answered": "false"}).json()["items"] == []
    assert len(client.get(AT, params={"participant": "1"}).json()["items"]) == 1
    assert client.get(AT, params={"participant": "2"}).json()["items"] == []
    (row,) = csv_rows(client.get(AT, headers={"Accept": "text/csv"}))
    assert row["answered_by"] == "clerk to governors"
    said(client.post(AT, json=ASKED | {"participant": "99"}), 404, "not-found")
    said(client.post(AT, json=ASKED | {"asked_on": "2999-01-01"}), 422, "invalid")
    with exchange.read() as session:
        assert verify(session).fault is None


def test_days_follow_each_other(exchange: Database) -> None:
    """Nobody answers before they were asked, or in time to come; and somebody is named by role."""
    with exchange.write() as session:
        made = questions.ask(session, TERMINAL, "1", "head", NEXT).id
    for role, day in (("head", FIRST), ("head", date(2999, 1, 1)), (" ", NEXT)):
        with exchange.write() as session, pytest.raises(BadQuestion):
            questions.answer(session, TERMINAL, made, NO, role, day)
    with exchange.write() as session, pytest.raises(BadQuestion):
        questions.ask(session, TERMINAL, "1", "", NEXT)
    with exchange.write() as session:
        questions.answer(session, TERMINAL, made, NO, "head", NEXT)
    with exchange.write() as session, pytest.raises(Conflict):
        questions.answer(session, TERMINAL, made, InterestAnswer.DECLARED, "head", NEXT)


@pytest.mark.parametrize("role", [Role.BROKER, Role.CONTACT])
def test_each_area_has_its_own(exchange: Database, role: Role) -> None:
    """What is asked elsewhere is neither seen nor changed; a viewer changes nothing."""
    here, there = (
        acting(role, name=f"x{n}", scope=Scope(ScopeKind.INSTITUTION, n))
        if role is Role.CONTACT
        else acting(role, name=f"x{n}", scope=Scope(ScopeKind.AREA, f"90{n}"))
        for n in ("1", "2")
    )
    with exchange.write() as session:
        made = questions.ask(session, here, "1", "head", FIRST).id
    with exchange.write() as session, pytest.raises(NotFound):
        questions.ask(session, there, "1", "head", FIRST)
    with exchange.write() as session, pytest.raises(NotFound):
        questions.answer(session, there, made, NO, "head", FIRST)
    viewer = acting(Role.VIEWER, scope=Scope(ScopeKind.AREA, "901"))
    with exchange.write() as session, pytest.raises(Forbidden):
        questions.answer(session, viewer, made, NO, "head", FIRST)
    with exchange.read() as session:
        assert questions.list_questions(session, there) == []
        assert [row["id"] for row in questions.list_questions(session, viewer)] == [made]
    with exchange.write() as session:
        questions.answer(session, here, made, NO, "head", FIRST)


def test_asked_and_answered_on_pages(exchange: Database, who: Visitor) -> None:
    """From the page of the school, which then says both."""
    new = "/participants/1/interests/asked"
    home = who.open("/participants/1")
    assert "Not asked to declare interests yet." in home.text
    form = who.open(new)
    assert form.faults == []
    blank = who.send(form, new)
    assert blank.status == 422
    assert QUESTION_FIELDS["asked_on"].enter in blank.text
    asked = who.send(form, new, asked_role="head", asked_on="1/9/2026")
    assert "Asked to declare interests on 1 September 2026 (head)" in asked.text
    where = "/interest-questions/1"
    form = who.open(where)
    assert form.faults == []
    early = who.send(form, where, answer="none", answered_by="clerk", answered_on="31/8/2026")
    assert (early.status, "cannot have answered on 31 August" in early.text) == (422, True)
    done = who.send(form, where, answer="none", answered_by="clerk", answered_on="2/9/2026")
    assert "They have none: clerk, 2 September 2026." in done.text
    assert f"/portal{where}" not in done.links
