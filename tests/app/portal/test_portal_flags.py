"""Before something is taken away a page says what rests on it; afterwards that is flagged."""

from datetime import UTC, datetime

import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.proposals import decisions
from app.work.kinds import STEPS, WorkKind
from models.exchange import Offer
from models.vocabulary import DecisionAction
from tests.portal import Visitor
from tests.runs import matched


@pytest.fixture
def exchange(database: Database) -> Database:
    """Oak School's need and Ash School's offer, of four days, preferred with two."""
    matched(database)
    with database.write() as session:
        now = datetime.now(UTC)
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=now)
    return database


def test_withdrawing_shows_what_rests_on_it_and_flags_that(
    exchange: Database, who: Visitor
) -> None:
    """The list says it, the proposal says why, and whoever dealt with it clears it."""
    page = who.open("/offers/O/withdraw")
    assert page.faults == []
    assert "What rests on this offer" in page.text
    assert "Ash School supporting Oak School : 2 days" in page.text
    who.send(page, "/offers/O/withdraw")
    assert "Needs attention" in who.open("/runs/1/proposals?flagged=yes").text
    assert "No proposals match the filter." in who.open("/runs/1/proposals?flagged=no").text
    page = who.open("/proposals/1")
    assert page.faults == []
    assert "can no longer go ahead as planned. The supporting organisation does not offer" in (
        page.text
    )
    done = who.send(page, "/proposals/1/flag/clear")
    assert "Flag cleared" in done.text
    assert "No proposals match the filter." in who.open("/runs/1/proposals?flagged=yes").text


def test_lowering_an_offer_asks_first(exchange: Database, who: Visitor) -> None:
    """Nothing is saved until it is confirmed; raising it asks nothing.

    What is blocked already is not counted again, and asking for it is nobody's work.
    """

    def days() -> int:
        with exchange.read() as session:
            return session.get_one(Offer, 1).half_days

    form = who.open("/offers/O/change")
    asked = who.send(form, "/offers/O/change", days="1.5")
    assert asked.faults == []
    assert "1 proposal can no longer go ahead if you save this" in asked.text
    assert "The proposal is for 2 days, but offer O has left 1.5 days" in asked.text
    assert days() == 8
    done = who.send(asked, "/offers/O/change")
    more = who.send(who.open("/offers/O/change"), "/offers/O/change", days="1")
    assert "1 proposal can no longer go ahead if you save this" not in more.text
    assert "More keeps 1 proposal from going ahead if you save this" in more.text
    assert "It could not go ahead before either." in more.text
    home = who.open("/").text
    assert STEPS[WorkKind.BLOCKED] in home
    assert STEPS[WorkKind.ASK] not in home
    assert "changed" in done.text.lower()
    assert days() == 3
    assert "can no longer go ahead" in who.open("/proposals/1").text
    who.send(who.open("/offers/O/change"), "/offers/O/change", days="5")
    assert STEPS[WorkKind.ASK] in who.open("/").text
    assert days() == 10
    assert "can no longer go ahead" not in who.open("/proposals/1").text


def test_an_answer_that_takes_days_back_asks_first(exchange: Database, who: Visitor) -> None:
    """The supporting organisation's own no is saved once it is confirmed."""
    page = who.open("/offers/O")
    asked = who.send(page, "/offers/O/answer", availability="not_offering")
    assert "can no longer go ahead if you save this" in asked.text
    who.send(asked, "/offers/O/answer")
    with exchange.read() as session:
        assert session.get_one(Offer, 1).availability == "not_offering"
    assert "can no longer go ahead" in who.open("/proposals/1").text
