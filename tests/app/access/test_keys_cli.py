"""Keys in the terminal: made with roles, shown once, listed by their beginning, taken back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.access.keys import Unauthenticated, principal_of
from app.access.policy import Grant, Scope
from app.cli.main import app
from app.database import Database
from app.settings import settings
from models.access import ApiKey, AuditEvent
from models.vocabulary import Role, ScopeKind
from tests import rows


@pytest.fixture
def database(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    yield sqlite_database
    settings.cache_clear()


def keys(*words: str) -> str:
    answer = CliRunner().invoke(app, ["keys", *words])
    assert answer.exit_code == 0, answer.output
    return answer.stdout.strip()


def test_a_key_is_made_listed_and_revoked(database: Database) -> None:
    """What is printed opens the service; what is stored does not; a revoked key opens nothing."""
    key = keys("create", "--label", "portal", "--role", "administrator", "--owner", "Testshire")
    with database.read() as session:
        stored = session.scalars(select(ApiKey)).one()
        assert principal_of(session, key).name == f"key:{stored.prefix}"
        assert key not in (stored.digest, stored.prefix)
        for near in (key[:-1], key + "x", key.swapcase(), stored.digest, ""):
            with pytest.raises(Unauthenticated):
                principal_of(session, near)
    run = CliRunner()
    everything = "--everywhere"
    for refused in (
        ["--role", "viewer", everything, "--label", "x" * 61],
        [everything],
        ["--role", "system", everything],
    ):
        assert run.invoke(app, ["keys", "create", *refused]).exit_code != 0
    listed = keys("list")
    assert key not in listed
    for part in ("portal", "of Testshire", "administrator for everything", "never used"):
        assert part in listed
    keys("revoke", stored.prefix)
    with database.read() as session:
        with pytest.raises(Unauthenticated):
            principal_of(session, key)
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.sequence))
        assert actions.all() == ["key.create", "key.revoke"]
    assert "revoked" in keys("list")


def test_roles_are_held_for_the_scopes_that_are_named(database: Database) -> None:
    """By name, code, URN or key, or said to be everything; what there is not is told."""
    with database.write() as session:
        rows.add_calendar(session)
        school, hub = rows.add_school(session, 100000), rows.add_hub(session, "hub")
        rows.add_group(session, 1234, "multi_academy_trust", [school])
        rows.add_network(session, "n-1", [school, hub])
    made = {
        ("broker", "--area", "testshire"): (ScopeKind.AREA, "999"),
        ("contact", "--institution", "School 100000"): (ScopeKind.INSTITUTION, "100000"),
        ("contact", "--trust", "1234"): (ScopeKind.TRUST, "1234"),
        ("contact", "--organisation", "hub"): (ScopeKind.ORGANISATION, "hub"),
        ("network_leader", "--network", "Network n-1"): (ScopeKind.NETWORK, "n-1"),
        ("viewer", "--everywhere"): (ScopeKind.ALL, ""),
        ("auditor",): (ScopeKind.ALL, ""),
    }
    for (role, *scope), expected in made.items():
        key = keys("create", "--role", role, *scope)
        with database.read() as session:
            held = {Grant(Role(role), Scope(*expected))}
            assert principal_of(session, key).grants == held
    listed = keys("list")
    assert "broker for Testshire" in listed
    assert "contact for School 100000" in listed
    run = CliRunner()
    for role, *scope in (
        ("contact",),
        ("contact", "--everywhere"),
        ("broker",),
        ("administrator", "--area", "999"),
        ("network_leader", "--area", "999"),
        ("broker", "--area", "x"),
    ):
        refused = run.invoke(app, ["keys", "create", "--role", role, *scope])
        assert refused.exit_code != 0


def test_a_key_expires_and_is_rotated(database: Database) -> None:
    """A rotated key has the roles of the old one, which ends when it was said to."""
    old = keys("create", "--role", "viewer", "--everywhere", "--expires", "2199-12-31")
    with database.read() as session:
        principal_of(session, old, datetime(2199, 12, 31, 23, tzinfo=UTC))
        with pytest.raises(Unauthenticated):
            principal_of(session, old, datetime(2200, 1, 1, tzinfo=UTC))
    new = keys("rotate", old[3:11], "--keep-old-hours", "0")
    with database.read() as session:
        assert principal_of(session, new).grants == {Grant(Role.VIEWER)}
        with pytest.raises(Unauthenticated):
            principal_of(session, old)
    run = CliRunner()
    assert run.invoke(app, ["keys", "rotate", old[3:11]]).exit_code != 0
    assert run.invoke(
        app, ["keys", "create", "--role", "viewer", "--everywhere", "--expires", "2001-01-01"]
    ).exit_code
    assert f"replaced by {new[3:11]}" in keys("list")


def test_the_document_is_printed_without_a_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever generates a client needs no database."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'none.sqlite3'}")
    settings.cache_clear()
    printed = CliRunner().invoke(app, ["openapi"]).stdout
    settings.cache_clear()
    assert '"openapi": "3.1.0"' in printed
    assert not list(tmp_path.iterdir())
