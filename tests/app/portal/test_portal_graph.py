"""The support graph in the portal: around a school, and the lists."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.access.policy import Scope
from app.database import Database
from app.graph.kinds import EdgeKind
from app.portal.labels import LABELS
from models.register import Participant
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.portal import BASE, Visitor, broker

HERE = "/participants/100000/graph"


@pytest.fixture
def exchange(database: Database) -> Database:
    """Oak and Ash swap, Ash supported Fir; Elm is alone."""
    with database.write() as session:
        rows.add_calendar(session)
        oak, ash, fir, _ = (
            rows.add_school(session, 100_000 + n, n * 1.0, name=f"{name} <School>")
            for n, name in enumerate(("Oak", "Ash", "Fir", "Elm"))
        )
        rows.add_network(session, "family", [fir])
        rows.add_support(session, "s1", ash, oak, half_days=4)
        rows.add_support(session, "s2", oak, ash, half_days=2)
        rows.add_support(session, "s3", fir, ash, state="ended")
        rows.add_offer(session, "o1", oak, half_days=2)
        for one, gives, needs in ((oak, "reading", "maths"), (fir, "maths", "reading")):
            rows.add_offer(session, f"x-{one.id}", one, expertise_code=gives)
            rows.add_need(session, f"n-{one.id}", one, expertise_code=needs)
    return database


@pytest.fixture
def who(exchange: Database) -> Visitor:
    return broker(exchange, datetime(2026, 11, 2, tzinfo=UTC))


def test_a_school_shows_what_it_is_joined_to(who: Visitor) -> None:
    """The picture has a text, its table the same, and there is a way to it from the school."""
    assert f"{BASE}{HERE}" in who.open("/participants/100000").links
    page = who.open(f"{HERE}?steps=2")
    assert (page.status, page.faults) == (200, [])
    assert "Oak <School> supports Ash <School> (2 days in 2026-27)." in page.text
    assert LABELS[EdgeKind][EdgeKind.PAST_SUPPORT] in page.text
    assert f"{BASE}/participants/100002" in page.links
    drawn = who.client.get(f"{BASE}{HERE}.svg?steps=2")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    titles = [
        each.text for each in ET.fromstring(drawn.text).iter("{http://www.w3.org/2000/svg}title")
    ]
    assert "Fir <School>" in titles
    assert "s3" in who.client.get(f"{BASE}{HERE}?steps=2&as=csv").text


def test_a_connection_to_another_is_told(who: Visitor) -> None:
    """Step by step, or why there is none."""
    page = who.open(f"{HERE}?to=100002")
    assert "Connection in 2 steps" in page.text
    apart = who.open(f"{HERE}?to=100003")
    assert (apart.status, "Nothing joins it to Elm <School>" in apart.text) == (422, True)
    assert who.open(f"{HERE}?to=nobody").status == 422
    assert who.open("/participants/network:family/graph").status == 200


def test_lists_are_shown_for_an_area(who: Visitor) -> None:
    """Isolated schools, load, loops and swaps, and communities."""
    assert "Testshire" in who.open("/graph/isolated").text
    named = who.open("/graph/isolated?area=Testshire")
    assert "1 isolated school in Testshire" in named.text
    assert "Network family, 1 mile" in named.text
    load = who.open(f"/graph/load?period={rows.YEAR}")
    assert "1 to 3 of 3 schools and organisations" in load.text
    assert "0 give more than their share" in load.text
    assert "1 loop or swap." in who.open("/graph/loops").text
    swaps = who.open(f"/graph/loops?area=Testshire&period={rows.YEAR}")
    assert "1 possible swap or loop" in swaps.text
    communities = who.open("/graph/communities")
    assert "2 pairs with support" in communities.text.lower()
    assert "Whose loss cuts many off" in communities.text
    for path in ("isolated", "load", "loops", "communities"):
        page = who.open(f"/graph/{path}?area=nowhere")
        assert (page.status, page.faults) == (422, []), page.text
        assert "nowhere" in page.text
    assert "100003" in who.client.get(f"{BASE}/graph/isolated?as=csv").text
    assert "urn:100000" in who.client.get(f"{BASE}/graph/load?as=csv").text


def test_who_may_not_read_support_sees_the_register_alone(who: Visitor) -> None:
    """A viewer of another area sees no support here, and no isolated schools."""
    who.limit_to(Role.VIEWER, Scope(ScopeKind.AREA, "998"))
    assert "supports" not in who.open(HERE).text
    assert "0 isolated schools" in who.open("/graph/isolated").text


def test_a_school_says_who_answers_for_it(who: Visitor, exchange: Database) -> None:
    """On one line: the council that is responsible, and whose adviser it has, as declared."""
    with exchange.write() as session:
        fir, oak = (
            session.scalars(select(Participant).where(Participant.reference == key)).one()
            for key in ("urn:100002", "urn:100000")
        )
        rows.add_interest(session, "I", fir, oak, kind="adviser_employed_by")
    text = who.open("/participants/100000").text
    assert (
        "Who answers for it Responsible body: Testshire; council: Testshire; "
        "adviser: employed by Fir <School>" in text
    )
