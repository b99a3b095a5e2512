"""What people can put right is said by the terminal in a sentence, never by a traceback."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.main import run
from app.cli.plan_summary import why_no_plan
from app.database import Database
from app.migrate import require_current
from app.planning.travel import BadTravelTimes, travel_times
from app.settings import settings
from solver.formats.plan import ConflictPart, Plan, Status, Stopped

RUN = (sys.executable, "-c", "from app.cli.main import run; run()")

Ended = Callable[..., tuple[int, str]]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Ended]:
    """Runs the command; gives its exit code and what standard error holds."""

    def of(*words: str | Path) -> tuple[int, str]:
        settings.cache_clear()
        monkeypatch.setattr("sys.argv", ["givetake", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            run()
        assert isinstance(end.value.code, int)
        return end.value.code, capfd.readouterr().err.strip()

    yield of
    settings.cache_clear()


@pytest.fixture
def database_url(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    return sqlite_database


@pytest.mark.parametrize("url", ["garbage", "mysql://somebody:secret@host/name"])
def test_a_database_that_is_none_is_refused(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The setting is named with what to write; a password in it is not repeated."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", url)
    code, said = ended("find", "x")
    assert code == 2
    assert said.startswith(
        "GIVETAKE_DATABASE_URL must be the address of a database, like sqlite:///"
    )
    assert "secret" not in said


def test_a_setting_out_of_its_range_is_named(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which setting, and what it may be."""
    monkeypatch.setenv("GIVETAKE_LOG_LEVEL", "loud")
    assert ended("find", "x") == (
        2,
        "GIVETAKE_LOG_LEVEL must be 'debug', 'info', 'warning' or 'error'.",
    )


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable set to nothing leaves the default."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", "")
    settings.cache_clear()
    assert settings().database_url.startswith("sqlite:///")
    settings.cache_clear()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///{folder}", "unable to open"),
        ("sqlite:///{folder}/text", "file is not a database"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "connection"),
    ],
)
def test_a_database_out_of_reach_is_told(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, reason: str
) -> None:
    """Exit code 1: nothing is wrong with what was asked."""
    (tmp_path / "text").write_text("no database\n" * 1000)
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", url.format(folder=tmp_path))
    code, said = ended("find", "x")
    assert code == 1
    assert said.startswith("The database is not available: ")
    assert reason in said


