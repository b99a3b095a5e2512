"""Parameters: each is told of, each is read, and they reach every method and process."""

import ast
import pickle
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

import solver
from solver import parameters
from solver.instances.balanced_exchange import made_up_country, make
from solver.parameters import DEFAULTS, ExactParameters, RoundParameters
from solver.solve import solve

GROUPS = [each for each in vars(parameters).values() if is_dataclass(each) and each is not DEFAULTS]
SOURCES = [path for path in Path(solver.__file__).parent.rglob("*.py") if path.stem != "parameters"]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_parameter_is_told_of_and_read(group):
    """Its docstring names it, and some file of the solver reads it."""
    told = re.findall(r"^    (\w+(?:, \w+)*)$", group.__doc__, re.MULTILINE)
    names = [field.name for field in fields(group)]
    assert [name for line in told if line != "Attributes" for name in line.split(", ")] == names
    read = {
        node.attr
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert set(names) <= read


def test_parameters_travel_and_load_at_once():
    """A process gets them as they are; to import them imports nothing heavy."""
    changed = replace(DEFAULTS, rounds=RoundParameters(per_work=3))
    assert pickle.loads(pickle.dumps(changed)) == changed != DEFAULTS
    program = "import sys, solver.parameters; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "numba", "scipy", "ortools"} & set(loaded.stdout.split())


def test_parameters_reach_the_methods():
    """Fewer rounds per unit of work are fewer rounds; without any stage the exact method ends."""
    problem = make(made_up_country(30, 3), 3)
    few = replace(DEFAULTS, rounds=RoundParameters(per_work=2))
    usual = solve(problem, method="prices", work=1)
    assert solve(problem, method="prices", work=1, parameters=few).rounds < usual.rounds
    bare = replace(DEFAULTS, exact=ExactParameters(rounds=1, stages=(), restricted_from=0))
    assert solve(problem, method="exact", work=1, parameters=bare).objective is not None


def test_parameters_reach_the_processes():
    """With hardly a node to a unit of work, HiGHS in a child process proves less."""
    problem = make(made_up_country(60, 3), 3)
    exact = ExactParameters(restricted_from=10**9)
    backends = replace(DEFAULTS.backends, highs_nodes_per_work=1)
    usual, short = (
        solve(problem, method="exact", work=1, parameters=replace(DEFAULTS, exact=exact, **more))
        for more in ({}, {"backends": backends})
    )
    assert short.gap > usual.gap
