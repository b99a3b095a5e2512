"""A command imports what it needs, not what the others need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.vocabulary import Reciprocity
from solver.formats.problem import Problem
from solver.formats.problem_json import write_problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules

RUN = """
import sys
from app.cli.main import run
try:
    run()
finally:
    print(*sys.modules, file=sys.stderr)
"""
DATABASE_AND_WEB = {"sqlalchemy", "alembic", "fastapi", "structlog"}


def made_up() -> Problem:
    return Problem(
        Participants.of(["taker", "giver"]),
        Needs.of(["need"], [0], [2]),
        Offers.of(["offer"], [1], [2]),
        Candidates.of([0], [0], [5]),
        Rules(Reciprocity.NONE),
    )


def imported(*words: str | Path) -> set[str]:
    """Run the command; return the modules that it ends with."""
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)], capture_output=True, text=True, check=True
    )
    return set(ended.stderr.splitlines()[-1].split())


def test_solving_a_file_imports_neither_database_nor_web(tmp_path: Path) -> None:
    """The time limit of a file is not spent on importing what only other commands use."""
    problem, plan = tmp_path / "problem.json", tmp_path / "plan.json"
    write_problem(made_up(), problem)
    found = imported("solve", problem, "--out", plan, "--work", "1")
    assert json.loads(plan.read_text())["pairings"]["half_days"] == [2]
    assert {"typer", "app.cli.solve", "solver.formats.problem"} <= found
    assert not found & {*DATABASE_AND_WEB, "app.cli.match"}
    assert not imported("verify", problem, plan) & {*DATABASE_AND_WEB, "app.cli.match"}


@pytest.mark.parametrize(
    ("words", "used"),
    [
        (("--help",), "app.cli.match"),
        (("template", "needs"), "app.exchange.rows"),
        (
            ("bench", "make", "--size", "20", "--out", "{problem}"),
            "solver.instances.balanced_exchange",
        ),
    ],
)
def test_what_needs_no_database_imports_none(
    words: tuple[str, ...], used: str, tmp_path: Path
) -> None:
    """Help, templates and instances are there before a database library would be."""
    found = imported(*(word.format(problem=tmp_path / "problem.json") for word in words))
    assert used in found
    assert not found & DATABASE_AND_WEB


def test_a_geocoder_is_imported_to_be_asked_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that needs no server needs nothing to ask one with."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite3'}")
    monkeypatch.setenv("GIVETAKE_GEOCODER", "photon+http://127.0.0.1:9")
    found = imported("find", "--near", "51.5,-0.5")
    assert "app.register.geocoder_server" in found
    assert "geopy" not in found
