"""`givetake export KIND`: what is stored, as the CSV file that `import` reads back."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, require_writable, write_csv
from app.imports.kinds import KINDS, Kind

export_app = typer.Typer(
    help="Export records as CSV files that `import` reads back unchanged.", no_args_is_help=True
)

OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="File to write. Default: print to the terminal."),
]
PeriodOption = Annotated[
    str | None, typer.Option("--period", help="Only this period, like 2026-27 or 2026-27/autumn.")
]


def _command(kind: Kind) -> Callable[..., None]:
    def export(file: OutOption = None) -> None:
        _export(kind, file)

    def export_by_period(file: OutOption = None, period: PeriodOption = None) -> None:
        _export(kind, file, period)

    return export_by_period if kind.by_period else export


def _export(kind: Kind, file: Path | None, period: str | None = None) -> None:
    from app.settings import settings

    require_writable(file, inputs=[settings().database_file])
    with open_database() as database, database.read() as session:
        text = kind.export(session, TERMINAL, period)
    write_csv(text, file)


for each in KINDS.values():
    if each.exporter:
        text = f"Export {each.title.lower()} as CSV."
        export_app.command(each.name, help=text)(_command(each))
