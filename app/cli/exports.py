"""`givetake export KIND`: what is stored, as the file that `import` reads back, and plans."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, require_writable, write_csv
from app.imports.kinds import KINDS, Kind

export_app = typer.Typer(
    help="Export records as CSV or Excel files that `import` reads back unchanged, and plans.",
    no_args_is_help=True,
)

OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="File to write: a workbook if it ends in .xlsx, or else CSV. Default: print CSV.",
    ),
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


RunOption = Annotated[int, typer.Option("--run", min=1, help="Number of the run.")]


@export_app.command("proposals")
def export_proposals(
    run: Annotated[int | None, typer.Option("--run", min=1, help="Only those of this run.")] = None,
    file: OutOption = None,
) -> None:
    """Export proposals of all runs, or the pairings of one."""
    from app.files.csv_writing import csv_of
    from app.proposals.list_query import ProposalQuery
    from app.proposals.queries import proposal_ids
    from app.proposals.schemas import ProposalShown
    from app.proposals.shown import proposals_shown
    from app.runs.queries import get_run
    from app.settings import settings

    require_writable(file, inputs=[settings().database_file])
    with open_database() as database, database.read() as session:
        if run is not None:
            get_run(session, TERMINAL, run)
        ids = proposal_ids(session, TERMINAL, ProposalQuery(run=run), limit=None)
        rows = [each.model_dump(mode="json") for each in proposals_shown(session, ids)]
    write_csv(csv_of(list(ProposalShown.model_fields), rows), file)


@export_app.command("unmet")
def export_unmet(run: RunOption, file: OutOption = None) -> None:
    """Export the needs that the plan of a run leaves unmet, and why."""
    from app.explanations.queries import unmet_needs
    from app.explanations.routes import COLUMNS
    from app.explanations.schemas import UnmetShown
    from app.files.csv_writing import csv_of
    from app.settings import settings

    require_writable(file, inputs=[settings().database_file])
    with open_database() as database, database.read() as session:
        found, names = unmet_needs(session, TERMINAL, run, limit=None)
        rows = [UnmetShown.of(each, names).model_dump(mode="json") for each in found]
    write_csv(csv_of(list(COLUMNS), rows), file)
