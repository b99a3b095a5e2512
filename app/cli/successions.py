"""`givetake register`: what the register changed for live work, and settling what closed."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import confirm, open_database, out
from app.cli.imports import JsonOption, show_affected
from app.errors import NotFound
from app.imports.kinds import GIAS
from app.wording import counted

if TYPE_CHECKING:
    from app.database import Database

LARGEST = 2**31 - 1
"""The largest number that every database takes for a URN or an id."""

register_app = typer.Typer(
    help="Look after what the register changed for live work, and boundaries of maps.",
    no_args_is_help=True,
)


@register_app.command()
def changes(
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[IMPORT]", min=1, max=LARGEST, help="Number of an import. Default: latest."
        ),
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


@register_app.command()
def settle(
    urn: Annotated[
        int | None,
        typer.Argument(
            metavar="[URN]",
            min=1,
            max=LARGEST,
            help="A closed institution. Default: list all.",
        ),
    ] = None,
    to: Annotated[
        int | None,
        typer.Option(min=1, max=LARGEST, help="URN of the open institution that takes over."),
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw everything that is open.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Settle it without asking, whatever is withdrawn.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List closed institutions that work still hangs on, or settle one of them, which asks."""
    if urn is None:
        if to is not None or withdraw:
            raise typer.BadParameter("Enter the URN of the closed institution")
        _list_unsettled(as_json=as_json)
        return
    from app.register.successors.wording import kinds_counted
    from app.successions import service

    with open_database() as database:
        if not yes:
            with database.rehearse() as session:
                would = service.settle(session, TERMINAL, urn, to=to, withdraw=withdraw)
            if would.withdrawn:
                _show_open(database, urn)
                confirm(f"This withdraws {', '.join(kinds_counted(would.withdrawn))}.", yes=False)
        with database.write() as session:
            done = service.settle(session, TERMINAL, urn, to=to, withdraw=withdraw)
    if as_json:
        out.print_json(data=asdict(done))
        return
    for verb, counts in (("Carried over", done.carried_over), ("Withdrawn", done.withdrawn)):
        if counts:
            out.print(f"{verb}: {', '.join(kinds_counted(counts))}.", soft_wrap=True)
    if not done.carried_over and not done.withdrawn:
        out.print(f"Nothing was open at {urn}. No changes were made.")
    for sentence in done.to_do:
        out.print(sentence, markup=False, soft_wrap=True)


def _show_open(database: "Database", urn: int) -> None:
    from app.register.successors.wording import hanging_on
    from app.successions.queries import get_unsettled
    from app.successions.schemas import UnsettledShown

    with database.read() as session:
        found = get_unsettled(session, TERMINAL, urn, datetime.now(UTC).date())
    out.print(
        f"{urn} {found.school.name}. {hanging_on(UnsettledShown.of(found))}",
        markup=False,
        soft_wrap=True,
    )


def _list_unsettled(*, as_json: bool) -> None:
    from app.register.successors.changes import WHY_NOT
    from app.register.successors.wording import hanging_on
    from app.successions.queries import list_unsettled
    from app.successions.schemas import UnsettledShown

    today = datetime.now(UTC).date()
    with open_database() as database, database.read() as session:
        found = [
            UnsettledShown.of(each) for each in list_unsettled(session, TERMINAL, today, limit=None)
        ]
    if as_json:
        out.print_json(data=[each.model_dump(mode="json") for each in found])
        return
    for one in found:
        successors = ", ".join(f"{each.urn} {each.name}" for each in one.successors)
        line = f"{one.urn} {one.name}. {WHY_NOT[one.state]} "
        line += f"{'Successors: ' + successors + '. ' if successors else ''}{hanging_on(one)}"
        out.print(line, markup=False, soft_wrap=True)
    if found:
        out.print(
            "To settle one, run `givetake register settle URN --to URN` or "
            "`givetake register settle URN --withdraw`.",
            markup=False,
            soft_wrap=True,
        )
    else:
        out.print("There is nothing to settle.")


@register_app.command()
def boundaries(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="GeoJSON or TopoJSON of the Office for National Statistics, in degrees (WGS84).",
        ),
    ],
    year: Annotated[
        int | None,
        typer.Option(
            min=2000, max=2100, help="Year of the rights named beside maps. Default: this year."
        ),
    ] = None,
) -> None:
    """Import the coast and boundaries that are drawn under maps."""
    from app.register.boundaries import import_boundaries

    this_year = datetime.now(UTC).year
    with open_database() as database, database.write() as session:
        taken = import_boundaries(session, TERMINAL, file.read_bytes(), year or this_year)
    out.print(
        f"Imported the outlines of {counted(taken.countries, 'country', 'countries')} and "
        f"{counted(taken.local_authorities, 'local authority', 'local authorities')}."
    )
