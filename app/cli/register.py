"""`givetake find`: institutions and organisations by URN, key or name."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out


def find(
    text: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="A URN, or words of the name and place.")
    ],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of results.")] = 20,
) -> None:
    """Find institutions and organisations by URN, key, name or place."""
    from app.register.lookups import find_participants

    with open_database() as database, database.read() as session:
        found = find_participants(session, TERMINAL, " ".join(text), limit=limit)
    for one in found:
        place = ", ".join(part for part in (one.local_authority, one.postcode) if part)
        kind = one.type_name or one.kind
        closed = "" if one.in_scope else ", not in scope"
        cell = one.reference.partition(":")[2]
        out.print(f"{cell}  {one.name} ({kind}{closed}) {place}", markup=False, soft_wrap=True)
    if not found:
        out.print(
            f"No results for {' '.join(text)!r}. Check the spelling or use fewer words.",
            markup=False,
        )
