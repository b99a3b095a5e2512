"""Find support in the portal: a list with its map, a page of each giver, the way to a need."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.access.policy import Grant, Scope
from app.database import Database
from models.exchange import Expertise, Need
from models.introductions import Introduction
from models.matching import Proposal, PublicationConsent
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.callers import csv_rows
from tests.factories import new_key
from tests.portal import BASE, Visitor, anybody, broker
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)


@pytest.fixture
def exchange(database: Database) -> Database:
    """A school that looks for support, three that give it, each farther away."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add(session, Expertise(code="early-reading", name="Early reading", version="test"))
        rows.add_school(session, 100000, name="Oak Primary School", postcode="ZZ1 2AB")
        for urn, miles, tree in ((100001, 3, "Ash"), (100002, 9, "Elm"), (100003, 18, "Yew")):
            giver = rows.add_school(session, urn, miles, name=f"{tree} Primary School", town="Weir")
            may = "may_offer" if tree == "Elm" else "can_offer"
            rows.add_offer(
                session,
                f"{tree}-reading",
                giver,
                expertise_code="early-reading",
                availability=may,
                strength_line="a secret strength",
            )
    return database


def head(database: Database, **settings: object) -> Visitor:
    """The contact of Oak, signed in with a key of theirs."""
    with database.write() as session:
        key = new_key(session, Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "100000")))
    who = anybody(database, NOW, **settings)
    assert who.send(who.open("/sign-in"), "/sign-in", key=key).status == 200
    return who


def order(text: str) -> list[str]:
    names = [name for name in ("Ash", "Elm", "Yew") if f"{name} Primary" in text]
    return sorted(names, key=lambda name: text.index(f"{name} Primary"))


def test_support_is_found_in_everyday_words_nearest_first(exchange: Database) -> None:
    """In a list with miles, minutes and the day it was last confirmed, and on a map beside it."""
    who = head(exchange)
    start = who.open("/find")
    assert start.status == 200
    assert start.forms[-1].fields["near"] == ["100000"]
    page = who.open("/find?help=phonics&near=100000")
    assert order(page.text) == ["Ash", "Elm", "Yew"]
    assert "3 offers of support" in page.text
    assert "For Early reading." in page.text
    assert "3 miles, about" in page.text
    assert "last confirmed 1 September 2026" in page.text
    assert "secret" not in page.text
    assert page.faults == []
    assert "#offer-1" in page.links
    assert order(who.open("/find?help=phonics&near=100000&miles=10").text) == ["Ash", "Elm"]
    assert order(who.open("/find?help=phonics&near=ZZ1+2AB&within=15").text) == ["Ash"]
    assert order(who.open("/find?help=phonics").text) == ["Ash", "Elm", "Yew"]
    nothing = who.open("/find?help=maths&near=100000").text
    assert "Nobody has said that they can give this here." in nothing
    table = csv_rows(who.client.get(f"{BASE}/find?help=phonics&near=100000&as=csv"))
    assert [row["reference"] for row in table] == ["Ash-reading", "Elm-reading", "Yew-reading"]


def test_what_is_not_understood_is_told_at_its_field(exchange: Database) -> None:
    """And what was typed stays, as text whatever it is."""
    who = head(exchange)
    page = who.client.get(f"{BASE}/find?help=<b>wizardry&near=nowhere")
    assert page.status_code == 422
    assert "There is no area of expertise for" in page.text
    assert "No place was found for" in page.text
    assert 'value="&lt;b&gt;wizardry"' in page.text
    assert "Enter what you want help with" in who.open("/find?help=&near=").text


def test_the_public_sees_it_only_where_it_is_published(exchange: Database) -> None:
    """Then only what givers can offer for certain, without days and without evidence."""
    closed = anybody(exchange, NOW)
    assert "/portal/sign-in" in str(closed.client.get(f"{BASE}/find").url)
    assert "/portal/sign-in" in str(closed.client.get(f"{BASE}/find/supporters/100001").url)
    who = anybody(exchange, NOW, publish_offers=True)
    page = who.open("/find?help=phonics&near=ZZ1+2AB")
    assert order(page.text) == ["Ash", "Yew"]
    assert "4 days" not in page.text
    assert "Ask for an introduction" not in page.text
    giver = who.open("/find/supporters/100001").text
    assert "Ash Primary School" in giver
    assert "The quality of this support" not in giver
    assert "secret" not in giver
    assert who.open("/find/supporters/100002").text.count("It has not said") == 1
    assert who.client.get(f"{BASE}/find/need", follow_redirects=False).status_code == 303


