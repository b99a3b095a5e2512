"""Finding institutions near a place through the portal's page."""

import pytest

from app.database import Database
from tests import rows
from tests.callers import csv_rows
from tests.geocoders import geocoder, nominatim
from tests.portal import BASE, Visitor


@pytest.fixture
def exchange(database: Database) -> Database:
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100000, 7, name="Yew Primary School")
        rows.add_school(session, 100001, 0, name="Oak Primary School", postcode="ZZ1 2AB")
        rows.add_school(session, 100002, 3, name="Ash Primary School")
        rows.add_school(session, 100003, 4, name="Elm Primary School", in_scope=False)
        for urn in range(100100, 100130):
            rows.add_school(session, urn, 40, name=f"Far School {urn}")
    return database


def order(text: str) -> list[str]:
    """The trees of the schools that a page lists, in its order."""
    names = [name for name in ("Oak", "Ash", "Elm", "Yew") if f"{name} Primary" in text]
    return sorted(names, key=lambda name: text.index(f"{name} Primary"))


def test_institutions_near_a_place_are_listed_nearest_first(who: Visitor) -> None:
    """With the miles to each, within those chosen, closed ones only when asked for."""
    page = who.open("/institutions?near=zz1+2ab&miles=10")
    assert order(page.text) == ["Oak", "Ash", "Yew"]
    assert "Within 10 miles of zz1 2ab, nearest first." in page.text
    assert "The position is that of an institution with the postcode ZZ1 2AB." in page.text
    assert "1 to 3 of 3 results" in page.text
    assert ">3.0</td>" in who.client.get(f"{BASE}/institutions?near=ZZ1&miles=5").text
    assert order(who.open("/institutions?near=ZZ1&miles=5").text) == ["Oak", "Ash"]
    assert order(who.open("/institutions?near=ZZ1&miles=5&closed=yes").text) == [
        "Oak",
        "Ash",
        "Elm",
    ]
    assert order(who.open("/institutions?near=ZZ1&miles=5&q=ash").text) == ["Ash"]
    nothing = who.open("/institutions?near=52,0&miles=1").text
    assert "No results within 1 mile of 52,0." in nothing
    assert order(who.open("/institutions?near=ZZ1&miles=lots").text) == ["Oak", "Ash", "Yew"]


def test_pages_and_tables_keep_the_place(who: Visitor) -> None:
    """What follows, and the CSV file, are of the same place and miles."""
    page = who.client.get(f"{BASE}/institutions?near=ZZ1&miles=50").text
    assert "1 to 25 of 33 results" in page
    assert "near=ZZ1&amp;miles=50&amp;page=2" in page
    assert "26 to 33 of 33 results" in who.open("/institutions?near=ZZ1&miles=50&page=2").text
    table = who.client.get(f"{BASE}/institutions?near=ZZ1&miles=5&as=csv")
    found = [(row["reference"], row["miles"]) for row in csv_rows(table)]
    assert found == [("urn:100001", "0.0"), ("urn:100002", "3.0")]


def test_a_place_that_nobody_knows_is_told_beside_the_field(who: Visitor) -> None:
    """What was typed stays in the form, as text whatever it is."""
    page = who.open("/institutions?near=<b>XYZ&q=oak&as=csv")
    assert page.status == 422
    assert "No place was found for '<b>XYZ'. Enter a postcode, like CT17 0DQ." in page.text
    assert order(page.text) == []
    raw = who.client.get(f"{BASE}/institutions?near=<b>XYZ").text
    assert 'value="&lt;b&gt;XYZ"' in raw
    assert 'aria-describedby="near-hint near-error"' in raw
    assert "<title>Error: " in raw


def test_a_server_that_fails_is_told(who: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page stands with the sentence; with a postcode it lists what is near its district."""
    with geocoder(monkeypatch) as server:
        server.body = nominatim((55.0, 2.0), name="<i>Castle</i>")
        found = who.client.get(f"{BASE}/institutions?near=Castle&miles=5").text
        assert order(found) == ["Oak", "Ash"]
        assert "gives for &lt;i&gt;Castle&lt;/i&gt;." in found
        server.status = 500
        failed = who.open("/institutions?near=Keep")
        assert failed.status == 503
        assert "The address lookup service did not answer. Enter a postcode" in failed.text
        nearby = who.open("/institutions?near=ZZ1+9ZZ&miles=5")
        assert (nearby.status, order(nearby.text)) == (200, ["Oak", "Ash"])
        assert "The address lookup service did not answer." in nearby.text
