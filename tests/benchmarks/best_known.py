"""`python -m tests.benchmarks.best_known`: the best plans known, kept and written up.

Plans lie in `docs/best_known`, one file for each instance that is listed here, with the lowest
bound known beside its points. Those that no longer hold for what the seed draws are dropped. With
`--seconds` the instances are solved again, and what is better is kept. At the end the table in
`docs/benchmark.md` says what the files do.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from app.wording import at_most
from solver.check.verify import verify
from solver.formats.plan import Plan, Status, Stopped, gap_of, read_plan, write_plan
from solver.formats.problem import Problem
from solver.formats.problem_json import write_problem
from solver.instances.balanced_exchange import KINDS, fingerprint, made_up_country, make
from solver.instances.generalised_assignment import Assignment, draw_assignment
from tests.benchmarks.watched import watch

DOCS = Path(__file__).parents[2] / "docs"
FOLDER, PAGE = DOCS / "best_known", DOCS / "benchmark.md"
MARKS = "<!-- best known: made by tests/benchmarks/best_known.py -->\n", "<!-- end -->\n"
SEED = 1
EXCHANGES = ((300, KINDS), (1_200, ("whole", "roomy")), (2_600, KINDS), (24_500, ("scarce",)))
ASSIGNMENTS = tuple(
    (kind, agents, jobs)
    for kind in ("gap_c", "gap_d", "gap_e")
    for agents, jobs in ((5, 100), (20, 100), (20, 200), (20, 400), (80, 1_600))
)
console = Console(stderr=True)


@dataclass(frozen=True)
class Instance:
    """One row of the table; `agents` is 0 for exchange."""

    kind: str
    size: int
    agents: int = 0
    seed: int = SEED

    @property
    def name(self) -> str:
        across = f"{self.agents}x{self.size}" if self.agents else str(self.size)
        return f"{self.kind}-{across}-{self.seed}"

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.json.gz"

    @property
    def methods(self) -> tuple[str, ...]:
        """Who has a chance: others only on what is small."""
        return ("auto", "cp_sat", "highs") if self.agents or self.size <= 300 else ("auto",)

    def assignment(self) -> Assignment:
        return draw_assignment(self.agents, self.size, self.seed, self.kind)

    def problem(self) -> Problem:
        if self.agents:
            return self.assignment().problem()
        return make(made_up_country(self.size, self.seed), self.seed, self.kind)


def instances() -> Iterator[Instance]:
    for size, kinds in EXCHANGES:
        for kind in kinds:
            yield Instance(kind, size)
    for kind, agents, jobs in ASSIGNMENTS:
        yield Instance(kind, jobs, agents)


def known(instance: Instance, problem: Problem) -> Plan | None:
    """The plan on file, None if there is none that holds for the instance."""
    if not instance.file.exists():
        return None
    plan = read_plan(instance.file)
    if verify(problem, plan) or not _complete(instance, plan):
        instance.file.unlink()
        return None
    return plan


def solved(instance: Instance, problem: Problem, seconds: float) -> Iterator[Plan]:
    """What each method finds now."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "problem.json.gz"
        write_problem(problem, file)
        for method in instance.methods:
            out = Path(folder) / f"{method}.json"
            watch("tests.benchmarks.one_method", method, file, out, time_limit_s=seconds)
            plan = read_plan(out) if out.exists() else None
            if plan is not None and not verify(problem, plan) and _complete(instance, plan):
                yield plan


def better(one: Plan | None, two: Plan) -> Plan:
    """The more points of two plans of one instance, with the lower of their bounds."""
    if one is None:
        return two
    best = two if two.objective > one.objective else one
    bound = max(min(one.bound, two.bound), best.objective)
    proved = bound < best.objective + 1
    return replace(
        best,
        bound=bound,
        gap=gap_of(best.objective, bound),
        status=Status.OPTIMAL if proved else Status.FEASIBLE,
        stopped=Stopped.PROVED if proved else Stopped.TIME,
    )


def row(instance: Instance, problem: Problem, plan: Plan) -> str:
    """The table's line; of assignments in costs."""
    points, bound = plan.objective, plan.bound
    across = f"{instance.size:,}"
    if instance.agents:
        drawn = instance.assignment()
        points, bound = drawn.cost_at(points), drawn.cost_at(bound)
        across = f"{instance.agents} x {instance.size:,}"
    gap = 0.0 if plan.status is Status.OPTIMAL else abs(bound - points) / max(1, points)
    return (
        f"| `{instance.kind}` | {across} | {instance.seed} | `{fingerprint(problem)}` "
        f"| {points:,.0f} | {bound:,.0f} | {at_most(gap, 2)} |\n"
    )


def _complete(instance: Instance, plan: Plan) -> bool:
    return plan.objective is not None and (not instance.agents or len(plan) == instance.size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.0, help="for each method anew")
    parser.add_argument("--only", nargs="*", default=[], help="starts of names, as whole-300")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    lines = []
    for instance in instances():
        problem = instance.problem()
        plan = known(instance, problem)
        chosen = not arguments.only or instance.name.startswith(tuple(arguments.only))
        if arguments.seconds and chosen:
            for found in solved(instance, problem, arguments.seconds):
                plan = better(plan, found)
            if plan is not None:
                write_plan(replace(plan, seconds=0.0), instance.file)
        if plan is not None:
            lines.append(row(instance, problem, plan))
            console.print(instance.name, lines[-1].strip())
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    head = (
        "| kind | size | seed | fingerprint | best plan | bound | gap |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    PAGE.write_text(before + MARKS[0] + head + "".join(lines) + MARKS[1] + after, encoding="utf-8")


if __name__ == "__main__":
    main()
