"""What people can mend is told by the terminal in a sentence, never by a traceback."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli.main import run
from app.database import Database
from app.schema import require_current
from app.settings import settings

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


@pytest.mark.parametrize("url", ["garbage", "mysql://somebody:secret@host/name"])
def test_a_database_that_is_none_is_refused(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The setting is named with what to write; a password in it is not repeated."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", url)
    code, said = ended("find", "x")
    assert code == 2
    assert said.startswith("GIVETAKE_DATABASE_URL: names no database")
    assert "secret" not in said


def test_a_setting_out_of_its_range_is_named(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which setting, and what it may be."""
    monkeypatch.setenv("GIVETAKE_LOG_LEVEL", "loud")
    assert ended("find", "x") == (
        2,
        "GIVETAKE_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'",
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
    assert said.startswith("the database cannot be used: ")
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
    assert said == "the database is in use by another command; try again when that has ended"


def test_a_file_that_cannot_be_written_is_named(
    ended: Ended, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The path comes with the reason."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    gone = tmp_path / "gone" / "needs.csv"
    assert ended("export", "needs", "--out", gone) == (2, f"{gone}: No such file or directory")


def test_an_argument_that_is_no_text_is_refused(ended: Ended) -> None:
    """Bytes that are no UTF-8 reach no database."""
    code, said = ended("find", "\udcff")
    assert code == 2
    assert "is not UTF-8" in said
