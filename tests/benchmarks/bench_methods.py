"""Our methods beside greedy, CP-SAT, HiGHS and PDLP's bound, on exchange and on assignment.

Each solves the same problem file in a process of its own, with the same time limit from its start
to its end. Every plan is verified here. `BENCH_SCALE` is `quick` (some five minutes), `full` (up to
the country, some two hours) or `ten` (besides, ten countries side by side: our method alone).
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solver.check.verify import verify
from solver.formats.plan import gap_of, read_plan
from solver.formats.problem import Problem
from solver.formats.problem_json import write_problem
from solver.instances.balanced_exchange import fingerprint, make
from solver.instances.generalised_assignment import ASSIGNMENT_KINDS, Assignment, draw_assignment
from tests.benchmarks.one_method import OTHERS, OURS
from tests.benchmarks.places import places
from tests.benchmarks.watched import Watched, watch

SEED = 1
KIND = "scarce"
CURVE_POINTS = 150
CLOSE = 0.01
"""The gap at which a plan counts as close, for growth."""


@dataclass(frozen=True)
class Scale:
    """Institutions and seconds of each exchange, agents and jobs of each assignment."""

    sizes: tuple[int, ...]
    time_limit_s: float
    assignments: tuple[tuple[int, int], ...]
    assignment_limit_s: float
    alone: tuple[tuple[int, float], ...] = ()


SIZES = (300, 1_200, 2_600, 8_000, 24_500)
ASSIGNMENTS = ((5, 100), (10, 100), (20, 100), (20, 200), (20, 400), (40, 400), (80, 1_600))
SCALES = {
    "quick": Scale(SIZES[:3], 12, ASSIGNMENTS[1:2], 8),
    "full": Scale(SIZES, 75, ASSIGNMENTS, 30),
    "ten": Scale(SIZES, 75, ASSIGNMENTS, 30, alone=((245_000, 900.0),)),
}


def run() -> dict[str, Any]:
    name = os.environ.get("BENCH_SCALE", "quick")
    if name not in SCALES:
        raise SystemExit(f"BENCH_SCALE {name!r} is none of {', '.join(SCALES)}")
    scale = SCALES[name]
    exchanges = [exchange(size, (*OURS, *OTHERS), scale.time_limit_s) for size in scale.sizes] + [
        exchange(size, ("prices",), seconds) for size, seconds in scale.alone
    ]
    return {
        "scale": name,
        "exchange": exchanges,
        "growth": [growth(each) for each in exchanges],
        "assignment": [
            assignment(kind, agents, jobs, scale.assignment_limit_s)
            for kind in ASSIGNMENT_KINDS
            for agents, jobs in scale.assignments
        ],
    }


def exchange(size: int, methods: tuple[str, ...], time_limit_s: float) -> dict[str, Any]:
    """One exchange of so many institutions by each method."""
    source, where = places(size, SEED)
    problem = make(where, SEED, KIND)
    return {
        "positions": source,
        "institutions": size,
        "needs": len(problem.needs),
        "offers": len(problem.offers),
        "candidates": len(problem.candidates),
        "fingerprint": fingerprint(problem),
        "time_limit_s": time_limit_s,
        "methods": side_by_side(problem, methods, time_limit_s),
    }


def assignment(kind: str, agents: int, jobs: int, time_limit_s: float) -> dict[str, Any]:
    """One generalised assignment by each method; costs, and bounds that no cost is below."""
    drawn = draw_assignment(agents, jobs, SEED, kind)
    found = side_by_side(drawn.problem(), ("prices", "exact", "cp_sat", "highs"), time_limit_s)
    return {
        "kind": kind,
        "agents": agents,
        "jobs": jobs,
        "time_limit_s": time_limit_s,
        "methods": {method: in_costs(drawn, figures) for method, figures in found.items()},
    }


def in_costs(drawn: Assignment, figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of a plan as those of an assignment; a job left out makes it none."""
    complete = figures["pairings"] == drawn.cost.shape[1]
    cost = drawn.cost_at(figures["objective"]) if complete else None
    bound = None if figures["bound"] is None else drawn.cost_at(figures["bound"])
    gap = None if cost is None or bound is None else (cost - bound) / cost
    kept = ("seconds", "peak_mb", "ended", "verified")
    return {"cost": cost, "bound": bound, "gap": gap, **{name: figures[name] for name in kept}}


def side_by_side(
    problem: Problem, methods: tuple[str, ...], time_limit_s: float
) -> dict[str, dict[str, Any]]:
    """Figures of each method on one problem, and its gap to the best bound of them all."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "problem.json.gz"
        write_problem(problem, file)
        for method in methods:
            plan_file = Path(folder) / f"{method}.json"
            watched = watch(
                "tests.benchmarks.one_method", method, file, plan_file, time_limit_s=time_limit_s
            )
            results[method] = figures(problem, plan_file, watched)
    # PDLP's bound holds but for its tolerance: it is shown, and no other is measured by it.
    bounds = [each["bound"] for method, each in results.items() if method != "pdlp"]
    least = min((bound for bound in bounds if bound is not None), default=None)
    for each in results.values():
        known = least is not None and each["objective"] is not None
        each["gap_to_best_bound"] = gap_of(each["objective"], least) if known else None
    return results


def figures(problem: Problem, plan_file: Path, watched: Watched) -> dict[str, Any]:
    """What a process found: of its plan file if there is one, else of the last it told."""
    last = watched.news[-1][1] if watched.news else {"objective": None, "bound": None}
    result: dict[str, Any] = {
        "objective": None,
        "bound": last["bound"],
        "gap": None,
        "pairings": 0,
        "verified": False,
    }
    if plan_file.exists():
        plan = read_plan(plan_file)
        result |= {
            "objective": plan.objective,
            "bound": plan.bound,
            "gap": plan.gap,
            "pairings": len(plan),
            "verified": verify(problem, plan) == (),
        }
    curve = [(at, each["objective"], each["bound"]) for at, each in watched.news]
    return result | {
        "seconds": watched.seconds,
        "peak_mb": watched.peak_mb,
        "ended": watched.ended,
        "curve": curve[:: -(-len(curve) // CURVE_POINTS) or 1] + curve[-1:],
    }


def growth(each: dict[str, Any]) -> dict[str, Any]:
    """How our method does at a size: first plan, close plan, end."""
    ours = each["methods"]["prices"]
    plans = [(at, objective, bound) for at, objective, bound in ours["curve"] if objective]
    close = [at for at, objective, bound in plans if bound and gap_of(objective, bound) <= CLOSE]
    return {
        "institutions": each["institutions"],
        "candidates": each["candidates"],
        "first_plan_s": plans[0][0] if plans else None,
        "close_s": close[0] if close else None,
        "seconds": ours["seconds"],
        "gap": ours["gap"],
        "peak_mb": ours["peak_mb"],
    }
