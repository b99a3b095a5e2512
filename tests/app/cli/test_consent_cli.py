"""`givetake ask` and `givetake sheet`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from app.cli.consent import _choice
from app.cli.console import BadFile
from app.cli.main import app
from app.consent.service import CannotAsk, Choice
from app.database import Database
from app.settings import settings
from tests.consent import now_of, preferred, requests, states


@pytest.fixture
def exchange(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    yield preferred(sqlite_database, now_of(sqlite_database))
    settings.cache_clear()


def test_both_sides_are_asked_from_the_terminal(exchange: Database) -> None:
    """With a choice, whose contact stands behind a colon; who is asked later is told."""
    words = ["--taker", "1", "--giver", "2", "--choice", "far:3"]
    made = CliRunner().invoke(app, ["ask", "1", *words])
    assert made.exit_code == 0, made.output
    assert "taker: contact 1, until " in made.stdout
    assert "giver: contact 2, asked later" in made.stdout
    assert states(exchange) == [("taker", "open"), ("giver", "waiting")]
    assert requests(exchange)[0].choices[0]["giver"] == 3
    again = CliRunner().invoke(app, ["ask", "1", "--taker", "1", "--choice", "far:3:4"])
    assert again.exit_code == 0, again.output
    (offered,) = requests(exchange)[-1].choices
    assert (offered["giver"], offered["home_head"]) == (3, 4)
    refused = CliRunner().invoke(app, ["ask", "1", "--taker", "2"])
    assert isinstance(refused.exception, CannotAsk)


@pytest.mark.parametrize(
    ("text", "offer", "giver", "home_head"),
    [
        ("far", "far", None, None),
        ("far:3", "far", 3, None),
        ("far:3:4", "far", 3, 4),
        ("far::4", "far", None, 4),
        ("drawn:2026:7", "drawn", 2026, 7),
        ("a:b", "a:b", None, None),
    ],
)
def test_a_choice_names_contacts_behind_colons(
    text: str, offer: str, giver: int | None, home_head: int | None
) -> None:
    """The giver's first, then the home head's; what is no number is of the reference."""
    assert _choice(text) == Choice(offer, giver, home_head)


@pytest.mark.parametrize("ending", ["pdf", "html"])
def test_a_sheet_is_written(exchange: Database, tmp_path: Path, ending: str) -> None:
    """In the form that the name of the file says."""
    file = tmp_path / f"sheet.{ending}"
    made = CliRunner().invoke(app, ["sheet", "1", "--out", str(file)])
    assert made.exit_code == 0, made.output
    text = PdfReader(file).pages[0].extract_text() if ending == "pdf" else file.read_text()
    assert "School 2 supporting School 1" in text
    wrong = CliRunner().invoke(app, ["sheet", "1", "--out", str(tmp_path / "sheet.doc")])
    assert isinstance(wrong.exception, BadFile)
