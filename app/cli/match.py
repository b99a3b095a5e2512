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
from app.errors import Problem
from app.insight.report import Figures, ReportData, figures
from app.planning.options import MatchOptions
from app.wording import counted
from models.vocabulary import BalanceHolder, Reciprocity, RunState

if TYPE_CHECKING:
    from app.database import Database
    from solver.formats.plan import Plan

EXIT_CODES = {RunState.SOLVED: 0, RunState.INFEASIBLE: 3, RunState.UNKNOWN: 4}
DEFAULTS = MatchOptions()
FLAGS = {"pins": "pin", "exclusions": "exclude", "time_limit_s": "time_limit"}
BEST_SHOWN = 10
REASONS_SHOWN = 4


class BadOption(Problem):
    status = 422
    title = "An option cannot be used"


def match(
    period: Annotated[str, typer.Option(help="a year (2026-27) or a term (2026-27/autumn)")],
    area: Annotated[
        str | None,
        typer.Option(help="local authority, region, trust, federation, network or England"),
    ] = None,
    list_file: Annotated[
        Path | None, typer.Option("--list", help="a file of URNs or organisation keys, one a line")
    ] = None,
    areas: Annotated[
        str | None,
        typer.Option(
            help="many areas, each by itself: all (local authorities with needs), regions, "
            "districts, country, or a file of areas, one a line; needs --out"
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="where --areas writes")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="plan from this day; default: today")] = None,
    reciprocity: Annotated[Reciprocity, typer.Option()] = DEFAULTS.reciprocity,
    max_loop: Annotated[
        int, typer.Option(help="participants of a loop, where reciprocity is closed_loops")
    ] = DEFAULTS.max_loop,
    balance_held_by: Annotated[BalanceHolder, typer.Option()] = DEFAULTS.balance_held_by,
    include_suggestions: Annotated[
        bool, typer.Option(help="plan with needs and offers that nobody confirmed yet")
    ] = False,
    travel_limit_miles: Annotated[
        float, typer.Option(help="where a side gives no limit")
    ] = DEFAULTS.travel_limit_miles,
    max_neighbours: Annotated[
        int, typer.Option(help="nearest offers looked at for each need")
    ] = DEFAULTS.max_neighbours,
    max_given: Annotated[int, typer.Option(help="takers at once")] = DEFAULTS.max_given,
    max_taken: Annotated[int, typer.Option(help="supporters at once")] = DEFAULTS.max_taken,
    weights: Annotated[
        Path | None, typer.Option(help="JSON file of weights of the points' components")
    ] = None,
    pin: Annotated[list[str] | None, typer.Option(help="NEED=OFFER that must be")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="NEED=OFFER that must not be")] = None,
    method: Annotated[str, typer.Option()] = DEFAULTS.method,
    include_declined: Annotated[
        bool, typer.Option(help="propose pairs again that somebody declined")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(help="seconds to solve; 60 (with --areas by size) unless --work is given"),
    ] = None,
    work: Annotated[
        int | None, typer.Option(help="limit that repeats: same problem, seed and work, same plan")
    ] = None,
    gap: Annotated[float, typer.Option(help="a proven fraction that is enough")] = DEFAULTS.gap,
    seed: Annotated[int, typer.Option()] = DEFAULTS.seed,
    workers: Annotated[int, typer.Option()] = DEFAULTS.workers,
    report: Annotated[Path | None, typer.Option(help="write an HTML report here")] = None,
    problem: Annotated[Path | None, typer.Option(help="write the problem file here")] = None,
    plan: Annotated[Path | None, typer.Option(help="write the plan file here")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON")] = False,
) -> None:
    """Find give-and-take pairings for the takers of an area; givers come from anywhere in reach.

    Exit codes: 0 planned, 2 bad input, 3 no plan can exist, 4 none was found in time. With
    --areas: 0 all planned, 1 some have no plan, 2 bad input, 130 stopped; begin it again to go on.
    """
    from app.insight import queries as insight
    from app.runs import queries, service
    from app.settings import settings
    from solver.formats.plan import write_plan
    from solver.formats.problem_json import write_problem

    require_writable(report, problem, plan)
    _require_apart(
        areas,
        folder,
        {"--area": area, "--list": list_file},
        {
            "--report": report,
            "--problem": problem,
            "--plan": plan,
            "--pin": pin,
            "--exclude": exclude,
        },
    )
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
        weights=_weights(weights),
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
            run_id = service.match(
                database,
                TERMINAL,
                takers,
                period,
                options,
                travel_source=settings().travel_times,
                on_progress=on_progress,
                cancelled=interrupted.is_set,
            )
        with database.read() as session:
            state = RunState(queries.get_run(session, TERMINAL, run_id).state)
            if problem:
                write_problem(queries.problem_of(session, TERMINAL, run_id), problem)
            found = queries.plan_of(session, TERMINAL, run_id)
            if plan:
                write_plan(found, plan)
            data = insight.report_data(session, insight.result_of(session, TERMINAL, run_id))
        if state is RunState.SOLVED:
            _keep_drawn(database, run_id, data)
    if report and state is RunState.SOLVED:
        from app.insight.report_page import render

        report.write_text(render(data), encoding="utf-8")
    elif report:
        err.print(f"There is no plan to report: {report} was not written.", markup=False)
    if as_json:
        out.print_json(data=_as_json(run_id, state, data))
    else:
        show_plan(data)
        for line in why_no_plan(found):
            out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(EXIT_CODES.get(state, 1))


