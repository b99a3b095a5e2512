"""The portal for everybody: by keyboard, without JavaScript, on a phone, in other colours."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.database import Database
from app.portal.choices import ReviewAction, Saved
from app.portal.labels import DONE, LABELS, NEED_FIELDS, NOTES, RUN_FIELDS
from models.exchange import Need
from models.vocabulary import Side
from tests import rows
from tests.browser.conftest import SHOTS
from tests.browser.pages import check, tab_to

VERBS = LABELS[ReviewAction]
PREFER, PIN = VERBS[ReviewAction.PREFER], VERBS[ReviewAction.PIN]
DAYS, EXPERTISE, PERIOD = (NEED_FIELDS[name].label for name in ("days", "expertise", "period"))
PHONE = {
    "viewport": {"width": 375, "height": 720},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


def test_by_keyboard_alone(
    broker: Callable[..., Page], address: str, run_id: int, exchange: Database
) -> None:
    """Past the navigation, over a filter, to a box and a decision; the focus is always seen."""
    page = broker(f"/runs/{run_id}/proposals")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to(page, page.get_by_label("Name or place", exact=True))
    page.keyboard.type("Oak")
    expect(page.locator("#announce")).to_contain_text("that match the filter")
    tab_to(page, page.locator('input[name="chosen"]').first)
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name=f"{PIN}…"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label(NOTES[ReviewAction.PIN]))
    page.keyboard.type("they know each other")
    tab_to(page, page.get_by_role("button", name=PIN, exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"1 proposal {DONE[ReviewAction.PIN]}")).to_be_visible()
    page.goto(f"{address}/needs/new?participant=101")
    tab_to(page, page.get_by_label(EXPERTISE))
    page.keyboard.type("Maths")
    tab_to(page, page.get_by_label(PERIOD))
    page.keyboard.type("2026 to")
    tab_to(page, page.get_by_label(DAYS, exact=True))
    page.keyboard.type("3")
    tab_to(page, page.get_by_role("radio", name="3", exact=True))
    page.keyboard.press("ArrowUp")
    tab_to(page, page.get_by_role("button", name="Save need"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(LABELS[Saved][Saved.CREATED], exact=True)).to_be_visible()
    with exchange.read() as session:
        need = session.scalars(select(Need).order_by(Need.id.desc()).limit(1)).one()
    assert (need.half_days, need.priority) == (6, 2)


def test_without_javascript(broker: Callable[..., Page], address: str, exchange: Database) -> None:
    """A run is started and watched by reloading, and a proposal is preferred."""
    page = broker("/runs/new", java_script_enabled=False)
    page.get_by_label(RUN_FIELDS["area"].label).fill("Testshire")
    page.get_by_label(RUN_FIELDS["period"].label).select_option(rows.YEAR)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="The plan")).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Review the proposals").click()
    page.get_by_label("Name or place", exact=True).fill("Oak")
    page.get_by_role("button", name="Filter").click()
    page.locator('input[name="chosen"]').first.check()
    page.get_by_role("button", name=PREFER, exact=True).click()
    expect(page.get_by_text(f"1 proposal {DONE[ReviewAction.PREFER]}")).to_be_visible()
    page.screenshot(path=SHOTS / "portal-no-script.png", full_page=True)
    page.goto(f"{address}/imports/new")
    page.get_by_label("What does the file contain?").select_option("offers")
    page.get_by_role("button", name="Choose", exact=True).click()
    expect(page.get_by_role("heading", name="Offers")).to_be_visible()


def test_the_audit(broker: Callable[..., Page], address: str, complaints: list[str]) -> None:
    """Read, filtered and checked without JavaScript; on a screen and a phone."""
    page = broker("/audit", java_script_enabled=False)
    page.get_by_label("Action", exact=False).fill("key.")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("cell", name="key.create").first).to_be_visible()
    page.goto(f"{address}/audit/check")
    page.get_by_role("button", name="Check the audit").click()
    expect(page.get_by_text("Checking reads every event")).to_be_visible()
    for name, context in (("", {}), ("phone-", PHONE)):
        page = broker("/audit", **context)
        page.get_by_text("Details of event").first.click()
        check(page, f"{name}audit")
        page.goto(f"{address}/audit?from-day=31&from-month=2&from-year=2026")
        check(page, f"{name}audit-error")
        page.goto(f"{address}/audit/check?anchor=")
        check(page, f"{name}audit-check")


def test_on_a_phone(broker: Callable[..., Page], address: str, run_id: int) -> None:
    """Nothing is wider than the screen; the menu opens; tables become cards."""
    page = broker("/", **PHONE)
    page.get_by_role("button", name="Menu").click()
    check(page, "phone-home")
    page.get_by_role("link", name="Runs").click()
    paths = ("/runs/{0}", "/runs/{0}/proposals", "/runs/{0}/unmet", "/runs/{0}/map")
    others = ("/proposals/1", "/participants/100", "/institutions?q=elm", "/needs/new", "/runs/new")
    for path in (*paths, *others):
        page.goto(f"{address}{path.format(run_id)}")
        check(page, "phone-" + re.sub(r"\W+", "-", path).strip("-"))


THEMES: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "contrast": {"contrast": "more"},
    "dark-contrast": {"color_scheme": "dark", "contrast": "more"},
    "forced": {"forced_colors": "active"},
}


@pytest.mark.parametrize("theme", THEMES)
def test_in_the_reader_s_colours(
    broker: Callable[..., Page], address: str, run_id: int, theme: str, complaints: list[str]
) -> None:
    """Dark, with more contrast, and in forced colours every page can be read, wrong forms too."""
    check(broker("/", **THEMES[theme]), f"{theme}-home")
    page = broker("/proposals/1", **THEMES[theme])
    page.get_by_role("button", name=PREFER, exact=True).click()
    taker = LABELS[Side][Side.TAKER].lower()
    page.get_by_role("link", name=f"Record response of the {taker}").click()
    check(page, f"{theme}-proposal")
    run = f"/runs/{run_id}"
    for path in (
        *(run, f"{run}/proposals", f"{run}/unmet", f"{run}/map", f"{run}/picture", "/runs/new"),
        *("/institutions?q=elm", "/participants/100", "/needs", "/offers/new", "/imports/new"),
        *("/runs", "/imports", "/embed", "/nowhere"),
        *("/participants/100/support", "/participants/100/support/new"),
        *("/needs/n0/case", "/participants/100/contacts", "/participants/100/contacts/new"),
    ):
        page.goto(f"{address}{path}")
        check(page, f"{theme}-" + re.sub(r"\W+", "-", path).strip("-"))
    page.goto(f"{address}/needs/new?participant=100")
    page.get_by_role("button", name="Save need").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    check(page, f"{theme}-need-wrong")
    if "dark" in theme:
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(23, 28, 32)"
    assert [each for each in complaints if "422" not in each and "404" not in each] == []
