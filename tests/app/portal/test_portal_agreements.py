"""What both sides say to a proposal, and its approval, through the portal without JavaScript."""

import csv
from io import StringIO

import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.database import Database
from models.exchange import Need
from models.matching import Agreement, Decision, Proposal, PublicationConsent
from tests import runs
from tests.portal import BASE, Page, Visitor, broker

DECIDE = "/proposals/decide"
YES = {"says": "yes", "said_by": "headteacher"}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


@pytest.fixture
def who(exchange: Database) -> Visitor:
    """A broker whose one proposal is preferred."""
    visitor = broker(exchange)
    visitor.send(visitor.open("/proposals/1"), DECIDE, action="prefer")
    return visitor


def answer(who: Visitor, side: str, **given: str) -> Page:
    path = f"/proposals/1/agreements/{side}"
    return who.send(who.open(path), path, **given)


def state(database: Database) -> str:
    with database.read() as session:
        return session.get_one(Proposal, 1).state


@pytest.mark.parametrize("order", [("taker", "giver"), ("giver", "taker")])
def test_both_sides_say_yes_and_it_is_approved(
    who: Visitor, exchange: Database, order: tuple[str, str]
) -> None:
    """Each answer is recorded with the role of who gave it; then, and only then, it can be."""
    assert "Approve" not in who.open("/proposals/1").text
    page = answer(who, order[0], **YES)
    assert f"What the {order[0]} said is on record. The proposal is preferred." in page.text
    page = answer(who, order[1], **YES, reason="capacity", note="left over from a no")
    assert "The proposal is agreed." in page.text
    assert "The taker said yes headteacher, recorded by key:" in page.text
    ask = who.send(page, DECIDE, action="approve")
    assert "Both sides have agreed. Approved, it can begin." in ask.text
    assert "The proposal is approved." in who.send(ask, DECIDE).text
    assert state(exchange) == "approved"


@pytest.mark.parametrize(
    ("action", "lacks", "then"),
    [
        ("approve_with_conditions", "Write down the conditions", "approved_with_conditions"),
        ("defer", "Write down what it waits for", "deferred"),
    ],
)
def test_conditions_and_deferrals_say_which(
    who: Visitor, exchange: Database, action: str, lacks: str, then: str
) -> None:
    """Neither can be recorded without the words that go with it."""
    answer(who, "taker", **YES)
    ask = who.send(answer(who, "giver", **YES), DECIDE, action=action)
    page = who.send(ask, DECIDE)
    assert (page.status, lacks in page.text) == (422, True)
    who.send(ask, DECIDE, note="once the new timetable stands")
    assert state(exchange) == then
    with exchange.read() as session:
        query = select(Decision.note).order_by(Decision.id.desc()).limit(1)
        assert session.scalar(query) == "once the new timetable stands"


def test_a_no_says_why_and_declines(who: Visitor, exchange: Database) -> None:
    """What is missing is told at its field and nothing is recorded until it is there."""
    for given, error, at in (
        ({}, "Choose what the giver says", "#says"),
        ({"says": "yes"}, "Enter role of who said it", "#said_by"),
        ({"says": "no", "said_by": "head"}, "Choose why the giver says no", "#reason"),
        ({"says": "no", "said_by": "head", "reason": "other"}, "needs a note", None),
        ({"says": "yes", "said_by": "broker"}, "does not speak for the giver", None),
        ({"says": "yes", "said_by": "h" * 101}, "at most 100 characters", "#said_by"),
    ):
        page = answer(who, "giver", **given)
        assert (page.status, error in page.text) == (422, True), page.text
        assert at is None or at in page.links
    with exchange.read() as session:
        assert session.scalars(select(Agreement)).all() == []
    page = answer(who, "giver", says="no", said_by="head", reason="capacity", note="no staff")
    assert "The proposal is declined." in page.text
    assert "The giver said no" in page.text
    assert state(exchange) == "declined"


def test_an_answer_to_an_older_state_is_not_taken(who: Visitor, exchange: Database) -> None:
    """Nor one to what is not preferred yet; what stands is said, and nothing is lost."""
    path = "/proposals/1/agreements/taker"
    form = who.open(path)
    answer(who, "giver", **YES)
    page = who.send(form, path, **YES)
    assert page.status == 422
    assert "was changed in the meantime" in page.text
    assert who.open("/proposals/1/agreements/both").status == 404
    assert who.open("/proposals/9/agreements/taker").status == 404


def test_a_change_of_the_need_voids_what_was_said(who: Visitor, exchange: Database) -> None:
    """The page tells that the answer no longer stands, and asks for it again."""
    answer(who, "taker", **YES)
    with exchange.write() as session:
        session.scalars(select(Need)).one().half_days = 6
    page = answer(who, "giver", **YES)
    assert "The taker said yes , no longer so" in page.text
    assert "Taker: Oak School , need N No answer stands" in page.text
    assert state(exchange) == "preferred"


def test_the_list_shows_who_answered_and_for_whom_it_waits(who: Visitor) -> None:
    """As tags, as a filter, and in the file."""
    answer(who, "giver", **YES)
    path = "/runs/1/proposals"
    assert "Giver: yes" in who.open(path).text
    assert "1 to 1 of 1" in who.open(f"{path}?waits=taker").text
    assert "None fits." in who.open(f"{path}?waits=giver").text
    [row] = csv.DictReader(StringIO(who.client.get(f"{BASE}{path}?as=csv").text))
    assert (row["taker_says"], row["giver_says"]) == ("", "yes")


@pytest.mark.parametrize(
    ("role", "sees", "sees_not"),
    [
        (Role.TAKER_CONTACT, "taker", "giver"),
        (Role.GIVER_CONTACT, "giver", "taker"),
    ],
)
def test_each_side_answers_for_itself_only(
    who: Visitor, role: Role, sees: str, sees_not: str
) -> None:
    """A contact of one side can neither see nor open the form of the other."""
    who.limit_to(role)
    links = who.open("/proposals/1").links
    assert f"{BASE}/proposals/1/agreements/{sees}" in links
    assert f"{BASE}/proposals/1/agreements/{sees_not}" not in links
    assert who.open(f"/proposals/1/agreements/{sees}").status == 200
    assert who.open(f"/proposals/1/agreements/{sees_not}").status == 403


def test_each_side_consents_to_publish_and_takes_it_back(who: Visitor, exchange: Database) -> None:
    """Asked once both have agreed, with the role of who says so, and on record."""
    assert "Show it to anybody?" not in who.open("/proposals/1").text
    answer(who, "taker", **YES)
    page = answer(who, "giver", **YES)
    path = "/proposals/1/publication/{}"
    assert "Enter the role of who consents" in who.send(page, path.format("taker")).text
    page = who.send(page, path.format("taker"), given_by="headteacher")
    assert "The taker consents that it is shown to anybody." in page.text
    assert "Taker: Yes headteacher," in page.text
    assert "Giver: no consent" in page.text
    page = who.send(page, path.format("taker"), withdraw="yes")
    assert "Taker: no consent" in page.text
    with exchange.read() as session:
        given = session.scalars(select(PublicationConsent)).one()
    assert (given.given_by, given.withdrawn_by) == ("headteacher", given.recorded_by)
    assert who.send(page, path.format("giver"), withdraw="yes").status == 404
    assert who.send(page, path.format("giver"), given_by="broker").status == 422
