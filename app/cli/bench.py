"""`givetake bench`: instances to measure by, made from a seed."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import out
from app.problems import Problem

bench_app = typer.Typer(help="Instances of multi-unit balanced exchange.", no_args_is_help=True)


@bench_app.callback()
def bench() -> None:
    """Make instances to measure by."""


@bench_app.command()
def make(
    out_file: Annotated[Path, typer.Option("--out", help="problem file, gzip if it ends in .gz")],
    size: Annotated[int, typer.Option(help="institutions", min=1, max=1_000_000)] = 300,
    seed: Annotated[int, typer.Option(help="of the draw", min=0, max=2**31 - 1)] = 0,
    kind: Annotated[
        str, typer.Option(help="whole, ranges, both_roles, accounts, linking or divisible")
    ] = "whole",
    positions: Annotated[
        Path | None,
        typer.Option(help="CSV with latitude and longitude, for real places; else made up"),
    ] = None,
) -> None:
    """Draw a problem: everything in it is made up, but for positions that are given."""
    import numpy as np

    from solver.instances import KINDS, Positions, made_up_country
    from solver.instances import make as draw
    from solver.problem import frozen, write_problem

    if kind not in KINDS:
        raise Problem(f"--kind {kind!r} is none of {', '.join(KINDS)}")
    if positions is None:
        where = made_up_country(size, seed)
    else:
        lat, lon = _read(positions, size)
        where = Positions(frozen(lat, np.float64), frozen(lon, np.float64))
    problem = draw(where, seed, kind)
    write_problem(problem, out_file)
    out.print(
        f"{len(where):,} institutions, {len(problem.needs):,} needs, "
        f"{len(problem.offers):,} offers, {len(problem.candidates):,} candidates: {out_file}"
    )


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
                text = f"{path.name}, line {line}: expected columns latitude and longitude"
                raise Problem(text) from error
    return lat, lon
