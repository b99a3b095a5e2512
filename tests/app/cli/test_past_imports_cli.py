"""Faults of files and past imports on the terminal: no more than a screen holds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.faults import LINES, MOST, told
from app.cli.main import app
from app.database import Database
from app.errors import Fault
from app.files.csv_writing import BYTE_ORDER_MARK
from app.settings import settings
from tests import rows

HEAD = "reference,participant,expertise,period,days\n"


@pytest.fixture
def terminal(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100)
    yield sqlite_database
    settings.cache_clear()


def givetake(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def faults(number: int, *, alike: bool) -> list[Fault]:
    return [
        Fault("n.csv", line, "days", "x" if alike else f"x{line}", "must be a number. Enter one")
        for line in range(2, number + 2)
    ]


def test_alike_faults_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their lines; a file has them all where some lines are not listed."""
    monkeypatch.chdir(tmp_path)
    assert told(faults(3, alike=True)) == [
        "n.csv, lines 2, 3, 4, days 'x': must be a number. Enter one"
    ]
    assert not list(tmp_path.iterdir())
    first, last = told(faults(2_531, alike=True))
    assert first.startswith("n.csv, lines 2, 3, 4")
    assert f"and {2_531 - LINES:,} more, days" in first
    assert last == "All are in n.errors.csv, each with how to put it right."


def test_no_more_than_a_screen_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is in a table, with what to do about each."""
    monkeypatch.chdir(tmp_path)
    lines = told(faults(50, alike=False))
    assert len(lines) == MOST + 1
    assert lines[-1].startswith("30 more errors. All are in n.errors.csv")
    text = (tmp_path / "n.errors.csv").read_text("utf-8").removeprefix(BYTE_ORDER_MARK)
    table = text.splitlines()
    assert table[0] == "file,line,column,value,error,how_to_correct_it"
    assert table[1] == "n.csv,2,days,x2,must be a number,Enter one."
    assert len(table) == 51


def test_where_nothing_can_be_written_it_says_where_to_see_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "n.errors.csv").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "--json" in told(faults(50, alike=False))[-1]


def test_imports_are_listed_and_undone(terminal: Database, tmp_path: Path) -> None:
    """By number, newest first; what was undone says so, and is not undone again."""
    assert givetake("imports", "list").stdout == "No files have been imported yet.\n"
    path = tmp_path / "needs.csv"
    path.write_text(f"{HEAD}n-1,100,maths,{rows.YEAR},2\n")
    assert givetake("import", "needs", path).exit_code == 0
    path.write_text(f"{HEAD}n-1,100,maths,{rows.YEAR},3\n")
    assert givetake("import", "needs", path).exit_code == 0
    listed = givetake("imports", "list", "--kind", "needs").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["2", "1"]
    assert "To undo it: givetake imports undo 2" in listed[0]
    assert givetake("imports", "undo", "1", "--yes").exit_code != 0
    undone = givetake("imports", "undo", "2", "--yes")
    assert undone.stdout.startswith("Undone: import 2 (needs).")
    held = json.loads(givetake("imports", "list", "--json").stdout)
    assert [each["can_be_undone"] for each in held] == [False, True]
    assert held[0]["undone_by"] == "terminal"
    assert "Undone" in givetake("imports", "list").stdout
    assert "1 of 2 imports." in givetake("imports", "list", "--limit", "1").stdout
