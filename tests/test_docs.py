"""The README cannot rot: its commands, options and settings are those of the code."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from app.cli.main import app
from app.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCS = README + "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))


def commands(
    command: object, path: tuple[str, ...] = ("givetake",)
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))
    else:
        assert isinstance(command, TyperCommand)
        yield path, command


COMMANDS = dict(commands(get_command(app)))


def test_every_reference_is_in_the_literature() -> None:
    """Whoever is cited by name and year is listed with both."""
    listed = (ROOT / "docs" / "method.md").read_text().rpartition("## Literature")[2].split("\n- ")
    cited = re.findall(r"\[(\w+)[^\]\d]*(\d{4})\)?\]\([a-z./]*#literature\)", DOCS)
    assert cited
    assert not [
        (name, year)
        for name, year in cited
        if not any(name in entry and year in entry for entry in listed)
    ]


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_every_command_is_documented(path: tuple[str, ...]) -> None:
    """A user finds every command in the README or the docs."""
    assert " ".join(path) in DOCS


def written() -> list[str]:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", DOCS, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("givetake ")]


@pytest.mark.parametrize("line", written())
def test_every_command_written_down_exists_with_its_options(line: str) -> None:
    """A command copied from the README is one that the program has."""
    words = line.split("#")[0].split()
    path = max((p for p in COMMANDS if tuple(words[: len(p)]) == p), key=len, default=None)
    assert path is not None, f"no such command: {line}"
    known = {name for option in COMMANDS[path].params for name in option.opts}
    for word in words[len(path) :]:
        if word.startswith("--"):
            assert word.split("=")[0] in known | {"--help"}, f"{word} in: {line}"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    """The settings table of the README is complete."""
    assert f"`GIVETAKE_{name.upper()}`" in README


def test_no_setting_is_invented() -> None:
    """The README names no setting that nothing reads, but for those of tests."""
    named = set(re.findall(r"GIVETAKE_[A-Z_]+", DOCS))
    real = {f"GIVETAKE_{name.upper()}" for name in Settings.model_fields}
    assert named <= real | {"GIVETAKE_SHARED_DATA"}


def test_every_make_target_written_down_exists() -> None:
    """The two commands of the first minute are in the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"demo", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_links_between_documents_lead_somewhere() -> None:
    """No relative link of the README or the docs is broken."""
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_where_it_is_names_the_file_that_has_it() -> None:
    """Each question of docs/where.md has one path, and what to look for is there."""
    where = (ROOT / "docs" / "where.md").read_text()
    answers = re.findall(r"\? \| \[([^\]]+)\]\([^)]+\) \| `([^`]+)` \|", where)
    assert len(answers) == where.count("?") - 1 >= 10
    for path, wanted in answers:
        assert wanted in (ROOT / path).read_text(), path


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: what is tracked cannot be told")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    """Paths of one machine and addresses of package indexes stay out of the project."""
    forbidden = re.compile(
        r"""(?<![\w.])[/](?:work|root|home)/|extra-index[-]url|^--index[-]url|"resolve[d]":\s*"http"""
        r"""|files\.python"""
        r"""hosted|registry\.npm"""
        r"""js""",
        re.MULTILINE,
    )
    for path in tracked():
        if path.is_file() and path.suffix not in {".png"}:
            assert not forbidden.search(path.read_text(errors="replace")), path


def test_no_lock_file_is_tracked() -> None:
    """Lock files that record addresses are never committed."""
    assert not {path.name for path in tracked()} & {"uv.lock", "pylock.toml"}
