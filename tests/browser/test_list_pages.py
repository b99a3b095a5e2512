"""Lists that are filtered, sorted and remembered: axe, without a script, on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.access.policy import Grant, Role, Scope
from app.database import Database
from models.vocabulary import ScopeKind
from tests.browser.pages import HOW, check
from tests.factories import new_key
from tests.runs import FREELY, match

TALLEST_CARD = 150
"""Pixels of a need on a phone: fifty of them are fewer screens than ten."""


@pytest.mark.parametrize("how", HOW)
def test_needs_are_filtered_sorted_and_found_again(
    broker: Callable[..., Page], address: str, exchange: Database, how: str
) -> None:
    """A filter holds in the order chosen, when the list is opened again, until it is cleared."""
    match(exchange, FREELY)
    page = broker("/needs", **HOW[how])
    scripted = how != "no-script"
    expect(page.locator("#list").get_by_text("1 to 13 of 13 needs")).to_be_visible()
    if scripted:
        check(page, f"needs-{how}")
    if how == "phone":
        cards = page.locator(".gt-list tbody tr")
        heights = [card.bounding_box() for card in cards.all()]
        assert max(box["height"] for box in heights if box) < TALLEST_CARD
    page.get_by_label("Name or place").fill("oak")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(
        page.locator("#list").get_by_text("1 to 3 of 3 needs that match the filter")
    ).to_be_visible()
    if how == "phone":
        page.get_by_label("Sort by").select_option("-priority")
        page.get_by_role("button", name="Filter", exact=True).click()
    else:
        page.get_by_role("link", name="Priority").click()
        page.get_by_role("link", name="Priority").click()
        expect(page.get_by_role("columnheader", name="Priority")).to_have_attribute(
            "aria-sort", "descending"
        )
    page.goto(f"{address}/offers")
    page.goto(f"{address}/needs")
    expect(page.get_by_label("Name or place")).to_have_value("oak")
    first = page.locator(".gt-list tbody tr").first
    expect(first.get_by_role("link", name="Oak Primary School 4")).to_be_visible()
    if scripted:
        check(page, f"needs-filtered-{how}")
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#list").get_by_text("1 to 13 of 13 needs")).to_be_visible()
    page.goto(f"{address}/needs")
    expect(page.get_by_label("Name or place")).to_have_value("")


@pytest.mark.parametrize("how", HOW)
def test_proposals_of_all_runs_are_listed_and_a_run_is_broken_down(
    broker: Callable[..., Page], address: str, exchange: Database, how: str
) -> None:
    """From a list across runs to a run, which tells what it comes to by area and expertise."""
    run_id = match(exchange, FREELY)
    page = broker("/proposals", **HOW[how])
    scripted = how != "no-script"
    expect(page.locator("#list").get_by_text("1 to 12 of 12 proposals")).to_be_visible()
    if scripted:
        check(page, f"proposals-{how}")
    page.get_by_text("More filters").click()
    page.get_by_label("Priority").select_option("1")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(
        page.locator("#list").get_by_text("of 3 proposals that match the filter")
    ).to_be_visible()
    page.goto(f"{address}/runs/{run_id}")
    expect(page.get_by_role("table", name="Needs and days by local authority")).to_be_visible()
    if scripted:
        check(page, f"breakdown-{how}")


def test_a_list_to_read_only_has_no_fault_in_its_script(
    exchange: Database, address: str, open_page: Callable[..., Page], complaints: list[str]
) -> None:
    """A contact can select no proposals: there is no box that selects all of them."""
    run_id = match(exchange, FREELY)
    with exchange.write() as session:
        key = new_key(session, Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "100")))
    page = open_page(f"{address}/runs/{run_id}/proposals")
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{address}/runs/{run_id}/proposals")
    expect(page.locator("#bulk")).to_be_visible()
    expect(page.locator("#all-here")).to_have_count(0)
    assert complaints == []
