"""Files that only their owner reads: as they are made, and mended where they are not."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.access.keys import list_keys
from app.access.policy import TERMINAL
from app.access.secret import signing_secret
from app.database import Database
from app.migrate import migrate
from app.settings import Settings
from tests.portal import OURS, broker
from tests.serving import GIVETAKE

NEEDS = "reference,participant,expertise,period,days\n"


def modes(folder: Path) -> dict[str, int]:
    """The mode of everything below a folder."""
    found = {"": folder} | {str(each.relative_to(folder)): each for each in folder.rglob("*")}
    return {name: stat.S_IMODE(each.stat().st_mode) for name, each in found.items()}


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that lets everybody read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careless")
def test_what_is_made_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Database with what SQLite puts beside it, secret, and uploads with all their folders."""
    tmp_path.chmod(0o755)
    made = Settings(database_url=f"sqlite:///{tmp_path}/new/data/givetake.sqlite3")
    made.make_data_folder()
    with Database(made.database_url) as database:
        migrate(database)
        signing_secret(made)
        who = broker(database)
        form = who.open("/imports/new?kind=needs").form("/imports/new")
        sent = {name: value[0] for name, value in form.fields.items()}
        rows = {"file": ("needs.csv", NEEDS, "text/csv")}
        assert who.client.post(form.action, data=sent, files=rows, headers=OURS).status_code == 200
        with database.write() as session:
            list_keys(session, TERMINAL)
            found = modes(tmp_path)
            files = {name for name in found if (tmp_path / name).is_file()}
    assert {Path(name).name for name in files} >= {
        *("givetake.sqlite3", "givetake.sqlite3-wal", "givetake.sqlite3-shm", "secret"),
    }
    assert any(name.startswith("new/data/uploads/") for name in files)
    assert {name for name in files if found[name] != 0o600} == set()
    assert {name for name in set(found) - files - {""} if found[name] != 0o700} == set()
    assert found[""] == 0o755  # it was there before us


def test_what_is_wider_is_mended_and_logged(tmp_path: Path) -> None:
    """Once: the next start finds nothing; folders of others stay as they are."""
    folder = tmp_path / "data"
    (folder / "uploads" / "a").mkdir(parents=True)
    for name in ("g.sqlite3", "g.sqlite3-wal", "secret", "uploads/a/needs.csv", "others.txt"):
        (folder / name).touch()
        (folder / name).chmod(0o664)
    (folder / "g.sqlite3-shm").symlink_to("others.txt")
    for each in (folder, folder / "uploads", folder / "uploads" / "a"):
        each.chmod(0o755)
    made = Settings(database_url=f"sqlite:///{folder}/g.sqlite3")
    with capture_logs() as lines:
        made.make_data_folder()
    assert {each["event"] for each in lines} == {"files.closed_to_others"}
    assert [(each["what"], each["mode"]) for each in lines] == [
        *[("database", "664")] * 2,
        ("secret", "664"),
        *[("uploads", "755")] * 2,
        ("uploads", "664"),
    ]
    found = modes(folder)
    assert found.pop("") == 0o755
    assert found.pop("others.txt") == found.pop("g.sqlite3-shm") == 0o664
    assert set(found.values()) == {0o600, 0o700}
    with capture_logs() as lines:
        made.make_data_folder()
    assert lines == []


def test_our_own_folder_is_mended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual one, which nobody else has anything in."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "givetake").mkdir()
    (tmp_path / "givetake").chmod(0o755)
    with capture_logs() as lines:
        Settings().make_data_folder()
    assert [(each["what"], each["mode"]) for each in lines] == [("data folder", "755")]
    assert modes(tmp_path)["givetake"] == 0o700


def test_what_commands_write_is_private_too(tmp_path: Path) -> None:
    """Files that were asked for by name, whatever the shell's umask is."""
    environment = os.environ | {"GIVETAKE_DATABASE_URL": f"sqlite:///{tmp_path}/d/g.sqlite3"}
    for words in (
        ("bench", "make", "--size", "20", "--out", tmp_path / "problem.json"),
        ("export", "periods", "--out", tmp_path / "periods.csv"),
    ):
        subprocess.run([*GIVETAKE, *words], env=environment, umask=0, check=True, stdout=sys.stderr)
    found = modes(tmp_path)
    found.pop("")
    assert found.pop("d") == 0o700
    assert set(found.values()) == {0o600}
    assert "problem.json" in found
