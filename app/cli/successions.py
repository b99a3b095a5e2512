"""`givetake register`: what the register changed for live work, and settling what closed."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out
from app.cli.imports import JsonOption, show_affected
from app.errors import NotFound
from app.imports.kinds import GIAS

register_app = typer.Typer(
    help="Look after what the register changed for live work.", no_args_is_help=True
)


@register_app.command()
def changes(
    number: Annotated[
        int | None, typer.Argument(metavar="[IMPORT]", help="Number of an import. Default: latest.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List everything that hung on institutions that an import closed or moved."""
    from app.imports.service import affected_by, get_import, list_imports

    with open_database() as database, database.read() as session:
        if number is None:
            imports = list_imports(session, TERMINAL, kind=GIAS.name, limit=None)
            if not imports:
                raise NotFound("The register was not imported yet. Run `givetake import gias`.")
            number = imports[-1].id
        batch = get_import(session, TERMINAL, number)
        affected = [each for _, each in affected_by(batch)]
        if as_json:
            out.print_json(data=batch.affected or [])
            return
    if affected:
        show_affected(affected, len(affected))
    else:
        out.print(f"Nothing hung on institutions that import {number} closed or moved.")
