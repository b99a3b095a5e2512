"""What an import of the register says of institutions that closed, on every surface."""

import json
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli.main import app
from app.database import Database
from app.imports import background
from app.settings import settings
from models.register import Participant
from tests import rows
from tests.callers import keyed
from tests.factories import establishment, import_schools, write_gias
from tests.portal import BASE, OURS, Page, broker

SCHOOLS = range(900001, 900031)


@pytest.fixture
def closed(sqlite_database: Database, tmp_path: Path) -> Path:
    """Thirty schools with a need each; the register's file closes them, with no successor."""
    import_schools(sqlite_database, tmp_path, *(establishment(urn) for urn in SCHOOLS))
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        takers = session.scalars(select(Participant).order_by(Participant.reference))
        for number, taker in enumerate(takers, start=1):
            rows.add_need(session, f"n-{number}", taker)
    day = {"status": "2", "closed": "31-08-2026"}
    return write_gias(tmp_path, [establishment(urn, **day) for urn in SCHOOLS]).establishments


def test_http_lists_all_that_an_import_closed(sqlite_database: Database, closed: Path) -> None:
    """The answer has the total; the list of the import has every one, by page and as CSV."""
    with keyed(sqlite_database) as client:
        files = {"establishments": ("edubasealldata.csv", closed.read_bytes(), "text/csv")}
        preview = client.post("/api/v1/imports/gias/preview", files=files).json()
        assert (preview["affected_total"], preview["import_id"]) == (30, None)
        done = client.post("/api/v1/imports/gias", files=files).json()
        first = done["affected"][0]
        assert (first["urn"], first["change"], first["on"]) == (900001, "closed", "2026-08-31")
        assert (first["needs"], first["to_settle"]) == (["n-1"], True)
        whole = f"/api/v1/imports/{done['import_id']}/affected"
        page = client.get(f"{whole}?limit=20")
        assert len(page.json()["items"]) == 20
        rest = client.get(page.links["next"]["url"]).json()["items"]
        assert [each["number"] for each in rest] == list(range(21, 31))
        text = client.get(whole, headers={"Accept": "text/csv"}).text
        assert len(text.splitlines()) == 31
        assert client.get("/api/v1/imports/1/affected").json() == {"items": []}


def test_terminal_lists_few_and_all_on_request(
    sqlite_database: Database,
    closed: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """An import names the first institutions and how to list the others."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    request.addfinalizer(settings.cache_clear)
    terminal = CliRunner()
    told = terminal.invoke(app, ["import", "gias", str(closed)], catch_exceptions=False).output
    line = "900001 Made-up School 900001 closed on 31 August 2026. In use by needs (1) n-1."
    assert line in told
    assert "and 10 more: `givetake register changes` lists them all." in told
    every = terminal.invoke(app, ["register", "changes"], catch_exceptions=False).output
    assert every.count("closed on 31 August 2026") == 30
    data = terminal.invoke(app, ["register", "changes", "--json"], catch_exceptions=False).output
    assert len(json.loads(data)) == 30


def test_portal_lists_what_hangs_before_and_after(
    sqlite_database: Database, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The preview shows it before anything is changed; the page of the import shows all."""
    # Whoever waits long enough needs no page that tells how far it is.
    monkeypatch.setattr(background, "begin", partial(background.begin, quick_s=60.0))
    who = broker(sqlite_database)
    fields = who.open("/imports/new?kind=gias").form("/imports/new").fields
    file = {"establishments": ("edubasealldata.csv", closed.read_bytes(), "text/csv")}
    sent = {name: values[0] for name, values in fields.items() if name != "establishments"}
    answer = who.client.post(f"{BASE}/imports/new", data=sent, files=file, headers=OURS)
    preview = Page(answer)
    assert "30 institutions to look after" in preview.text
    assert "Only the first 25 are shown" in preview.text
    assert "Closed on 31 August 2026." in preview.text
    assert "Public register of schools imported" in who.send(preview, "/imports/take").text
    shown = who.open("/imports/2?page=2")
    assert "Made-up School 900030" in shown.text
    assert "In use by needs (1) n-30." in shown.text
    assert "No open successor is known." in shown.text
    text = who.client.get(f"{BASE}/imports/2?as=csv").text
    assert len(text.splitlines()) == 31
    assert who.open("/imports/99").status == 404
