"""`givetake solve` and `givetake verify`: files in, files out, no database.

Exit codes: 0 plan or verified, 1 verify failed, 2 bad input, 3 infeasible, 4 unknown.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.cluster import executor_at
from app.cli.console import err, out, require_writable
from app.errors import Problem as BadInput
from app.wording import at_most, given_up
from solver.formats.bounded import MOST_MIB

if TYPE_CHECKING:
    from solver.formats.plan import Plan
    from solver.formats.state import State
    from solver.solve import Progress

FAILED, INFEASIBLE, UNKNOWN = 1, 3, 4
FileMib = Annotated[
    int,
    typer.Option(
        min=1,
        envvar="GIVETAKE_FILE_MIB",
        help="Most MiB of a file that is read, after unpacking.",
    ),
]
_STARTED = time.time()
_ENDING_S = 0.2
"""Kept back from the time limit to write the plan and end."""


def solve(
    problem: Annotated[
        Path,
        typer.Argument(help="Problem file (givetake-problem/1), compressed if it ends in .gz."),
    ],
    out_file: Annotated[Path, typer.Option("--out", help="Plan file to write.")],
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds for the whole command. Default: 60, unless --work is given."),
    ] = None,
    work: Annotated[
        int | None,
        typer.Option(help="Deterministic limit: the same file, seed and work give the same plan."),
    ] = None,
    gap: Annotated[
        float, typer.Option(help="Stop when the gap to the bound is this fraction or less.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processor cores to use.")] = 2,
    method: Annotated[
        str, typer.Option(help="Solution method: auto, exact, flow, prices or loops.")
    ] = "auto",
    save_state: Annotated[
        Path | None, typer.Option(help="File to write plan and prices to, for a later --warm.")
    ] = None,
    warm: Annotated[
        Path | None, typer.Option(help="State of a similar problem to start from.")
    ] = None,
    executor: Annotated[
        str | None, typer.Option(help="Dask cluster to solve blocks on, as dask://host:port.")
    ] = None,
    file_mib: FileMib = MOST_MIB,
) -> None:
    """Find the best plan for a problem file, with a proven bound on how good a plan can be."""
    from solver.formats.problem_json import read_problem
    from solver.formats.tables import ProblemFault
    from solver.solve import solve as solve_problem

    require_writable(out_file, save_state, inputs=[problem])
    states: list[State] = []
    if time_limit is None and work is None:
        time_limit = 60.0
    try:
        given = read_problem(problem, file_mib)
        before = None if warm is None else _state(warm, file_mib)
        left = None if time_limit is None else _left(time_limit)
        with (
            executor_at(executor) as pool,
            _progress_line() as show,
            _cancelled_by_signal() as cancelled,
        ):
            plan = solve_problem(
                given,
                method=method,
                time_limit_s=left,
                work=work,
                gap=gap,
                seed=seed,
                workers=workers,
                warm=before,
                executor=pool,
                on_progress=show,
                on_state=states.append if save_state is not None else None,
                cancelled=cancelled,
            )
    except ProblemFault as fault:
        raise BadInput(f"{problem}:\n{fault}") from fault
    except ValueError as error:
        raise BadInput(str(error)) from error
    _write(plan, out_file)
    if save_state is not None:
        _write_state(states, save_state)
    raise typer.Exit(_exit_code(plan))


def verify(
    problem: Annotated[Path, typer.Argument(help="Problem file (givetake-problem/1).")],
    plan: Annotated[Path, typer.Argument(help="Plan file (givetake-plan/1).")],
    file_mib: FileMib = MOST_MIB,
) -> None:
    """Check a plan file against its problem file: rules, points, bound and gap."""
    from solver.check.verify import verify as violations_of
    from solver.formats.plan import read_plan
    from solver.formats.problem_json import read_problem
    from solver.formats.tables import ProblemFault

    reading = problem
    try:
        given = read_problem(problem, file_mib)
        reading = plan
        found = read_plan(plan, file_mib)
    except ProblemFault as fault:
        raise BadInput(f"{reading}:\n{fault}") from fault
    violations = violations_of(given, found)
    for violation in violations:
        text = f"{violation.rule}, {violation.where}: {violation.sentence}"
        err.print(text, style="red", markup=False, soft_wrap=True)
    if violations:
        raise typer.Exit(FAILED)
    out.print(f"Verified: {_summary(found)}", markup=False, soft_wrap=True)


def _state(path: Path, most_mib: int) -> "State":
    from solver.formats.state import read_state
    from solver.formats.tables import ProblemFault

    try:
        return read_state(path, most_mib)
    except ProblemFault as fault:
        raise BadInput(f"{path}:\n{fault}") from fault


def _write_state(states: "list[State]", path: Path) -> None:
    from solver.formats.state import write_state

    if not states:
        out.print(f"No plan was found, so {path} was not written.")
        return
    write_state(states[0], path)


def _left(time_limit: float) -> float:
    """Return the seconds left of the whole process's wall time."""
    if not time_limit > 0:
        raise ValueError(f"--time-limit {time_limit:g} must be more than 0 seconds.")
    return max(0.1, time_limit - _age_s() - _ENDING_S)


def _age_s() -> float:
    """Return the seconds since this process started, imports included."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError):
        return time.time() - _STARTED


def _write(plan: "Plan", path: Path) -> None:
    from solver.formats.plan import write_plan

    write_plan(plan, path)
    out.print(_summary(plan), markup=False, soft_wrap=True)
    if plan.given_up:
        err.print(given_up(plan.given_up), markup=False, soft_wrap=True)
    for part in plan.conflict:
        out.print(f"  {part.rule}, {part.where}: {part.sentence}", markup=False, soft_wrap=True)


def _exit_code(plan: "Plan") -> int:
    return {"infeasible": INFEASIBLE, "unknown": UNKNOWN}.get(str(plan.status), 0)


def _summary(plan: "Plan") -> str:
    if plan.status == "infeasible":
        return "infeasible: no plan can satisfy all of these"
    if plan.objective is None or plan.gap is None or plan.bound is None:
        return f"{plan.status}: no plan was found, but one may exist (stopped: {plan.stopped})"
    return (
        f"{plan.status}: {len(plan):,} pairings, {plan.objective:,} points of at most "
        f"{plan.bound:,.0f} (gap {at_most(plan.gap, 2)}, stopped: {plan.stopped}, "
        f"{plan.seconds:.1f} s)"
    )


@contextmanager
def _progress_line() -> Iterator[Callable[["Progress"], None]]:
    with err.status("Solving") as status:

        def show(progress: "Progress") -> None:
            best = "no plan yet" if progress.objective is None else f"best {progress.objective:,}"
            bound = "" if progress.bound is None else f", bound {progress.bound:,.0f}"
            gap = "" if progress.gap is None else f", gap {at_most(progress.gap, 2)}"
            left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
            status.update(f"Round {progress.rounds:,}: {best}{bound}{gap}{left}")

        yield show


@contextmanager
def _cancelled_by_signal() -> Iterator[Callable[[], bool]]:
    """Let the first interrupt end the search with the best plan so far."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
