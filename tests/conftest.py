"""Fixtures that every test may use: a real database of each kind, the national data."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from app.database import Database
from app.migrate import migrate
from app.planning.options import MatchOptions
from tests.rows import STARTS
from tests.runs import match

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def national_data() -> Path:
    """The folder of the national register in its real layout; it is never part of the project."""
    folder = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "gias" / "edubasealldata.csv").exists():
        pytest.skip(f"the national register is not at {folder}; set GIVETAKE_SHARED_DATA")
    return folder


def _postgres_programs() -> Path | None:
    if found := shutil.which("postgres"):
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return versions[-1].parent if versions else None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server of our own, with a migrated template database."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    as_user = {"user": user, "group": user, "cwd": "/"} if os.geteuid() == 0 else {}
    # Not under pytest's folder: another session starting there shuts the server's user out.
    folder = Path(tempfile.mkdtemp(prefix="givetake-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "givetake", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        **as_user,
    )
    options = {"listen_addresses": "127.0.0.1", "port": port, "fsync": "off"}
    options |= {"unix_socket_directories": "", "max_connections": 60}
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, *(f"--{k}={v}" for k, v in options.items())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **as_user,
    )
    address = f"postgresql+psycopg://givetake@127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/postgres")
        _execute(address, "CREATE DATABASE template_givetake")
        with Database(f"{address}/template_givetake") as template:
            migrate(template)
        yield address
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


def _wait_for(url: str) -> None:
    engine = create_engine(url)
    for _ in range(100):
        try:
            with engine.connect():
                break
        except Exception:
            time.sleep(0.1)
    engine.dispose()


def _execute(address: str, statement: str) -> None:
    engine = create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


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
def postgres_database(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    name = f"test_{time.monotonic_ns()}"
    _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE template_givetake")
    with Database(f"{postgres_server}/{name}") as database:
        yield database
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


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


@pytest.fixture
def run_id(exchange: Database) -> int:
    """A run that planned the exchange of a file."""
    return match(exchange, MatchOptions(as_of=STARTS, workers=1, method="exact"))
