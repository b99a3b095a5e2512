"""Fixtures that every test may use: a real database of each kind, the national data."""

import gc
import getpass
import importlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from app.database import Database
from app.migrate import migrate
from app.planning.options import MatchOptions
from models.base import Base
from tests.issuing import IssuerProcess, issuer_process
from tests.rows import STARTS
from tests.runs import match

ROOT = Path(__file__).parent.parent
GIB = 2**30
TEMPLATE = "template_givetake"
UNTIL_LET_GO = 'folder=$1; shift; "$@" & cat; kill -INT $!; wait; rm -rf "$folder"'
"""Runs a server until its input is closed, as it is when the tests are killed too."""


class FailuresAtOnce:
    """Says which test failed when it does: a run of all that is stopped tells nothing else."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.terminal.ensure_newline()
            self.terminal.write_line(f"{report.when} of {report.nodeid} failed: {crash}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if terminal := config.pluginmanager.get_plugin("terminalreporter"):
        config.pluginmanager.register(FailuresAtOnce(terminal))


@pytest.fixture(scope="session", autouse=True)
def nothing_imported_is_collected() -> None:
    """Every run collects garbage, and would look at all these modules each time."""
    importlib.import_module("app.main")
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Let go of the database of a test: mappers keep what they wrote by, some hundred of them."""
    for mapper in Base.registry.mappers:
        mapper._compiled_cache.clear()  # noqa: SLF001  no public way


@pytest.fixture(scope="session")
def national_data() -> Path:
    """The folder of the national register in its real layout; it is never part of the project."""
    folder = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "gias" / "edubasealldata.csv").exists():
        pytest.skip(f"the national register is not at {folder}; set GIVETAKE_SHARED_DATA")
    return folder


def postgres_programs() -> Path | None:
    if found := shutil.which("postgres"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return versions[-1].parent if versions else None


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server with a migrated template; each process of the tests has its own.

    It answers at a socket in its folder, so that no two want the same port.
    """

    folder: Path

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://givetake@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + 120
        while True:
            try:
                self.execute("SELECT 1")
                return
            except OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A migrated, empty database, gone after the block."""
        name = f"test_{time.monotonic_ns()}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        with Database(self.url(name)) as database:
            yield database
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _memory() -> Path | None:
    """Where files stay in memory and there is room; a new database a test keeps a disk busy."""
    folder = Path("/dev/shm")
    try:
        return folder if shutil.disk_usage(folder).free > 4 * GIB else None
    except OSError:
        return None


@contextmanager
def postgres_folder() -> Iterator[tuple[Path, list[Any], dict[str, Any]]]:
    """The folder of a new server, the command that runs it, and as whom; gone after the block."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    as_user = {"user": user, "group": user, "cwd": "/"} if os.geteuid() == 0 else {}
    # Not under pytest's folder: another session starting there shuts the server's user out.
    folder = Path(tempfile.mkdtemp(prefix="givetake-postgres-", dir=_memory()))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "givetake", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        **as_user,
    )
    options = {"listen_addresses": "", "unix_socket_directories": folder, "max_connections": 60}
    options |= {"fsync": "off", "full_page_writes": "off"}
    try:
        yield (
            folder,
            [programs / "postgres", "-D", data, *(f"--{k}={v}" for k, v in options.items())],
            as_user,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server of its own, which ends with the block."""
    with postgres_folder() as (folder, command, as_user):
        server = subprocess.Popen(
            ["sh", "-c", UNTIL_LET_GO, "sh", folder, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_user,
        )
        found = PostgresServer(folder)
        try:
            found.wait()
            found.execute(f"CREATE DATABASE {TEMPLATE}")
            with Database(found.url(TEMPLATE)) as template:
                migrate(template)
            yield found
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(60)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    with Database(f"sqlite:///{path}") as database:
        migrate(database)
    return path


@pytest.fixture
def sqlite_database(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "givetake.sqlite3"
    shutil.copy(migrated_sqlite, path)
    with Database(f"sqlite:///{path}") as database:
        yield database


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[Database]:
    with postgres_server.database() as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated, empty database of each kind that this machine can run."""
    kind = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found: Database = request.getfixturevalue(kind)
    return found


@pytest.fixture
def log_lines() -> Iterator[list[Any]]:
    """What is logged, whatever the level, with what was bound to each line."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines
    structlog.configure(**before)


@pytest.fixture(scope="session")
def issuer_once() -> Iterator[IssuerProcess]:
    with issuer_process() as process:
        yield process


@pytest.fixture
def issuer(issuer_once: IssuerProcess) -> IssuerProcess:
    """A real issuer, in a process of its own, that begins each test as it usually behaves."""
    issuer_once.control(settings={}, key={})
    return issuer_once


@pytest.fixture
def run_id(exchange: Database) -> int:
    """A run that planned the exchange of a file."""
    return match(exchange, MatchOptions(as_of=STARTS, workers=1, method="exact"))
