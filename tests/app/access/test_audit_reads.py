"""The audit in the terminal and over HTTP: its head, and whether it is what it was."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.cli.main import app
from app.database import Database
from app.settings import settings
from tests.callers import keyed
from tests.factories import new_key

HEAD = "/api/v1/audit-events/head"
VERIFICATION = "/api/v1/audit-events/verification"


@pytest.fixture
def database(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    yield sqlite_database
    settings.cache_clear()


def tamper(database: Database) -> None:
    """As whoever owns the file can."""
    with database.write() as session:
        session.execute(text("drop trigger audit_event_update"))
        session.execute(text("update audit_event set actor = 'somebody' where sequence = 1"))


def test_the_terminal_tells_head_and_faults(database: Database) -> None:
    """The head is an anchor; what was changed ends with 1 and its number, a slip with 2."""
    run = CliRunner()
    empty = run.invoke(app, ["audit", "head"])
    assert empty.stdout.strip() == f"0:{'0' * 64}"
    assert run.invoke(app, ["audit", "verify"]).exit_code == 0
    with database.write() as session:
        new_key(session)
    anchor = run.invoke(app, ["audit", "head"]).stdout.strip()
    number, _, digest = anchor.partition(":")
    assert (number, len(digest)) == ("1", 64)
    told = run.invoke(app, ["audit", "verify", "--anchor", anchor])
    assert (told.exit_code, "intact: 1 event" in told.stdout) == (0, True)
    other = run.invoke(app, ["audit", "verify", "--anchor", f"1:{'0' * 64}"])
    assert (other.exit_code, "Event 1 is not the one" in other.stderr) == (1, True)
    later = run.invoke(app, ["audit", "verify", "--anchor", f"7:{digest}"])
    assert (later.exit_code, "Event 2 is missing" in later.stderr) == (1, True)
    assert run.invoke(app, ["audit", "verify", "--anchor", "x"]).exit_code != 0
    tamper(database)
    told = run.invoke(app, ["audit", "verify"])
    assert (told.exit_code, "Event 1 was changed" in told.stderr) == (1, True)


def test_http_tells_head_and_faults(database: Database) -> None:
    """The same for an auditor who has no terminal."""
    with keyed(database) as client:
        head = client.get(HEAD).json()
        assert (head["sequence"], head["anchor"]) == (1, f"1:{head['hash']}")
        found = client.get(VERIFICATION, params={"anchor": head["anchor"]})
        told = found.json()
        assert told.pop("rows") > 100  # what came with the schema, and the key
        assert told == {"intact": True, "events": 1, "fault": None, "bound_from": None}
        wrong = client.get(VERIFICATION, params={"anchor": "x"})
        assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:givetake:problem:bad-anchor")
        (event,) = client.get("/api/v1/audit-events").json()["items"]
        assert (event["hash"], event["previous"]) == (head["hash"], "0" * 64)
        tamper(database)
        found = client.get(VERIFICATION).json()
        assert (found["intact"], found["events"], found["fault"]["sequence"]) == (False, 0, 1)
