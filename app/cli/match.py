"""`givetake match`: plan the support of an area for a period, and show what came out."""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out, progress_bar, require_writable
from app.cli.plan_summary import show_plan, why_no_plan
from app.errors import Problem, plain_reason
from app.garbage import uncollected
from app.insight.report import ReportData, figures
from app.planning.options import MatchOptions
from app.wording import given_up
from models.vocabulary import BalanceHolder, Ladder, Operation, Reciprocity, RunState
from solver.formats.bounded import FileTooLarge, read_bounded
from solver.formats.whole_files import write_whole

if TYPE_CHECKING:
    from app.database import Database
    from app.planning.carry_out import Outcome

EXIT_CODES = {RunState.SOLVED: 0, RunState.INFEASIBLE: 3, RunState.UNKNOWN: 4}
DEFAULTS = MatchOptions()
FLAGS = {"pins": "pin", "exclusions": "exclude", "time_limit_s": "time_limit"}


class BadOption(Problem):
    status = 422
    title = "Invalid option"


def match(
    period: Annotated[str, typer.Option(help="Year (2026-27) or term (2026-27/autumn).")],
    area: Annotated[
        str | None,
        typer.Option(help="Local authority, region, trust, federation, network or England."),
    ] = None,
    list_file: Annotated[
        Path | None,
        typer.Option("--list", help="File of URNs or organisation keys, one on each line."),
    ] = None,
    areas: Annotated[
        str | None,
        typer.Option(
            help="Plan many areas separately: all (local authorities with needs), regions, "
            "districts, country, or a file with one area on each line. Needs --out."
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results of --areas.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Plan from this date, like 2026-09-01. Default: today.")
    ] = None,
    reciprocity: Annotated[
        Reciprocity, typer.Option(help="How giving and receiving are balanced.")
    ] = DEFAULTS.reciprocity,
    max_loop: Annotated[
        int, typer.Option(help="Largest loop of schools, with --reciprocity closed_loops.")
    ] = DEFAULTS.max_loop,
    balance_held_by: Annotated[
        BalanceHolder,
        typer.Option(help="Where giving and receiving are balanced: school, federation or trust."),
    ] = DEFAULTS.balance_held_by,
    include_suggestions: Annotated[
        bool, typer.Option(help="Include suggested needs and offers that are not confirmed.")
    ] = False,
    travel_limit_miles: Annotated[
        float, typer.Option(help="Travel limit in miles, unless a need or an offer has its own.")
    ] = DEFAULTS.travel_limit_miles,
    max_neighbours: Annotated[
        int,
        typer.Option(
            help="Maximum offers considered for each need, nearest first, besides those of its "
            "own trust, federation or networks."
        ),
    ] = DEFAULTS.max_neighbours,
    max_given: Annotated[
        int, typer.Option(help="Maximum schools that one school supports at a time.")
    ] = DEFAULTS.max_given,
    max_taken: Annotated[
        int, typer.Option(help="Maximum supporting organisations of a school at a time.")
    ] = DEFAULTS.max_taken,
    refuse_failed_support_years: Annotated[
        int,
        typer.Option(
            help="Leave out pairs whose earlier support did not work and ended in these last years."
        ),
    ] = DEFAULTS.refuse_failed_support_years,
    step: Annotated[
        list[Ladder] | None,
        typer.Option(help="Step of the ladder to look for support on; by default all of them."),
    ] = None,
    nearest_step_first: Annotated[
        bool,
        typer.Option(
            help="Look only up to the nearest step of the ladder on which the rules allow "
            "somebody, and further once nothing came of that step."
        ),
    ] = DEFAULTS.nearest_step_first,
    weights: Annotated[
        Path | None, typer.Option(help="JSON file with a weight for each component of the points.")
    ] = None,
    pin: Annotated[
        list[str] | None, typer.Option(help="NEED=OFFER that the plan must include.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="NEED=OFFER that the plan must not include.")
    ] = None,
    change_price: Annotated[
        int,
        typer.Option(
            help="Points that it costs to move a school from the supporting organisation of the "
            "last plan. 0: nothing."
        ),
    ] = DEFAULTS.change_price,
    change_tolerance: Annotated[
        float,
        typer.Option(
            help="Share of its points that a plan gives up at most so that fewer schools move, as "
            "far as its gap leaves that open."
        ),
    ] = DEFAULTS.change_tolerance,
    free: Annotated[
        list[str] | None,
        typer.Option(help="NEED whose pairing of the last plan can change at no price."),
    ] = None,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve",
            help="Only show what the plan would come to at several prices of change: points, and "
            "schools that would move. Nothing is proposed.",
        ),
    ] = False,
    method: Annotated[
        str, typer.Option(help="Solution method: auto, exact, flow, prices or loops.")
    ] = DEFAULTS.method,
    include_declined: Annotated[
        bool, typer.Option(help="Propose pairings again that were declined.")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            help="Seconds to solve. Default: 60, or by size with --areas, unless --work is given."
        ),
    ] = None,
    work: Annotated[
        int | None,
        typer.Option(
            help="Deterministic limit: the same problem, seed and work give the same plan."
        ),
    ] = None,
    gap: Annotated[
        float, typer.Option(help="Stop when the proven gap is this fraction or less.")
    ] = DEFAULTS.gap,
    seed: Annotated[int, typer.Option(help="Random seed.")] = DEFAULTS.seed,
    workers: Annotated[int, typer.Option(help="Processor cores to use.")] = DEFAULTS.workers,
    report: Annotated[Path | None, typer.Option(help="HTML report to write.")] = None,
    problem: Annotated[Path | None, typer.Option(help="Problem file to write.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Plan file to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Plan support for the schools of an area. Supporting organisations can be outside the area.

    Exit codes: 0 planned, 2 invalid input, 3 no plan is possible, 4 no plan was found in time.

    With --areas: 0 all areas planned, 1 some areas have no plan, 2 invalid input, 130 stopped (to
    continue, run the same command again).
    """
    from app.cli.other_runs import about_others
    from app.insight import queries as insight
    from app.runs import queries, service
    from app.runs.caps import require_within
    from app.settings import settings
    from solver.formats.json_columns import save_encoded
    from solver.formats.plan import write_plan

    require_writable(report, problem, plan, inputs=[weights, list_file, settings().database_file])
    files = {"--report": report, "--problem": problem, "--plan": plan}
    _require_apart(
        areas,
        folder,
        {"--area": area, "--list": list_file},
        {
            "--curve": curve,
            **files,
            "--pin": pin,
            "--exclude": exclude,
            "--free": free,
        },
    )
    _require_plan(files, curve=curve)
    listed = [] if area or areas else _listed(list_file)
    options = _options(
        reciprocity=reciprocity,
        max_loop=max_loop,
        balance_held_by=balance_held_by,
        include_suggestions=include_suggestions,
        travel_limit_miles=travel_limit_miles,
        max_neighbours=max_neighbours,
        max_given=max_given,
        max_taken=max_taken,
        refuse_failed_support_years=refuse_failed_support_years,
        steps=tuple(step or ()),
        nearest_step_first=nearest_step_first,
        weights=_weights(weights),
        change_price=change_price,
        change_tolerance=change_tolerance,
        free=tuple(free or ()),
        pins=tuple(pin or ()),
        exclusions=tuple(exclude or ()),
        as_of=as_of,
        method=method,
        include_declined=include_declined,
        time_limit_s=time_limit,
        work=work,
        gap=gap,
        seed=seed,
        workers=workers,
    )
    require_within(options, settings())
    if areas and folder:
        from app.cli.batch import plan_areas

        with _interruptible() as interrupted:
            raise typer.Exit(
                plan_areas(areas, folder, period, options, interrupted.is_set, as_json=as_json)
            )
    with open_database() as database:
        day = options.as_of or datetime.now(UTC).date()
        with database.read() as session:
            takers = (
                service.takers_in(session, TERMINAL, area, day)
                if area
                else service.takers_listed(session, TERMINAL, listed)
            )
        with progress_bar() as on_progress, _interruptible() as interrupted:
            came_of: list[Outcome] = []

            def keep(outcome: "Outcome") -> dict[str, bytes]:
                came_of.append(outcome)
                return {}

            run_id = service.match(
                database,
                TERMINAL,
                takers,
                period,
                options,
                operation=Operation.CURVE if curve else Operation.SOLVE,
                travel_source=settings().travel_times,
                on_progress=on_progress,
                cancelled=interrupted.is_set,
                draw=keep,
            )
        if curve:
            from app.cli.price_curve import show_curve

            raise typer.Exit(show_curve(database, run_id, as_json=as_json))
        with database.read() as session, uncollected():
            state = RunState(queries.get_run(session, TERMINAL, run_id).state)
            if problem:
                save_encoded(queries.file_of(session, run_id, "problem"), problem)
            # What somebody cancelled meanwhile has no proposals, whatever came of it.
            result = (
                insight.result_to_be(session, run_id, came_of.pop())
                if state is RunState.SOLVED
                else insight.result_of(session, TERMINAL, run_id)
            )
            found = result.plan
            if plan:
                write_plan(found, plan)
            data = insight.report_data(session, result)
            del result
            kept_run = queries.get_run(session, TERMINAL, run_id).kept_run_id
            others = about_others(session, run_id)
        if state is RunState.SOLVED:
            _keep_drawn(database, run_id, data)
    if report and state is RunState.SOLVED:
        from app.insight.report_page import render

        write_whole(report, render(data).encode())
    elif report:
        err.print(f"No plan was found, so {report} was not written.", markup=False)
    if as_json:
        out.print_json(data=_as_json(run_id, state, data) | {"kept_run": kept_run})
    else:
        show_plan(data)
        for line in (*others, *why_no_plan(found)):
            out.print(line, markup=False, soft_wrap=True)
    if found.given_up:
        err.print(given_up(found.given_up), markup=False, soft_wrap=True)
    raise typer.Exit(EXIT_CODES.get(state, 1))


def _keep_drawn(database: "Database", run_id: int, data: ReportData) -> None:
    """So that nobody who opens the run in the portal waits for it."""
    from app.insight import rendered

    with err.status("Drawing the plan"):
        made = rendered.draw(data)
    with database.write() as session:
        rendered.keep(session, run_id, made)


def _require_apart(
    areas: str | None,
    folder: Path | None,
    takers: Mapping[str, object],
    of_one_run: Mapping[str, object],
) -> None:
    named = [name for name, given in takers.items() if given]
    if len(named) > 1:
        raise BadOption("Choose schools with --area NAME or with --list FILE, not both.")
    if (areas is None) != (folder is None):
        raise BadOption("Use --areas and --out DIR together.")
    alone = named + [name for name, given in of_one_run.items() if given]
    if areas is not None and alone:
        raise BadOption(f"{alone[0]} is for a single run. Leave it out when you use --areas.")


def _require_plan(files: Mapping[str, Path | None], *, curve: bool) -> None:
    if curve and (named := [name for name, path in files.items() if path]):
        raise BadOption(f"{named[0]} needs a plan, and --curve makes none. Leave one of them out.")


def _options(**given: Any) -> MatchOptions:
    try:
        return MatchOptions.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        field = str(first["loc"][0])
        name = "--" + FLAGS.get(field, field).replace("_", "-")
        if field == "weights" and len(first["loc"]) > 1:
            name = f"weight {first['loc'][1]} of --weights"
        pair = first["type"] == "string_pattern_mismatch"
        reason = "must be NEED=OFFER, by their references" if pair else first["msg"]
        value = first["input"]
        text = " ".join(value) if isinstance(value, tuple) else str(value)
        raise BadOption(f"{name} {text!r} {plain_reason(reason)}.") from invalid


def _weights(path: Path | None) -> dict[str, int]:
    if path is None:
        return {}
    try:
        content = json.loads(_text(path))
    except (OSError, ValueError, RecursionError) as unreadable:
        raise BadOption(f"--weights {path} {_reason(unreadable)}") from unreadable
    if not isinstance(content, dict):
        raise BadOption(f"--weights {path} is not a JSON object of names and whole numbers.")
    return content


def _text(path: Path) -> str:
    from app.settings import settings

    return read_bounded(path, settings().file_mib).decode("utf-8-sig")


def _reason(unreadable: Exception) -> str:
    if isinstance(unreadable, OSError):
        return f"could not be read ({unreadable.strerror}). Check the name of the file."
    if isinstance(unreadable, FileTooLarge):
        return f"{unreadable}."
    if isinstance(unreadable, UnicodeDecodeError):
        return "is not UTF-8 text. Save it as UTF-8."
    if isinstance(unreadable, RecursionError):
        return "is nested too deeply. Give a JSON object of names and whole numbers."
    return f"is not JSON ({unreadable}). Give a JSON object of names and whole numbers."


def _listed(path: Path | None) -> list[str]:
    if path is None:
        raise BadOption("Choose schools with --area NAME or --list FILE.")
    try:
        listed = _text(path).split()
    except (OSError, ValueError) as unreadable:
        raise BadOption(f"--list {path} {_reason(unreadable)}") from unreadable
    if not listed:
        raise BadOption(f"--list {path} is empty. Enter a URN or organisation key on each line.")
    return listed


@contextmanager
def _interruptible() -> Iterator[Event]:
    """Turn the first interrupt into a wish to stop with the best plan so far."""
    asked = Event()

    def ask(signum: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _as_json(run_id: int, state: RunState, data: ReportData) -> dict[str, Any]:
    known = asdict(figures(data)) | {"gap": data.gap, "bound": data.bound}
    return known | {"run": run_id, "state": state, "objective": data.objective}
