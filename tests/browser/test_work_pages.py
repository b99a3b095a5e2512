"""Your work and many answers in a real browser: axe, keyboard, without a script, on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.consent.service import Whom
from app.database import Database
from app.proposals import decisions
from models.exchange import Need
from models.matching import Agreement, Proposal
from models.register import Participant
from models.vocabulary import DecisionAction
from tests.browser.pages import HOW, check, tab_to
from tests.consent import add_people, ask, now_of
from tests.runs import FREELY, match


@pytest.fixture
def held(exchange: Database) -> int:
    """A preferred proposal whose two sides were asked by a link."""
    now = now_of(exchange)
    match(exchange, FREELY, now=now)
    with exchange.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=now)
    with exchange.read() as session:
        sides = session.scalars(select(Participant).order_by(Participant.id)).all()
        cells = [each.reference.partition(":")[2] for each in sides]
        need = session.get_one(Need, session.get_one(Proposal, 1).need_id)
        place = [each.id for each in sides].index(need.participant_id)
    people = add_people(exchange, *((cell, f"head{cell}@school.example") for cell in cells))
    ask(exchange, Whom(people[place]), now=now)
    return 1


@pytest.mark.parametrize("how", HOW)
def test_work_is_seen_and_somebody_reminded(
    broker: Callable[..., Page], address: str, held: int, how: str
) -> None:
    """The first page and the whole list; the button says for whom it is."""
    page = broker("/", **HOW[how])
    scripted = how != "no-script"
    awaited = page.get_by_role("heading", name="You wait for others")
    expect(awaited).to_be_visible()
    if scripted:
        check(page, f"work-home-{how}")
    page.get_by_role("button", name="Send a reminder to the school receiving support").click()
    expect(page.get_by_text("The reminder is on its way.")).to_be_visible()
    page.goto(f"{address}/work?group=awaited")
    expect(page.get_by_role("heading", name="Your work")).to_be_visible()
    expect(page.get_by_text("1 to 1 of 1 things")).to_be_visible()
    if scripted:
        check(page, f"work-list-{how}")
    page.get_by_label("Name").fill("nobody at all")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("Change the filter to see other work.")).to_be_visible()


@pytest.mark.parametrize("how", HOW)
def test_many_answers_are_recorded(
    broker: Callable[..., Page], exchange: Database, held: int, how: str
) -> None:
    """What is missing is named, then all is looked at and saved."""
    page = broker("/answers", **HOW[how])
    scripted = how != "no-script"
    if scripted:
        check(page, f"answers-{how}")
    page.locator("[id='says-1-taker']").select_option("yes")
    page.locator("[id='says-1-giver']").select_option("no")
    page.get_by_role("button", name="Check the answers").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    if scripted:
        check(page, f"answers-wrong-{how}")
    page.locator("[id='says-1-giver']").select_option("yes")
    page.locator("#said_by").fill("headteacher")
    page.locator("#channel").select_option("telephone")
    day = now_of(exchange).date()
    page.locator("#said_on").fill(f"{day.day}/{day.month}/{day.year}")
    page.get_by_role("button", name="Check the answers").click()
    expect(page.get_by_role("heading", name="Check the answers")).to_be_visible()
    if scripted:
        check(page, f"answers-check-{how}")
    page.get_by_role("button", name="Save 2 answers").click()
    expect(page.get_by_text("The answers have been saved.")).to_be_visible()
    with exchange.read() as session:
        said = session.scalars(select(Agreement.says)).all()
    assert said == ["yes", "yes"]


def test_answers_are_recorded_by_keyboard(
    broker: Callable[..., Page], exchange: Database, held: int
) -> None:
    """From the top of the page to the last button, with the focus shown."""
    page = broker("/answers")
    for name, text in (("said_by", "headteacher"), ("said_on", "")):
        tab_to(page, page.locator(f"#{name}"))
        day = now_of(exchange).date()
        page.keyboard.type(text or f"{day.day}/{day.month}/{day.year}")
    page.locator("#channel").select_option("telephone")
    tab_to(page, page.locator("[id='says-1-taker']"))
    page.keyboard.type("Yes")
    tab_to(page, page.get_by_role("button", name="Check the answers"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Save 1 answer"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("The answers have been saved.")).to_be_visible()


@pytest.mark.parametrize("how", HOW)
def test_somebody_is_asked_to_declare_interests(
    broker: Callable[..., Page], address: str, exchange: Database, how: str
) -> None:
    """Recorded on the page of the school, and then what they answered."""
    with exchange.read() as session:
        first = session.scalars(select(Participant.reference).order_by(Participant.id)).first()
    assert first is not None
    cell = first.partition(":")[2]
    page = broker(f"/participants/{cell}/interests/asked", **HOW[how])
    scripted = how != "no-script"
    if scripted:
        check(page, f"interests-asked-{how}")
    day = now_of(exchange).date()
    today = f"{day.day}/{day.month}/{day.year}"
    page.locator("#asked_role").fill("chair of governors")
    page.locator("#asked_on").fill(today)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Record the answer").click()
    if scripted:
        check(page, f"interests-answer-{how}")
    page.get_by_label("They have none").check()
    page.locator("#answered_by").fill("clerk to governors")
    page.locator("#answered_on").fill(today)
    page.get_by_role("button", name="Save answer").click()
    expect(page.get_by_text("They have none: clerk to governors")).to_be_visible()
