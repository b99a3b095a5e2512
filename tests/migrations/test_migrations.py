"""The schema's history: up, down with data, and never apart from the models."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text

import migrations
from app.database import Database
from app.errors import Conflict, NotFound
from app.events.audit import record
from app.migrate import current, head, migrate, require_current
from models.access import AuditEvent
from models.register import Participant
from models.tables import is_of_models, metadata
from tests import rows
from tests.audit import intact, look

VERSIONS = Path(migrations.__file__).parent / "versions"


def test_models_and_migrations_agree(database: Database) -> None:
    """A migrated database is what the models say, to the last constraint Alembic can see."""
    with database.write_engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_of_models}
        )
        assert compare_metadata(context, metadata) == []


def test_down_to_nothing_and_up_again_with_data(database: Database) -> None:
    """Every step back works on a database that holds rows, and leads back to the newest."""
    with database.write() as session:
        session.add(
            Participant(
                reference="urn:1", kind="institution", name="A", updated_at=datetime.now(UTC)
            )
        )
        record(session, actor="test", action="import", subject="urn:1")
    for script in sorted(VERSIONS.glob("0*.py"), reverse=True)[1:]:
        migrate(database, script.stem)
        assert current(database) == script.stem
    migrate(database, "base")
    assert set(inspect(database.write_engine).get_table_names()) <= {"alembic_version"}
    migrate(database)
    with database.read() as session:
        assert session.scalars(select(AuditEvent)).all() == []


def test_later_steps_keep_the_rows_of_earlier_ones(database: Database) -> None:
    """Going back one step and forward again loses nothing of the tables before it."""
    with database.write() as session:
        session.add(
            Participant(
                reference="urn:1", kind="institution", name="A", updated_at=datetime.now(UTC)
            )
        )
    migrate(database, "0001_register")
    migrate(database)
    with database.read() as session:
        assert session.scalars(select(Participant.reference)).all() == ["urn:1"]


def test_names_are_numbered_and_the_head_is_pinned() -> None:
    """Two branches that both add a migration meet in one file."""
    names = sorted(path.stem for path in VERSIONS.glob("*.py"))
    assert all(re.fullmatch(r"\d{4}_[a-z_]+", name) and len(name) <= 32 for name in names)
    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
    assert (VERSIONS.parent / "HEAD").read_text().strip() == names[-1]


def test_an_old_schema_is_refused_and_a_new_file_is_migrated(sqlite_database: Database) -> None:
    """Nobody's data is migrated without being asked; an empty database is nobody's data."""
    migrate(sqlite_database, "0001_register")
    with pytest.raises(Conflict, match="givetake migrate"):
        require_current(sqlite_database)
    migrate(sqlite_database, "base")
    require_current(sqlite_database)
    assert current(sqlite_database) == head(sqlite_database)


def test_a_schema_of_a_newer_version_is_refused(database: Database) -> None:
    """By every command and by a migration, in whichever direction: it says what to install."""
    with database.write() as session:
        session.execute(text("update alembic_version set version_num = '9999_later'"))
    with pytest.raises(Conflict, match="9999_later, which this version does not know"):
        require_current(database)
    for revision in ("head", "0001_register", "base"):
        with pytest.raises(Conflict, match="a newer one"):
            migrate(database, revision)
    assert current(database) == "9999_later"


def test_going_down_is_refused_until_it_is_said(sqlite_database: Database) -> None:
    """An older version drops what it does not know: that is never done by a slip."""
    for revision in ("0045_alliances", "base"):
        with pytest.raises(Conflict, match="Back up first, and say --down"):
            migrate(sqlite_database, revision, down=False)
    assert current(sqlite_database) == head(sqlite_database)
    migrate(sqlite_database, down=False)


def test_an_unknown_revision_is_named(sqlite_database: Database) -> None:
    """A misspelt revision changes nothing and is told what there is."""
    with pytest.raises(NotFound, match="0001_register"):
        migrate(sqlite_database, "nonsense")


def test_what_an_older_version_wrote_of_support_and_needs_stays(database: Database) -> None:
    """Support is bound anew with its version; versions of needs are kept on either side."""
    with database.write() as session:
        rows.add_calendar(session)
        one, two = (rows.add_school(session, urn) for urn in (100000, 100001))
        rows.add_need(session, "n", one)
        rows.add_support(session, "s", one, two)
        record(session, actor="test", action="import", subject="test")
    migrate(database, "0036_interests")
    with database.write_engine.begin() as connection:
        # Its event binds it without a version, as if nobody had told of this change.
        connection.execute(text("update support set half_days = 3"))
    migrate(database)
    assert intact(look(database))
    migrate(database, "0037_support_targets")
    with database.write_engine.begin() as connection:
        connection.execute(text("update need set priority = 1, version = 2"))
        kept = connection.execute(text("select version, priority from need_version")).all()
    assert [tuple(each) for each in sorted(kept)] == [(1, 3), (2, 1)]
