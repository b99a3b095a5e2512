"""Asking both sides in the portal, and the page that a link opens without signing in."""

from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import delete, select, update

from app.access.policy import TERMINAL, Role
from app.consent.service import Choice, Whom
from app.database import Database
from app.portal.labels import AFTER_ANSWER, ANSWER_FIELDS, ASK_FIELDS, NOTHING_FOLLOWS
from app.proposals.agreements import set_public_money
from app.proposals.decisions import Said, decide
from models.consent import ConsentRequest, Mail
from models.contacts import Contact
from models.people import AttemptCount
from models.vocabulary import DecisionAction, DeclineReason, Party, Reply
from tests.consent import (
    NOW,
    SECRET,
    add_people,
    ask,
    later,
    latest,
    link,
    preferred,
    proposal,
    states,
)
from tests.portal import Visitor, anybody, broker

PAGE = "/proposals/1"
ASK = f"{PAGE}/requests"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return preferred(sqlite_database)


@pytest.fixture
def who(exchange: Database) -> Visitor:
    return broker(exchange, NOW, secret=SECRET)


@pytest.fixture
def reader(exchange: Database) -> Visitor:
    """Whoever got the email."""
    return anybody(exchange, NOW, secret=SECRET)


def test_a_broker_asks_both_sides(who: Visitor, exchange: Database) -> None:
    """From the proposal's page, by contact; the page says who was asked and what is next."""
    page = who.open(PAGE)
    assert "Ask both sides" in page.text
    assert f"/portal{ASK}" in page.links
    form = who.open(ASK)
    assert form.faults == []
    assert "headteacher: A made-up head" in form.text
    wrong = who.send(form, ASK, home_head_elsewhere="one")
    assert (wrong.status, ASK_FIELDS["home_head_elsewhere"].enter in wrong.text) == (422, True)
    nobody = who.send(form, ASK)
    assert (nobody.status, "Select at least one contact to ask" in nobody.text) == (422, True)
    asked = who.send(form, ASK, taker="1", giver="2", home_head="4")
    assert asked.faults == []
    assert "Emails are on their way" in asked.text
    assert "School receiving support, headteacher: Asked Asked 2 September 2026" in asked.text
    assert "Next reminder 4 September 2026, 12:00 UTC" in asked.text
    assert "Supporting organisation, headteacher: Not asked yet" in asked.text
    assert states(exchange) == [("taker", "open"), ("giver", "waiting"), ("home_head", "open")]
    with exchange.write() as session:
        session.execute(update(Mail).values(error="the mail server refused the address (code 550)"))
    assert "The email has not gone out: the mail server refused" in who.open(PAGE).text


def test_a_choice_is_offered(who: Visitor, exchange: Database) -> None:
    """With whom to ask if the school picks it."""
    form = who.open(ASK)
    assert "If the school chooses School 3, ask" in form.text
    who.send(form, ASK, taker="1", choices=["far"], **{"giver:far": "3"})
    (offered,) = latest(exchange, Party.TAKER).choices
    assert (offered["giver"], proposal(exchange, offered["proposal"]).state) == (3, "proposed")
    assert "School 3" in who.open(f"/proposals/{offered['proposal']}").text


def test_a_choice_names_the_head_who_would_release_the_person(
    who: Visitor, reader: Visitor, exchange: Database
) -> None:
    """A contact of that organisation or, by number, of another; asked first once it is picked."""
    form = who.open(ASK)
    picked = {"taker": "1", "choices": ["far"], "giver:far": "3"}
    wrong = who.send(form, ASK, **picked, **{"home_head_elsewhere:far": "one"})
    assert (wrong.status, ASK_FIELDS["home_head_elsewhere"].enter in wrong.text) == (422, True)
    who.send(form, ASK, **picked, **{"home_head_elsewhere:far": "4"})
    request = latest(exchange, Party.TAKER)
    (offered,) = request.choices
    assert (offered["giver"], offered["home_head"]) == (3, 4)
    where = f"/answer/{link(exchange, request.id)}"
    other = offered["proposal"]
    reader.send(reader.open(where), where, says="yes", chosen=str(other))
    assert states(exchange, other) == [
        ("home_head", "open"),
        ("giver", "waiting"),
        ("taker", "yes"),
    ]


def test_a_release_is_recorded(who: Visitor, exchange: Database) -> None:
    """As the head told it by telephone."""
    ask(exchange, Whom(1, 2, 4))
    where = f"{PAGE}/release"
    assert f"/portal{where}" in who.open(PAGE).links
    form = who.open(where)
    assert form.faults == []
    wrong = who.send(form, where, says="yes")
    assert wrong.status == 422
    day = {"said_on": "2/9/2026", "channel": "telephone"}
    done = who.send(form, where, says="yes", said_by="headteacher", **day)
    assert "headteacher, by telephone, 2 September 2026" in done.text
    assert latest(exchange, Party.GIVER).state == "open"


