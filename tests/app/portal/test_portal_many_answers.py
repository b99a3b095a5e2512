"""Many answers on one page: filled in, looked at, and saved all together or not at all."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.access.policy import Scope
from app.consent.service import Whom
from app.database import Database
from app.portal.labels import MANY_FIELDS
from models.matching import Agreement
from models.vocabulary import Party, Role, ScopeKind
from tests.consent import NOW, ask, latest, preferred, proposal, states
from tests.portal import Page, Visitor, broker

AT = "/answers"
TOLD = {"said_by": "headteacher", "channel": "telephone", "said_on": "2/9/2026"}


@pytest.fixture
def exchange(database: Database) -> Database:
    """School 1 may get two days from school 2, which is preferred."""
    return preferred(database)


@pytest.fixture
def who(exchange: Database) -> Visitor:
    return broker(exchange, NOW)


def send(who: Visitor, page: Page, **values: str) -> Page:
    return who.send(page, AT, **values)


def row(party: str, **values: str) -> dict[str, str]:
    return {f"{name}-1-{party}": value for name, value in values.items()}


def agreements(database: Database) -> list[tuple[str, str, str, str | None]]:
    with database.read() as session:
        return [
            (each.side, each.says, each.said_by, each.channel)
            for each in session.scalars(select(Agreement).order_by(Agreement.side))
        ]


def test_a_broker_records_what_both_sides_said(who: Visitor, exchange: Database) -> None:
    """After a look at all; a row can name somebody else and another day."""
    assert f"/portal{AT}" in who.open("/").links
    form = who.open(AT)
    assert (form.status, form.faults) == (200, [])
    assert "1 to 2 of 2 answers awaited" in form.text
    other = row("giver", says="yes", said_by="chief executive", said_on="1/9/2026")
    check = send(who, form, **TOLD, **row("taker", says="yes"), **other)
    assert (check.status, check.faults) == (200, [])
    assert "Check the answers" in check.text
    assert "chief executive, by telephone, 1 September 2026" in check.text
    assert agreements(exchange) == []
    back = send(who, check, change="yes")
    assert "Record answers" in back.text
    again = send(who, back)
    done = send(who, again, confirmed="yes")
    assert "The answers have been saved." in done.text
    assert "No answers are awaited." in done.text
    assert agreements(exchange) == [
        ("giver", "yes", "chief executive", "telephone"),
        ("taker", "yes", "headteacher", "telephone"),
    ]
    assert proposal(exchange).state == "agreed"


def test_each_faulty_row_is_named_and_none_is_saved(who: Visitor, exchange: Database) -> None:
    """What is missing at its field, and what cannot be saved at its answer."""
    form = who.open(AT)
    nothing = send(who, form, **TOLD)
    assert (nothing.status, "Enter at least one answer" in nothing.text) == (422, True)
    blank = send(who, form, **row("taker", says="no"), **row("giver", says="yes"))
    assert blank.status == 422
    for name in ("reason", "said_by", "said_on", "channel"):
        assert MANY_FIELDS[name].enter in blank.text, name
    talk = row("giver", says="talk_first")
    refused = send(who, form, **TOLD, **row("taker", says="yes"), **talk)
    assert refused.status == 422
    named = "Proposal 1, supporting organisation: The supporting organisation was not asked"
    assert named in refused.text
    assert agreements(exchange) == []
    good = send(who, form, **TOLD, **row("taker", says="yes"))
    wrong = send(who, good, confirmed="yes", said_by="broker")
    assert (wrong.status, "cannot speak for" in wrong.text) == (422, True)
    assert agreements(exchange) == []


def test_more_than_a_hundred_answers_are_refused_before_any_is_tried(who: Visitor) -> None:
    """Each takes a turn of writing."""
    many = {f"says-{number}-taker": "yes" for number in range(1, 102)}
    refused = send(who, who.open(AT), **TOLD, **many)
    assert refused.status == 422
    assert "Send at most 100 answers at a time." in refused.text
    assert "There is no proposal" not in refused.text


def test_talk_first_and_the_home_head_are_recorded(who: Visitor, exchange: Database) -> None:
    """On the links that were sent, which are closed by it; the days stay held."""
    ask(exchange, Whom(1, 2, 4))
    held = proposal(exchange).held_until
    form = who.open(AT)
    assert "1 to 3 of 3 answers awaited" in form.text
    head = row("home_head", says="yes", said_by="home headteacher")
    check = send(who, form, **TOLD, **row("taker", says="talk_first", note="which days?"), **head)
    send(who, check, confirmed="yes")
    assert states(exchange) == [("taker", "talk_first"), ("giver", "open"), ("home_head", "yes")]
    talk = latest(exchange, Party.TAKER)
    assert (talk.answered_role, talk.channel, talk.note) == (
        "headteacher",
        "telephone",
        "which days?",
    )
    until = proposal(exchange).held_until
    assert held is not None
    assert until is not None
    assert until >= held - timedelta(days=1)
    assert "Wants to talk first: contact them" in who.open("/").text


def test_a_contact_answers_for_its_own_schools_alone(who: Visitor, exchange: Database) -> None:
    """Here and now, without a channel; the other side is neither shown nor taken."""
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "1"))
    form = who.open(AT)
    assert "1 to 1 of 1 answers awaited" in form.text
    assert "How they told you" not in form.text
    foreign = send(who, form, said_by="headteacher", **row("giver", says="yes"))
    assert (foreign.status, agreements(exchange)) == (422, [])
    check = send(who, form, said_by="headteacher", **row("taker", says="yes"))
    done = send(who, check, confirmed="yes")
    assert "Your answers have been saved." in done.text
    assert agreements(exchange) == [("taker", "yes", "headteacher", "in_service")]


def test_the_list_is_filtered_and_hidden_from_others(who: Visitor, exchange: Database) -> None:
    """By name; a broker elsewhere sees none, and a viewer no page."""
    assert "No answers awaited" in who.open(f"{AT}?q=nobody").text
    assert "1 to 2 of 2 answers awaited" in who.open(f"{AT}?q=school+2").text
    who.limit_to(Role.BROKER, Scope(ScopeKind.AREA, "888"))
    assert "No answers are awaited." in who.open(AT).text
    who.limit_to(Role.VIEWER)
    assert who.open(AT).status == 403
