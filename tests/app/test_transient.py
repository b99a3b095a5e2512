"""Which faults of a database pass by themselves."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import transient
from app.database import Database
from app.transient import is_transient, retried
from tests.conftest import PostgresServer


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transient, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(transient, "LONGEST_PAUSE_S", 0.001)


def fault_of(database: Database, statement: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as raised, database.write() as session:
        session.execute(text(statement))
    return raised.value


def test_a_faulty_statement_is_no_transient_fault(database: Database) -> None:
    """What is wrong with us is wrong the next time, too."""
    assert not is_transient(fault_of(database, "SELECT * FROM nothing"))
    assert not is_transient(fault_of(database, "INSERT INTO run (id) VALUES (NULL)"))
    assert not is_transient(ValueError("database is locked"))


@pytest.fixture
def busy(sqlite_database: Database) -> Iterator[DBAPIError]:
    with Database(sqlite_database.url) as other, other.write() as session:
        session.execute(text("SELECT 1"))
        with sqlite_database.write_engine.connect() as mine:
            mine.connection.execute("PRAGMA busy_timeout=1")
            with pytest.raises(DBAPIError) as raised:
                mine.begin()
        yield raised.value


def test_a_locked_file_is_a_transient_fault(busy: DBAPIError) -> None:
    """Somebody else writes for longer than this one waits; also while a connection is made."""
    assert is_transient(busy)
    assert busy.orig is not None
    assert is_transient(busy.orig)


def test_a_full_disk_is_a_transient_fault(sqlite_database: Database) -> None:
    """Somebody makes room, and the plan of an hour is not lost."""
    with sqlite_database.write_engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count=1"))
        much = text("CREATE TABLE filling AS SELECT zeroblob(10000000) AS content")
        with pytest.raises(DBAPIError) as full:
            connection.execute(much)
    assert is_transient(full.value)


@pytest.mark.parametrize(
    "ended",
    [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false",
    ],
)
def test_a_connection_that_was_ended_is_a_transient_fault(
    postgres_server: PostgresServer, ended: str
) -> None:
    """A server that shuts down ends connections, and takes none."""
    with postgres_server.database() as database, database.write() as session:
        name = session.scalar(text("SELECT current_database()"))
        postgres_server.execute(ended.format(name=name))
        if "ALLOW" in ended:
            with pytest.raises(DBAPIError) as raised, Database(database.url) as another:
                another.write_engine.connect()
        else:
            with pytest.raises(DBAPIError) as raised:
                session.execute(text("SELECT 1"))
            session.rollback()
    assert is_transient(raised.value)


def test_no_server_is_a_transient_fault() -> None:
    """It may be starting."""
    nowhere = "postgresql+psycopg://nobody@/nothing?host=/nonexistent"
    with Database(nowhere) as database, pytest.raises(DBAPIError) as raised:
        database.read_engine.connect()
    assert is_transient(raised.value)


@pytest.mark.usefixtures("patient")
def test_work_is_done_again_until_the_fault_has_passed(busy: DBAPIError) -> None:
    """Another fault ends it, and so does a wish to give up."""
    faults: list[Exception] = [busy, busy]

    def work() -> str:
        if faults:
            raise faults.pop()
        return "done"

    assert retried(work) == "done"
    faults = [ValueError("ours"), busy]
    with pytest.raises(ValueError, match="ours"):
        retried(work)
    faults = [busy, busy]
    with pytest.raises(DBAPIError):
        retried(work, lambda: True)
    assert len(faults) == 1
    faults = [busy] * 3
    with pytest.raises(DBAPIError):
        retried(work, patience_s=-1)
    assert len(faults) == 2
