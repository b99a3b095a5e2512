"""`givetake partnerships` and `givetake partnership show`: what runs, and how far it is."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, write_csv
from app.cli.successions import LARGEST
from models.vocabulary import SupportState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.partnerships.partnership_queries import Summary

partnership_app = typer.Typer(help="Look at one partnership.", no_args_is_help=True)


def partnerships(
    participant: Annotated[
        str | None, typer.Option(help="URN or key of a school or organisation on either side.")
    ] = None,
    state: Annotated[SupportState | None, typer.Option(help="Only those in this state.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print as CSV.")] = False,
) -> None:
    """List partnerships with the days agreed, delivered, signed and booked."""
    from app.catalogue.queries import expertise_by_code
    from app.files.csv_writing import csv_of
    from app.partnerships.list_query import PartnershipQuery
    from app.partnerships.partnership_queries import list_partnerships
    from app.partnerships.partnership_schemas import PartnershipShown

    with open_database() as database, database.read() as session:
        wanted = PartnershipQuery.model_construct(participant=participant, state=state)
        found = list_partnerships(session, TERMINAL, wanted, limit=None)
        names = expertise_by_code(session, TERMINAL)
        if as_csv:
            rows = [PartnershipShown.of(each).model_dump(mode="json") for each in found]
            write_csv(csv_of(list(PartnershipShown.model_fields), rows), None)
            return
    for each in found:
        out.print(_line(each, names), markup=False, soft_wrap=True)
    if not found:
        out.print("There are no such partnerships.")


def _line(summary: "Summary", expertise: "Mapping[str, str]") -> str:
    from app.portal.labels import label
    from app.wording import on_day
    from models.vocabulary import in_days

    of, full, days = summary.partnership, summary.full, summary.days
    return (
        f"{of.id} {label(of.state, SupportState)}: {full.giver.name} to {full.taker.name}, "
        f"{expertise[full.need.expertise_code]}, {on_day(of.starts)} to "
        f"{on_day(of.over_on or of.ends)}. "
        f"Days: {in_days(days.agreed)} agreed, {in_days(days.delivered)} delivered, "
        f"{in_days(days.signed)} signed, {in_days(days.booked)} booked."
    )


@partnership_app.command()
def show(
    number: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=LARGEST, help="Number of the partnership.")
    ],
) -> None:
    """Show one partnership with its visits, reviews and what came of it."""
    from app.catalogue.queries import expertise_by_code
    from app.partnerships.partnership_queries import get_partnership
    from app.portal.labels import label
    from app.wording import on_day
    from models.vocabulary import Rating, Reviewer, Side, SupportResult, VisitState, days_text

    with open_database() as database, database.read() as session:
        whole = get_partnership(session, TERMINAL, number)
        names = expertise_by_code(session, TERMINAL)
    of = whole.summary.partnership
    told = [_line(whole.summary, names), f"Aims: {of.aims}"]
    told += [f"{each.period_code}: {days_text(each.half_days or 0)}" for each in whole.periods]
    told += [
        f"Visit {each.id}, {on_day(each.on_day)}: {days_text(each.half_days)}, "
        f"{label(each.state, VisitState).lower()}"
        for each in whole.visits
    ]
    told += [
        f"Review, {on_day(each.on_day)}: {label(each.reviewer, Reviewer)}, "
        f"{label(each.rating, Rating).lower()}. {each.note or ''}"
        for each in whole.reviews
    ]
    told += [
        f"{label(each.side, Side)} says: {label(each.result, SupportResult).lower()}. "
        f"{each.what_worked or ''}"
        for each in whole.outcomes
    ]
    for line in told:
        out.print(line.rstrip(), markup=False, soft_wrap=True)
