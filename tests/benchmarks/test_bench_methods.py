"""The benchmark measures what it says, and the best plans known hold."""

import json
import re

import numpy as np
import pytest

from solver.check.verify import verify
from solver.formats.plan import Plan, read_plan
from solver.formats.problem_json import problem_from_json
from tests.benchmarks.bench_methods import assignment, exchange, growth
from tests.benchmarks.best_known import FOLDER, MARKS, PAGE, Instance, instances, row
from tests.benchmarks.picture import draw
from tests.benchmarks.places import ASIDE, places
from tests.benchmarks.table import MARKS as MARKS_OF_TABLES
from tests.benchmarks.table import tables
from tests.benchmarks.watched import watch


def test_every_method_is_measured_on_one_problem(tmp_path):
    """Plans are verified, no bound is below any plan, and the figures make a picture."""
    found = exchange(20, ("prices", "greedy", "cp_sat", "highs", "pdlp"), 20)
    methods = found["methods"]
    best = max(each["objective"] for name, each in methods.items() if name != "pdlp")
    for name, each in methods.items():
        assert each["ended"] == "done"
        assert each["bound"] >= best - 1
        assert each["verified"] == (name != "pdlp")
        assert each["curve"] == sorted(each["curve"], key=lambda point: point[0])
    assert methods["highs"]["gap"] == 0
    assert methods["greedy"]["gap_to_best_bound"] >= 0
    rows = [growth(found)] * 2
    assert rows[0]["first_plan_s"] > 0
    draw({"exchange": [found], "growth": rows}, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    drawn = assignment("gap_c", 2, 4, 20)
    written = tables({"exchange": [found], "assignment": [drawn]})
    assert f"| HiGHS | {methods['highs']['objective']:,} |" in written
    assert "| `gap_c` | 2 x 4 |" in written
    assert MARKS_OF_TABLES[0] in PAGE.read_text(encoding="utf-8")


def test_assignments_are_told_in_costs():
    """The cheapest assignment of CP-SAT and HiGHS is one, and no bound is above it."""
    methods = assignment("gap_c", 3, 12, 20)["methods"]
    assert methods["cp_sat"]["cost"] == methods["highs"]["cost"] == methods["highs"]["bound"]
    for each in methods.values():
        assert each["bound"] <= methods["highs"]["cost"]


def test_a_process_over_its_time_is_killed():
    """Whatever a solver does, the benchmark goes on."""
    sleeper = "-n", 1, "-r", 1, "import time; time.sleep(600)"
    assert watch("timeit", *sleeper, time_limit_s=1, grace_s=0.0).ended == "killed"


FILED = [each for each in instances() if each.file.exists()]


@pytest.mark.parametrize(
    "instance", [each for each in FILED if each.size <= 400], ids=lambda each: each.name
)
def test_best_plans_hold_for_what_their_seed_draws(instance: Instance):
    """Each plan on file keeps every rule of its instance, and the page says its figures."""
    problem = instance.problem()
    plan = read_plan(instance.file)
    assert verify(problem, plan) == ()
    assert row(instance, problem, plan) in PAGE.read_text(encoding="utf-8")


def test_page_lists_the_plans_on_file():
    """No row without a plan, no plan without a row, no plan of an instance that is not listed."""
    table = PAGE.read_text(encoding="utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) - 2 == len(FILED)
    assert {each.file for each in FILED} == set(FOLDER.glob("*"))


def test_files_on_the_page_are_files():
    """The problem shown is one, the plan shown keeps its rules, and a half-day more does not."""
    problem, plan = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    given = problem_from_json(json.loads(problem))
    assert verify(given, Plan.from_json(json.loads(plan))) == ()
    more = json.loads(plan)
    more["pairings"]["half_days"][0] += 1
    assert verify(given, Plan.from_json(more)) != ()


def test_real_places_are_near_each_other(national_data):
    """A size that the country has is an area of it; a greater one lays copies side by side."""
    source, area = places(500, seed=1)
    assert source == "national register"
    assert len(area) == 500
    assert np.ptp(area.lat) < 2
    _, many = places(60_000, seed=1)
    assert len(many) == 60_000
    assert (many.lat > 49).all()
    assert (many.lat < 56).all()
    assert np.ptp(many.lon) > 2 * ASIDE
