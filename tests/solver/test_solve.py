"""The front door: limits, how a solve ends, the command line's files and exit codes."""

import json
import subprocess
import sys
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from models.vocabulary import Reciprocity
from solver.check.verify import Violation, verify
from solver.formats.plan import Plan, Status, Stopped, read_plan
from solver.formats.problem import Problem
from solver.formats.problem_json import write_problem
from solver.formats.tables import Candidates, Linking, Needs, Offers, Participants, Rules
from solver.formulation.greedy import greedy
from solver.methods.result import Result
from solver.solve import _bound_of_needs, _plan, last_good, solve
from tests.solver.drawn_problems import brute_force, problems
from tests.solver.made_problems import problem


def drawn(seed, participants=12, needs=40, offers=20, candidates=160):
    """A made-up exchange too large for the greedy plan to be the best."""
    random = np.random.default_rng(seed)
    givers = random.integers(0, participants, offers)
    takers = random.integers(0, participants, needs)
    pairs = random.permutation(offers * needs)[:candidates]
    offer, need = np.divmod(pairs, needs)
    apart = givers[offer] != takers[need]
    return Problem(
        Participants.of(
            [f"p{i}" for i in range(participants)],
            give_limit=random.integers(4, 16, participants),
            max_given=3,
            max_taken=3,
            allowance=random.integers(0, 4, participants),
        ),
        Needs.of([f"n{i}" for i in range(needs)], takers, random.integers(2, 7, needs), days_min=2),
        Offers.of([f"o{i}" for i in range(offers)], givers, random.integers(4, 13, offers)),
        Candidates.of(offer[apart], need[apart], random.integers(10, 100, apart.sum())),
        Rules(),
    )


def test_a_solve_is_proved_and_verified():
    """A small problem ends optimal, with a bound that equals its points."""
    given = drawn(1, candidates=80)
    seen = []
    plan = solve(given, work=60, on_progress=seen.append)
    assert (plan.status, plan.stopped) == (Status.OPTIMAL, Stopped.PROVED)
    assert plan.bound == plan.objective
    assert plan.gap == 0.0
    assert verify(given, plan) == ()
    assert seen
    assert {"ortools", "givetake", "numpy", "python"} == set(plan.versions)


def test_same_seed_and_work_give_the_same_plan_for_any_workers():
    """Nothing but the seconds may differ."""
    given = drawn(2, candidates=100)
    plans = [solve(given, work=1, seed=7, workers=workers).to_json() for workers in (1, 3)]
    for made in plans:
        del made["seconds"]
    assert plans[0] == plans[1]


class AtOnce(Executor):
    """Solves a block when it is handed in, and keeps it with its answer."""

    def __init__(self):
        self.solved = []

    def submit(self, solve_block, block, *rest):
        ended = Future()
        ended.set_result(solve_block(block, *rest))
        self.solved.append((block, ended.result()[0]))
        return ended


def test_a_later_wave_is_told_what_an_earlier_one_wants():
    """Of the pairings between two priced blocks, the second may have those the first wants."""
    pool = AtOnce()
    problem = drawn(1, participants=400, needs=300, offers=200, candidates=1500)
    solve(problem, method="prices", work=1, executor=pool)
    (first, wanted), (second, _) = pool.solved[:2]
    crossing, there, here = np.intersect1d(first.candidate, second.candidate, return_indices=True)
    assert 0 < wanted[there].sum() < len(crossing)
    assert second.upper[here].tolist() == wanted[there].tolist()


def test_cancelled_solve_returns_the_best_so_far():
    """Cancelling is a value: the greedy plan at least, with a bound."""
    given = drawn(3, participants=60, needs=300, offers=150, candidates=4000)
    plan = solve(given, cancelled=lambda: True)
    assert (plan.status, plan.stopped) == (Status.FEASIBLE, Stopped.CANCELLED)
    assert plan.bound >= plan.objective > 0


def test_impossible_pins_are_named():
    """The conflict is the pin and the rules against it, and nothing else."""
    given = problem(participants={"give_limit": [8, 3, 8]})
    plan = solve(given, work=5)
    assert (plan.status, plan.stopped) == (Status.INFEASIBLE, Stopped.INFEASIBLE)
    assert {(part.rule, part.where) for part in plan.conflict} == {
        ("pin", "pins[0]"),
        ("give limit", "participants[1]"),
    }
    assert verify(given, plan) == ()


def test_two_pins_that_exclude_each_other_are_both_named():
    """Either pin alone is possible, so both stand in the conflict, with the rule between."""
    given = problem(pins=[[2, 1], [0, 1]], exclusions=[], needs={"max_givers": [1, 1, 0]})
    plan = solve(replace(given, rules=Rules("none")), work=5)
    assert {(part.rule, part.where) for part in plan.conflict} == {
        ("pin", "pins[0]"),
        ("pin", "pins[1]"),
        ("need givers", "needs[1]"),
    }


def test_no_candidates_is_an_optimal_empty_plan():
    """Nothing to choose is no error."""
    plan = solve(
        Problem(
            Participants.of(["a"]), Needs.of([], [], []), Offers.of([], [], []),
            Candidates.of([], [], []),
        )
    )  # fmt: skip
    assert (plan.status, plan.objective, len(plan)) == (Status.OPTIMAL, 0, 0)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"method": "magic"}, "method 'magic' is not available"),
        ({"time_limit_s": 0}, "time limit 0"),
        ({"work": 0}, "work 0"),
        ({"gap": -0.1}, "gap -0.1"),
        ({"gap": float("nan")}, "gap nan"),
        ({"seed": -1}, "seed -1"),
        ({"workers": 0}, "workers 0"),
    ],
)
def test_limits_out_of_range_are_refused(limits, words):
    """Each limit is named with its value and range."""
    with pytest.raises(ValueError, match=words):
        solve(problem(), **limits)


