"""Needs, offers and their like from the terminal: in and out, suggested, confirmed, answered."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, progress_bar
from app.cli.imports import JsonOption
from app.files.csv_reading import parse_half_days
from app.suggestions.rules import PACKAGED
from models.vocabulary import Availability

confirm_app = typer.Typer(help="Say for a school that a suggestion is a need.")
answer_app = typer.Typer(help="Say for a giver what it can give.")
withdraw_app = typer.Typer(help="Let a need or an offer stand no longer.")

SHOWN = 20
"""Suggestions a preview lists; `--json` gives all."""

ReferenceArgument = Annotated[str, typer.Argument(metavar="REFERENCE")]


@confirm_app.command("need")
def confirm_need(
    reference: ReferenceArgument,
    by: Annotated[
        str, typer.Option("--by", metavar="ROLE", help="who of the school's side, never a name")
    ] = "school",
) -> None:
    """Make a suggestion a need, on the word of the school's own side."""
    from app.exchange import service

    with open_database() as database, database.write() as session:
        need = service.confirm_need(session, TERMINAL, reference, by_role=by)
        out.print(f"The need {reference} is {need.state}, agreed by: {by}.", markup=False)


@answer_app.command("offer")
def answer_offer(
    reference: ReferenceArgument,
    availability: Annotated[
        Availability, typer.Argument(help="can_offer, may_offer or not_offering")
    ],
    days: Annotated[
        str | None, typer.Option("--days", help="the days the giver said, in steps of 0.5")
    ] = None,
) -> None:
    """Record the giver's own answer to an offer."""
    from app.exchange import service

    half_days = None if days is None else _half_days(days)
    with open_database() as database, database.write() as session:
        offer = service.answer_offer(
            session, TERMINAL, reference, availability, half_days=half_days
        )
        out.print(f"The offer {reference} is {offer.availability}.", markup=False)


@withdraw_app.command("need")
def withdraw_need(reference: ReferenceArgument) -> None:
    """Close a need."""
    from app.exchange import service

    with open_database() as database, database.write() as session:
        need = service.withdraw_need(session, TERMINAL, reference)
        out.print(f"The need {reference} is {need.state}.", markup=False)


@withdraw_app.command("offer")
def withdraw_offer(reference: ReferenceArgument) -> None:
    """Let an offer stand no longer."""
    from app.exchange import service

    with open_database() as database, database.write() as session:
        service.withdraw_offer(session, TERMINAL, reference)
        out.print(f"The offer {reference} is withdrawn.", markup=False)


def suggest(
    rules: Annotated[
        Path, typer.Option("--rules", metavar="FILE", help="TOML or JSON; by default our own")
    ] = PACKAGED,
    period: Annotated[
        str | None, typer.Option("--period", help="by default this academic year")
    ] = None,
    area: Annotated[
        str | None, typer.Option("--area", help="only schools of this area, by name or code")
    ] = None,
    include_old: Annotated[
        bool, typer.Option("--include-old", help="use measures over three years old")
    ] = False,
    include_fee_paying: Annotated[
        bool, typer.Option("--include-fee-paying", help="compare fee-paying schools too")
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="show, and change nothing")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare schools with similar ones: suggest needs, and whom to ask what they can give."""
    from app.suggestions.service import suggest

    with open_database() as database, progress_bar() as on_progress, database.write() as session:
        report = suggest(
            session,
            TERMINAL,
            rules,
            period_code=period,
            area_named=area,
            include_old=include_old,
            include_fee_paying=include_fee_paying,
            preview=preview,
            on_progress=on_progress,
        )
    if as_json:
        out.print_json(data=asdict(report))
        return
    for kind, counts in (("suggested needs", report.needs), ("prompts to ask", report.offers)):
        words = ", ".join(f"{number:,} {what}" for what, number in asdict(counts).items())
        out.print(f"{kind} of {report.period}: {words}", markup=False, soft_wrap=True)
    for suggestion in report.suggestions[:SHOWN] if preview else []:
        line = f"{suggestion['kind']} of {suggestion['urn']}: {suggestion['statement']}"
        out.print(line, markup=False, soft_wrap=True)
    for note in report.notes:
        out.print(note, markup=False, soft_wrap=True)
    if preview:
        out.print("This was a preview: nothing was changed.")


def _half_days(days: str) -> int:
    try:
        parsed = parse_half_days(days)
    except ValueError as unreadable:
        raise typer.BadParameter(f"{days!r} {unreadable}", param_hint="--days") from unreadable
    assert isinstance(parsed, int)
    return parsed