def test_the_sheet_prints(who: Visitor) -> None:
    """As a page, and as PDF."""
    page = who.open(f"{PAGE}/sheet")
    assert page.faults == []
    assert "What happens if it does not work" in page.text
    pdf = who.client.get(f"/portal{PAGE}/sheet?as=pdf")
    assert "School 1" in PdfReader(BytesIO(pdf.content)).pages[0].extract_text()


def test_an_analyst_cannot_ask(who: Visitor) -> None:
    """Neither the button nor the page; the sheet is for all who read the proposal."""
    who.limit_to(Role.ANALYST)
    assert not [each for each in who.open(PAGE).links if each.endswith("/requests")]
    assert who.open(ASK).status == 403
    assert who.open(f"{PAGE}/sheet").status == 200


def test_a_link_is_answered_without_signing_in(reader: Visitor, exchange: Database) -> None:
    """Looking at it, however often, uses nothing up; one answer does."""
    taker, _ = ask(exchange, Whom(1, 2))
    where = f"/answer/{link(exchange, taker)}"
    for _ in range(3):
        page = reader.open(where)
        assert (page.status, page.faults) == (200, [])
    assert "For the school receiving support" in page.text
    assert "School 2 supporting School 1" in page.text
    assert reader.client.cookies == {}
    blank = reader.send(page, where, role="")
    assert blank.status == 422
    for name in ("says", "role"):
        assert ANSWER_FIELDS[name].enter in blank.text
    lacking = reader.send(page, where, says="no")
    assert ANSWER_FIELDS["reason"].enter in lacking.text
    assert latest(exchange, Party.TAKER).state == "open"
    done = reader.send(page, where, says="yes")
    assert "Your answer has been saved: yes." in done.text
    assert not [each for each in done.forms if each.method == "post"]
    twice = reader.send(page, where, says="no", reason="capacity")
    assert "the answer “yes” was saved on" in reader.open(where).text
    assert twice.status == 200
    assert latest(exchange, Party.TAKER).state == "yes"
    pdf = reader.client.get(f"/portal{where}/sheet")
    assert pdf.headers["content-type"] == "application/pdf"
    assert "link:" not in done.text
    assert "saved through their link" in broker(exchange, NOW, secret=SECRET).open(PAGE).text


def test_a_choice_is_made_through_the_link(reader: Visitor, exchange: Database) -> None:
    """One of those that were offered, and no other."""
    (taker,) = ask(exchange, Whom(1, choices=(Choice("far", 3),)))
    where = f"/answer/{link(exchange, taker)}"
    page = reader.open(where)
    assert ANSWER_FIELDS["chosen"].label in page.text
    assert "School 2 (suggested) 2 days, 1 mile away" in page.text
    assert "School 3 2 days, 9 miles away" in page.text
    other = latest(exchange, Party.TAKER).choices[0]["proposal"]
    for chosen in ("", "99"):
        assert reader.send(page, where, says="yes", chosen=chosen).status == 422
    done = reader.send(page, where, says="yes", chosen=str(other))
    assert "Your answer has been saved: yes. You chose School 3." in done.text
    again = reader.open(where)
    assert "You chose School 3. This link has been used" in again.text
    for shown in (done, again):
        assert "School 3 supporting School 1" in shown.text
        assert "School 2" not in shown.text
    pdf = reader.client.get(f"/portal{where}/sheet")
    assert f"proposal-{other}" in pdf.headers["content-disposition"]
    assert proposal(exchange, other).state == "preferred"


def test_links_that_take_no_answer_say_why(reader: Visitor, exchange: Database) -> None:
    """Too old, voided, or made up: a sentence, and what to do."""
    taker, giver = ask(exchange, Whom(1, 2))
    old = f"/answer/{link(exchange, taker)}"
    page = reader.open(old)
    later(exchange, timedelta(days=8))
    late = reader.send(page, old, says="yes")
    assert "Nothing was saved. Contact whoever sent it to you" in late.text
    later(exchange, timedelta(days=-8))
    with exchange.write() as session:
        set_public_money(session, TERMINAL, 1, 900, hold_days=14, now=NOW)
    voided = reader.open(f"/answer/{link(exchange, giver)}")
    assert "public money: not recorded, now £900. We will send you a new link." in voided.text
    made_up = reader.open("/answer/1-" + "0" * 64)
    assert (made_up.status, "Open it again from the email" in made_up.text) == (404, True)
    assert states(exchange)[:2] == [("taker", "voided"), ("giver", "voided")]


