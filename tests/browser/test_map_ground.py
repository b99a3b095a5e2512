"""Boundaries and towns under the map, where the country's own file of them is at hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.access.policy import TERMINAL
from app.database import Database
from app.main import create_app
from app.maps import tokens
from app.register import boundaries
from app.settings import Settings
from models.register import Participant
from models.vocabulary import EmbedLayer
from tests.browser.widgets import SECRET, draw, violations, widget
from tests.serving import serving


def test_boundaries_and_towns_are_under_the_map(
    national_data: Path,
    sqlite_database: Database,
    open_page: Callable[..., Page],
    complaints: list[str],
) -> None:
    """They are named in the footer, and nothing breaks the policy of the page."""
    path = national_data / "england-basemap.topojson.json"
    if not path.exists():
        pytest.skip("there is no file of boundaries")
    with sqlite_database.write() as session:
        draw(session)
        for n, town in enumerate(("Otherton", "Thereby", "Made-up Magna")):
            some = Participant.id % 3 == n
            session.execute(update(Participant).where(some).values(town=town))
        boundaries.import_boundaries(session, TERMINAL, path.read_bytes(), 2025)
    app = create_app(Settings(workers=0, secret=SECRET), sqlite_database)
    with serving(app) as address:
        now = datetime.now(UTC)
        wanted = {"now": now, "run_id": 1, "drafts": True}
        token = tokens.sign(tokens.grant([address], EmbedLayer.PARTNER, **wanted), SECRET, now)
        frame = widget(open_page(f"{address}/maps/widget?cards=page#{token}"))
        expect(frame.locator("#ground-credit")).to_contain_text("Office for National Statistics")
        assert violations(frame, complaints) == []
        assert complaints == []
