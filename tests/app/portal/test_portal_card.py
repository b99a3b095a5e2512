"""The card of a proposal beside the map: what it tells, what can be decided on it, and by whom."""

import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.database import Database
from app.portal.choices import ReviewAction
from app.portal.labels import DECLINE_NEEDED, DONE, NOTE_NEEDED
from models.matching import Proposal, Steering
from tests import runs
from tests.portal import BASE, OURS, Page, Visitor, anybody

CARD = "/proposals/1/card"
BY_SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


def send(who: Visitor, card: Page, **given: str) -> Page:
    """Send the card's form as htmx would."""
    fields = {name: value[0] for name, value in card.form(CARD).fields.items()} | given
    return Page(who.client.post(f"{BASE}{CARD}", data=fields, headers=OURS | BY_SCRIPT))


def test_the_card_is_a_part_of_a_page(who: Visitor, exchange: Database) -> None:
    """With the points' components that add up; opened by itself it leads to the whole page."""
    part = who.client.get(f"{BASE}{CARD}", headers=BY_SCRIPT)
    assert "<html" not in part.text
    card = Page(part)
    assert card.faults == []
    assert "Ash School gives 2 days of Maths to Oak School" in card.text
    with exchange.read() as session:
        assert f"Total {session.get_one(Proposal, 1).total_points:,}" in card.text
    assert who.open(CARD).text.startswith("Ash School supporting Oak School")


def test_decisions_on_the_card_end_on_the_card(who: Visitor, exchange: Database) -> None:
    """What is lacking is said there; what is done is told, with what can be done next."""
    card = who.open(CARD, **BY_SCRIPT)
    wrong = send(who, card, action="decline")
    assert (wrong.status, DECLINE_NEEDED in wrong.text) == (422, True)
    assert NOTE_NEEDED[ReviewAction.PIN] in send(who, card, action="pin").text
    pinned = send(who, card, action="pin", note="a good pair")
    assert f"Proposal {DONE[ReviewAction.PIN]}" in pinned.text
    done = send(who, card, action="prefer")
    assert f"Proposal {DONE[ReviewAction.PREFER]}" in done.text
    stale = send(who, card, action="prefer")
    assert (stale.status, "was changed in the meantime" in stale.text) == (422, True)
    declined = send(who, done, action="decline", reason="capacity")
    assert f"Proposal {DONE[ReviewAction.DECLINE]}" in declined.text
    with exchange.read() as session:
        assert session.get_one(Proposal, 1).state == "declined"
        assert session.scalars(select(Steering.kind)).all() == ["pin"]


def test_nothing_else_is_done_on_the_card(who: Visitor) -> None:
    """Neither what has a page of its own, nor without the version that was seen."""
    card = who.open(CARD, **BY_SCRIPT)
    assert send(who, card, action="approve").status == 404
    assert send(who, card, action="prefer", version="x").status == 404
    assert who.open("/proposals/9/card", **BY_SCRIPT).status == 404


def test_who_may_not_decide_sees_and_cannot(who: Visitor, exchange: Database) -> None:
    """An analyst reads the card and finds no button; a stranger finds the sign-in."""
    card = who.open(CARD, **BY_SCRIPT)
    who.limit_to(Role.ANALYST)
    seen = who.open(CARD, **BY_SCRIPT)
    assert ("Total" in seen.text, seen.forms) == (True, [])
    assert "do not have permission to review" in send(who, card, action="prefer").text
    with exchange.read() as session:
        assert session.get_one(Proposal, 1).state == "proposed"
    answer = anybody(exchange).client.get(f"{BASE}{CARD}", headers=BY_SCRIPT)
    assert answer.headers["HX-Redirect"].startswith(f"{BASE}/sign-in")
