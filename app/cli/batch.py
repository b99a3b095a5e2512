"""Many areas in one go: `givetake match --areas`."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from pathlib import Path

from app.access.policy import TERMINAL
from app.batches import command
from app.batches.manifest import MANIFEST, Manifest, planning_day
from app.batches.queries import areas_named
from app.cli.console import BadFile, err, open_database, out, progress_bar
from app.planning.options import MatchOptions
from app.planning.scope import BORDER
from app.settings import settings
from app.wording import counted, how_good, on_day
from models.vocabulary import RunState

PLANNED, SOME_FAILED, STOPPED = 0, 1, 130
FAILURES_SHOWN = 20


def plan_areas(
    areas: str,
    folder: Path,
    period: str,
    options: MatchOptions,
    stopped: Callable[[], bool],
    *,
    as_json: bool,
) -> int:
    """Plan the areas into `folder`, say what came out, and return the exit code."""
    if folder.exists() and not folder.is_dir():
        raise BadFile(f"{folder} is a file. Give a folder with --out.")
    if options.as_of is None:
        begun_on = planning_day(folder)
        if begun_on is not None:
            err.print(f"Continuing the batch in {folder}, planned from {on_day(begun_on)}.")
        day = begun_on or datetime.now(UTC).date()
        options = options.model_copy(update={"as_of": day})
    assert options.as_of is not None
    with open_database() as database:
        with database.read() as session:
            named = areas_named(session, TERMINAL, areas, period, options.as_of)
        with progress_bar() as on_progress:
            on_progress("Reading needs and offers", 0.0)
            batch = command.plan_areas(
                database,
                TERMINAL,
                named,
                period,
                options,
                folder,
                travel_source=settings().travel_times,
                on_progress=on_progress,
                stopped=stopped,
            )
    if as_json:
        out.print_json(batch.model_dump_json())
    else:
        for line in summary(batch, folder):
            out.print(line, markup=False, soft_wrap=True)
    if batch.state == "stopped":
        return STOPPED
    return PLANNED if batch.all_planned else SOME_FAILED


def summary(batch: Manifest, folder: Path) -> list[str]:
    """What the batch comes to, a sentence each."""
    across = [each for each in batch.results.values() if each.kind == BORDER]
    results = [each for each in batch.results.values() if each.kind != BORDER]
    planned = [each for each in results if each.state == RunState.SOLVED]
    lines = [
        f"Planned {len(planned):,} of {len(batch.asked) - len(across):,} areas for {batch.period}: "
        f"{sum(each.needs_met or 0 for each in planned):,} of "
        f"{sum(each.needs or 0 for each in planned):,} needs met, "
        f"{sum(each.pairings or 0 for each in planned):,} pairings."
    ]
    if planned:
        worst = max(planned, key=lambda each: inf if each.gap is None else each.gap)
        lines.append(f"The area furthest from proven is {worst.name}. {how_good(worst.gap)}")
    if batch.unchanged:
        lines.append(
            f"Nothing that {batch.unchanged:,} of these areas read has changed: their last plans "
            "stand."
        )
    if kept := sum(each.kept_run is not None for each in planned):
        lines.append(
            f"Nothing has changed in {kept:,} of these areas since they were last planned: their "
            "plans are kept."
        )
    lines += [
        f"Across borders, {each.pairings or 0:,} pairings settle {each.needs or 0:,} needs that "
        "several areas promised the same support, or no area met."
        for each in across
    ]
    if batch.offers_promised_twice:
        lines.append(
            f"{batch.offers_promised_twice:,} offers are promised to several areas for more days "
            "than they have, as no plan settles that. The first proposal to be marked as preferred "
            "holds the days. To avoid this, plan the region or country at once."
        )
    if batch.needs_in_no_area:
        lines.append(f"{batch.needs_in_no_area:,} needs are outside these areas.")
    if any(each.drawn for each in results):
        lines.append(
            "Needs were drawn at random. These plans show the method, not real schools' needs."
        )
    if idle := [each for each in results if each.state == "no_needs"]:
        lines.append(f"{counted(len(idle), 'area')} had no needs to plan.")
    failed = [
        each for each in batch.results.values() if each.state not in (RunState.SOLVED, "no_needs")
    ]
    lines += [f"{each.name}: {each.failure}" for each in failed[:FAILURES_SHOWN]]
    if len(failed) > FAILURES_SHOWN:
        lines.append(f"{len(failed) - FAILURES_SHOWN:,} more areas have no plan.")
    missing = len(batch.asked) - len(batch.results)
    if batch.state == "stopped":
        lines.append(
            f"Stopped with {missing:,} areas left. Run the same command again to continue."
        )
    lines.append(f"Results: {folder / MANIFEST}")
    return lines
