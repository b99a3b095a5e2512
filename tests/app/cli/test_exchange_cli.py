"""The exchange from the terminal: in, out, suggested, confirmed, answered, withdrawn."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import app
from app.database import Database
from app.settings import settings
from app.suggestions.rules import PACKAGED
from models.register import Participant


@pytest.fixture
def terminal(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of the settings with one made-up school."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    with sqlite_database.write() as session:
        session.add(
            Participant(
                reference="urn:100001",
                kind="institution",
                name="Made-up School",
                updated_at=datetime.now(UTC),
            )
        )
    yield sqlite_database
    settings.cache_clear()


def givetake(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_needs_go_in_and_out(terminal: Database, tmp_path: Path) -> None:
    """What was imported is exported to a file or the terminal, and closed on request."""
    path, again = tmp_path / "needs.csv", tmp_path / "again.csv"
    path.write_text(
        "reference,participant,expertise,period,days,state\n"
        "n1,100001,attendance,2026-27,2.5,suggested\n"
    )
    report = json.loads(givetake("import", "needs", path, "--json").stdout)
    assert report["things"]["needs"]["added"] == 1
    assert "n1 is identified" in givetake("confirm", "need", "n1", "--by", "headteacher").stdout
    assert givetake("export", "needs", "--out", again).exit_code == 0
    assert again.read_text() == givetake("export", "needs", "--period", "2026-27").stdout
    assert "n1,100001,attendance,2026-27,2.5,2.5,1,3,self_evaluation,headteacher" in (
        again.read_text()
    )
    assert "n1 is closed" in givetake("withdraw", "need", "n1").stdout


def test_offers_are_answered_in_days(terminal: Database, tmp_path: Path) -> None:
    """Days are in steps of 0.5 on the terminal too."""
    path = tmp_path / "offers.csv"
    path.write_text("reference,participant,expertise,period,days\no1,100001,attendance,2026-27,4\n")
    assert givetake("import", "offers", path).exit_code == 0
    assert givetake("answer", "offer", "o1", "can_offer", "--days", "1.25").exit_code == 2
    said = givetake("answer", "offer", "o1", "can_offer", "--days", "1.5")
    assert "o1 is can_offer" in said.stdout
    assert "attendance,2026-27,1.5,1," in givetake("export", "offers").stdout
    assert "o1 is withdrawn" in givetake("withdraw", "offer", "o1").stdout
    assert givetake("export", "offers").stdout.count("\n") == 1


def test_a_circumstance_is_withdrawn_as_a_file_names_it(terminal: Database, tmp_path: Path) -> None:
    """By whose it is, its kind and its first day; one that is not there is named."""
    path = tmp_path / "circumstances.csv"
    path.write_text("participant,kind,starts,source\n100001,new_head,2026-09-01,told\n")
    assert givetake("import", "circumstances", path).exit_code == 0
    why = ("--reason", "Of another school.")
    wrong = givetake("withdraw", "circumstance", "100001", "new_head", "2026-09-02", *why)
    assert str(wrong.exception) == (
        "100001 has no circumstance new_head from 2026-09-02. Check the day and the kind."
    )
    said = givetake("withdraw", "circumstance", "100001", "new_head", "2026-09-01", *why)
    assert "Circumstance new_head of 100001 from 1 September 2026 is withdrawn." in said.stdout
    again = givetake("withdraw", "circumstance", "100001", "new_head", "2026-09-01", *why)
    assert "has no circumstance" in str(again.exception)


def test_faults_are_given_as_json(terminal: Database, tmp_path: Path) -> None:
    """A machine reads file, line, column, value and reason of every fault."""
    path = tmp_path / "limits.csv"
    path.write_text("participant,period,give_days\n100001,2026-27,-1\n")
    ended = givetake("import", "limits", path, "--json")
    assert ended.exit_code == 2
    fault = json.loads(ended.stdout)["faults"][0]
    assert (fault["line"], fault["column"], fault["value"]) == (2, "give_days", "-1")


@pytest.mark.parametrize("kind", ["expertise", "periods", "limits"])
def test_data_of_the_version_are_exported(terminal: Database, tmp_path: Path, kind: str) -> None:
    """A new database exports its packaged data, and takes the export in as unchanged."""
    path = tmp_path / "out.csv"
    assert givetake("export", kind, "--out", path).exit_code == 0
    assert givetake("import", kind, path).stdout.endswith("No changes were made.\n")


def test_suggest_says_what_it_did_and_what_it_left_out(terminal: Database, tmp_path: Path) -> None:
    """The rules come as a template; without measures nothing is suggested and this is said."""
    path = tmp_path / "rules.toml"
    assert givetake("template", "suggest-rules", "--out", path).exit_code == 0
    assert path.read_text() == PACKAGED.read_text()
    said = givetake("suggest", "--rules", path, "--period", "2026-27", "--preview").stdout
    assert "Suggested needs for 2026-27: 0 added" in said
    assert "Pupils eligible for free school meals in the last six years" in said
    assert "No changes were made" in said
    report = json.loads(givetake("suggest", "--period", "2026-27", "--json").stdout)
    assert (report["period"], report["suggestions"]) == ("2026-27", [])


@pytest.mark.parametrize("streamed", [True, False])
def test_accents_survive_a_spreadsheet(terminal: Database, tmp_path: Path, streamed: bool) -> None:
    """A spreadsheet reads UTF-8 only by its mark; saved there or piped on, nothing has changed."""
    path, again = tmp_path / "offers.csv", tmp_path / "again.csv"
    path.write_text(
        "reference,participant,expertise,period,days,evidence\n"
        "o1,100001,attendance,2026-27,4,Café network – 3 schools\n",
        encoding="utf-8",
    )
    assert givetake("import", "offers", path).exit_code == 0
    if streamed:
        content = givetake("export", "offers").stdout_bytes
    else:
        assert givetake("export", "offers", "--out", again).exit_code == 0
        content = again.read_bytes()
    # As a spreadsheet decides how to read, and saves.
    kind = "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "cp1252"
    again.write_bytes(content.decode(kind).encode("utf-8-sig"))
    report = json.loads(givetake("import", "offers", again, "--json").stdout)
    assert report["things"]["offers"]["unchanged"] == 1