def _keep_drawn(database: "Database", run_id: int, data: ReportData) -> None:
    """So that nobody who opens the run in the portal waits for it."""
    from app.insight import rendered

    with err.status("drawing the plan"):
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
        raise BadOption("name takers with --area NAME or with --list FILE, not with both")
    if (areas is None) != (folder is None):
        raise BadOption("plan many areas with --areas and --out DIR, one as well as the other")
    alone = named + [name for name, given in of_one_run.items() if given]
    if areas is not None and alone:
        raise BadOption(f"{alone[0]} is for a single run; leave it out with --areas")


def _options(**given: Any) -> MatchOptions:
    try:
        return MatchOptions.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        field = str(first["loc"][0])
        name = "--" + FLAGS.get(field, field).replace("_", "-")
        pair = first["type"] == "string_pattern_mismatch"
        reason = "write NEED=OFFER, by their references" if pair else first["msg"]
        raise BadOption(f"{name} {str(first['input'])!r}: {reason}") from invalid


def _weights(path: Path | None) -> dict[str, int]:
    if path is None:
        return {}
    try:
        content: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as unreadable:
        raise BadOption(f"--weights {path}: {_reason(unreadable)}") from unreadable
    return content


def _reason(unreadable: OSError | ValueError) -> str:
    if isinstance(unreadable, OSError):
        return f"cannot be read: {unreadable.strerror}"
    if isinstance(unreadable, UnicodeDecodeError):
        return "is not UTF-8 text"
    return f"is not JSON ({unreadable})"


def _listed(path: Path | None) -> list[str]:
    if path is None:
        raise BadOption("name takers with --area NAME or --list FILE")
    try:
        listed = path.read_text(encoding="utf-8-sig").split()
    except (OSError, ValueError) as unreadable:
        raise BadOption(f"--list {path}: {_reason(unreadable)}") from unreadable
    if not listed:
        raise BadOption(f"--list {path}: names nobody; write a URN or organisation key on a line")
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


def why_no_plan(plan: "Plan") -> list[str]:
    """What keeps a plan from being, a sentence each; nothing where there is one."""
    if plan.status == "unknown":
        return ["No plan was found in the time, and none was ruled out; give it longer."]
    if plan.status != "infeasible":
        return []
    if not plan.conflict:
        return ["No plan can exist; time ran out before it was known why: give it longer."]
    return [
        "No plan can exist: these cannot be kept together.",
        *(f"Cannot be: {part.sentence}" for part in plan.conflict),
    ]


def show_plan(data: ReportData) -> None:
    """Print the best pairings with their reasons, then what the plan comes to."""
    names = {each.reference: each.name for each in data.participants}
    shown = data.pairings[:BEST_SHOWN]
    for place, pairing in enumerate(shown, start=1):
        if place == 1:
            out.print(f"The best {len(shown)} of {len(data.pairings):,} pairings:", style="bold")
        how = "remote" if pairing.distance_miles is None else f"{pairing.distance_miles:.1f} miles"
        out.print(
            f"{place:3}. {names[pairing.giver]} gives {names[pairing.taker]} "
            f"{counted(pairing.days, 'day')} of {pairing.expertise}, {how}, "
            f"{pairing.points:,} points per half-day:",
            markup=False,
            soft_wrap=True,
        )
        strongest = sorted(pairing.components, key=lambda each: -each.points)[:REASONS_SHOWN]
        for each in strongest:
            out.print(f"     {each.points:+4} {each.sentence}", style="dim", markup=False)
    for line in summary(data, figures(data)):
        out.print(line, markup=False, soft_wrap=True)


def summary(data: ReportData, found: Figures) -> list[str]:
    """What the plan comes to, a sentence each."""
    lines = [
        f"{data.area}, {data.period}: {found.needs_met:,} of {found.needs:,} needs met, "
        f"{found.days_planned:,g} of {found.days_needed:,g} days, "
        f"{found.pairings:,} pairings between {found.givers:,} givers and {found.takers:,} takers.",
        f"Balance: {found.both:,} both give and take; funded supporters, who need not take, "
        f"give {found.days_by_exempt:,g} days.",
    ]
    if found.median_miles is not None and found.longest_miles is not None:
        lines.append(
            f"Travel: half of the pairings on site within {found.median_miles:.1f} miles, "
            f"the longest {found.longest_miles:.1f}; {found.remote:,} are remote."
        )
    if found.most_disadvantaged_days is not None:
        lines.append(
            f"The quarter of schools in need with most disadvantage gets "
            f"{found.most_disadvantaged_days:.0%} of the days."
        )
    if data.gap is not None:
        lines.append(f"Proven: no plan can be more than {data.gap:.2%} better than this one.")
    if any(pairing.suggested for pairing in data.pairings):
        lines.append(
            "Pairings made from suggestions are for planning: nothing of them can be sent until "
            "the school confirms its need and the giver its offer."
        )
    if data.drawn:
        lines.append(
            "Needs and offers were drawn at random: this plan shows the method, no school."
        )
    return lines
