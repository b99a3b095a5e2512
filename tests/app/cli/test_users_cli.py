"""Users at the command line, the first administrator before all."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.access import browser_sessions
from app.access.holders import principal_of_holder
from app.cli.main import app
from app.database import Database, database_now
from app.errors import Problem
from app.people.sign_in import by_password
from app.settings import settings
from models.access import AuditEvent
from models.people import User, UserDetails
from tests import rows


@pytest.fixture
def database(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    with sqlite_database.write() as session:
        rows.add_calendar(session)
    yield sqlite_database
    settings.cache_clear()


def run(*words: str, **options: Any) -> Any:
    return CliRunner().invoke(app, ["users", *words], **options)


def test_a_link_to_an_address_that_nobody_set_says_so(database: Database) -> None:
    """Or whoever gets it looks for the service where it may not listen."""
    unset = run("add", "--label", "Administrator 1", "--role", "administrator")
    assert unset.stdout.startswith("http://127.0.0.1:8000/portal/join/")
    assert "GIVETAKE_PUBLIC_URL is not set, so links begin with" in unset.stderr


def test_the_first_administrator_and_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added with a link, given and refused roles, listed, signed out, and gone."""
    monkeypatch.setenv("GIVETAKE_PUBLIC_URL", "https://givetake.example.org")
    settings.cache_clear()
    added = run("add", "--label", "Administrator 1", "--role", "administrator")
    assert added.stdout.startswith("https://givetake.example.org/portal/join/")
    assert "Send this link to user 1" in added.stderr
    assert "GIVETAKE_ISSUER" in added.stderr
    assert "User 1 is administrator for everything." in added.stderr
    added = run("add", "--label", "Broker 1", "--role", "broker", "--area", "Testshire")
    assert "User 2 is broker for Testshire." in added.stderr
    listed = run("list").stdout
    assert "1  Administrator 1, administrator for everything, invited, never signed in" in listed
    assert "2  Broker 1, broker for Testshire, invited" in listed
    both = ("grant", "Broker 1", "--role", "viewer", "--role", "analyst")
    for refused in (both, ("add", "--label", "B", "--role", "broker")):
        assert "If it is for everything, say so" in str(run(*refused).exception)
    given = run(*both, "--everywhere", "--expires", "2999-12-31")
    assert given.exit_code == 0
    assert "viewer for everything until 31 December 2999" in run("list").stdout
    assert isinstance(run("revoke", "2", "--role", "approver", "--everywhere").exception, Problem)
    assert run("revoke", "2", "--role", "broker", "--area", "999").exit_code == 0
    assert "broker" not in run("list").stdout
    with database.write() as session:
        session.add(UserDetails(user_id=2, name="Kim Someone", email=None))
        found = principal_of_holder(session, "user:2", database_now(session))
        assert found is not None
        browser_sessions.begin(session, found, user_agent="Mozilla/5.0 (Windows) Firefox/142.0")
    assert "Kim" not in run("list").stdout
    assert "Kim Someone" in run("list", "--details").stdout
    assert run("erase", "2").exit_code == 0
    assert "Kim" not in run("list", "--details").stdout
    assert run("sessions", "2").stdout.startswith("Firefox on Windows, signed in ")
    assert run("sessions", "2", "--end").stdout == "Signed out of 1 session.\n"
    assert run("sessions", "2").stderr == "Broker 1 is not signed in.\n"
    assert run("revoke", "2").exit_code == 0
    assert "removed" in run("list").stdout
    again = run("invite", "2")
    assert again.stdout.startswith("https://givetake.example.org/portal/join/")
    assert "holds no role, so cannot sign in" in again.stderr
    with database.read() as session:
        actors = set(session.scalars(select(AuditEvent.actor)))
    assert actors == {"terminal", "user:2"}


def test_a_password_is_for_development(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for twice and never shown; refused where nobody said that this is development."""
    typed = "correct horse!\ncorrect horse!\n"
    dev = ("add", "--label", "Dev", "--role", "broker", "--everywhere")
    for words in ((*dev, "--password"), ("password", "Dev")):
        refused = run(*words, input=typed)
        assert isinstance(refused.exception, Problem)
        assert "development only" in str(refused.exception)
    monkeypatch.setenv("GIVETAKE_DEVELOPMENT", "true")
    settings.cache_clear()
    added = run(*dev, "--password", input=typed)
    assert added.exit_code == 0, added.output
    assert "correct" not in added.output
    assert by_password(database, "Dev", "correct horse!") == 1
    changed = run("password", "Dev", input="another horse!\nanother horse!\n")
    assert changed.exit_code == 0
    assert by_password(database, "Dev", "another horse!") == 1
    with database.read() as session:
        assert session.scalars(select(User.invitation)).all() == [None]
