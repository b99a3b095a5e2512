"""Keys in the terminal: shown once, listed by their beginning, taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.access.keys import Unauthenticated, principal_of
from app.cli.main import app
from app.database import Database
from app.settings import settings
from models.access import ApiKey, AuditEvent


@pytest.fixture
def database(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    yield sqlite_database
    settings.cache_clear()


def test_a_key_is_made_listed_and_revoked(database: Database) -> None:
    """What is printed opens the service; what is stored does not; a revoked key opens nothing."""
    run = CliRunner()
    key = run.invoke(app, ["keys", "create", "--label", "portal"]).stdout.strip()
    with database.read() as session:
        stored = session.scalars(select(ApiKey)).one()
        assert principal_of(session, key).name == f"key:{stored.prefix}"
        assert key not in (stored.digest, stored.prefix)
        for near in (key[:-1], key + "x", key.swapcase(), stored.digest, ""):
            with pytest.raises(Unauthenticated):
                principal_of(session, near)
    assert run.invoke(app, ["keys", "create", "--label", "x" * 61]).exit_code != 0
    assert "portal" in run.invoke(app, ["keys", "list"]).stdout
    assert key not in run.invoke(app, ["keys", "list"]).stdout
    assert run.invoke(app, ["keys", "revoke", stored.prefix]).exit_code == 0
    with database.read() as session:
        with pytest.raises(Unauthenticated):
            principal_of(session, key)
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.sequence))
        assert actions.all() == ["key.create", "key.revoke"]
    assert "revoked" in run.invoke(app, ["keys", "list"]).stdout


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
