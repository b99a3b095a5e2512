"""`givetake bench`: instances to measure by, made from a seed."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import out
from app.errors import Problem

if TYPE_CHECKING:
    from solver.formats.problem import Problem as ExchangeProblem

bench_app = typer.Typer(help="Make benchmark instances.", no_args_is_help=True)


@bench_app.callback()
def bench() -> None:
    """Make benchmark instances of multi-unit balanced exchange."""


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
    from solver.formats.problem_json import write_problem
    from solver.instances.balanced_exchange import KINDS, fingerprint
    from solver.instances.generalised_assignment import ASSIGNMENT_KINDS
    from solver.instances.kidney_exchange import KIDNEY, draw_kidney_exchange

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
    write_problem(problem, out_file)
    out.print(
        f"{said}, {len(problem.candidates):,} candidates, fingerprint {fingerprint(problem)}: "
        f"{out_file}",
        soft_wrap=True,
    )


def _assignment(agents: int, jobs: int, seed: int, kind: str) -> tuple["ExchangeProblem", str]:
    from solver.instances.generalised_assignment import draw_assignment

    drawn = draw_assignment(agents, jobs, seed, kind)
    return drawn.problem(), f"{agents:,} agents, {jobs:,} jobs at {drawn.reward:,} less the cost"


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
