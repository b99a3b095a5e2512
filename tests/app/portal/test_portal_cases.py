"""The page of a need on any date."""

import pytest

from app.database import Database
from app.portal.pages.cases import WRONG_DAY
from tests import runs
from tests.portal import Visitor

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
    then = who.open(f"{CASE}?day=1&month=9&year=2026")
    assert "As it was on 1 September 2026" in then.text
    assert "There was no proposal for this need yet." in then.text
