"""Approval rules, public money and statutory directions on pages."""

import pytest
from sqlalchemy import select, update

from app.database import Database
from app.portal.labels import AGREED, BY_TWO, DIRECTION_FIELDS, MONEY_FIELDS
from models.matching import Agreement, Proposal
from models.register import Institution, Participant
from models.vocabulary import Role
from tests import rows, runs
from tests.factories import told
from tests.portal import BASE, Page, Visitor, broker

DECIDE = "/proposals/decide"
MONEY, DIRECTION = "/proposals/1/public-money", "/proposals/1/direction"
DAY = told()["said_on"]
NOTICE = {"legal_basis": "section_63", "notice_on": DAY, "governing_body": DAY}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


@pytest.fixture
def who(exchange: Database) -> Visitor:
    """A broker whose one proposal is preferred."""
    visitor = broker(exchange)
    visitor.send(visitor.open("/proposals/1"), DECIDE, action="prefer")
    return visitor


def limited(database: Database, role: Role) -> Visitor:
    who = broker(database)
    who.limit_to(role)
    return who


def links(page: Page) -> list[str]:
    return [each.removeprefix(BASE) for each in page.links]


def test_the_rules_are_open_to_read(exchange: Database) -> None:
    """In order, with their conditions in words."""
    page = limited(exchange, Role.VIEWER).open("/approval-rules")
    for words in ("More than £3,000", "In one network", "Formal concern", "The agreements of both"):
        assert words in page.text, words
    assert "import a file" not in page.text
    assert "import a file" in broker(exchange).open("/approval-rules").text


def test_public_money_is_recorded_and_seen(who: Visitor, exchange: Database) -> None:
    """What is wrong is told at the field; viewers see it and are not asked."""
    page = who.open("/proposals/1")
    assert "Public money: not recorded" in page.text
    assert MONEY in links(page)
    form = who.open(MONEY)
    for given in ({}, {"pounds": "-1"}, {"pounds": "1.5"}, {"pounds": "many"}):
        page = who.send(form, MONEY, **given)
        assert (page.status, "#pounds" in page.links) == (422, True), given
    page = who.send(form, MONEY, pounds="£1,800")
    assert "Public money saved" in page.text
    assert "Public money: £1,800" in page.text
    page = who.send(form, MONEY, pounds="0")
    assert "was changed in the meantime" in page.text
    viewer = limited(exchange, Role.VIEWER)
    assert MONEY not in links(viewer.open("/proposals/1"))
    assert viewer.open(MONEY).status == 403
    assert MONEY_FIELDS["pounds"].enter in who.send(who.open(MONEY), MONEY, pounds="").text


def test_a_direction_is_recorded_marked_and_withdrawn(who: Visitor, exchange: Database) -> None:
    """By an approver; the page says on which legal basis, and the list counts it apart."""
    page = who.open("/proposals/1")
    assert DIRECTION in links(page)
    form = who.open(DIRECTION)
    page = who.send(form, DIRECTION)
    for name in ("legal_basis", "notice_on", "governing_body"):
        assert DIRECTION_FIELDS[name].enter in page.text
        assert f"#{name}" in page.links
    page = who.send(form, DIRECTION, **NOTICE | {"notice_on": "1/1/2100"})
    assert "record it once it is given" in page.text
    page = who.send(form, DIRECTION, **NOTICE)
    assert "Statutory direction saved" in page.text
    assert "local authority under the Education and Inspections Act 2006, section 63" in page.text
    assert "consulted before: governing body on " in page.text
    assert "A statutory direction stands in for the agreement" in page.text
    assert "Waiting for the response of the supporting organisation" in page.text
    listed = who.open("/runs/1/proposals?directed=yes")
    assert "Statutory direction" in listed.text
    assert "Yes (1)" in listed.text
    assert "Oak School" not in who.open("/runs/1/proposals?directed=no").text
    assert "Statutory direction to the school" in who.open("/needs/N/case").text
    page = who.send(page, DIRECTION, withdraw="yes")
    assert "Statutory direction withdrawn" in page.text
    with exchange.read() as session:
        (made,) = session.scalars(select(Agreement)).all()
    assert made.voided_at is not None


def test_an_approver_reads_what_it_decides_on(who: Visitor, exchange: Database) -> None:
    """A direction is never told as an agreement, and whoever recorded it is told so at once."""
    who.send(who.open(DIRECTION), DIRECTION, **NOTICE)
    path = "/proposals/1/agreements/giver"
    who.send(who.open(path), path, says="yes", said_by="headteacher", **told())
    directed = AGREED[True]
    own = who.open("/proposals/1")
    assert "You cannot approve this proposal, because you put it forward" in own.text
    assert directed not in own.text
    approver = broker(exchange)
    page = approver.open("/proposals/1")
    assert directed in page.text
    ask = approver.send(page, DECIDE, action="approve")
    assert "Ash School gives 2 days of Maths to Oak School. Public money: not recorded" in ask.text
    assert directed in ask.text
    assert "Withdraw the direction" in page.text
    assert "Withdraw the direction" not in approver.send(ask, DECIDE).text


def test_only_who_may_direct_is_offered_it(who: Visitor, exchange: Database) -> None:
    """Not a broker, nor for an academy once it is sent."""
    other = limited(exchange, Role.BROKER)
    assert DIRECTION not in links(other.open("/proposals/1"))
    assert other.open(DIRECTION).status == 403
    with exchange.write() as session:
        session.execute(update(Institution).values(type_code=34, type_name="Academy converter"))
    page = who.send(who.open(DIRECTION), DIRECTION, **NOTICE)
    assert (page.status, "Academy converter" in page.text) == (422, True)


def test_what_both_agree_to_without_money_in_one_trust_is_approved(exchange: Database) -> None:
    """The history says by which rule; nobody is asked to approve."""
    with exchange.write() as session:
        both = list(session.scalars(select(Participant).order_by(Participant.id)))
        rows.add_group(session, 7, "multi_academy_trust", both)
        session.execute(update(Proposal).values(public_money_pounds=0))
    first, second = broker(exchange), broker(exchange)
    page = first.send(first.open("/proposals/1"), DECIDE, action="prefer")
    assert BY_TWO in page.text
    for who, side in ((first, "taker"), (second, "giver")):
        path = f"/proposals/1/agreements/{side}"
        page = who.send(who.open(path), path, says="yes", said_by="headteacher", **told())
    assert "The state of the proposal is now: approved" in page.text
    history = page.text.partition("Decisions and responses so far")[2]
    responded, approved = (history.index(each) for each in ("organisation said yes", "Approved"))
    assert responded < approved
    assert "inside one trust or federation" in history
