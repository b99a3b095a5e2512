"""`givetake import gias|measures|organisations|...`, `find` and the rules of circumstances."""

from pathlib import Path
from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, write_csv
from app.cli.exchange import OutOption, export_app
from app.cli.imports import FileArgument, JsonOption, import_app, run_file_import, run_import
from models.vocabulary import METRES_PER_MILE


@import_app.command()
def gias(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="edubasealldata")],
    groups: Annotated[Path | None, typer.Option(help="allgroupsdata")] = None,
    links: Annotated[Path | None, typer.Option(help="alllinksdata")] = None,
    successors: Annotated[Path | None, typer.Option(help="links_edubasealldata")] = None,
    memberships: Annotated[Path | None, typer.Option(help="academiesmatmembership")] = None,
    as_json: JsonOption = False,
) -> None:
    """Take in the public register: institutions, groups, areas, and their history."""
    from app.register.gias.importer import GiasFiles, import_gias

    files = GiasFiles(file, groups, links, successors, memberships)
    run_import(
        lambda session, on_progress: import_gias(session, TERMINAL, files, on_progress),
        as_json=as_json,
    )


@import_app.command()
def measures(file: FileArgument, as_json: JsonOption = False) -> None:
    """Take in published measures of institutions."""
    from app.register.measures import import_measures

    run_file_import(import_measures, file, as_json=as_json)


@import_app.command()
def organisations(file: FileArgument, as_json: JsonOption = False) -> None:
    """Take in givers that are no schools, with the areas they serve."""
    from app.register.organisations import import_organisations

    run_file_import(import_organisations, file, as_json=as_json)


@import_app.command()
def networks(file: FileArgument, as_json: JsonOption = False) -> None:
    """Take in families of schools, alliances and their members."""
    from app.register.networks import import_networks

    run_file_import(import_networks, file, as_json=as_json)


@import_app.command()
def circumstances(file: FileArgument, as_json: JsonOption = False) -> None:
    """Take in dated circumstances, such as a new head."""
    from app.register.circumstances import import_circumstances

    run_file_import(import_circumstances, file, as_json=as_json)


@import_app.command("circumstance-rules")
def import_rules(file: FileArgument, as_json: JsonOption = False) -> None:
    """Take in what each circumstance does to giving and taking."""
    from app.register.circumstances import import_circumstance_rules

    run_file_import(import_circumstance_rules, file, as_json=as_json)


@export_app.command("circumstance-rules")
def export_rules(out_file: OutOption = None) -> None:
    """Write what each circumstance does to giving and taking."""
    from app.register.circumstances import export_circumstance_rules

    with open_database() as database, database.read() as session:
        write_csv(export_circumstance_rules(session, TERMINAL), out_file)


@import_app.command()
def support(file: FileArgument, as_json: JsonOption = False) -> None:
    """Take in support that runs, that others give, or that has ended, with its result."""
    from app.partnerships.service import import_support

    run_file_import(import_support, file, as_json=as_json)


def find(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="a URN, or words of name and place"),
    ] = None,
    near: Annotated[
        str | None, typer.Option(help="a postcode, like CT17 0DQ, or a district: nearest first")
    ] = None,
    miles: Annotated[float, typer.Option(min=0.1, max=200, help="with --near: how far away")] = 10,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many at most")] = 20,
) -> None:
    """List institutions and organisations by URN, key, words of name and place, or nearness.

    Near a place only those are listed that are open and may take part.
    """
    from app.register.geocoding import require_place
    from app.register.lookups import find_near, find_participants
    from app.register.nearby import Near

    wanted = " ".join(text or [])
    if not wanted.strip() and near is None:
        raise typer.BadParameter("Enter a name or a URN, or a place with --near")
    with open_database() as database, database.read() as session:
        if near is None:
            found = find_participants(session, TERMINAL, wanted, limit=limit)
        else:
            place = require_place(session, near)
            around = Near(place.latitude, place.longitude, miles)
            found, total = find_near(session, TERMINAL, wanted, around, open_only=True, limit=limit)
    if near is not None:
        said = f"{total:,} within {miles:g} mile{'' if miles == 1 else 's'} of {near}."
        said += f" {place.sentence}"
        out.print(said, markup=False, soft_wrap=True)
    for one in found:
        far = None if one.distance_m is None else f"{one.distance_m / METRES_PER_MILE:,.1f} miles"
        where = ", ".join(part for part in (one.local_authority, one.postcode, far) if part)
        kind = one.type_name or one.kind
        closed = "" if one.in_scope else ", not in scope"
        cell = one.reference.partition(":")[2]
        out.print(f"{cell}  {one.name} ({kind}{closed}) {where}", markup=False, soft_wrap=True)
    if not found and near is None:
        out.print(f"Nobody of the register is called {wanted!r}.", markup=False)
