"""Partnerships in the terminal: the list, as a file, and one of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cli.main import app
from app.database import Database
from app.partnerships import life, visits
from app.partnerships.terms import Terms
from app.settings import settings
from tests.runs import approved, matched

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)


@pytest.fixture
def begun(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    approved(matched(sqlite_database), NOW)
    with sqlite_database.write() as session:
        terms = Terms("phonics taught daily", "headteacher", "deputy")
        life.start(session, TERMINAL, 1, terms, date(2026, 9, 7), date(2027, 7, 16), now=NOW)
        visits.book(session, TERMINAL, 1, date(2026, 9, 14), 1)
    yield sqlite_database
    settings.cache_clear()


def said(*words: str) -> str:
    ended = CliRunner().invoke(app, list(words))
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_partnerships_are_listed_and_one_is_shown(begun: Database) -> None:
    """With days and dates; filtered by state and by either side."""
    line = (
        "1 Active: Ash School to Oak School, Maths, 7 September 2026 to 16 July 2027. "
        "Days: 2 agreed, 0 delivered, 0 signed, 0.5 booked."
    )
    for words in ((), ("--state", "active"), ("--participant", "1"), ("--participant", "2")):
        assert said("partnerships", *words).strip() == line
    assert said("partnerships", "--state", "ended").strip() == "There are no such partnerships."
    head, row = said("partnerships", "--csv").splitlines()
    assert head.lstrip("\ufeff").startswith("id,proposal,state,need")
    assert row.startswith("1,1,active,N,O,1,Oak School")
    shown = said("partnership", "show", "1")
    assert line in shown
    assert "Aims: phonics taught daily" in shown
    assert "Visit 1, 14 September 2026: 0.5 days, booked" in shown
    assert CliRunner().invoke(app, ["partnership", "show", "9"]).exit_code != 0
