"""The first page tells what waits for whoever looks at it."""

import pytest

from app.access.policy import EVERYWHERE, Role, Scope
from app.database import Database
from app.portal.labels import DECLARE_FIRST, LABELS
from app.work.kinds import WorkKind
from models.vocabulary import ScopeKind, Side
from tests import rows, runs
from tests.factories import told
from tests.portal import BASE, Page, Visitor, broker

DECIDE, PROPOSAL = "/proposals/decide", "/proposals/1"
YES = {"says": "yes", "said_by": "headteacher"} | told()
OF_TAKER, OF_GIVER = (Scope(ScopeKind.INSTITUTION, urn) for urn in ("1", "2"))
RESPOND = {side: f"Respond for the {LABELS[Side][side].lower()} by " for side in Side}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


def home(database: Database, role: Role, scope: Scope = EVERYWHERE) -> Page:
    visitor = broker(database)
    visitor.limit_to(role, scope)
    return visitor.open("/")


def respond(who: Visitor, side: Side) -> None:
    path = f"{PROPOSAL}/agreements/{side}"
    who.send(who.open(path), path, **YES)


def test_a_contact_is_asked_for_the_side_it_speaks_for(exchange: Database) -> None:
    """Once the proposal is preferred, and until that side has responded; nobody else is asked to.

    Brokers and administrators are told to ask.
    """
    who = broker(exchange)
    assert "Waits for you" not in home(exchange, Role.CONTACT, OF_TAKER).text
    proposed = who.open(PROPOSAL)
    assert DECLARE_FIRST in proposed.text
    preferred = who.send(proposed, DECIDE, action="prefer")
    assert DECLARE_FIRST not in who.open(PROPOSAL).text
    assert preferred.faults == []
    page = home(exchange, Role.CONTACT, OF_TAKER)
    assert (RESPOND[Side.TAKER] in page.text, RESPOND[Side.GIVER] in page.text) == (True, False)
    assert "Ash School gives 2 days of Maths to Oak School" in page.text
    assert f"{BASE}{PROPOSAL}" in page.links
    respond(who, Side.TAKER)
    assert "Waits for you" not in home(exchange, Role.CONTACT, OF_TAKER).text
    assert RESPOND[Side.GIVER] in home(exchange, Role.CONTACT, OF_GIVER).text
    for role in (Role.BROKER, Role.ADMINISTRATOR):
        page = home(exchange, role)
        assert LABELS[WorkKind][WorkKind.ASK] in page.text, role
        assert "Respond for" not in page.text
    for role in (Role.APPROVER, Role.VIEWER):
        assert "Waits for you" not in home(exchange, role).text, role


def test_empty_pages_say_what_is_true_for_who_reads_them(sqlite_database: Database) -> None:
    """A contact can import nothing, and does not know what others have."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 1)
    who = broker(sqlite_database)
    assert "Import a file of needs, or add the first one." in who.open("/").text
    assert "No files have been imported yet." in who.open("/imports").text
    who.limit_to(Role.CONTACT, OF_TAKER)
    assert "You can see no needs yet. Add the first one." in who.open("/").text
    for path in ("/needs", "/imports"):
        page = who.open(path).text
        assert "You can see no " in page
        assert "import a file" not in page.lower()
        assert "imported yet" not in page


def test_work_is_filtered_by_the_name_of_a_period(exchange: Database) -> None:
    """As people call it, and not by its code."""
    page = broker(exchange).open("/work").text
    assert "2026 to 2027" in page


def test_an_approver_is_asked_once_both_agreed(exchange: Database) -> None:
    """In its own area, and until somebody has decided."""
    who = broker(exchange)
    who.send(who.open(PROPOSAL), DECIDE, action="prefer")
    for side in Side:
        respond(who, side)
    assert "To be decided (1)" in home(exchange, Role.APPROVER).text
    assert "Approve or defer" in home(exchange, Role.APPROVER).text
    assert "Approve or defer" in home(exchange, Role.APPROVER, OF_TAKER).text
    elsewhere = Scope(ScopeKind.AREA, "1")
    assert "To be decided" not in home(exchange, Role.APPROVER, elsewhere).text
    approver = broker(exchange)
    approver.send(
        approver.send(approver.open(PROPOSAL), DECIDE, action="approve"), DECIDE, confirmed="yes"
    )
    assert "To be decided" not in home(exchange, Role.APPROVER).text


def test_a_page_has_no_headings_and_boxes_for_nothing(exchange: Database) -> None:
    """Whoever can keep no record and decide nothing is shown neither."""
    assert "Keep records up to date" not in home(exchange, Role.VIEWER).text
    assert "Keep records up to date" in home(exchange, Role.BROKER).text
    for role, shown in ((Role.VIEWER, False), (Role.CONTACT, False), (Role.BROKER, True)):
        visitor = broker(exchange)
        visitor.limit_to(role)
        page = visitor.open("/runs/1/proposals")
        assert ("chosen" in page.boxes, "Selected proposals" in page.text) == (shown, shown), role
        assert "Oak School" in page.text
