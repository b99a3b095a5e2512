"""A supporter drops out: from the home page to a repair that is carried out, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.exchange.service import withdraw_offer
from app.portal.labels import LABELS
from app.proposals import flags
from models.exchange import Offer
from models.matching import Proposal
from models.vocabulary import RepairSize
from tests.browser.pages import check

PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_pairing_is_repaired(
    broker: Callable[..., Page],
    exchange: Database,
    run_id: int,
    complaints: list[str],
    width: str,
) -> None:
    """Why and what else is affected, up to three repairs, one checked, and carried out."""
    with exchange.write() as session:
        of_first = select(Offer.reference).join(Proposal, Proposal.offer_id == Offer.id)
        offer = session.scalars(of_first.where(Proposal.id == 1)).one()
        withdraw_offer(session, TERMINAL, offer)
        flags.review(session)
    page = broker("/", **({"viewport": PHONE} if width == "phone" else {}))
    expect(page.get_by_role("heading", name="Needs repair")).to_be_visible()
    check(page, f"home-repair-{width}")
    page.locator("a[href$='/repairs/1']").click()
    page.get_by_role("button", name="Work out repairs").click()
    expect(page.get_by_text(f"1. {LABELS[RepairSize][RepairSize.SMALLEST]}")).to_be_visible()
    check(page, f"repair-{width}")
    page.get_by_role("button", name="Check and carry out repair 1").click()
    check(page, f"repair-check-{width}")
    page.get_by_role("button", name="Carry out this repair").click()
    expect(page.get_by_text("Repair carried out")).to_be_visible()
    check(page, f"repair-done-{width}")
    assert complaints == []
