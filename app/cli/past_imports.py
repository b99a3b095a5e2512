"""`givetake imports`: what was imported, and undoing it."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.access.policy import TERMINAL
from app.cli.console import confirm, open_database, out
from app.cli.imports import JsonOption, in_words
from app.wording import at_moment, from_code, number

if TYPE_CHECKING:
    from models.register import ImportBatch

imports_app = typer.Typer(
    help="List imports, and undo one while nothing else changed its rows.", no_args_is_help=True
)


@imports_app.command("list")
def list_imports(
    kind: Annotated[str | None, typer.Option(help="Only this kind of file, like needs.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of imports.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List imports that changed something, newest first."""
    from app.imports.service import list_imports
    from app.imports.undo import can_be_undone

    with open_database() as database, database.read() as session:
        found = list_imports(session, TERMINAL, kind=kind, limit=None)[::-1]
        undoable = can_be_undone(session, found)
        if as_json:
            content = [_as_json(each, each.id in undoable) for each in found[:limit]]
            out.print_json(json.dumps(content))
            return
        for each in found[:limit]:
            out.print(_line(each, each.id in undoable), markup=False, soft_wrap=True)
    if not found:
        out.print("No files have been imported yet.")
    elif len(found) > limit:
        out.print(f"{number(limit)} of {number(len(found))} imports.", markup=False)


def _line(batch: "ImportBatch", undoable: bool) -> str:
    from app.import_kit.upsert import Counts

    counts = {thing: Counts(**held) for thing, held in batch.counts.items()}
    done = "; ".join(
        f"{from_code(thing)}: {in_words(each)}" for thing, each in counts.items() if each.any_change
    )
    files = ", ".join(batch.files.values())
    if batch.undone_at is not None:
        after = f" Undone {at_moment(batch.undone_at)}."
    else:
        after = f" To undo it: givetake imports undo {batch.id}" if undoable else ""
    return f"{batch.id}  {at_moment(batch.imported_at)}  {batch.kind} ({files}). {done}.{after}"


def _as_json(batch: "ImportBatch", undoable: bool) -> dict[str, Any]:
    return {
        "id": batch.id,
        "kind": batch.kind,
        "files": batch.files,
        "counts": batch.counts,
        "actor": batch.actor,
        "imported_at": batch.imported_at.isoformat(),
        "undone_at": None if batch.undone_at is None else batch.undone_at.isoformat(),
        "undone_by": batch.undone_by,
        "can_be_undone": undoable,
    }


@imports_app.command("undo")
def undo(
    import_id: Annotated[
        int, typer.Argument(metavar="IMPORT", help="Its number in `givetake imports list`.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Undo it without asking.")] = False,
) -> None:
    """Put rows back as they were before an import. Needs it added are closed, offers withdrawn."""
    from app.imports.undo import undo_import

    with open_database() as database:
        with database.rehearse() as session:
            batch = undo_import(session, TERMINAL, import_id)
            what = f"import {import_id} ({batch.kind})"
        confirm(f"This undoes {what}.", yes=yes)
        with database.write() as session:
            undo_import(session, TERMINAL, import_id)
    out.print(f"Undone: {what}. A corrected file can be imported now.", markup=False)
