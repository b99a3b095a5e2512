"""`givetake work`: what waits for somebody, for whom they wait, and what lapses next."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import open_database, out, write_csv
from app.cli.scope_options import (
    ROLE,
    ROLES,
    Area,
    Everywhere,
    Institution,
    Network,
    Organisation,
    Region,
    Trust,
    scopes_named,
)
from app.work.kinds import TITLES, WorkGroup, WorkKind
from models.vocabulary import SERVICE_ROLES, Role

if TYPE_CHECKING:
    from app.work.queries import WorkItem

MOST = 1_000


def work(
    role: Annotated[
        Role | None,
        typer.Option(
            "--as",
            metavar=ROLE,
            help=f"Whose work, by role: {ROLES}. Name the scope of the role too. Default: "
            "administrator.",
        ),
    ] = None,
    region: Region = None,
    area: Area = None,
    trust: Trust = None,
    network: Network = None,
    institution: Institution = None,
    organisation: Organisation = None,
    everywhere: Everywhere = False,
    kind: Annotated[
        list[WorkKind] | None, typer.Option(help="Only of this kind. You can repeat this.")
    ] = None,
    group: Annotated[WorkGroup | None, typer.Option(help="Only this part of the list.")] = None,
    period: Annotated[str | None, typer.Option(help="Only of this period.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="How many of each part to print.")
    ] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all as CSV.")] = False,
) -> None:
    """List what waits for somebody and for whom they wait: what is due first at the top."""
    from app.access.grants import BadGrant
    from app.access.policy import TERMINAL, Grant, Principal
    from app.database import database_now
    from app.files.csv_writing import csv_of
    from app.work.kinds import GROUPS
    from app.work.narrowed import Narrowed
    from app.work.queries import by_group, count_work, list_work
    from app.work.schemas import WorkShown

    if role in SERVICE_ROLES:
        raise BadGrant(f"{role} is the service itself. Use one of {ROLES}.")
    with open_database() as database, database.read() as session:
        scopes = scopes_named(
            session,
            region=region,
            area=area,
            trust=trust,
            network=network,
            institution=institution,
            organisation=organisation,
            everywhere=everywhere,
        )
        who = TERMINAL
        if role is not None:
            if not scopes:
                raise BadGrant("Name what the role is for, like --area Kent, or say --everywhere.")
            who = Principal(TERMINAL.name, frozenset(Grant(role, scope) for scope in scopes))
        elif scopes:
            raise BadGrant("Name the role too, like --as broker.")
        today, narrowed = database_now(session).date(), Narrowed(period=period)
        kinds = set(kind or WorkKind) & set(WorkKind if group is None else GROUPS[group])
        if as_csv:
            found = list_work(session, who, today, kinds, narrowed, limit=None)
            rows = [WorkShown.of(each, "/api/v1").model_dump(mode="json") for each in found]
            write_csv(csv_of(list(WorkShown.model_fields), rows), None)
            return
        counts = {
            each: number
            for each, number in count_work(session, who, today, narrowed).items()
            if each in kinds
        }
        for part, total in by_group(counts).items():
            if not total:
                continue
            out.print(f"{TITLES[part]} ({total:,})", style="bold", markup=False)
            some = list_work(session, who, today, kinds & set(GROUPS[part]), narrowed, limit=limit)
            for each in some:
                out.print(f"- {_line(each)}", markup=False, soft_wrap=True)
            if total > len(some):
                out.print(f"  and {total - len(some):,} more: raise --limit, or use --csv.")
    if not counts:
        out.print("Nothing waits, and nobody is waited for.")


def _line(item: "WorkItem") -> str:
    from app.consent.wording import PARTIES
    from app.wording import at_moment, on_day
    from models.vocabulary import Party, days_text

    if item.full is not None:
        full = item.full
        about = (
            f"{full.giver.name} gives {days_text(full.proposal.half_days)} of "
            f"{full.need.expertise_code} to {full.taker.name}, {full.need.period_code}, "
            f"proposal {full.proposal.id}"
        )
    elif item.item is None:
        about = f"{item.school.name}, {item.name or item.about}"
    else:
        about = f"{item.school.name}, {item.item.expertise_code}, {item.item.reference}"
    told = [f"{item.step}: {about}."]
    if item.party:
        told.append(f"{PARTIES[Party(item.party)]}{f' ({item.role})' if item.role else ''}.")
    if item.day is not None and item.kind is not WorkKind.VISIT:
        told.append(f"Visit of {on_day(item.day)}.")
    if item.since is not None:
        told.append(f"Since {on_day(item.since)}.")
    if item.due_at is not None:
        told.append(f"By {at_moment(item.due_at)}.")
    elif item.due is not None:
        told.append(f"{'On' if item.kind is WorkKind.VISIT else 'By'} {on_day(item.due)}.")
    return " ".join(told)
