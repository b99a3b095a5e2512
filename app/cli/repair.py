"""`givetake repair`: pairings that cannot go ahead as they are."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out

if TYPE_CHECKING:
    from app.repairs.schemas import BrokenShown


def repair(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the pairings that need repair, such as those of a supporter that dropped out."""
    from app.repairs.broken import list_broken
    from app.repairs.schemas import BrokenList, BrokenShown

    with open_database() as database, database.read() as session:
        found = BrokenList(items=[BrokenShown.of(one) for one in list_broken(session, TERMINAL)])
    if as_json:
        out.print_json(found.model_dump_json())
        return
    for each in found.items:
        out.print(_line(each), markup=False, soft_wrap=True)
    if not found.items:
        out.print("No pairing needs repair.")


def _line(each: "BrokenShown") -> str:
    from app.wording import counted

    return (
        f"Proposal {each.proposal} ({each.state.replace('_', ' ')}): {each.giver_name} gives "
        f"{counted(each.days, 'day')} to {each.taker_name}. {' '.join(each.reasons)}"
    )
