"""`givetake repair`: pairings that cannot go ahead as they are, and what to do about one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out
from app.errors import NotFound

if TYPE_CHECKING:
    from app.database import Database
    from app.repairs.schemas import BrokenShown, PairingShown
    from app.runs.diff_schemas import LineShown


def repair(
    proposal: Annotated[
        int | None,
        typer.Argument(min=1, help="Number of a proposal that needs repair. Default: list them."),
    ] = None,
    take: Annotated[
        int | None, typer.Option(min=1, max=3, help="Carry out this repair of those shown last.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List pairings that need repair, work out what to do about one, or do it."""
    with open_database() as database:
        if proposal is None:
            if take is not None:
                raise typer.BadParameter("name the proposal too", param_hint="--take")
            _list(database, as_json=as_json)
        elif take is None:
            _work_out(database, proposal, as_json=as_json)
        else:
            _take(database, proposal, take)


def _list(database: "Database", *, as_json: bool) -> None:
    from app.repairs.broken import list_broken
    from app.repairs.schemas import BrokenList, BrokenShown

    with database.read() as session:
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


def _work_out(database: "Database", proposal: int, *, as_json: bool) -> None:
    from app.cli.console import only_ours
    from app.repairs.queries import pairing_of
    from app.repairs.schemas import PairingShown
    from app.repairs.work_out import work_out
    from app.settings import settings

    with only_ours():
        work_out(database, TERMINAL, proposal, settings().travel_times)
    with database.read() as session:
        found = pairing_of(session, TERMINAL, proposal)
        if as_json:
            out.print_json(PairingShown.of(found).model_dump_json())
            return
        for line in lines(PairingShown.of(found), found.touches.lines()):
            out.print(line, markup=False, soft_wrap=True)


def lines(found: "PairingShown", touches: Sequence[str]) -> list[str]:
    """A pairing, what its change touches, and its repairs, in sentences."""
    from app.portal.labels import label
    from app.wording import counted, how_good
    from models.vocabulary import RepairSize

    told = [_line(found.broken), f"It is planned for {found.period}."]
    told += [f"Also affected: {each}" for each in touches]
    if not found.repairs:
        told.append("Nobody else can help: there is no repair.")
    for each in found.repairs:
        told += [
            "",
            f"{each.rank}. {label(each.size, RepairSize)}: {each.points:+,} points, "
            f"{counted(each.disturbed, 'other pairing')} disturbed, "
            f"{counted(each.people, 'school or organisation', 'schools and organisations')}. "
            + how_good(each.gap),
        ]
        told += [f"   {_change(line)}" for line in each.changes]
        told += [f"   {n}. {one.name}: {one.why}" for n, one in enumerate(each.asks, start=1)]
    if found.beyond:
        told.append(
            f"{counted(found.beyond, 'more repair')} would change pairings outside your area."
        )
    if found.repairs:
        told += ["", f"To carry one out: givetake repair {found.broken.proposal} --take NUMBER"]
    return told


def _change(line: "LineShown") -> str:
    def side(name: str | None, days: float | None) -> str:
        from app.wording import counted

        return "nobody" if name is None or days is None else f"{name}, {counted(days, 'day')}"

    return (
        f"{line.taker_name} ({line.expertise}): "
        f"{side(line.giver_before_name, line.days_before)} -> "
        f"{side(line.giver_after_name, line.days_after)} ({line.points:+,} points)"
    )


def _take(database: "Database", proposal: int, rank: int) -> None:
    from app.repairs import queries, service
    from app.repairs.schemas import RepairShown

    with database.write() as session:
        views, _ = queries.repairs_of(session, TERMINAL, proposal)
        chosen = next((each for each in views if each.rank == rank), None)
        if chosen is None:
            raise NotFound(
                f"There is no repair {rank} of proposal {proposal}. Look at its repairs first: "
                f"givetake repair {proposal}"
            )
        for line in RepairShown.of(chosen).changes:
            out.print(_change(line), markup=False, soft_wrap=True)
        service.take(session, TERMINAL, proposal, chosen.repair.id)
    out.print(f"Repair {rank} of proposal {proposal} is taken. Ask whoever is named in it.")
