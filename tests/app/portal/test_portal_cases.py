"""The page of a need on any date."""

import pytest

from app.access.keys import principal_of
from app.database import Database, database_now
from app.portal.forms import WRONG_DAY
from app.proposals import decisions
from models.matching import RuleException
from models.vocabulary import DecisionAction
from tests import runs
from tests.callers import keyed
from tests.factories import new_key
from tests.portal import BASE, Visitor

CASE = "/needs/N/case"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


def test_a_need_shows_its_case_on_any_date(who: Visitor) -> None:
    """From the need's own page; with a date that is wrong or too early, what to enter instead."""
    need = who.open("/needs/N")
    assert "Its proposals and decisions on any date" in need.text
    now = who.open(CASE)
    assert now.faults == []
    assert "Ash School, 2 days" in now.text
    for query, reason in (
        ("day=31&month=2&year=2026", WRONG_DAY),
        ("day=x", WRONG_DAY),
        ("day=1&month=1&year=2020", "was recorded on"),
    ):
        wrong = who.open(f"{CASE}?{query}")
        assert wrong.status == 422
        assert reason in wrong.text
        assert wrong.faults == []
    ahead = who.open(f"{CASE}?day=1&month=9&year=2999")
    assert (ahead.status, "That date has not come yet" in ahead.text) == (200, True)
    assert "That date has not come yet" not in now.text
    kept = who.client.get(f"{BASE}{CASE}?as=json&day=1&month=9&year=2999")
    assert kept.headers["content-disposition"] == 'attachment; filename="N-2999-09-01.json"'
    assert kept.json()["need"]["reference"] == "N"
    then = who.open(f"{CASE}?day=1&month=9&year=2026")
    assert "As it was on 1 September 2026" in then.text
    assert "There was no proposal for this need yet." in then.text


def test_a_case_names_who_decided_by_label_and_role(exchange: Database, who: Visitor) -> None:
    """On the page and over HTTP, and never by how a key begins."""
    with exchange.write() as session:
        broker = principal_of(session, new_key(session, label="desk"))
        decisions.decide(session, broker, 1, DecisionAction.PREFER, hold_days=60)
        exception = {"proposal_id": 1, "rule": "too_far", "reason": "made up", "figures": {}}
        session.add(RuleException(**exception, author=broker.name, at=database_now(session)))
    page = who.open(CASE)
    assert (page.status, page.faults) == (200, [])
    assert ", by desk (administrator)" in page.text
    assert "Exception by desk (administrator)" in page.text
    with keyed(exchange) as client:
        (told,) = client.get(f"/api/v1{CASE}").json()["proposals"]
    (decided,), (allowed,) = told["decisions"], told["exceptions"]
    assert decided["author"] == allowed["author"] == "desk (administrator)"
