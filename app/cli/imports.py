"""`givetake import KIND FILE`: one transaction each, and a report of what it did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, progress_bar
from app.errors import Problem
from app.imports.kinds import GIAS, KINDS, SINGLE_FILES, Kind
from app.wording import counted

if TYPE_CHECKING:
    from app.import_kit.report import Affected, ImportReport
    from app.import_kit.upsert import Counts

import_app = typer.Typer(
    help="Import files. A file with an error changes nothing.", no_args_is_help=True
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="CSV file.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the report, or the errors, as JSON.")
]


FEW = 20
"""Institutions that an import lists; `givetake register changes` lists them all."""
DOWNLOADS = {role.name: role.download for role in GIAS.roles}


@import_app.command(GIAS.name, help=GIAS.help)
def gias(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=DOWNLOADS["establishments"])],
    groups: Annotated[Path | None, typer.Option(help=DOWNLOADS["groups"])] = None,
    links: Annotated[Path | None, typer.Option(help=DOWNLOADS["links"])] = None,
    successors: Annotated[Path | None, typer.Option(help=DOWNLOADS["successors"])] = None,
    memberships: Annotated[Path | None, typer.Option(help=DOWNLOADS["memberships"])] = None,
    as_json: JsonOption = False,
) -> None:
    paths = {
        "establishments": file,
        "groups": groups,
        "links": links,
        "successors": successors,
        "memberships": memberships,
    }
    _import(GIAS, {role: path for role, path in paths.items() if path}, as_json=as_json)


def _command(kind: Kind) -> Callable[..., None]:
    def import_file(file: FileArgument, as_json: JsonOption = False) -> None:
        _import(kind, {kind.name: file}, as_json=as_json)

    return import_file


for name in SINGLE_FILES:
    import_app.command(name, help=KINDS[name].help)(_command(KINDS[name]))


def _import(kind: Kind, paths: Mapping[str, Path], *, as_json: bool) -> None:
    """Import the files in one write transaction; print the report or what is wrong with them."""
    try:
        with (
            open_database() as database,
            progress_bar() as on_progress,
            database.write() as session,
        ):
            report = kind.import_files(session, TERMINAL, paths, on_progress)
    except Problem as problem:
        if not as_json:
            raise
        out.print_json(data=problem_as_json(problem))
        raise typer.Exit(problem.exit_code) from problem
    if as_json:
        out.print_json(data=report.as_json())
    else:
        show(report)


def problem_as_json(problem: Problem) -> dict[str, object]:
    return {
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        **problem.extra,
    }


def show(report: "ImportReport") -> None:
    for thing, counts in report.things.items():
        name = thing.replace("_", " ").capitalize()
        out.print(f"{name}: {in_words(counts)}", markup=False, soft_wrap=True)
    for note in report.notes:
        out.print(note, markup=False, soft_wrap=True)
    if not report.any_change:
        out.print("No changes were made.")
    if report.affected:
        show_affected(report.affected, FEW)


def show_affected(affected: "Sequence[Affected]", most: int) -> None:
    """What hangs on institutions that closed, are to close or moved: the first `most`."""
    from app.register.successors.wording import about

    out.print(
        f"Look after {counted(len(affected), 'institution')} that closed, will close or moved:",
        soft_wrap=True,
    )
    for one in affected[:most]:
        out.print(f"  {about(one)}", markup=False, soft_wrap=True)
    if len(affected) > most:
        out.print(
            f"  and {len(affected) - most:,} more: `givetake register changes` lists them all.",
            markup=False,
            soft_wrap=True,
        )


def in_words(counts: "Counts") -> str:
    said = asdict(counts)
    absent = said.pop("absent")
    words = ", ".join(f"{number:,} {what}" for what, number in said.items())
    return f"{words} ({absent:,} not in the file, kept)" if absent else words
