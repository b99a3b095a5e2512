"""`givetake evidence`, `givetake alliances` and `givetake alliance show`."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.alliances import members, plan, service
from app.alliances.plan import NewAction
from app.alliances.service import NewAlliance
from app.cli.main import app
from app.database import Database
from app.evidence.service import NewEvidence
from app.evidence.service import add as add_evidence
from app.settings import settings
from models.vocabulary import AllianceKind, Channel, EvidenceKind
from tests import rows
from tests.runs import contested

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)


@pytest.fixture
def exchange(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """One need that two givers can serve."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    yield contested(sqlite_database)
    settings.cache_clear()


def told(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_evidence_of_a_giver_is_told_with_what_its_offers_count_as(exchange: Database) -> None:
    """In sentences, or as CSV; of somebody of whom nothing is said, that."""
    with exchange.write() as session:
        new = NewEvidence(
            EvidenceKind.CLAIM, 5, rows.STARTS, "headteacher", offer="near", source="made up"
        )
        add_evidence(session, TERMINAL, new, now=NOW)
    text = told("evidence", "2")
    assert "Offer near, maths: The quality of this support counts as 3 out of 5" in text
    assert "Evidence 1, offer near: 5 out of 5, claim of the supporting organisation" in text
    assert "1,2,School 2,maths,near,claim,5" in told("evidence", "2", "--csv")
    assert told("evidence", "1") == "There is no evidence and no offer.\n"


def test_alliances_are_listed_and_one_is_shown_with_its_plan(exchange: Database) -> None:
    assert told("alliances") == "There are no such alliances.\n"
    with exchange.write() as session:
        of = ("north", "North Family", AllianceKind.FAMILY, "every child reads")
        service.make(session, TERMINAL, NewAlliance(*of, rows.STARTS, "1"), now=NOW)
        said = {"said_on": NOW.date(), "channel": Channel.TELEPHONE}
        members.answer(session, TERMINAL, 1, 1, True, "headteacher", **said, now=NOW)
        plan.add_action(session, TERMINAL, 1, NewAction("train leaders", "1", rows.ENDS), now=NOW)
    line = "north: North Family, family of schools, from 1 September 2026, 1 member."
    assert told("alliances", "--participant", "1") == f"{line}\n"
    assert "north,North Family,family" in told("alliances", "--csv")
    shown = told("alliance", "show", "north")
    assert "Lead School 1: in. Days within: 0 given, 0 taken." in shown
    assert "Action 1, by 31 August 2027, School 1: train leaders (open)" in shown
    missing = CliRunner().invoke(app, ["alliance", "show", "south"])
    assert missing.exit_code != 0
