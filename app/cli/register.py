"""`givetake find`: institutions and organisations by URN, key or name."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out
from app.wording import distance
from models.vocabulary import miles_text


def find(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="A URN, or words of the name and place."),
    ] = None,
    near: Annotated[
        str | None, typer.Option(help="A postcode, like CT17 0DQ, or a district. Nearest first.")
    ] = None,
    miles: Annotated[
        float, typer.Option(min=0.1, max=200, help="Maximum distance from --near.")
    ] = 10,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of results.")] = 20,
) -> None:
    """Find institutions and organisations by URN, key, name or place, or near a place.

    Near a place you see only those that are open and can take part.
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
        said = f"{total:,} within {miles_text(miles)} of {near}."
        said += f" {place.sentence}"
        out.print(said, markup=False, soft_wrap=True)
    for one in found:
        far = None if one.distance_m is None else distance(one.distance_m)
        where = ", ".join(part for part in (one.local_authority, one.postcode, far) if part)
        kind = one.type_name or one.kind
        closed = "" if one.in_scope else ", not in scope"
        closed += f", succeeded by {one.successor}" if one.successor else ""
        cell = one.reference.partition(":")[2]
        out.print(f"{cell}  {one.name} ({kind}{closed}) {where}", markup=False, soft_wrap=True)
    if not found and near is None:
        out.print(
            f"No results for {wanted!r}. Check the spelling or use fewer words.", markup=False
        )
