"""`givetake bench`: instances to measure by, made from a seed or read from published files."""

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import err, out, require_writable
from app.cli.solve import FAILED, FileMib
from app.errors import Problem
from app.wording import at_most
from solver.formats.bounded import MOST_MIB

if TYPE_CHECKING:
    from solver.formats.problem import Problem as ExchangeProblem
    from solver.instances.generalised_assignment import Assignment

_ROUNDING = 1e-6
"""Of a bound that is a fraction: what it proves is never overstated."""
GapFile = Annotated[
    Path,
    typer.Argument(
        help="Published instances of generalised assignment, compressed if the name ends in .gz."
    ),
]
Number = Annotated[
    int | None,
    typer.Option(help="Which instance of the file, from 1. Needed where it has several.", min=1),
]
Maximise = Annotated[
    bool,
    typer.Option("--maximise", help="Read profits to maximise, not costs to minimise."),
]

bench_app = typer.Typer(help="Make benchmark instances.", no_args_is_help=True)


@bench_app.callback()
def bench() -> None:
    """Make or read benchmark instances."""


@bench_app.command()
def make(
    out_file: Annotated[
        Path, typer.Option("--out", help="Problem file to write, compressed if it ends in .gz.")
    ],
    size: Annotated[
        int,
        typer.Option(
            help="Number of institutions, of jobs to assign, or of pairs.", min=1, max=1_000_000
        ),
    ] = 300,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0, max=2**31 - 1)] = 0,
    kind: Annotated[
        str,
        typer.Option(
            help="Family of instances: whole, roomy, scarce, ranges, both_roles, accounts, "
            "linking or divisible; for generalised assignment gap_c, gap_d or gap_e; for kidney "
            "exchange in loops of three kidney."
        ),
    ] = "whole",
    agents: Annotated[
        int, typer.Option(help="Agents of generalised assignment.", min=1, max=10_000)
    ] = 20,
    positions: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of real places, with latitude and longitude. Default: made up."
        ),
    ] = None,
) -> None:
    """Draw a benchmark problem. Everything in it is made up, except positions that you give."""
    from solver.instances.balanced_exchange import KINDS
    from solver.instances.generalised_assignment import ASSIGNMENT_KINDS
    from solver.instances.kidney_exchange import KIDNEY, draw_kidney_exchange

    require_writable(out_file, inputs=[positions])
    placeless = (*ASSIGNMENT_KINDS, KIDNEY)
    if kind not in (*KINDS, *placeless):
        kinds = ", ".join((*KINDS, *placeless))
        raise Problem(f"--kind {kind!r} is not a family of instances. Choose one of: {kinds}.")
    if kind in placeless and positions is not None:
        raise Problem(f"--positions does not apply to {kind}, which has no places. Leave it out.")
    if kind == KIDNEY:
        problem, said = draw_kidney_exchange(size, seed), f"{size:,} pairs"
    elif kind in ASSIGNMENT_KINDS:
        problem, said = _assignment(agents, size, seed, kind)
    else:
        problem, said = _exchange(positions, size, seed, kind)
    _write(problem, said, out_file)


@bench_app.command("read-gap")
def read_gap(
    file: GapFile,
    out_file: Annotated[
        Path, typer.Option("--out", help="Problem file to write, compressed if it ends in .gz.")
    ],
    number: Number = None,
    maximise: Maximise = False,
    file_mib: FileMib = MOST_MIB,
) -> None:
    """Read a published instance of generalised assignment, as OR-Library or Yagiura write them."""
    require_writable(out_file, inputs=[file])
    instance = _published(file, number, maximise, file_mib)
    said = _size(instance) + (" plus the profit" if maximise else " less the cost")
    _write(instance.problem(), said, out_file)


