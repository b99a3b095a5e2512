"""`givetake repair`: what needs repair, what could be done, and doing it."""

import json

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.database import Database
from app.errors import Conflict, NotFound
from app.settings import settings
from models.exchange import Offer
from tests.repairs import chain, change, of_need, pairs


def test_a_repair_is_shown_and_taken(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with whom it changes, what it costs and whom to ask first; then one of them, once."""
    database = chain(sqlite_database)
    change(database, Offer, "O1", withdrawn=True)
    one = str(of_need(database, "N1"))
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", database.url)
    settings.cache_clear()
    command = CliRunner()
    early = command.invoke(app, ["repair", one, "--take", "1"])
    assert isinstance(early.exception, NotFound)
    assert "Look at its repairs first" in early.exception.detail
    assert command.invoke(app, ["repair", "--take", "1"]).exit_code == 2
    told = command.invoke(app, ["repair", one]).stdout
    for line in (
        "Giver 1 gives 2 days to School 1. The supporting organisation does not offer this now",
        "It is planned for 2026-27.",
        "1. Repair this pairing alone: -",
        "0 other pairings disturbed, 2 schools and organisations.",
        "   School 1 (maths): Giver 1, 2 days -> nobody (-",
        "2. Move neighbours too: -",
        "1 other pairing disturbed, 5 schools and organisations. Proven optimal:",
        "   1. Giver 2: Ask whether it can support School 1.",
        f"givetake repair {one} --take NUMBER",
    ):
        assert line in told
    done = command.invoke(app, ["repair", one, "--take", "2"]).stdout
    assert "School 2 (maths): Giver 2, 2 days -> Spare giver, 2 days" in done
    assert pairs(database) == {"N1": "O2", "N2": "spare", "N3": "O3"}
    again = command.invoke(app, ["repair", one])
    assert isinstance(again.exception, Conflict)
    assert "needs no repair" in again.exception.detail
    change(database, Offer, "O3", withdrawn=True)
    shown = command.invoke(app, ["repair", str(of_need(database, "N3")), "--json"]).stdout
    assert json.loads(shown)["repairs"][0]["changes"][0]["need"] == "N3"
    settings.cache_clear()
