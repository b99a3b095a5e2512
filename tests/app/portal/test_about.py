"""Pages that every public service has: the same for everybody, at the foot of each page."""

import pytest

from app.database import Database
from app.portal.rendering import ABOUT
from tests.portal import BASE, anybody, broker

CONTACT = "support@example.org, 01632 960000 from 9am to 4pm"


@pytest.mark.parametrize("name", ABOUT)
def test_a_page_about_the_service_is_open_to_everybody(
    sqlite_database: Database, name: str
) -> None:
    """Whoever signs in or not: with the name, what to do, and who runs the service."""
    named = {"operator": "Made-up County", "help_contact": CONTACT}
    for who in (anybody(sqlite_database, **named), broker(sqlite_database, **named)):
        answer = who.client.get(f"{BASE}/about/{name}")
        assert answer.status_code == 200
        assert f'<h1 class="govuk-heading-xl">{ABOUT[name]}</h1>' in answer.text
        for other in ABOUT:
            assert f'href="{BASE}/about/{other}"' in answer.text
        if name != "cookies":
            assert CONTACT in answer.text
            assert "Made-up County" in answer.text


def test_the_sign_in_page_leads_to_them(sqlite_database: Database) -> None:
    page = anybody(sqlite_database).client.get(f"{BASE}/sign-in").text
    assert all(f"{BASE}/about/{name}" in page for name in ABOUT)


def test_the_page_on_cookies_names_each(sqlite_database: Database) -> None:
    """How long each is kept is that of the sessions themselves."""
    page = " ".join(anybody(sqlite_database).open("/about/cookies").text.split())
    assert "12 hours, or 30 minutes without a page opened" in page
    assert "10 minutes" in page


def test_the_operators_own_notice_is_linked(sqlite_database: Database) -> None:
    notice = "https://county.example.org/privacy"
    who = anybody(sqlite_database, privacy_notice=notice)
    page = who.client.get(f"{BASE}/about/privacy").text
    assert f'href="{notice}"' in page


def test_there_are_no_other_pages_about_the_service(sqlite_database: Database) -> None:
    answer = anybody(sqlite_database).client.get(f"{BASE}/about/parts")
    assert answer.status_code == 404
    assert "was not found" in answer.text