def givetake(*arguments):
    """Run the command as a process of its own."""
    command = [sys.executable, "-c", "from app.cli.main import run; run()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_command_solves_and_verifies(tmp_path):
    """The plan of `solve` passes `verify`; a changed one does not."""
    write_problem(drawn(1, candidates=40), tmp_path / "problem.json.gz")
    solved = givetake(
        "solve", tmp_path / "problem.json.gz", "--out", tmp_path / "plan.json", "--work", 9
    )
    assert solved.returncode == 0, solved.stderr
    assert solved.stdout.startswith("optimal: ")
    verified = givetake("verify", tmp_path / "problem.json.gz", tmp_path / "plan.json")
    assert (verified.returncode, verified.stderr) == (0, "")
    content = json.loads((tmp_path / "plan.json").read_text())
    content["pairings"]["half_days"][0] += 1
    (tmp_path / "plan.json").write_text(json.dumps(content))
    verified = givetake("verify", tmp_path / "problem.json.gz", tmp_path / "plan.json")
    assert verified.returncode == 1
    assert "objective" in verified.stderr


def test_command_says_infeasible(tmp_path):
    """Exit 3, and the plan file holds the conflict."""
    write_problem(problem(participants={"give_limit": [8, 3, 8]}), tmp_path / "problem.json")
    solved = givetake("solve", tmp_path / "problem.json", "--out", tmp_path / "plan.json")
    assert solved.returncode == 3, solved.stderr
    assert "pins[0]" in solved.stdout
    assert Plan.from_json(read_plan(tmp_path / "plan.json").to_json()).conflict


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["solve", "{missing}", "--out", "{plan}"], "No such file"),
        (["solve", "{broken}", "--out", "{plan}"], "format: expected"),
        (["solve", "{good}", "--out", "{plan}", "--method", "flow"], "method 'flow'"),
        (
            ["solve", "{good}", "--out", "{plan}", "--time-limit", "-1"],
            "--time-limit -1 must be more than 0",
        ),
        (["verify", "{good}", "{broken}"], "format: expected"),
    ],
)
def test_command_refuses_bad_input(arguments, words, tmp_path):
    """Exit 2 and a sentence, never a traceback."""
    write_problem(problem(), tmp_path / "good.json")
    (tmp_path / "broken.json").write_text("{}")
    files = {name: tmp_path / f"{name}.json" for name in ("missing", "broken", "good", "plan")}
    refused = givetake(*(argument.format(**files) for argument in arguments))
    assert refused.returncode == 2, refused.stderr
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_floor_out_of_reach_is_infeasible():
    """Where no plan can meet a floor, prices say so, and name it."""
    problem = Problem(
        Participants.of(["taker", "giver"]),
        Needs.of([f"n{at}" for at in range(6)], [0] * 6, [2] * 6),
        Offers.of([f"o{at}" for at in range(3)], [1] * 3, [2] * 3),
        Candidates.of(np.repeat(np.arange(3), 6), np.tile(np.arange(6), 3), [5] * 18),
        Rules(Reciprocity.NONE),
        linking=(Linking("floor", ">=", 5, "pairings", np.arange(18), np.ones(18, np.int64)),),
    )
    plan = solve(problem, method="prices", work=100)
    assert plan.status is Status.INFEASIBLE
    assert any("floor" in str(entry) for entry in plan.conflict)


def test_a_plan_that_fails_its_check_gives_way_to_the_last_good_one():
    """The fault is warned of, the plan before it is handed out, and nothing is called proved."""
    given = problem(pins=[], linking=[])
    good = np.array([4, 4, 0, 0, 0])
    broken = Result(np.array([9, 4, 0, 0, 0]), 500.0, Stopped.PROVED, 400, earlier=(good,))
    with pytest.warns(RuntimeWarning, match="2 violations, first pairing days"):
        found = last_good(given, broken, 0, (Violation("pairing days", "needs[0]", "9"),) * 2)
    assert found.half_days.tolist() == good.tolist()
    assert found.stopped is Stopped.STALLED
    assert found.objective == 10 * 4 + 8 * 4 - 3


def test_a_broken_plan_without_another_is_the_greedy_one():
    """Where no earlier plan holds, the greedy one does."""
    given = problem(pins=[], linking=[])
    nine = np.array([9, 4, 0, 0, 0])
    broken = Result(nine, 500.0, Stopped.TIME, 400, earlier=(nine,))
    with pytest.warns(RuntimeWarning):
        found = last_good(given, broken, 0, (Violation("pairing days", "needs[0]", "9"),))
    assert found.half_days.tolist() == greedy(given).tolist()
    assert found.stopped is Stopped.TIME


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=problems())
def test_no_plan_has_more_points_than_its_needs_at_their_best(drawn):
    """The bound that stands where a method proved none yet is one."""
    best = brute_force(drawn)
    assert best is None or _bound_of_needs(drawn) >= best


def test_a_plan_found_before_anything_is_proven_can_be_written():
    """Time may run out before the first round of prices: the plan is checked, and is JSON."""
    given = problem(pins=[], linking=[])
    objective = 10 * 4 + 8 * 4 - 3
    found = Result(np.array([4, 4, 0, 0, 0]), np.inf, Stopped.TIME, objective)
    plan = _plan(given, found, 0)
    assert verify(given, plan) == ()
    assert json.loads(json.dumps(plan.to_json(), allow_nan=False))["bound"] >= objective
