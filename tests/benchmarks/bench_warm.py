"""A problem of which one need in a hundred has changed: solved anew, and from yesterday's state.

Both run to the same gap on the same machine, one after the other, each in a process of its own;
yesterday's problem is solved to that gap first. `WARM_SIZE` institutions (2,600), to `WARM_GAP`
(0.003).
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import numpy as np

from solver.check.verify import verify
from solver.formats.plan import read_plan
from solver.formats.problem import Problem
from solver.formats.problem_json import read_problem, write_problem
from solver.formats.tables import Candidates, Needs
from solver.instances.balanced_exchange import make
from tests.benchmarks.places import places

SEED = 1
SIZE = int(os.environ.get("WARM_SIZE", "2600"))
GAP = float(os.environ.get("WARM_GAP", "0.003"))
KIND = "scarce"
CHANGED = 0.01
TIME_LIMIT_S = 600
COMMAND = "from app.cli.main import run; run()"


def run() -> dict[str, Any]:
    source, where = places(SIZE, SEED)
    yesterday = make(where, SEED, KIND)
    today = changed(yesterday, CHANGED, SEED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_problem(yesterday, folder / "yesterday.json.gz")
        write_problem(today, folder / "today.json.gz")
        solved(folder, "yesterday", "before", "--save-state", folder / "state.json.gz")
        cold = solved(folder, "today", "cold")
        warm = solved(folder, "today", "warm", "--warm", folder / "state.json.gz")
        size = (folder / "state.json.gz").stat().st_size
    return {
        "positions": source,
        "kind": KIND,
        "institutions": SIZE,
        "candidates": len(today.candidates),
        "asked_gap": GAP,
        "state_mb": round(size / 1e6, 2),
        "cold": cold,
        "warm": warm,
        "ratio_seconds": round(warm["seconds"] / cold["seconds"], 3),
        "ratio_cpu": round(warm["cpu_seconds"] / cold["cpu_seconds"], 3),
    }


def changed(problem: Problem, share: float, seed: int) -> Problem:
    """The same with a share of needs gone and as many new: other ids, days, priority and points."""
    random = np.random.default_rng([seed, 6])
    needs, candidates = problem.needs, problem.candidates
    new = random.random(len(needs)) < share
    days = np.where(new, random.permutation(needs.days), needs.days)
    other = np.clip(random.normal(0, 150, len(candidates)), -400, 400).astype(np.int64)
    points = np.maximum(1, candidates.points + np.where(new[candidates.need], other, 0))
    ids = [f"{name} new" if fresh else name for name, fresh in zip(needs.id, new, strict=True)]
    return replace(
        problem,
        needs=Needs.of(
            ids, needs.participant, days, max_givers=needs.max_givers, priority=needs.priority
        ),
        candidates=Candidates.of(candidates.offer, candidates.need, points),
    )


def solved(folder: Path, problem: str, plan: str, *options: object) -> dict[str, Any]:
    """Figures of one solve to the gap, from the start of its process to the end."""
    files = folder / f"{problem}.json.gz", folder / f"{plan}.json"
    limits = ("--method", "prices", "--gap", GAP, "--time-limit", TIME_LIMIT_S)
    command = ("solve", files[0], "--out", files[1], *limits, *options)
    before, started = _cpu(), time.time()
    subprocess.run([sys.executable, "-c", COMMAND, *map(str, command)], check=True)
    seconds = time.time() - started
    found = read_plan(files[1])
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(_cpu() - before, 2),
        "gap": found.gap,
        "rounds": found.rounds,
        "verified": verify(read_problem(files[0]), found) == (),
    }


def _cpu() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
