"""Commands: the limits of runs and batches, and the address that code to embed leads to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.database import Database
from app.runs.caps import BeyondLimit
from app.settings import settings
from models.matching import Run
from tests import rows
from tests.callers import count
from tests.runs import contested


@pytest.fixture
def database(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    monkeypatch.setenv("GIVETAKE_RUN_WORKERS", "3")
    monkeypatch.setenv("GIVETAKE_PUBLIC_URL", "https://givetake.example.org/brokerage")
    settings.cache_clear()
    yield contested(sqlite_database)
    settings.cache_clear()


@pytest.mark.parametrize("which", [["--area", "Testshire"], ["--areas", "all", "--out", "plans"]])
@pytest.mark.parametrize("more", [["--workers", "4"], ["--time-limit", "3601"]])
def test_no_run_or_batch_of_a_command_has_more_than_it_may(
    database: Database, tmp_path: Path, which: list[str], more: list[str]
) -> None:
    """It ends with the sentence of the interface and exit code 2, and nothing is planned."""
    words = [str(tmp_path / word) if word == "plans" else word for word in which]
    ended = CliRunner().invoke(app, ["match", "--period", rows.YEAR, *words, *more])
    assert isinstance(ended.exception, BeyondLimit)
    assert ended.exception.exit_code == 2
    assert "GIVETAKE_RUN_" in ended.exception.detail
    assert count(database, Run) == 0
    assert not (tmp_path / "plans").exists()


def test_code_to_embed_leads_to_the_public_address(database: Database) -> None:
    """Unless another is named."""
    words = ["embed", "create", "--origin", "https://www.example.org"]
    made = CliRunner().invoke(app, words)
    assert 'src="https://givetake.example.org/brokerage/maps/static/' in made.stdout
    other = CliRunner().invoke(app, [*words, "--frame", "--url", "https://other.example.org"])
    assert 'src="https://other.example.org/maps/widget?embed=2-' in other.stdout
