"""Sessions: reads and writes apart, one transaction each, on SQLite and PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler, ilike_case_insensitive

from app import private_files, search_index

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "trusted_schema=OFF",
)

CONNECTION_LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Of libpq, unless the address says otherwise: a network that swallows packets is a fault that
passes, and not a wait without end."""


@compiles(ilike_case_insensitive, "sqlite")
def _as_it_is(element: ilike_case_insensitive, compiler: SQLCompiler, **options: Any) -> str:
    """Search without `lower()`: LIKE folds the same letters there, in a third of the time."""
    return compiler.process(element.element, **options)


class ReadSession(Session):
    """A session that only reads."""


class WriteSession(Session):
    """A session whose transaction `Database.write` commits; services flush, never commit."""

    @contextmanager
    def before_it_begins(self) -> Iterator["ReadSession | WriteSession"]:
        """A session to read with that locks nothing, or this one where it has begun already."""
        if self.info.get("has_begun", True):
            yield self
        else:
            info = {"secret": self.info.get("secret")}
            with ReadSession(self.info["read_engine"], info=info) as session:
                yield session

    def once_committed(self, tell: Callable[[], None]) -> None:
        """Call `tell` after the commit, with the context of now: logs tell only what is so."""
        context = copy_context()
        event.listen(self, "after_commit", lambda session: context.run(tell), once=True)


@event.listens_for(WriteSession, "after_begin")
def _note_begin(session: Session, *_: object) -> None:
    session.info["has_begun"] = True


event.listen(WriteSession, "after_flush", search_index.follow)


def _engine(url: str, *, writes: bool) -> Engine:
    if not url.startswith("sqlite"):
        # Values of rows stay out of errors, and so out of logs.
        asked = make_url(url).query
        limits = {name: value for name, value in CONNECTION_LIMITS.items() if name not in asked}
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=limits)
        return engine if writes else engine.execution_options(postgresql_readonly=True)
    # The driver's own transaction control loses updates between threads: take it over.
    engine = create_engine(url, connect_args={"isolation_level": None}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _file_of(url: str) -> Path | None:
    """The file of an embedded database; none of one in memory or on a server."""
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or (parts.database or ":memory:").startswith(
        (":memory:", "file:")
    ):
        return None
    return Path(str(parts.database))


CLOCKS_AGREE_S = 60.0
"""By how much clocks may differ; by more, one of them is wrong, and nobody can tell which."""


def database_now(session: Session) -> datetime:
    """The one clock that everything expires by, whatever other machines say.

    SQLite has the clock of the machine that asks.
    """
    if session.get_bind().dialect.name == "sqlite":
        text = session.scalar(select(func.strftime("%Y-%m-%dT%H:%M:%f+00:00", "now")))
        return datetime.fromisoformat(str(text))
    now = session.scalar(select(func.clock_timestamp()))
    assert isinstance(now, datetime)
    return now


def machine_now() -> datetime:
    """The clock of this machine, for nothing but a comparison with the database's."""
    return datetime.now(UTC)


def clock_ahead_s(session: Session) -> float:
    """Seconds by which this machine's clock is ahead of the database's; negative: behind."""
    return (machine_now() - database_now(session)).total_seconds()


def clocks_agree(ahead_s: float) -> bool:
    return abs(ahead_s) <= CLOCKS_AGREE_S


class Database:
    """The one place where transactions begin and end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_embedded = url.startswith("sqlite")
        self.write_engine = _engine(url, writes=True)
        self.read_engine = _engine(url, writes=False)
        self._file = _file_of(url)
        self._opened: tuple[int, int] | None = None
        self.before_commit: Callable[[WriteSession], object] | None = None
        """What belongs to every transaction besides what it was begun for; whoever puts the
        service together sets it."""
        self.secret: Callable[[], str] | None = None
        """The secret of the installation, for what is compared by keyed digests; set likewise."""
        if self._file is not None:
            for engine in (self.read_engine, self.write_engine):
                event.listen(engine, "do_connect", self._create)
            event.listen(self.read_engine, "connect", self._remember)
            event.listen(self.write_engine, "connect", self._remember)

    def is_in_place(self) -> bool:
        """Whether the file that was opened first is still the one at its address.

        SQLite goes on with a file that was moved away, and notices nothing.
        """
        return self._opened is None or self._opened == self._found()

    def _create(self, *_: Any) -> None:
        """A new file is its owner's alone; what SQLite puts beside it has the same mode."""
        assert self._file is not None
        if self._file.parent.is_dir() and not self._file.exists():
            private_files.create(self._file)

    def _remember(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        self._opened = self._opened or self._found()

    def _found(self) -> tuple[int, int] | None:
        assert self._file is not None
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    @contextmanager
    def write(self) -> Iterator[WriteSession]:
        """Commit when the block ends, roll back when it raises."""
        with self._write_session() as session, session.begin():
            yield session
            if self.before_commit is not None:
                self.before_commit(session)

    @contextmanager
    def rehearse(self) -> Iterator[WriteSession]:
        """Let changes be tried: whatever the block does is rolled back."""
        with self._write_session() as session:
            yield session

    def _write_session(self) -> WriteSession:
        info = {"has_begun": False, "read_engine": self.read_engine, "secret": self.secret}
        return WriteSession(self.write_engine, info=info)

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        with ReadSession(self.read_engine, info={"secret": self.secret}) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[ReadSession]:
        """Like `read`, with every query as of the first: SQLite does no other."""
        engine = self.read_engine
        if not self.is_embedded:
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with ReadSession(engine, info={"secret": self.secret}) as session:
            yield session

    def dispose(self) -> None:
        self.write_engine.dispose()
        self.read_engine.dispose()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.dispose()
