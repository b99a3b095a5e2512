"""`givetake export`: plans, and workbooks that an import reads back."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from app.cli.main import app
from app.database import Database
from app.files.csv_writing import workbook_of
from app.settings import settings
from tests import rows
from tests.pots import NOW
from tests.runs import FREELY, match

RUNNER = CliRunner()


@pytest.fixture
def planned(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """One need that is met, and one of another school that nobody can meet."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N", rows.add_school(session, 1, name="Oak School"))
        rows.add_offer(session, "O", rows.add_school(session, 2, 1, name="Ash School"))
        rows.add_need(session, "M", rows.add_school(session, 9, 200, name="Far School"))
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    match(sqlite_database, FREELY, now=NOW)
    yield sqlite_database
    settings.cache_clear()


def exported(*arguments: str) -> list[dict[str, str]]:
    done = RUNNER.invoke(app, ["export", *arguments])
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.stdout.removeprefix("\ufeff"))))


def test_the_pairings_of_a_run_are_exported(planned: Database) -> None:
    [pairing] = exported("proposals", "--run", "1")
    assert (pairing["need"], pairing["offer"], pairing["run"]) == ("N", "O", "1")
    assert exported("proposals") == [pairing]


def test_the_needs_that_a_run_left_unmet_are_exported(planned: Database) -> None:
    [unmet] = exported("unmet", "--run", "1")
    assert (unmet["need"], unmet["name"]) == ("M", "Far School")
    assert unmet["why"]


def test_a_run_that_is_none_is_refused(planned: Database) -> None:
    for kind in ("proposals", "unmet"):
        done = RUNNER.invoke(app, ["export", kind, "--run", "7"])
        assert done.exit_code
        assert "7" in str(done.exception or done.output)


def test_a_workbook_comes_back_as_it_was(planned: Database, tmp_path: Path) -> None:
    """Unchanged by the way through a spreadsheet's own format."""
    file = tmp_path / "needs.xlsx"
    before = exported("needs")
    done = RUNNER.invoke(app, ["export", "needs", "--out", str(file)])
    assert done.exit_code == 0, done.output
    done = RUNNER.invoke(app, ["import", "needs", str(file)])
    assert done.exit_code == 0, done.output
    assert exported("needs") == before


def test_cells_of_a_workbook_are_numbers_or_text_and_never_run() -> None:
    text = "\ufeffa,b,c,d,e\n1,-2.5,007,1e5,'=1+1\n"
    sheet = load_workbook(io.BytesIO(workbook_of(text))).active
    assert sheet is not None
    cells = next(iter(sheet.iter_rows(min_row=2)))
    assert [each.value for each in cells] == [1, -2.5, "007", "1e5", "=1+1"]
    assert [each.data_type for each in cells] == ["n", "n", "s", "s", "s"]
