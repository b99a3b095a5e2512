"""Whoever edits a council's web page: what the map begins with, its code, and its renewal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from app.database import Database
from app.insight.report import Symbol
from app.portal.labels import EMBED_FIELDS, LABELS
from models.access import EmbedToken
from tests.browser.pages import check

HEADING, COLOUR = EMBED_FIELDS["heading"].label, EMBED_FIELDS["accent"].label


def test_a_web_editor_makes_copies_and_renews_code(
    broker: Callable[..., Page], exchange: Database, complaints: list[str]
) -> None:
    """The preview follows the form; what is wrong is told; the same code is there later."""
    page = broker("/embed")
    preview = page.frame_locator("#preview")
    expect(preview.locator("html")).to_have_attribute("data-state", "ready", timeout=15_000)
    page.get_by_label(HEADING, exact=True).fill("Our schools")
    page.get_by_label(COLOUR, exact=True).fill("7b3f98")
    page.get_by_label(LABELS[Symbol][Symbol.ORGANISATION]).uncheck()
    expect(preview.locator("h1")).to_have_text("Our schools")
    expect(preview.locator(".bar")).to_have_css("background-color", "rgb(123, 63, 152)")
    expect(preview.locator("html")).to_have_attribute("data-state", "ready", timeout=15_000)
    check(page, "embed-form")
    page.get_by_label(COLOUR, exact=True).fill("ffee00")
    page.get_by_label("Websites that can show the map").fill("https://www.example.org")
    page.get_by_role("button", name="Create code").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Enter a darker colour")
    check(page, "embed-form-wrong")
    page.get_by_label(COLOUR, exact=True).fill("7b3f98")
    page.get_by_role("button", name="Create code").click()
    code = page.get_by_label("HTML element")
    lines = code.input_value()
    assert 'heading="Our schools" accent="7b3f98"' in lines
    page.get_by_role("button", name="Copy HTML element").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    check(page, "embed-code")
    with exchange.write() as session:
        session.get_one(EmbedToken, 1).expires_at = datetime.now(UTC) + timedelta(days=5)
    page.get_by_role("link", name="Embed the map").click()
    expect(page.locator(".govuk-notification-banner")).to_contain_text("Renew it below")
    page.get_by_role("link", name="Show or renew code 1").click()
    page.get_by_label("How long the code works from now").select_option("365")
    page.get_by_role("button", name="Renew").click()
    expect(page.get_by_text("Code renewed")).to_be_visible()
    assert [each for each in complaints if "422" not in each] == []
