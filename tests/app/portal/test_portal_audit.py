"""The audit in the portal: for auditors, without JavaScript, page by page."""

from typing import Any

import pytest
from sqlalchemy import text

from app.access.policy import Role
from app.database import Database
from app.portal.pages.audit import PER_PAGE
from tests import rows
from tests.audit import beneath
from tests.portal import Page, Visitor, broker
from tests.traffic import a_day


@pytest.fixture
def who(sqlite_database: Database) -> Visitor:
    a_day(sqlite_database, pairs=6)
    who = broker(sqlite_database)
    who.limit_to(Role.AUDITOR)
    return who


def asked(who: Visitor, **query: Any) -> Page:
    filled = "&".join(f"{name.replace('_', '-')}={value}" for name, value in query.items())
    return who.open(f"/audit?{filled}")


def test_an_auditor_comes_to_the_audit_and_reads_it_by_pages(who: Visitor) -> None:
    """From the first page, the newest event first, with what to note outside."""
    home = who.open("/")
    assert "/portal/audit" in home.links
    page = who.open("/audit")
    assert page.faults == []
    assert "Last event: " in page.text
    numbers = []
    while True:
        numbers += [int(each.split()[0]) for each in page.text.split("Details of event ")[1:]]
        older = [link for link in page.links if "before=" in link and "actor" not in link]
        older = [link for link in older if "subject" not in link]
        if not older:
            break
        page = who.open(older[0].removeprefix("/portal"))
    assert len(numbers) > PER_PAGE
    assert numbers == list(range(numbers[0], 0, -1))


def test_events_are_filtered(who: Visitor) -> None:
    """By who, action, subject and days; a wrong day is told at its field."""
    page = asked(who, subject="need:n1")
    assert page.text.count("Details of event") == 2
    assert "need.change" in page.text
    page = asked(who, action="proposal.", actor="terminal")
    assert "need." not in page.text.split("Events, newest first")[1]
    assert page.text.count("Details of event") > 5
    future = {"from_day": 1, "from_month": 1, "from_year": 2099}
    assert "No events match the filter." in asked(who, **future).text
    past = {"to_day": 1, "to_month": 1, "to_year": 2001}
    assert "No events match the filter." in asked(who, **past).text
    last = {"to_day": 31, "to_month": 12, "to_year": 9999}
    assert asked(who, **last).text.count("Details of event") == PER_PAGE
    wrong = asked(who, from_day=31, from_month=2, from_year=2026)
    assert (wrong.status, "Enter a real date" in wrong.text) == (422, True)
    listed = who.client.get("/portal/audit", params={"as": "csv", "subject": "need:n1"})
    assert listed.text.removeprefix("\ufeff").startswith("sequence,at,actor,action,subject")
    assert len(listed.text.splitlines()) == 3


def test_the_audit_is_checked(who: Visitor, sqlite_database: Database) -> None:
    """With an anchor or without; what was changed is told in a sentence."""
    page = who.open("/audit/check")
    assert "The audit is intact" not in page.text
    (anchor,) = [each for each in page.text.split() if ":" in each and len(each) > 64]
    assert "The audit is intact: " in who.open("/audit/check?anchor=").text
    assert "The audit is intact: " in who.open(f"/audit/check?anchor={anchor}").text
    wrong = who.open("/audit/check?anchor=x")
    assert (wrong.status, "must be the number and hash" in wrong.text) == (422, True)
    with beneath(sqlite_database) as connection:
        connection.execute(text("update proposal set half_days = 1 where id = 1"))
    page = who.open("/audit/check?anchor=")
    assert "The audit or a record was changed" in page.text
    assert "Proposal 1 is not as event" in page.text


def test_others_do_not_see_it(sqlite_database: Database) -> None:
    """Neither the pages nor a link to them."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
    who = broker(sqlite_database)
    who.limit_to(Role.BROKER)
    assert not [link for link in who.open("/").links if "audit" in link]
    for path in ("/audit", "/audit/check"):
        assert who.open(path).status == 403
