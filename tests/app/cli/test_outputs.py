"""What a command writes: whole or not at all, never over what it reads, and refused in words."""

import errno
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import console
from app.cli.console import BadFile, require_writable
from app.database import Database
from solver.formats import whole_files
from solver.formats.problem_json import write_problem
from solver.formats.whole_files import CannotWrite, write_whole
from tests.solver.made_problems import problem

ROOT = Path(__file__).parents[3]
GIVETAKE = f'{shlex.quote(sys.executable)} -c "from app.cli.main import run; run()"'
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


def shell(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "GIVETAKE_DATABASE_URL": f"sqlite:///{folder / 'givetake.sqlite3'}",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{GIVETAKE} {words}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_full
@pytest.mark.parametrize(
    "words",
    [
        "template needs > /dev/full",
        "openapi > /dev/full",
        "export needs > /dev/full",
        "find anything > /dev/full",
        "permissions > /dev/full",
        "audit verify > /dev/full",
        "--help > /dev/full",
        "template needs --out /dev/full",
        "template suggest-rules --out /dev/full",
        "export needs --out /dev/full",
        "bench make --size 10 --out /dev/full",
        "solve problem.json --work 1 --out /dev/full",
        "solve problem.json --work 1 --out plan.json --save-state /dev/full",
    ],
)
def test_a_full_disk_is_named_with_what_to_do(tmp_path: Path, words: str) -> None:
    """Exit code 1, and one sentence: the command was right."""
    write_problem(problem(), tmp_path / "problem.json")
    ended = shell(words, tmp_path)
    name = "The output" if ">" in words else "/dev/full"
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1] == (
        f"{name} could not be written: No space left on device. Free some space, or write "
        "somewhere else, and run the command again."
    )
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("words", ["openapi", "template needs", "permissions", "--help"])
def test_a_closed_pipe_is_no_fault(tmp_path: Path, words: str) -> None:
    """Nothing is said of it: whoever reads has what they want."""
    ended = shell(f"{words} | true", tmp_path)
    assert ended.stderr == ""
    assert ended.returncode == 1


def test_a_file_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up in the midst of writing: the old file is there, and nothing beside it."""
    file = tmp_path / "plan.json"
    file.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(whole_files.os, "fsync", full)
    with pytest.raises(CannotWrite) as refused:
        write_whole(file, b"new")
    assert console.unwritten(refused.value).startswith(f"{file} could not be written: No space")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def by_name(file: Path) -> Path:
    return file.parent / "." / file.name


def by_symlink(file: Path) -> Path:
    (file.parent / "symlink").symlink_to(file)
    return file.parent / "symlink"


def by_hard_link(file: Path) -> Path:
    (file.parent / "hard").hardlink_to(file)
    return file.parent / "hard"


@pytest.mark.parametrize("again", [by_name, by_symlink, by_hard_link])
@pytest.mark.parametrize(
    "words",
    [
        "bench read-gap {0} --out {1}",
        "bench make --size 5 --positions {0} --out {1}",
        "solve {0} --work 1 --out {1}",
        "solve {0} --work 1 --out elsewhere --save-state {1}",
        "match --period 2026-27 --area Kent --weights {0} --report {1}",
        "match --period 2026-27 --list {0} --plan {1}",
    ],
)
def test_what_a_command_reads_it_does_not_write(
    tmp_path: Path, words: str, again: Callable[[Path], Path]
) -> None:
    """By whatever path or link the same file is named."""
    file = tmp_path / "given"
    file.write_text("1 1 1\n1 1 1\n1\n")
    before = file.read_text()
    written = again(file)
    ended = shell(words.format(file, written), tmp_path)
    assert ended.returncode == 2
    assert f"is the file {file}, which this command reads. Give the name of" in ended.stderr
    assert file.read_text() == before


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    """Though neither is there yet."""
    with pytest.raises(BadFile, match="which this command writes"):
        require_writable(tmp_path / "a", tmp_path / "b" / ".." / "a")


def test_an_export_does_not_replace_its_database(sqlite_database: Database, tmp_path: Path) -> None:
    """The database is what it reads."""
    file = Path(sqlite_database.url.removeprefix("sqlite:///"))
    ended = subprocess.run(
        ["bash", "-c", f"{GIVETAKE} export needs --out {file}"],
        cwd=ROOT,
        env=os.environ | {"GIVETAKE_DATABASE_URL": sqlite_database.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "which this command reads" in ended.stderr
    assert file.read_bytes().startswith(b"SQLite format 3")
