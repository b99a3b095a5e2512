"""The map of a run: it opens on what matters, and tells how much of it is shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect
from sqlalchemy import update

from app.database import Database
from app.main import create_app
from app.maps import tokens
from app.settings import Settings
from models.exchange import Need
from models.matching import Proposal
from models.vocabulary import EmbedLayer
from tests.browser.widgets import SECRET, draw, violations, widget
from tests.serving import serving

Open = Callable[..., Page]


@pytest.fixture
def county(sqlite_database: Database) -> Database:
    """A third of the pairings are approved, and half of the needs are urgent."""
    with sqlite_database.write() as session:
        draw(session)
        session.execute(update(Proposal).where(Proposal.id % 3 == 0).values(state="approved"))
        session.execute(update(Need).where(Need.id % 2 == 0).values(priority=1))
    return sqlite_database


@pytest.fixture
def own_map(county: Database, open_page: Open) -> Any:
    """The map as the portal's own page frames it."""
    with serving(create_app(Settings(workers=0, secret=SECRET), county)) as address:
        now = datetime.now(UTC)
        wanted = {"now": now, "run_id": 1, "drafts": True}
        token = tokens.sign(tokens.grant([address], EmbedLayer.PARTNER, **wanted), SECRET, now)
        yield widget(open_page(f"{address}/maps/widget?cards=page#{token}"))


def test_a_run_s_map_shows_its_pairings_and_all_only_when_asked(
    own_map: Frame, complaints: list[str]
) -> None:
    """Whoever has no pairing is left out at first; each filter says how many of all are left."""
    status = own_map.locator("#status")
    expect(status).to_contain_text("and 30 pairings")
    at_first = status.inner_text()
    own_map.get_by_label("Also schools and organisations without a pairing").check()
    expect(status).to_have_text("64 schools and organisations and 30 pairings")
    assert at_first != status.inner_text()
    own_map.get_by_label("Also schools and organisations without a pairing").uncheck()
    own_map.get_by_label("Only pairings that wait for a decision").check()
    expect(status).to_contain_text("and 20 of 30 pairings")
    own_map.get_by_label("Priority 3").uncheck()
    expect(status).to_contain_text("and 10 of 30 pairings")
    own_map.get_by_label("Approved").uncheck()
    assert violations(own_map, complaints) == []
    own_map.get_by_role("button", name="Show all 30 pairings").click()
    expect(status).to_contain_text("and 30 pairings")
    expect(own_map.locator("#all")).to_be_hidden()


def test_a_run_s_map_fits_its_pairings(own_map: Frame) -> None:
    """Schools far away that are in no pairing do not make the county a dot."""
    scale = own_map.locator(".leaflet-control-scale-line")
    near = scale.inner_text()
    own_map.get_by_label("Find a school or place").fill("school")
    own_map.get_by_label("Find a school or place").press("Enter")
    expect(scale).not_to_have_text(near)
    assert int(scale.inner_text().split()[0]) > int(near.split()[0])
