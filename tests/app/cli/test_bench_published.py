"""`givetake bench read-gap` and `gap-cost`: from a published file to a cost and its bound."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.main import run
from solver.formats.plan import Plan, write_plan
from solver.formats.problem_json import problem_to_json, read_problem
from solver.instances.balanced_exchange import fingerprint
from solver.instances.published_assignment import read_assignments
from solver.solve import solve

FILE = "2\n2 2\n 4 6\n 6 9\n 1 2\n 1 2\n 2 2\n1 1\n 7\n 3\n 3\n"
"""Two instances. Of the first both jobs fit no one agent: 4 + 9 or 6 + 6."""

Ended = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "gap.txt"
    written.write_text(FILE)
    return written


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ended:
    """Runs a command of `givetake bench`; gives its exit code, and what it printed where."""

    def of(*words: str | Path | int) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["givetake", "bench", *map(str, words)])
        code = 0
        try:
            run()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return code, printed.out.strip(), printed.err.strip()

    return of


def solved(problem: Path, plan: Path) -> Plan:
    found = solve(read_problem(problem), method="exact", work=100)
    write_plan(found, plan)
    return found


@pytest.mark.parametrize(
    ("options", "said", "cost"),
    [
        ((), "less the cost", "cost 12; no assignment has less than 12 (gap 0.00%)"),
        (
            ("--maximise",),
            "plus the profit",
            "profit 13; no assignment has more than 13 (gap 0.00%)",
        ),
    ],
)
def test_cost_of_a_published_instance_is_read_from_its_plan(
    file: Path, tmp_path: Path, bench: Ended, options: tuple[str, ...], said: str, cost: str
) -> None:
    """Read, solve, cost: the optimum is that which trying both ways by hand finds."""
    problem, plan = tmp_path / "problem.json.gz", tmp_path / "plan.json"
    code, printed, _ = bench("read-gap", file, "--number", 1, "--out", problem, *options)
    expected = read_assignments(file, maximise=bool(options))[0].problem()
    assert code == 0
    assert printed == (
        f"2 agents, 2 jobs at 18 {said}, 4 candidates, "
        f"fingerprint {fingerprint(expected)}: {problem}"
    )
    assert problem_to_json(read_problem(problem)) == problem_to_json(expected)
    solved(problem, plan)
    assert bench("gap-cost", file, plan, "--number", 1, *options)[:2] == (0, cost)


def test_plan_that_leaves_jobs_out_has_no_cost(file: Path, tmp_path: Path, bench: Ended) -> None:
    """No assignment exists where capacities are too small: the bound is told, with no cost."""
    file.write_text("1 2\n 4 6\n 1 2\n 2\n")
    problem, plan = tmp_path / "problem.json", tmp_path / "plan.json"
    bench("read-gap", file, "--out", problem)
    assert len(solved(problem, plan)) == 1
    code, printed, error = bench("gap-cost", file, plan)
    assert (code, printed) == (1, "")
    assert error.startswith("1 of 2 jobs are left out, so that the plan is not an assignment")


def test_plan_of_another_instance_is_refused(file: Path, tmp_path: Path, bench: Ended) -> None:
    """A cost is never told of a plan that was made for something else."""
    problem, plan = tmp_path / "problem.json", tmp_path / "plan.json"
    bench("read-gap", file, "--number", 1, "--out", problem)
    solved(problem, plan)
    code, _, error = bench("gap-cost", file, plan, "--number", 2)
    assert code == 2
    assert error == f"{plan}:\nthe plan names agents or jobs not among the instance's 1 and 1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "has 2 instances. Choose one with --number."),
        (("--number", 3), "--number 3 is not in"),
    ],
)
def test_which_instance_is_never_guessed(
    file: Path, tmp_path: Path, bench: Ended, words: tuple[str | int, ...], said: str
) -> None:
    """Of a file with several one is chosen, and one that it has."""
    out = tmp_path / "problem.json"
    code, _, error = bench("read-gap", file, "--out", out, *words)
    assert code == 2
    assert said in error
    assert not out.exists()


def test_faulty_file_is_named(file: Path, tmp_path: Path, bench: Ended) -> None:
    """File, line and value are in the error, and nothing is written."""
    file.write_text(FILE.replace("9", "nine"))
    out = tmp_path / "problem.json"
    code, _, error = bench("read-gap", file, "--number", 1, "--out", out)
    assert (code, error) == (2, f"{file}:\nline 4: 'nine' is not a number")
    assert not out.exists()
