"""`givetake diff`: what differs between the plans of two runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, write_csv

if TYPE_CHECKING:
    from app.runs.diff_schemas import DiffShown


def diff(
    before: Annotated[int, typer.Argument(metavar="RUN", min=1, help="The earlier run.")],
    after: Annotated[int, typer.Argument(metavar="RUN", min=1, help="The newer run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the difference as JSON.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print every pairing as CSV, those kept at the end.")
    ] = False,
) -> None:
    """Show whose support differs between the plans of two runs of one period."""
    from app.files.csv_writing import csv_of
    from app.runs import diff as diffs
    from app.runs.diff_schemas import DiffShown, LineShown

    with open_database() as database, database.read() as session:
        found = DiffShown.of(diffs.diff(session, TERMINAL, after, before))
    if as_json:
        out.print_json(found.model_dump_json())
    elif as_csv:
        rows = (line.model_dump(mode="json") for line in found.items)
        write_csv(csv_of(list(LineShown.model_fields), rows), None)
    else:
        _show(found)


def _show(found: "DiffShown") -> None:
    from rich.table import Table

    from app.runs.diff import Change
    from app.wording import counted, number

    changed = [line for line in found.items if line.change is not Change.KEPT]
    if changed:
        table = Table(
            "What", "School receiving support", "Expertise", "Before", "After", "Points", "Why"
        )
        for line in changed:
            row = (
                line.change.capitalize(),
                line.taker_name,
                line.expertise,
                line.giver_before_name or "-",
                line.giver_after_name or "-",
                f"{line.points:+,}",
                line.why or "-",
            )
            table.add_row(*map(_plain, row))
        out.print(table)
    listed = ", ".join(f"{number(count)} {change}" for change, count in found.counts.items())
    out.print(
        f"From run {found.before} to run {found.after}: {listed}. "
        f"{counted(found.people, 'school or organisation', 'schools and organisations')} differ, "
        f"{found.points:+,} points.",
        markup=False,
        soft_wrap=True,
    )


def _plain(text: str) -> str:
    """Names hold square brackets that mean nothing to the terminal."""
    from rich.markup import escape

    return escape(text)
