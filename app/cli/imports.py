"""`givetake import KIND FILE`: one transaction each, and a report of what it did."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL, Principal
from app.cli.console import open_database, out, progress_bar
from app.errors import Problem
from app.progress import Progress

if TYPE_CHECKING:
    from app.database import WriteSession
    from app.import_kit.report import ImportReport
    from app.import_kit.upsert import Counts

    FileImporter = Callable[[WriteSession, Principal, Path, Progress], ImportReport]

import_app = typer.Typer(help="Take in files: all of a file or nothing.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="a CSV file")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="print the report, or the faults, as JSON")
]


def run_import(
    take_in: "Callable[[WriteSession, Progress], ImportReport]", *, as_json: bool
) -> None:
    """Run an importer in one write transaction and print its report or its faults."""
    try:
        with (
            open_database() as database,
            progress_bar() as on_progress,
            database.write() as session,
        ):
            report = take_in(session, on_progress)
    except Problem as problem:
        if not as_json:
            raise
        out.print_json(data=problem_as_json(problem))
        raise typer.Exit(problem.exit_code) from problem
    if as_json:
        out.print_json(data=report.as_json())
    else:
        show(report)


def run_file_import(importer: "FileImporter", file: Path, *, as_json: bool) -> None:
    run_import(
        lambda session, on_progress: importer(session, TERMINAL, file, on_progress),
        as_json=as_json,
    )


def problem_as_json(problem: Problem) -> dict[str, object]:
    return {
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        **problem.extra,
    }


def show(report: "ImportReport") -> None:
    for thing, counts in report.things.items():
        out.print(f"{thing.replace('_', ' ')}: {in_words(counts)}", markup=False, soft_wrap=True)
    for note in report.notes:
        out.print(note, markup=False, soft_wrap=True)
    if not report.any_change:
        out.print("Nothing was changed.")


def in_words(counts: "Counts") -> str:
    said = asdict(counts)
    absent = said.pop("absent")
    words = ", ".join(f"{number:,} {what}" for what, number in said.items())
    return f"{words} ({absent:,} not in the file, kept)" if absent else words
