"""What the terminal says of an import: its faults or its counts, for people and machines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import app, run
from app.settings import settings
from tests.factories import establishment, write_gias


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'terminal.sqlite3'}")
    settings.cache_clear()
    yield CliRunner()
    settings.cache_clear()


def test_the_terminal_lists_faults_as_json(terminal: CliRunner, tmp_path: Path) -> None:
    """`--json` prints the faults on standard output and ends with exit code 2."""
    path = write_gias(tmp_path, [establishment(900001, pupils="many")]).establishments
    result = terminal.invoke(app, ["import", "gias", str(path), "--json"])
    assert result.exit_code == 2
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["status"] == 422
    assert said["faults"] == [
        {
            "file": "edubasealldata.csv",
            "line": 2,
            "column": "NumberOfPupils",
            "value": "many",
            "reason": "must be a whole number, like 12",
            "mend": "Change it: NumberOfPupils must be a whole number, like 12.",
        }
    ]


def test_the_terminal_lists_faults_as_text(
    terminal: CliRunner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Each fault is a line on standard error, without a traceback; the exit code is 2."""
    path = write_gias(tmp_path, [establishment(900001, pupils="many")]).establishments
    monkeypatch.setattr("sys.argv", ["givetake", "import", "gias", str(path)])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert (
        "edubasealldata.csv, line 2, NumberOfPupils 'many': "
        "must be a whole number, like 12\n"
        "1 error. No changes were made. Correct it and import the file again.\n"
    ) in capfd.readouterr().err


def test_the_terminal_reports_what_it_did(terminal: CliRunner, tmp_path: Path) -> None:
    """Text for people and JSON for machines say the same counts."""
    path = write_gias(tmp_path, [establishment(900001)]).establishments
    text = terminal.invoke(app, ["import", "gias", str(path)])
    assert text.exit_code == 0
    assert "Institutions: 1 added, 0 changed, 0 closed, 0 unchanged" in text.stdout
    again = terminal.invoke(app, ["import", "gias", str(path), "--json"])
    counts = json.loads(again.stdout)["things"]["institutions"]
    assert counts == {"added": 0, "changed": 0, "closed": 0, "unchanged": 1, "absent": 0}
