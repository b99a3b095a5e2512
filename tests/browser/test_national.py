"""A broker's whole way on the national register, from its files to decisions, in a real browser."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.access.policy import TERMINAL
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.demo.draw import draw, write_drawn
from app.demo.queries import to_draw
from app.main import create_app
from app.portal.choices import ReviewAction
from app.portal.labels import DONE, LABELS, RUN_FIELDS
from app.settings import Settings
from models.matching import Decision
from models.register import Institution
from tests.browser.conftest import SHOTS
from tests.portal import new_key
from tests.serving import serving

AREA, PERIOD = "Hartlepool", "2026-27"
VERBS = LABELS[ReviewAction]
PATIENCE_MS = 300_000
pytestmark = pytest.mark.national


@pytest.fixture
def address(sqlite_database: Database) -> Iterator[str]:
    with sqlite_database.write() as session:
        load_packaged(session)
    app = create_app(Settings(workers=1, database_url=sqlite_database.url), sqlite_database)
    with serving(app) as origin:
        yield f"{origin}/portal"


def take_in(page: Page, address: str, kind: str, files: dict[str, Path]) -> None:
    """Look at what files would change, and take them in, however long that takes."""
    page.goto(f"{address}/imports/new?kind={kind}")
    for field, path in files.items():
        page.locator(f"#{field}").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()
    heading = page.get_by_role("heading", name="Check the changes")
    expect(heading).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Import the file").click()
    expect(page.get_by_text("imported:")).to_be_visible(timeout=PATIENCE_MS)


def test_from_the_register_to_decisions(
    national_data: Path,
    sqlite_database: Database,
    address: str,
    open_page: Callable[..., Page],
    complaints: list[str],
    tmp_path: Path,
) -> None:
    """Import, find, run one local authority, review, decide on list and map, and export."""
    page = open_page(address)
    page.get_by_label("Key", exact=True).fill(new_key(sqlite_database))
    page.get_by_role("button", name="Sign in").click()
    gias = national_data / "gias"
    names = {"groups": "allgroupsdata", "links": "alllinksdata"}
    register = {field: gias / f"{name}.csv" for field, name in names.items()}
    take_in(page, address, "gias", {"establishments": gias / "edubasealldata.csv", **register})
    with sqlite_database.read() as session:
        assert session.scalar(select(func.count()).select_from(Institution)) > 20_000
        today = datetime.now(UTC).date()
        given = to_draw(session, TERMINAL, AREA, PERIOD, today)
    write_drawn(draw(given.takers, given.givers, given.subjects, given.period, 1), tmp_path)
    for kind in ("needs", "offers", "limits"):
        take_in(page, address, kind, {"file": tmp_path / f"{kind}.csv"})

    page.goto(f"{address}/institutions")
    page.get_by_label("Name, trust, town, postcode, URN or DfE number").fill(f"primary {AREA}")
    expect(page.locator("#found [data-announce]")).to_contain_text("results")
    page.locator("#found tbody a").first.click()
    expect(page.get_by_text(AREA).first).to_be_visible()

    page.goto(f"{address}/runs/new")
    page.get_by_label(RUN_FIELDS["area"].label).fill(AREA)
    page.get_by_label(RUN_FIELDS["period"].label).select_option(PERIOD)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="The plan")).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=SHOTS / "national-run.png", full_page=True)
    page.get_by_role("link", name="Unmet needs", exact=True).click()
    expect(page.locator("#main-content")).to_contain_text("unmet")
    page.locator(".gt-tabs").get_by_role("link", name="Proposals", exact=True).click()
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name=VERBS[ReviewAction.PREFER], exact=True).click()
    expect(page.get_by_text("preferred").first).to_be_visible()

    page.goto(f"{address}/runs/1/map")
    frame = page.frame_locator(".gt-widget")
    expect(frame.locator("html")).to_have_attribute("data-state", "ready", timeout=30_000)
    frame.get_by_role("button", name="List", exact=True).click()
    frame.locator("#list-pairings").click()
    frame.locator("#table tbody tr").first.get_by_role("button").nth(2).click()
    card = page.locator("#proposal-card")
    card.locator("summary", has_text=VERBS[ReviewAction.DECLINE]).click()
    card.get_by_label("Why are you declining?").select_option("capacity")
    card.get_by_role("button", name=VERBS[ReviewAction.DECLINE], exact=True).click()
    expect(card.get_by_text(f"Proposal {DONE[ReviewAction.DECLINE]}")).to_be_visible()
    frame.get_by_role("button", name="Map", exact=True).click()
    page.screenshot(path=SHOTS / "national-map.png", full_page=True)

    page.goto(f"{address}/runs/1/proposals?state=declined")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    with Path(download.value.path()).open(encoding="utf-8-sig") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["declined"]
    with sqlite_database.read() as session:
        actions = set(session.scalars(select(Decision.action)))
    assert actions == {"prefer", "decline"}
    assert complaints == []