def test_a_read_waits_for_nobody_and_a_write_says_who_is_first(
    ended: Ended, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While another command writes, one can look; a second write is refused in a sentence."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    monkeypatch.setattr("app.database.SQLITE_PRAGMAS", ("busy_timeout=1",))
    offers = tmp_path / "offers.csv"
    offers.write_text("reference,participant,expertise,period,days\n")
    other = sqlite3.connect(sqlite_database.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with Database(sqlite_database.url) as looking:
            require_current(looking)
        code, said = ended("import", "offers", offers)
    finally:
        other.close()
    assert code == 1
    assert said == "The database is in use by another command. Try again when that has finished."


def test_a_file_that_cannot_be_written_is_named(
    ended: Ended, database_url: Database, tmp_path: Path
) -> None:
    """Before any work, with the reason."""
    gone = tmp_path / "gone" / "needs.csv"
    for words in (("export", "needs"), ("template", "needs"), ("bench", "make")):
        code, said = ended(*words, "--out", gone)
        assert code == 2
        assert said.startswith(f"{gone} is not writable. Check that the folder {gone.parent}")


def test_an_argument_that_is_no_text_is_refused(ended: Ended) -> None:
    """Bytes that are no UTF-8 reach no database."""
    code, said = ended("find", "\udcff")
    assert code == 2
    assert "is not UTF-8" in said


def test_what_match_cannot_read_or_write_is_said_before_any_work(
    ended: Ended, tmp_path: Path
) -> None:
    """A long solve never ends in a file that cannot be written; options are named as typed."""
    nobody, bytes_ = tmp_path / "nobody.txt", tmp_path / "bytes.txt"
    nobody.write_text("\n")
    bytes_.write_bytes(b"\xff\x97")
    listed, below = tmp_path / "listed.json", tmp_path / "below.json"
    listed.write_text("[]")
    below.write_text('{"quality": -5}')
    here = ("match", "--period", "2026-27")
    there = (*here, "--area", "Kent")
    for words, expected in [
        ((*there, "--report", tmp_path), f"{tmp_path} is a folder. Give the name of a file."),
        ((*there, "--plan", tmp_path / "gone" / "p"), "Check that the folder"),
        ((*there, "--list", nobody), "not both"),
        ((*here, "--list", nobody), "is empty. Enter a URN"),
        ((*here, "--list", bytes_), f"--list {bytes_} is not UTF-8 text. Save it"),
        ((*here, "--list", tmp_path / "gone"), "could not be read (No such file or directory)"),
        ((*there, "--weights", nobody), "is not JSON"),
        ((*there, "--weights", listed), "is not a JSON object"),
        ((*there, "--weights", below), "weight quality of --weights '-5' must be"),
        ((*there, "--time-limit", "0"), "--time-limit '0.0' must be greater than 0"),
        ((*there, "--pin", "x"), "--pin 'x' must be NEED=OFFER"),
        (
            (*there, "--pin", "N=O", "--exclude", "N=O"),
            "--exclude 'N=O' must not have N=O, which is pinned",
        ),
        (
            (*there, "--reciprocity", "closed_loops", "--method", "prices"),
            "--method 'prices' does not work with reciprocity closed_loops. Use auto.",
        ),
        (
            (*there, "--reciprocity", "closed_loops", "--max-loop", "1"),
            "--max-loop '1' must be greater than or equal to 2.",
        ),
        ((*there, "--method", "loops"), "--method 'loops' does not work with"),
    ]:
        code, said = ended(*words)
        assert code == 2
        assert expected in said


def test_an_export_of_no_period_is_refused(ended: Ended, database_url: Database) -> None:
    """A mistyped period is named, not answered with an empty file."""
    code, said = ended("export", "needs", "--period", "2026-72")
    assert code == 2
    assert said.startswith("There is no period '2026-72'. Choose one of: 2025-26")


def test_travel_times_that_cannot_be_had_are_told(tmp_path: Path) -> None:
    """A matrix that is absent or broken names the setting, the file and the line."""
    matrix = tmp_path / "minutes.csv"
    with pytest.raises(BadTravelTimes, match=r"could not be read \(No such file"):
        travel_times(str(matrix))
    matrix.write_text("from,to,minutes\na,b,soon\n")
    with pytest.raises(BadTravelTimes, match=r"GIVETAKE_TRAVEL_TIMES .*line 2: minutes is 'soon'"):
        travel_times(str(matrix))


def test_solve_and_verify_name_the_file(ended: Ended, tmp_path: Path) -> None:
    """Exit code 2: a problem that is not there, a plan that could not be written."""
    gone = tmp_path / "gone.json"
    missing = (2, f"{gone}: No such file or directory")
    assert ended("solve", gone, "--out", tmp_path / "plan.json") == missing
    assert ended("verify", gone, gone) == missing
    code, said = ended("solve", gone, "--out", tmp_path)
    assert code == 2
    assert said == f"{tmp_path} is a folder. Give the name of a file."


def test_what_changed_is_logged_as_an_event_with_fields(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """An import tells machines its counts and who, once; nothing changed tells nothing."""
    organisations = tmp_path / "organisations.csv"
    organisations.write_text("key,name,kind\nhub,Made-up Hub,subject_hub\n")
    settings = {
        "GIVETAKE_DATABASE_URL": sqlite_database.url,
        "GIVETAKE_LOG_LEVEL": "info",
        "GIVETAKE_LOG_FORMAT": "json",
    }

    def logged() -> list[dict[str, object]]:
        done = subprocess.run(
            [*RUN, "import", "organisations", str(organisations)],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line for line in done.stderr.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    [event] = logged()
    assert event["event"] == "import.organisations"
    assert event["actor"] == "terminal"
    assert "added" in str(event["counts"])
    assert logged() == []


def test_no_plan_is_said_with_its_reason() -> None:
    """Infeasible, not known why, and not found are three sentences; a plan needs none."""
    pin = ConflictPart("pin", "pins[0]", "a pinned pair is in the plan (O for N)")
    infeasible = Plan(Status.INFEASIBLE, Stopped.INFEASIBLE)
    assert why_no_plan(replace(infeasible, conflict=(pin,)))[1] == f"- {pin.sentence}"
    assert "Time ran out" in why_no_plan(infeasible)[0]
    assert "one may exist" in why_no_plan(Plan(Status.UNKNOWN, Stopped.TIME))[0]
    assert why_no_plan(Plan(Status.OPTIMAL, Stopped.PROVED)) == []
