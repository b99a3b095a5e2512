"""Pots of money in the terminal: listed, one shown, and reported on in each form."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cli.main import app
from app.database import Database
from app.money import claims
from app.settings import settings
from models.vocabulary import ClaimAction
from tests import pots, runs


@pytest.fixture
def paid(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A partnership that a pot pays, with one visit paid of two days agreed."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    runs.approved(pots.paid(sqlite_database), pots.NOW)
    pots.start(sqlite_database)
    pots.visit(sqlite_database, pots.STARTS, 2)
    with sqlite_database.write() as session:
        number = claims.make(session, pots.GIVER, 1, now=pots.LATER).id
        for action in (ClaimAction.APPROVE, ClaimAction.PAY):
            claims.decide(session, TERMINAL, number, action, now=pots.LATER)
    yield sqlite_database
    settings.cache_clear()


def said(*words: str) -> str:
    ended = CliRunner().invoke(app, list(words))
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_pots_are_listed_and_one_is_shown(paid: Database) -> None:
    line = (
        "fund Pot fund, held by Hub made-up-council: £2,000.00, £1,100.00 committed, £550.00 "
        "claimed, £550.00 paid, £900.00 left."
    )
    assert said("pots").strip() == line
    head, row = said("pots", "--csv").splitlines()
    assert head.lstrip("\ufeff").startswith("reference,name,holder")
    assert row.startswith("fund,Pot fund,made-up-council")
    shown = said("pot", "show", "fund")
    assert line in shown
    assert "£500.00 a day. Brokerage fee: £50.00 a day." in shown
    assert "£1,100.00 running for partnership 1: School 2 to School 1, 2 days" in shown
    assert "Claim 1, £550.00 of partnership 1: paid" in shown
    assert CliRunner().invoke(app, ["pot", "show", "nowhere"]).exit_code != 0


def test_a_report_has_the_money_and_what_it_did(paid: Database, tmp_path: Path) -> None:
    """The same figures in each form; a period in which nothing was planned has none."""
    assert "School 1, Maths: 1 of 2 days delivered, £550.00 of £1,100.00 paid" in said(
        "pot", "report", "fund"
    )
    head, row = said("pot", "report", "fund", "--csv").splitlines()
    assert head.endswith("committed,claimed,paid,needs,needs_met,worked")
    assert row == "1,School 1,maths,1,2.0,1.0,1100.00,550.00,550.00,1,0,0"
    told = json.loads(said("pot", "report", "fund", "--json", "--period", "2026-27"))
    assert (told["left_pence"], told["rows"][0]["paid_pence"]) == (90_000, 55_000)
    nothing = json.loads(said("pot", "report", "fund", "--json", "--period", "2026-27/autumn"))
    assert nothing["rows"] == []
    page = tmp_path / "report.html"
    said("pot", "report", "fund", "--html", "--out", str(page))
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert CliRunner().invoke(app, ["pot", "report", "fund", "--html", "--csv"]).exit_code == 2
