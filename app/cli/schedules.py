"""`givetake schedules`: batches that are started at a time of day."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out
from app.errors import plain_reason
from app.wording import at_moment
from models.vocabulary import AreasNamed

if TYPE_CHECKING:
    from app.planning.options import MatchOptions

schedules_app = typer.Typer(
    help="Manage batches that are started at a time of day.", no_args_is_help=True
)


@schedules_app.command()
def add(
    period: Annotated[str, typer.Option(help="Year (2026-27) or term (2026-27/autumn).")],
    at: Annotated[str, typer.Option(help="Time of day, like 02:00.")],
    area: Annotated[
        list[str] | None, typer.Option(help="Area to plan. You can repeat this.")
    ] = None,
    every: Annotated[
        AreasNamed | None,
        typer.Option("--areas", help="Areas with needs to plan, in place of --area."),
    ] = None,
    weekday: Annotated[
        str | None, typer.Option(help="Day of the week, like monday. Default: every day.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of --at.")] = "Europe/London",
    first_on: Annotated[
        str | None, typer.Option("--from", help="First day, like 2026-09-01. Default: today.")
    ] = None,
    options: Annotated[
        Path | None, typer.Option(help="JSON file with options of the runs, as over HTTP.")
    ] = None,
) -> None:
    """Start a batch at a time of every day, or of one day of the week."""
    from app.batches import schedules
    from app.settings import settings

    if (area is None) == (every is None):
        raise schedules.BadSchedule("Use either --area or --areas.")
    if weekday is not None and weekday not in schedules.DAYS:
        raise schedules.BadSchedule(f"--weekday must be one of {', '.join(schedules.DAYS)}.")
    with open_database() as database, database.write() as session:
        made = schedules.create_schedule(
            session,
            TERMINAL,
            every or area or (),
            period,
            _options(options),
            settings(),
            at=at,
            zone=zone,
            weekday=None if weekday is None else schedules.DAYS.index(weekday),
            first_on=_day(first_on),
        )
        told = f"Schedule {made.id} was added. It starts a batch on {at_moment(made.due_at)}."
    err.print(told, markup=False, soft_wrap=True)


def _options(path: Path | None) -> "MatchOptions":
    from app.batches.schedules import BadSchedule
    from app.planning.options import MatchOptions
    from app.settings import settings
    from solver.formats.bounded import read_bounded

    if path is None:
        return MatchOptions(workers=1)
    try:
        return MatchOptions.model_validate_json(read_bounded(path, settings().file_mib))
    except OSError as missing:
        raise BadSchedule(f"--options {path} could not be read ({missing.strerror}).") from missing
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadSchedule(f"--options {path}: {where} {plain_reason(first['msg'])}.") from invalid


def _day(text: str | None) -> date | None:
    from app.batches.schedules import BadSchedule

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as wrong:
        raise BadSchedule(f"--from {text!r} must be a date, like 2026-09-01.") from wrong


@schedules_app.command("list")
def list_() -> None:
    """List schedules, newest first, with what became of the last time."""
    from app.batches import schedules

    with open_database() as database, database.read() as session:
        for each in schedules.list_schedules(session, TERMINAL):
            areas = ", ".join(scope["name"] for scope in each.areas) or each.named
            on = "every day" if each.weekday is None else schedules.DAYS[each.weekday]
            line = f"{each.id}  {areas}  {each.period_code}  {on} {each.at} {each.zone}"
            line += (
                f"  ended {at_moment(each.ended_at)}"
                if each.ended_at
                else f"  next {at_moment(each.due_at)}"
            )
            if each.last_batch_id:
                line += f"  last batch {each.last_batch_id}"
            out.print(f"{line}  {each.told or ''}".rstrip(), markup=False, soft_wrap=True)


@schedules_app.command()
def remove(
    number: Annotated[
        int, typer.Argument(min=1, max=2**31 - 1, help="Number in `givetake schedules list`.")
    ],
) -> None:
    """Start no more batches of a schedule."""
    from app.batches import schedules

    with open_database() as database, database.write() as session:
        schedules.end_schedule(session, TERMINAL, number)
    err.print(f"Schedule {number} starts no more batches.")
