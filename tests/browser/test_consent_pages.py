"""Asking both sides and answering by link in a real browser: axe, keyboard, no script, phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.access.secret import signing_secret
from app.consent.links import token_of
from app.database import Database
from app.proposals import decisions
from app.settings import Settings
from models.consent import ConsentRequest
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import DecisionAction
from tests.browser.conftest import Open
from tests.browser.pages import PHONE, check, tab_to
from tests.consent import add_people, now_of
from tests.runs import FREELY, match


@pytest.fixture
def held(exchange: Database) -> int:
    """A preferred proposal whose two sides can be reached."""
    now = now_of(exchange)
    match(exchange, FREELY, now=now)
    with exchange.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=now)
    with exchange.read() as session:
        cells = [
            each.reference.partition(":")[2]
            for each in session.scalars(select(Participant).order_by(Participant.id))
        ]
    add_people(exchange, *((cell, f"head{cell}@school.example") for cell in cells))
    return 1


def token(exchange: Database) -> str:
    secret = signing_secret(Settings(database_url=exchange.url))
    with exchange.read() as session:
        asked = session.scalars(select(ConsentRequest).order_by(ConsentRequest.id)).all()
        return token_of(asked[0], secret)


@pytest.mark.parametrize("how", ["script", "no-script", "phone"])
def test_asked_and_answered(
    broker: Callable[..., Page],
    open_page: Open,
    address: str,
    exchange: Database,
    held: int,
    how: str,
) -> None:
    """A broker asks, the head reads and answers, and the broker sees it."""
    options = {"phone": PHONE, "no-script": {"java_script_enabled": False}}.get(how, {})
    page = broker(f"/proposals/{held}", **options)
    scripted = how != "no-script"
    page.get_by_role("button", name="Ask both sides").click()
    if scripted:
        check(page, f"ask-{how}")
    page.get_by_label("School receiving support", exact=False).first.select_option(index=1)
    page.get_by_role("button", name="Send emails").click()
    expect(page.get_by_text("Emails are on their way")).to_be_visible()
    if scripted:
        check(page, f"asked-{how}")
    page.goto(f"{address}/proposals/{held}/sheet")
    if scripted:
        check(page, f"sheet-{how}")
    reader = open_page(f"{address}/answer/{token(exchange)}", **options)
    if scripted:
        check(reader, f"answer-{how}")
    reader.get_by_role("button", name="Send answer").click()
    expect(reader.get_by_text("There is a problem")).to_be_visible()
    if scripted:
        check(reader, f"answer-wrong-{how}")
    reader.get_by_label("Yes", exact=True).check()
    reader.get_by_role("button", name="Send answer").click()
    expect(reader.get_by_text("Your answer has been saved: yes")).to_be_visible()
    if scripted:
        check(reader, f"answered-{how}")
    page.goto(f"{address}/proposals/{held}")
    expect(page.get_by_text("by the link")).to_be_visible()
    with exchange.read() as session:
        assert session.get_one(Proposal, held).state == "preferred"


def test_answered_by_keyboard(
    broker: Callable[..., Page], open_page: Open, address: str, exchange: Database, held: int
) -> None:
    """From the top of the page to the button, with the focus shown."""
    page = broker(f"/proposals/{held}/requests")
    page.get_by_label("School receiving support", exact=False).first.select_option(index=1)
    page.get_by_role("button", name="Send emails").click()
    reader = open_page(f"{address}/answer/{token(exchange)}")
    tab_to(reader, reader.get_by_label("Yes", exact=True))
    reader.keyboard.press("Space")
    tab_to(reader, reader.get_by_role("button", name="Send answer"))
    reader.keyboard.press("Enter")
    expect(reader.get_by_text("Your answer has been saved: yes")).to_be_visible()
