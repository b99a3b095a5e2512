"""A command imports what it needs, not what the others need."""

import json
import subprocess
import sys
from pathlib import Path

from models.vocabulary import Reciprocity
from solver.problem import Candidates, Needs, Offers, Participants, Problem, Rules
from solver.problem_json import write_problem

RUN = """
import sys
from app.cli.main import run
try:
    run()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_solving_a_file_imports_neither_database_nor_web(tmp_path: Path) -> None:
    """The time limit of a file is not spent on importing what only other commands use."""
    problem = Problem(
        Participants.of(["taker", "giver"]),
        Needs.of(["need"], [0], [2]),
        Offers.of(["offer"], [1], [2]),
        Candidates.of([0], [0], [5]),
        Rules(Reciprocity.NONE),
    )
    write_problem(problem, tmp_path / "problem.json")
    words = ("solve", tmp_path / "problem.json", "--out", tmp_path / "plan.json", "--work", "1")
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)], capture_output=True, text=True, check=True
    )
    assert json.loads((tmp_path / "plan.json").read_text())["pairings"]["half_days"] == [2]
    imported = set(ended.stderr.split())
    assert {"typer", "app.cli.solve", "solver.problem"} <= imported
    assert not imported & {"sqlalchemy", "alembic", "fastapi", "structlog", "app.cli.match"}
