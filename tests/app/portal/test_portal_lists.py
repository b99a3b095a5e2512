"""Lists of the portal: what they come to, their order, and the filter that is remembered."""

import pytest

from app.database import Database
from tests import rows
from tests.callers import csv_rows
from tests.portal import BASE, Visitor, broker
from tests.runs import FREELY, match


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """Two schools with needs of other days and priorities, and a hub that can meet both."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        ash = rows.add_school(session, 2, name="Ash School")
        rows.add_network(session, "north", [ash])
        rows.add_need(session, "n-oak", oak, half_days=4, priority=1)
        rows.add_need(session, "n-ash", ash, half_days=6, half_days_min=6, priority=4)
        rows.add_offer(session, "o", rows.add_hub(session, "hub"), half_days=20, max_pairings=2)
    return sqlite_database


@pytest.fixture
def who(exchange: Database) -> Visitor:
    return broker(exchange)


def before(text: str, first: str, second: str) -> bool:
    """Whether one stands before the other in the table."""
    table = text.partition("What has come of it")[2]
    return table.index(first) < table.index(second)


def test_a_list_tells_what_it_comes_to_and_sorts_by_its_columns(who: Visitor) -> None:
    """Totals are of all that match; each head of a column is a link that sorts by it."""
    page = who.open("/needs")
    assert "1 to 2 of 2 needs: 5 days" in page.text
    assert "Nothing yet 2 (5 days)" in page.text
    assert f"{BASE}/needs?sort=participant" in page.links
    page = who.open("/needs?sort=participant")
    assert before(page.text, "Ash School", "Oak School")
    assert f"{BASE}/needs?sort=-participant" in page.links
    assert before(who.open("/needs?sort=priority").text, "Oak School", "Ash School")
    assert (
        "1 to 1 of 1 needs that match the filter: 3 days" in who.open("/needs?network=north").text
    )
    found = csv_rows(who.client.get(f"{BASE}/needs?sort=-days&as=csv"))
    assert [row["reference"] for row in found] == ["n-ash", "n-oak"]


def test_the_last_filter_is_remembered_until_it_is_cleared(who: Visitor) -> None:
    """Of each list by itself; a page number is not kept, and an empty form forgets."""
    who.open("/needs?q=oak&sort=-days&page=1")
    answer = who.client.get(f"{BASE}/needs", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{BASE}/needs?q=oak&sort=-days",
    )
    assert "Ash School" not in who.open("/needs").text
    assert "1 to 1 of 1 offers" in who.open("/offers").text
    assert "Ash School" in who.open("/needs?clear=yes").text
    assert "Ash School" in who.open("/needs").text
    who.open("/needs?q=oak")
    who.open("/needs?q=&sort=")
    assert "Ash School" in who.open("/needs").text


def test_nobody_who_signs_in_next_finds_a_filter(who: Visitor, exchange: Database) -> None:
    """At the same browser, another visit begins anew."""
    who.open("/needs?q=oak")
    kept = {cookie.name: cookie for cookie in who.client.cookies.jar}["givetake-list"]
    assert kept.path == f"{BASE}/needs"
    other = broker(exchange)
    other.client.cookies.set("givetake-list", kept.value or "", domain=kept.domain, path=kept.path)
    assert "Ash School" in other.open("/needs").text


def test_proposals_of_all_runs_are_listed_and_decided_on(who: Visitor, exchange: Database) -> None:
    """A filter holds across runs; what is decided leads back to the same list."""
    match(exchange, FREELY)
    page = who.open("/proposals?priority=1")
    assert "1 to 1 of 1 proposals that match the filter: 2 days" in page.text
    page = who.send(page, "/proposals/decide", action="prefer", all="yes")
    assert "Success 1 proposal" in page.text
    assert "1 to 1 of 1 proposals that match the filter" in page.text
    assert "1 to 1 of 1 proposals" in who.open("/proposals?open=yes&state=proposed").text
    listed = csv_rows(who.client.get(f"{BASE}/proposals?as=csv&sort=taker"))
    assert [(row["run"], row["taker_name"]) for row in listed] == [
        ("1", "Ash School"),
        ("1", "Oak School"),
    ]
