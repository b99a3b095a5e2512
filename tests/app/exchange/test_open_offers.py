"""Open offers: what is open to many schools is listed for all, and kept by whoever gives it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.access.policy import Principal, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.events.verify import verify
from app.exchange import open_offers
from app.exchange.finding import origin_of
from app.exchange.open_offers import BadOpenOffer, NewOpenOffer
from models.vocabulary import OpenOfferKind, Role, ScopeKind
from tests import rows
from tests.callers import keyed, said
from tests.factories import acting
from tests.portal import broker

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = NOW.date()
API = "/api/v1/open-offers"
BODY = {
    **{"reference": "open", "participant": "2", "expertise": "reading", "kind": "open_day"},
    **{"title": "made up", "starts": "2026-11-10", "ends": "2026-11-10"},
}


def contact(urn: int) -> Principal:
    scope = Scope(ScopeKind.INSTITUTION, str(urn))
    return acting(Role.CONTACT, name=f"contact {urn}", scope=scope)


@pytest.fixture
def exchange(database: Database) -> Database:
    """A school that looks, and two that offer, the second of them nearer."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 1)
        rows.add_school(session, 2, 9)
        rows.add_school(session, 3, 4)
    return database


def add(database: Database, who: Principal | None = None, **changes: Any) -> None:
    new = {
        **{"reference": "open", "participant": "2", "expertise": "reading", "title": "made up"},
        **{"kind": OpenOfferKind.OPEN_DAY, "starts": DAY, "ends": DAY + timedelta(days=9)},
    }
    with database.write() as session:
        made = NewOpenOffer(**(new | changes))
        open_offers.create(session, who or contact(int(made.participant)), made, now=NOW)


def listed(database: Database, near: str = "", day: date = DAY, **wanted: Any) -> list[str]:
    with database.read() as session:
        origin = origin_of(session, near) if near else None
        found = open_offers.list_open(session, day, origin=origin, **wanted)
    return [each["reference"] for each in found]


def test_what_stands_is_listed_nearest_first(exchange: Database) -> None:
    """Until it is over or withdrawn, for one kind of expertise or giver if asked."""
    add(exchange)
    add(exchange, reference="near", participant="3", starts=DAY + timedelta(days=2))
    add(exchange, reference="maths", expertise="maths")
    assert listed(exchange) == ["open", "maths", "near"]
    assert listed(exchange, "1") == ["near", "open", "maths"]
    assert listed(exchange, "1", limit=1) == ["near"]
    assert listed(exchange, expertise={"maths"}) == ["maths"]
    assert listed(exchange, participant="urn:3") == ["near"]
    assert listed(exchange, day=DAY + timedelta(days=10)) == []
    with exchange.write() as session:
        open_offers.withdraw(session, contact(3), "near", version=1, now=NOW)
    assert listed(exchange, "1") == ["open", "maths"]
    with exchange.read() as session:
        assert verify(session).fault is None


def test_only_its_giver_keeps_it(exchange: Database) -> None:
    """Confirming it sets the day that everybody sees."""
    with pytest.raises(Forbidden):
        add(exchange, contact(3))
    add(exchange)
    later = NOW + timedelta(days=3)
    with exchange.write() as session, pytest.raises(NotFound):
        open_offers.confirm(session, contact(3), "open", now=later)
    with exchange.write() as session, pytest.raises(Stale):
        open_offers.confirm(session, contact(2), "open", version=9, now=later)
    with exchange.write() as session:
        open_offers.confirm(session, contact(2), "open", version=1, now=later)
    with exchange.read() as session:
        [found] = open_offers.list_open(session, DAY)
        assert found["confirmed_on"] == later.date()
    with exchange.write() as session:
        open_offers.withdraw(session, contact(2), "open", now=later)
    with exchange.write() as session, pytest.raises(Conflict, match="was withdrawn"):
        open_offers.confirm(session, contact(2), "open", now=later)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expertise": "wizardry"}, "expertise"),
        ({"ends": DAY - timedelta(days=1)}, "ends"),
        ({"link": "javascript:alert(1)"}, "link"),
    ],
)
def test_what_does_not_fit_is_refused(
    exchange: Database, changes: dict[str, Any], field: str
) -> None:
    """And names its field."""
    with pytest.raises(BadOpenOffer) as refused:
        add(exchange, **changes)
    assert refused.value.field == field


def test_open_offers_over_http(exchange: Database) -> None:
    """Added once, listed near a place, confirmed and withdrawn."""
    with keyed(exchange, NOW) as client:
        once = {"Idempotency-Key": "one"}
        made = client.post(API, json=BODY, headers=once)
        assert made.status_code == 201, made.text
        assert client.post(API, json=BODY, headers=once).json() == made.json()
        assert client.post(API, json=BODY).status_code == 409
        [found] = client.get(f"{API}?near=1&expertise=reading").json()["items"]
        assert (found["miles"], found["kind"], found["participant"]) == (9.0, "open_day", "2")
        assert client.get(f"{API}?expertise=maths").json()["items"] == []
        said(
            client.post(API, json=BODY | {"reference": "x", "participant": "77"}),
            422,
            "bad-open-offer",
        )
        at = {"If-Match": '"1"'}
        assert client.post(f"{API}/open/confirmation", headers=at).json()["version"] == 2
        assert client.post(f"{API}/open/withdrawal", headers=at).status_code == 412
        gone = client.post(f"{API}/open/withdrawal", headers={"If-Match": "*"})
        assert gone.json()["withdrawn"]
        assert client.get(API).json()["items"] == []


def test_open_offers_in_the_portal(exchange: Database) -> None:
    """Listed beside what is found, and kept on the page of who offers them."""
    who = broker(exchange, NOW)
    page = who.open("/find/open/new?participant=2")
    wrong = who.send(page, "/find/open/new", title="", kind="open_day")
    assert "Enter a title" in wrong.text
    filled = {"title": "See <b>phonics</b>", "kind": "open_day", "expertise": "reading"}
    filled |= {"starts": "10/11/2026", "ends": "12/11/2026", "link": "https://example.org/x"}
    saved = who.send(page, "/find/open/new", **filled)
    assert "See <b>phonics</b>" in saved.text
    assert "https://example.org/x" in saved.links
    beside = who.open("/find?help=reading&near=1")
    assert "Open to many schools" in beside.text
    reference = page.form("/find/open/new").fields["reference"][0]
    again = who.send(saved, f"/find/open/{reference}/confirmation")
    assert "Last confirmed 2 November 2026" in again.text
    gone = who.send(again, f"/find/open/{reference}/withdrawal")
    assert "See <b>phonics</b>" not in gone.text
