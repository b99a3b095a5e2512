"""Pots of money, alliances and the support graph in a browser: axe, no script, a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.database import Database
from models.alliances import AllianceMember
from models.money import Pot
from tests import rows
from tests.browser.pages import HOW, check, tab_to


def fill(page: Page, fields: dict[str, str]) -> None:
    for name, text in fields.items():
        page.locator(f"#{name}").fill(text)


@pytest.mark.parametrize("how", HOW)
def test_a_pot_is_added_and_reported_on(
    broker: Callable[..., Page], address: str, exchange: Database, how: str
) -> None:
    """What is missing is named; then the pot, the list and the report for funders."""
    page = broker("/pots/new", **HOW[how])
    looked_at = how != "no-script"
    page.get_by_role("button", name="Save pot").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    if looked_at:
        check(page, f"pot-wrong-{how}")
    fill(page, {"reference": "fund", "name": "Reading fund", "holder": "100", "budget": "2,500"})
    fill(page, {"starts": "1/9/2026", "ends": "31/8/2027", "day_rate": "500", "fee": "50"})
    page.get_by_label("Trust", exact=False).first.check()
    page.get_by_role("button", name="Save pot").click()
    expect(page.get_by_role("heading", name="Reading fund")).to_be_visible()
    expect(page.get_by_text("£2,500.00").first).to_be_visible()
    if looked_at:
        check(page, f"pot-{how}")
    page.goto(f"{address}/pots/1/report")
    expect(page.get_by_role("heading", name="Reading fund: report")).to_be_visible()
    if looked_at:
        check(page, f"pot-report-{how}")
    with exchange.read() as session:
        assert session.scalars(select(Pot.budget_pence)).all() == [250_000]


@pytest.mark.parametrize("how", HOW)
def test_an_alliance_is_made_and_joined(
    broker: Callable[..., Page], address: str, exchange: Database, how: str
) -> None:
    """Its lead is asked, and is in once a yes is recorded."""
    page = broker("/alliances/new", **HOW[how])
    looked_at = how != "no-script"
    if looked_at:
        check(page, f"alliance-new-{how}")
    fill(page, {"reference": "north", "name": "North Family", "aims": "Every child reads"})
    fill(page, {"starts": "1/9/2026", "lead": "100"})
    page.get_by_label("Family").first.check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="North Family")).to_be_visible()
    if looked_at:
        check(page, f"alliance-{how}")
    with exchange.read() as session:
        assert session.scalars(select(AllianceMember.state)).all() == ["asked"]


@pytest.mark.parametrize("how", HOW)
def test_the_graph_is_looked_at(
    broker: Callable[..., Page], address: str, exchange: Database, how: str
) -> None:
    """Lists by area, and the neighbourhood of a school as a picture with its table."""
    with exchange.write() as session:
        first, second = (session.get_one(rows.Participant, number) for number in (1, 2))
        rows.add_support(session, "s", first, second, starts=rows.STARTS, half_days=4)
    page = broker("/graph/isolated", **HOW[how])
    looked_at = how != "no-script"
    for path in ("/graph/isolated", "/graph/load", "/graph/loops", "/graph/communities"):
        page.goto(f"{address}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if looked_at:
            check(page, f"{path[1:].replace('/', '-')}-{how}")
    page.goto(f"{address}/participants/100/graph")
    expect(page.get_by_role("table").first).to_be_visible()
    if looked_at:
        check(page, f"graph-around-{how}")


def test_a_pot_is_added_by_keyboard(broker: Callable[..., Page], exchange: Database) -> None:
    """From the top of the page to the last button, with the focus shown."""
    with exchange.write() as session:
        rows.add_hub(session, "council", kind="council_service")
    page = broker("/pots/new")
    given = {"reference": "fund", "name": "Fund", "holder": "council"}
    for name, text in given.items():
        tab_to(page, page.locator(f"#{name}"))
        page.keyboard.type(text)
    tab_to(page, page.locator("input[name=holder_kind]").first)
    page.keyboard.press("Space")
    later = {"budget": "100", "starts": "1/9/2026", "ends": "31/8/2027", "day_rate": "50"}
    for name, text in later.items():
        tab_to(page, page.locator(f"#{name}"))
        page.keyboard.type(text)
    tab_to(page, page.get_by_role("button", name="Save pot"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Fund")).to_be_visible()
    with exchange.read() as session:
        assert session.scalars(select(Pot.reference)).all() == ["fund"]
