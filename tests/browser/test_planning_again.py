"""Planning again in a real browser: prices compared, changes taken over, batches on a schedule."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.access.policy import TERMINAL
from app.database import Database
from app.portal.labels import BATCH_FIELDS, RUN_FIELDS
from app.runs import service
from models.exchange import Offer
from models.vocabulary import Operation
from tests import rows
from tests.browser.pages import check
from tests.runs import FREELY, match

PHONE = {"viewport": {"width": 390, "height": 844}}
WIDTHS = pytest.mark.parametrize("width", ["desktop", "phone"])


def window(width: str) -> dict[str, object]:
    return dict(PHONE) if width == "phone" else {}


@WIDTHS
def test_prices_are_compared_and_changes_taken_over(
    broker: Callable[..., Page],
    address: str,
    exchange: Database,
    complaints: list[str],
    width: str,
) -> None:
    """From the curve to the changes of the run that followed, of which one is taken over."""
    match(exchange, FREELY)
    with exchange.write() as session:
        session.execute(update(Offer).where(Offer.reference == "o3").values(withdrawn=True))
    with exchange.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    compared = service.match(
        exchange, TERMINAL, takers, rows.YEAR, FREELY, operation=Operation.CURVE
    )
    newer = match(exchange, FREELY)
    page = broker(f"/runs/{compared}", **window(width))
    expect(page.get_by_role("heading", name="Prices of a change")).to_be_visible()
    check(page, f"price-curve-{width}")
    page.get_by_role("link", name=re.compile(r"\b125 points")).click()
    expect(page.get_by_label(RUN_FIELDS["change_price"].label)).to_have_value("125")
    page.goto(f"{address}/runs/{newer}/diff")
    check(page, f"changes-{width}")
    page.get_by_role("checkbox", name="Take over").first.check()
    page.get_by_role("button", name="Prefer what is chosen").click()
    expect(page.get_by_text("1 proposal").first).to_be_visible()
    assert complaints == []


@WIDTHS
def test_a_batch_is_started_and_scheduled(
    broker: Callable[..., Page], complaints: list[str], width: str
) -> None:
    """A mistake is told at its field; a batch is followed by area; a schedule is stopped."""
    page = broker("/batches/new", **window(width))
    check(page, f"batch-new-{width}")
    page.get_by_role("button", name="Start the batch").click()
    expect(page.get_by_role("link", name=BATCH_FIELDS["period"].enter)).to_be_visible()
    check(page, f"batch-mistake-{width}")
    areas, period = BATCH_FIELDS["areas"].label, BATCH_FIELDS["period"].label
    page.get_by_label(areas, exact=True).fill("Testshire")
    page.get_by_label(period, exact=True).select_option(rows.YEAR)
    page.get_by_role("button", name="Start the batch").click()
    expect(page.get_by_role("heading", name="Batch 1")).to_be_visible()
    check(page, f"batch-{width}")
    page.get_by_role("link", name="Batches").click()
    page.get_by_role("button", name="Start a batch").click()
    page.get_by_label(period, exact=True).select_option(rows.YEAR)
    page.get_by_label(BATCH_FIELDS["at"].label, exact=True).fill("02:00")
    page.get_by_role("button", name="Start the batch").click()
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    check(page, f"batches-{width}")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Ended ").first).to_be_visible()
    assert [said for said in complaints if "422" not in said] == []
