"""`givetake find`: institutions and organisations by URN, key or name."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out
from app.cli.imports import JsonOption
from app.wording import distance
from models.vocabulary import miles_text

if TYPE_CHECKING:
    from app.register.lookups import Results


def find(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...",
            help="A URN or DfE number, a trust, or words of name, town and postcode.",
        ),
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(help="A postcode, like CT17 0DQ, a town or a district. Nearest first."),
    ] = None,
    miles: Annotated[
        float, typer.Option(min=0.1, max=200, help="Maximum distance from --near.")
    ] = 10,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of results.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Find institutions and organisations by URN, key, name or place, or near a place.

    The best result comes first; a misspelt word is taken for the nearest one. Near a place you see
    only those that are open and can take part.
    """
    from sqlalchemy import select

    from app.register.geocoding import require_place
    from app.register.lookups import find_near, find_participants
    from app.register.nearby import Near
    from models.register import Participant

    wanted = " ".join(text or [])
    if not wanted.strip() and near is None:
        raise typer.BadParameter("Enter a name or a URN, or a place with --near")
    today = datetime.now(UTC).date()
    with open_database() as database, database.read() as session:
        if near is None:
            results = find_participants(session, TERMINAL, wanted, on=today, limit=limit)
            said = None
        else:
            place = require_place(session, near)
            around = Near(place.latitude, place.longitude, miles)
            results = find_near(
                session, TERMINAL, wanted, around, on=today, open_only=True, limit=limit
            )
            said = f"{results.total:,} within {miles_text(miles)} of {near}. {place.sentence}"
        nobody = not results.total and session.scalar(select(Participant.id).limit(1)) is None
    if as_json:
        out.print_json(json.dumps(asdict(results)))
        return
    for line in (said, results.note):
        if line:
            out.print(line, markup=False, soft_wrap=True)
    _show(results)
    if nobody:
        out.print("There are no institutions yet. Import the register first.", markup=False)
    elif not results.total and near is None:
        out.print(
            f"No results for {wanted!r}. Check the spelling or use fewer words.", markup=False
        )


def _show(results: "Results") -> None:
    for one in results.found:
        far = None if one.distance_m is None else distance(one.distance_m)
        where = ", ".join(
            part for part in (one.town, one.local_authority, one.postcode, far) if part
        )
        kind = one.type_name or one.kind
        closed = "" if one.in_scope else ", not in scope"
        closed += f", succeeded by {one.successor}" if one.successor else ""
        cell = one.reference.partition(":")[2]
        out.print(f"{cell}  {one.name} ({kind}{closed}) {where}", markup=False, soft_wrap=True)
    if len(results.found) < results.total:
        out.print(f"{len(results.found):,} of {results.total:,} results.", markup=False)