def test_links_that_were_replaced_or_ended_show_nothing(
    reader: Visitor, exchange: Database
) -> None:
    """Only why: what is asked, and what others said, are no longer for whoever holds them."""
    taker, giver = ask(exchange, Whom(1, 2))
    with exchange.write() as session:
        set_public_money(session, TERMINAL, 1, 900, hold_days=14, now=NOW)
    newer = latest(exchange, Party.TAKER).id
    (contact,) = add_people(exchange, ("1", "deputy@school.example"))
    ask(exchange, Whom(taker=contact))
    (open_one,) = (latest(exchange, Party.TAKER).id,)
    with exchange.write() as session:
        decide(session, TERMINAL, 1, DecisionAction.WITHDRAW, hold_days=14, now=NOW)
    for number, says in (
        (taker, "We will send you a new link"),
        (giver, "This link no longer works"),
        (newer, "We have sent you another link"),
        (open_one, "The proposal has ended"),
    ):
        where = f"/answer/{link(exchange, number)}"
        page = reader.open(where)
        assert (page.status, page.faults, says in page.text) == (200, [], True)
        assert "School 2" not in page.text
        refused = reader.client.get(f"/portal{where}/sheet")
        assert (refused.status_code, "School 2" in refused.text) == (409, False)


@pytest.mark.parametrize("name", ["role", "note"])
def test_what_no_database_holds_is_refused(reader: Visitor, exchange: Database, name: str) -> None:
    """At its field, and nothing is used up."""
    (taker,) = ask(exchange, Whom(taker=1))
    where = f"/answer/{link(exchange, taker)}"
    sent = {"says": "yes", "role": "headteacher"} | {name: "head\0teacher"}
    wrong = reader.send(reader.open(where), where, **sent)
    assert (wrong.status, "U+0000. Remove it" in wrong.text) == (422, True)
    assert latest(exchange, Party.TAKER).state == "open"


def test_a_form_from_elsewhere_is_refused(reader: Visitor, exchange: Database) -> None:
    """Without the proof of the page, or from another site."""
    (taker,) = ask(exchange, Whom(taker=1))
    where = f"/answer/{link(exchange, taker)}"
    given = {"says": "yes", "role": "headteacher"}
    assert reader.post(where, **given, token="x").status == 403
    page = reader.open(where)
    token = page.form(where).fields["token"][0]
    sent = reader.client.post(
        f"/portal{where}",
        data=given | {"token": token},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )
    assert sent.status_code == 403
    assert latest(exchange, Party.TAKER).state == "open"


def test_guessing_links_is_stopped(reader: Visitor, exchange: Database) -> None:
    """After so many that open nothing, like keys; a link that works still does."""
    (taker,) = ask(exchange, Whom(taker=1))
    tried = {reader.open(f"/answer/{n}-{'0' * 64}").status for n in range(1, 25)}
    assert tried == {404, 429}
    assert reader.open(f"/answer/{link(exchange, taker)}").status == 200
    with exchange.write() as session:
        session.execute(delete(AttemptCount))


def test_who_wants_to_talk_is_on_the_home_page(
    who: Visitor, reader: Visitor, exchange: Database
) -> None:
    """Until they were asked again; what they wrote is on the proposal's page."""
    (taker,) = ask(exchange, Whom(taker=1))
    where = f"/answer/{link(exchange, taker)}"
    done = reader.send(reader.open(where), where, says="talk_first", note="which days?")
    assert AFTER_ANSWER[Reply.TALK_FIRST] in done.text
    assert "The days stay held until 16 September 2026, 12:00 UTC." in done.text
    assert not [each for each in done.forms if each.method == "post"]
    assert "Wants to talk first: contact them" in who.open("/").text
    assert "Note: which days?" in who.open(PAGE).text
    ask(exchange, Whom(taker=1))
    assert "Wants to talk first: contact them" not in who.open("/").text


def test_pages_say_that_days_are_no_longer_held(
    who: Visitor, reader: Visitor, exchange: Database
) -> None:
    """Once the proposal is declined: of the answer that was given, and of the sheet."""
    _, head = ask(exchange, Whom(giver=2, home_head=4))
    where = f"/answer/{link(exchange, head)}"
    page = reader.open(where)
    assert "The days are held for you until" in page.text
    assert "Needed if you select another reason" not in page.text
    reader.send(page, where, says="talk_first")
    with exchange.write() as session:
        said = Said(DeclineReason.CAPACITY)
        decide(session, TERMINAL, 1, DecisionAction.DECLINE, said, hold_days=14, now=NOW)
    ended = reader.open(f"{where}?sent=1")
    assert f"The proposal is now declined. {NOTHING_FOLLOWS}" in ended.text
    for after in (ended, who.open(f"{PAGE}/sheet")):
        assert "The proposal was declined. No days are held for it." in after.text
        assert "held for you" not in after.text
        assert "stay held" not in after.text
        assert "Your broker will contact you" not in after.text


def test_an_address_with_a_line_break_is_refused(who: Visitor, exchange: Database) -> None:
    """In a sentence on the form, however it came there."""
    with exchange.write() as session:
        session.execute(
            update(Contact).where(Contact.id == 1).values(email="a@b.example\nBcc: x@y.example")
        )
    refused = who.send(who.open(ASK), ASK, taker="1")
    assert (refused.status, "has a line break" in refused.text) == (422, True)
    with exchange.read() as session:
        assert session.scalars(select(ConsentRequest)).all() == []
