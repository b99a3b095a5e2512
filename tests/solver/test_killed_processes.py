"""Every process of a solve is killed as it starts: plan and bound are what is known without it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.vocabulary import Reciprocity
from solver.check.verify import verify
from solver.formats.plan import Plan, Status, Stopped, read_plan
from solver.formats.problem_json import read_problem, write_problem
from solver.formats.tables import ProblemFault, Rules
from solver.formulation.greedy import greedy
from solver.instances.balanced_exchange import made_up_country, make
from solver.instances.generalised_assignment import draw_assignment
from solver.methods.assignment import is_assignment
from solver.solve import solve
from tests.processes import killing_children
from tests.waiting import needs_linux

pytestmark = needs_linux
ROOT = Path(__file__).parents[2]
RUN = (sys.executable, "-c", "from app.cli.main import run; run()")


def solved_meanwhile(problem, **more):
    """Solve while every process is killed; the plan is checked once more."""
    with killing_children(os.getpid()) as killed:
        plan = solve(problem, work=1, **more)
    assert killed
    assert verify(problem, plan) == ()
    assert plan.bound >= plan.objective
    assert plan.given_up > 0
    return plan


@pytest.mark.parametrize("method", ["auto", "prices", "exact"])
def test_a_solve_goes_on_without_its_processes(method):
    """It ends with the best plan that needs none of them."""
    plan = solved_meanwhile(make(made_up_country(60, 3), 3), method=method)
    assert plan.status is Status.FEASIBLE
    assert len(plan) > 0


def test_an_assignment_goes_on_without_its_relaxation():
    """Prices, which need no processes, bound it instead."""
    problem = draw_assignment(20, 200, 1, "gap_c").problem()
    assert is_assignment(problem)
    plan = solved_meanwhile(problem, method="prices")
    assert len(plan) > 0


def test_closed_loops_have_the_greedy_ones():
    """Both processes of the race are gone."""
    made = make(made_up_country(24, 4), 4)
    problem = replace(made, rules=Rules(Reciprocity.CLOSED_LOOPS, 3))
    assert solved_meanwhile(problem).given_up == 2


def test_a_circulation_has_the_greedy_plan():
    """The one process of a flow has no other to take its place."""
    problem = make(made_up_country(60, 3), 3, "divisible")
    plan = solved_meanwhile(problem, method="flow")
    assert plan.half_days.sum() == greedy(problem).sum()
    assert plan.stopped is Stopped.STALLED


def test_the_plan_file_says_so_and_is_read_again():
    """Only where there is something to say, so that all other files are as they were."""
    plan = Plan(Status.UNKNOWN, Stopped.TIME, given_up=3)
    assert Plan.from_json(plan.to_json()).given_up == 3
    assert "given_up" not in replace(plan, given_up=0).to_json()
    with pytest.raises(ProblemFault, match="given_up: -1 is below 0"):
        Plan.from_json(plan.to_json() | {"given_up": -1})


def test_the_command_ends_with_a_verified_plan(tmp_path):
    """It says that processes ended, and its exit code is that of a plan."""
    file, out = tmp_path / "problem.json", tmp_path / "plan.json"
    write_problem(make(made_up_country(60, 3), 3), file)
    words = ["solve", file, "--out", out, "--method", "prices", "--work", "1"]
    with (
        subprocess.Popen([*RUN, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True) as command,
        killing_children(command.pid) as killed,
    ):
        said = command.communicate(timeout=180)[1]
    assert killed
    assert command.returncode == 0, said
    assert "had no result, because the processes ended" in said
    assert verify(read_problem(file), read_plan(out)) == ()
