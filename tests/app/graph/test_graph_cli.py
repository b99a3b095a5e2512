"""The support graph in the terminal: every question, and the files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from app.cli.main import app
from app.database import Database
from app.settings import settings
from models.exchange import Period
from tests import rows


@pytest.fixture
def filled(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Oak and Ash swap and could swap again; Elm is alone."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 100000, name="Oak School")
        ash = rows.add_school(session, 100001, 1.0, name="Ash School")
        rows.add_school(session, 100002, 2.0, name="Elm School")
        yew = rows.add_school(session, 100003, 3.0, name="Yew School")
        rows.add_network(session, "family", [yew])
        rows.add_support(session, "s1", ash, oak, half_days=4)
        rows.add_support(session, "s2", oak, ash, half_days=2)
        later = {"window_ends": rows.ENDS.replace(year=2100)}
        for one, gives, needs in ((oak, "maths", "reading"), (ash, "reading", "maths")):
            rows.add_offer(session, f"o-{one.id}", one, expertise_code=gives, **later)
            rows.add_need(session, f"n-{one.id}", one, expertise_code=needs, **later)
        session.execute(update(Period).values(ends=rows.ENDS.replace(year=2100)))
    yield sqlite_database
    settings.cache_clear()


def said(*words: str, code: int = 0) -> str:
    ended = CliRunner().invoke(app, ["graph", *words])
    assert ended.exit_code == code, ended.output
    return ended.output


def test_paths_and_neighbourhoods_are_told(filled: Database) -> None:
    """In sentences, and of kinds that are chosen."""
    assert "Oak School supports Ash School (2 days in 2026-27)." in said("path", "100000", "100001")
    nothing = said("path", "100000", "100001", "--kinds", "member")
    assert nothing.startswith("Nothing joins Oak School and Ash School.")
    assert "1 step: Oak School (urn:100000), through Ash School" in said("around", "100001")
    assert "Enter kinds of edge" in said("around", "100001", "--kinds", "friends", code=2)


def test_neighbourhoods_are_written_as_files(filled: Database, tmp_path: Path) -> None:
    """The form follows the name of the file."""
    for suffix, begins in ((".graphml", "<?xml"), (".svg", "<svg"), (".csv", "from,")):
        file = tmp_path / f"oak{suffix}"
        assert "2 edges" in said("around", "100000", "--out", str(file))
        assert file.read_text(encoding="utf-8-sig").startswith(begins)
    said("around", "100000", "--out", str(tmp_path / "oak.geojson"))
    assert len(json.loads((tmp_path / "oak.geojson").read_text())["features"]) == 4
    refused = said("around", "100000", "--out", str(tmp_path / "oak.doc"), code=2)
    assert "ends with one of" in refused


def test_lists_are_told(filled: Database) -> None:
    """Isolated schools, load, loops, and communities."""
    assert "Testshire: 1 of 4 schools isolated, 4 in no trust" in said("isolated")
    assert "100002 Elm School (nearest: Network family, 1.0 miles)" in said(
        "isolated", "--area", "Testshire"
    )
    load = said("load", "--period", rows.YEAR)
    assert "Oak School: gives 2 of 4 days, receives 1 day, supports 1 school now." in load
    assert said("load", "--over") == "There is no such support.\n"
    assert "Oak School to Ash School to Oak School:" in said("loops")
    assert "1 pair with support" in said("communities")


def test_swaps_are_found(filled: Database) -> None:
    """With what each gives, in a year that goes on."""
    found = said("swaps", "--area", "Testshire", "--period", rows.YEAR)
    assert "1 possible swap or loop in all." in found
    assert "Oak School gives Ash School 2 days of maths, 1.0 miles away" in found
