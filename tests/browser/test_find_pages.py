"""A head finds support and asks for it, from a phone, with a script and without one."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.access.policy import Grant, Scope
from app.database import Database
from models.exchange import Expertise, Offer
from models.introductions import Introduction
from models.register import Participant
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.browser.pages import HOW, PHONE, check
from tests.factories import new_key

TWO_MINUTES_S = 120
SECONDS_A_STEP = 12
"""What a person is given to read a page and fill it in, besides what the service takes."""


@pytest.fixture
def head(exchange: Database, address: str, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the portal as the contact of Oak Primary School 0."""
    with exchange.write() as session:
        rows.add(session, Expertise(code="early-reading", name="Early reading", version="test"))
        for offer in session.scalars(select(Offer).where(Offer.expertise_code == "reading")):
            offer.expertise_code, offer.half_days = "early-reading", 6
        for n, giver in enumerate(session.scalars(select(Participant))):
            giver.longitude = 2.0 + 0.05 * (n % 5 - 2)
            giver.town, giver.name = "Upper Weir", giver.name
        key = new_key(session, Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "101")))

    def signed_in(path: str, **context: Any) -> Page:
        page = open_page(f"{address}{path}", **context)
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return page

    return signed_in


@pytest.mark.parametrize("how", [*HOW, "phone-no-script"])
def test_a_head_finds_support_and_asks_for_it(
    head: Callable[..., Page], exchange: Database, how: str
) -> None:
    """Six screens: what helps, whom to ask, days, role, check, sent; within two minutes."""
    scripted = not how.endswith("no-script")
    context = HOW.get(how, PHONE | {"java_script_enabled": False})
    page = head("/find", **context)
    steps, started = 0, time.monotonic()

    def seen(name: str) -> None:
        nonlocal steps
        steps += 1
        if scripted:
            check(page, f"find-{name}-{how}")

    expect(page.get_by_label("Near")).to_have_value("101")
    page.get_by_label("What do you want help with?").fill("phonics")
    seen("start")
    page.get_by_role("button", name="Find support").click()
    expect(page.get_by_role("heading", name="offers of support")).to_be_visible()
    seen("list")
    page.get_by_role("link", name="Ask for an introduction").first.click()
    page.get_by_label("How many days?").fill("2")
    seen("days")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Line of your self-evaluation").fill("2.3 Phonics in Year 1")
    page.get_by_label("Your role").fill("headteacher")
    seen("role")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Check your answers")).to_be_visible()
    seen("check")
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Your request is sent.")).to_be_visible()
    seen("sent")
    taken = time.monotonic() - started
    assert steps * SECONDS_A_STEP + taken < TWO_MINUTES_S
    with exchange.read() as session:
        [asked] = session.scalars(select(Introduction)).all()
        assert asked.role == "headteacher"
    page.goto(page.url.partition("/introductions")[0] + "/introductions")
    seen("asked")


@pytest.mark.parametrize("how", ["script", "phone"])
def test_a_supporting_organisation_has_a_page(head: Callable[..., Page], how: str) -> None:
    """Reached from the list; what cannot be understood is told at its field."""
    page = head("/find?help=phonics&near=101", **HOW[how])
    page.locator("#found h3 a").first.click()
    expect(page.get_by_role("heading", name="What it gives")).to_be_visible()
    check(page, f"find-supporter-{how}")
    page.get_by_role("link", name="Find support").first.click()
    page.get_by_label("What do you want help with?").fill("wizardry")
    page.get_by_role("button", name="Find support").click()
    expect(page.get_by_text("There is no area of expertise for").first).to_be_visible()
    check(page, f"find-wrong-{how}")
    page.get_by_text("More choices").click()
    page.get_by_text("All areas of expertise").click()
    check(page, f"find-choices-{how}")