def test_whom_it_supports_is_shown_where_both_agreed(exchange: Database) -> None:
    """Not where one side did, and not before it is approved."""
    with exchange.write() as session:
        school = session.scalars(
            select(rows.Participant).where(rows.Participant.reference == "urn:100000")
        ).one()
        rows.add_need(session, "N", school, expertise_code="early-reading")
    match(exchange, FREELY, now=NOW)
    who = head(exchange)
    address = "/find/supporters/100001"
    assert "None is." in who.open(address).text
    with exchange.write() as session:
        session.execute(update(Proposal).values(state="approved"))
        [proposal, *_] = session.scalars(select(Proposal)).all()
        for side in ("taker", "giver"):
            given = {"given_by": "headteacher", "recorded_by": "x", "given_at": rows.NOW}
            rows.add(session, PublicationConsent(proposal_id=proposal.id, side=side, **given))
    page = who.open(address).text
    assert "Oak Primary School: 2 days of Early reading" in page
    assert "The quality of this support" in page or "evidence" in page


def test_a_head_asks_for_an_introduction(exchange: Database) -> None:
    """Three short pages; what was entered is checked, can be changed and is sent once."""
    who = head(exchange)
    page = who.open("/find/need?offer=Ash-reading")
    assert "step 1 of 3" in page.text
    assert "Enter a number of days" in who.send(page, "/find/need", days="").text
    page = who.send(page, "/find/need", days="2")
    assert "step 2 of 3" in page.text
    assert "Enter your role" in who.send(page, "/find/need", agreed_by="").text
    page = who.send(
        page, "/find/need", agreed_by="headteacher", improvement_plan_line="2.3 made up"
    )
    assert "Check your answers" in page.text
    again = who.send(page, "/find/need", back="how")
    assert again.form("/find/need").fields["days"] == ["2"]
    done = who.send(page, "/find/need")
    assert "Your request is sent." in done.text
    assert "Waits for a broker" in done.text
    assert "Your request is sent." in who.send(page, "/find/need").text
    with exchange.read() as session:
        [need] = session.scalars(select(Need)).all()
        assert (need.half_days, need.agreed_by, need.state) == (4, "headteacher", "identified")
        assert (need.evidence, need.improvement_plan_line) == ("self_evaluation", "2.3 made up")
        [asked] = session.scalars(select(Introduction)).all()
        assert (asked.need_id, asked.kind) == (need.id, "introduction")
    page = who.open("/find/need?offer=Elm-reading")
    assert "Is it one of these needs?" in page.text
    page = who.send(page, "/find/need", use=need.reference)
    page = who.send(page, "/find/need", agreed_by="headteacher")
    assert "Your request is sent." in who.send(page, "/find/need").text
    with exchange.read() as session:
        assert len(session.scalars(select(Need)).all()) == 1
        assert len(session.scalars(select(Introduction)).all()) == 2
    home = who.open("/")
    assert "Waits for a broker to introduce the school" in home.text


def test_an_arrangement_that_breaks_a_rule_is_refused_in_words(exchange: Database) -> None:
    """And nothing is kept of it, the need neither."""
    who = head(exchange)
    with exchange.write() as session:
        offer = session.scalars(select(rows.Offer).where(rows.Offer.reference == "Ash-reading"))
        offer.one().travel_limit_miles = 1.0
    page = who.open("/find/need?offer=Ash-reading&kind=arrangement")
    page = who.send(page, "/find/need", days="2")
    page = who.send(page, "/find/need", agreed_by="headteacher", agreed_with="deputy head")
    page = who.send(page, "/find/need")
    assert page.status in (404, 422)
    with exchange.read() as session:
        assert session.scalars(select(Need)).all() == []


def test_a_need_is_recorded_without_an_offer(exchange: Database) -> None:
    """For brokers to look."""
    who = head(exchange)
    page = who.open("/find/need?expertise=phonics")
    assert page.form("/find/need").fields["expertise"] == ["early-reading"]
    page = who.send(page, "/find/need")
    page = who.send(page, "/find/need", days="1.5", period=rows.YEAR)
    page = who.send(page, "/find/need", agreed_by="headteacher")
    done = who.send(page, "/find/need")
    assert done.status == 200
    with exchange.read() as session:
        [need] = session.scalars(select(Need)).all()
        assert (need.half_days, need.expertise_code) == (3, "early-reading")


def test_a_broker_goes_on_with_it(exchange: Database) -> None:
    """Asks for a school of theirs, finds it in the work, closes it with a reason or proposes it."""
    who = broker(exchange, NOW)
    page = who.open("/find/need?offer=Ash-reading")
    assert "Enter a URN" in who.send(page, "/find/need", participant="").text
    assert "There is no school 5" in who.send(page, "/find/need", participant="5").text
    page = who.send(page, "/find/need", participant="100000")
    page = who.send(page, "/find/need", days="2")
    page = who.send(page, "/find/need", agreed_by="headteacher")
    page = who.send(page, "/find/need")
    assert "Propose the two" in page.text
    listed = who.open("/introductions?state=open")
    assert "Oak Primary School" in listed.text
    assert csv_rows(who.client.get(f"{BASE}/introductions?as=csv"))[0]["giver"] == "100001"
    assert (
        "Enter why there is no proposal"
        in who.send(page, "/introductions/1/closure", reason="").text
    )
    run = who.send(page, "/introductions/1/proposal")
    assert "Run 1" in run.text
    assert (
        "This has changed since" in who.send(page, "/introductions/1/closure", reason="late").text
    )