@bench_app.command("gap-cost")
def gap_cost(
    file: GapFile,
    plan_file: Annotated[
        Path, typer.Argument(metavar="PLAN", help="Plan file for the problem read from it.")
    ],
    number: Number = None,
    maximise: Maximise = False,
    file_mib: FileMib = MOST_MIB,
) -> None:
    """Check a plan against the published instance, and print its cost and the bound on costs."""
    from solver.formats.plan import read_plan
    from solver.formats.tables import ProblemFault

    instance = _published(file, number, maximise, file_mib)
    try:
        plan = read_plan(plan_file, file_mib)
        cost = instance.cost_of(plan)
    except ProblemFault as fault:
        raise Problem(f"{plan_file}:\n{fault}") from fault
    least = None if plan.bound is None else math.ceil(instance.cost_at(plan.bound) - _ROUNDING)
    sign, what, beyond = (-1, "profit", "more") if maximise else (1, "cost", "less")
    proved = "" if least is None else f"; no assignment has {beyond} than {sign * least:,}"
    left_out = instance.cost.shape[1] - len(plan)
    if left_out:
        err.print(
            f"{left_out:,} of {instance.cost.shape[1]:,} jobs are left out, so that the plan is "
            f"not an assignment and has no {what}{proved}",
            style="red",
            soft_wrap=True,
        )
        raise typer.Exit(FAILED)
    gap = "" if least is None else f" (gap {at_most((cost - least) / max(1, abs(cost)), 2)})"
    out.print(f"{what} {sign * cost:,}{proved}{gap}", soft_wrap=True)


def _write(problem: "ExchangeProblem", said: str, out_file: Path) -> None:
    from solver.formats.problem_json import write_problem
    from solver.instances.balanced_exchange import fingerprint

    write_problem(problem, out_file)
    out.print(
        f"{said}, {len(problem.candidates):,} candidates, fingerprint {fingerprint(problem)}: "
        f"{out_file}",
        soft_wrap=True,
    )


def _published(file: Path, number: int | None, maximise: bool, file_mib: int) -> "Assignment":
    from solver.formats.tables import ProblemFault
    from solver.instances.published_assignment import read_assignments

    try:
        instances = read_assignments(file, file_mib, maximise=maximise)
    except ProblemFault as fault:
        raise Problem(f"{file}:\n{fault}") from fault
    if number is None and len(instances) > 1:
        raise Problem(f"{file} has {len(instances):,} instances. Choose one with --number.")
    if number is not None and number > len(instances):
        raise Problem(
            f"--number {number} is not in {file}. Choose one from 1 to {len(instances):,}."
        )
    return instances[(number or 1) - 1]


def _size(instance: "Assignment") -> str:
    agents, jobs = instance.cost.shape
    return f"{agents:,} agents, {jobs:,} jobs at {instance.reward:,}"


def _assignment(agents: int, jobs: int, seed: int, kind: str) -> tuple["ExchangeProblem", str]:
    from solver.instances.generalised_assignment import draw_assignment

    drawn = draw_assignment(agents, jobs, seed, kind)
    return drawn.problem(), f"{_size(drawn)} less the cost"


def _exchange(
    positions: Path | None, size: int, seed: int, kind: str
) -> tuple["ExchangeProblem", str]:
    import numpy as np

    from solver.formats.tables import frozen
    from solver.instances.balanced_exchange import Positions, made_up_country
    from solver.instances.balanced_exchange import make as draw

    if positions is None:
        where = made_up_country(size, seed)
    else:
        lat, lon = _read(positions, size)
        where = Positions(frozen(lat, np.float64), frozen(lon, np.float64))
    problem = draw(where, seed, kind)
    said = (
        f"{len(where):,} institutions, {len(problem.needs):,} needs, {len(problem.offers):,} offers"
    )
    return problem, said


def _read(path: Path, size: int) -> tuple[list[float], list[float]]:
    """Read the first positions of a file, as degrees."""
    lat: list[float] = []
    lon: list[float] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            if len(lat) == size:
                break
            try:
                lat.append(float(row["latitude"]))
                lon.append(float(row["longitude"]))
            except (KeyError, ValueError, TypeError) as error:
                text = (
                    f"{path.name}, line {line} has no position. Give numbers in the columns "
                    "latitude and longitude."
                )
                raise Problem(text) from error
    return lat, lon
