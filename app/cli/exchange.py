"""Needs, offers and their like from the terminal: in and out, suggested, confirmed, answered."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import confirm, open_database, out, progress_bar
from app.cli.imports import JsonOption
from app.files.values import parse_half_days
from app.suggestions.rules import PACKAGED
from app.wording import counted, on_day
from models.vocabulary import Availability

if TYPE_CHECKING:
    from app.database import Database, WriteSession
    from app.proposals.dependents import Dependents

confirm_app = typer.Typer(help="Confirm suggested needs for schools.")
answer_app = typer.Typer(help="Record what supporting organisations can offer.")
withdraw_app = typer.Typer(help="Withdraw a need, an offer, a circumstance or an interest.")

SHOWN = 20
"""Suggestions a preview lists; `--json` gives all."""

ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="Reference of the need or offer.")
]


@confirm_app.command("need")
def confirm_need(
    reference: ReferenceArgument,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="ROLE", help="Role of the person at the school. Do not give a name."
        ),
    ] = "school",
) -> None:
    """Confirm a suggested need, as the school has told you."""
    from app.exchange import service

    with open_database() as database, database.write() as session:
        need = service.confirm_need(session, TERMINAL, reference, by_role=by)
        out.print(f"Need {reference} is {need.state}, confirmed by: {by}.", markup=False)


@answer_app.command("offer")
def answer_offer(
    reference: ReferenceArgument,
    availability: Annotated[
        Availability, typer.Argument(help="What the supporting organisation said.")
    ],
    days: Annotated[
        str | None, typer.Option("--days", help="Days it can give, in steps of 0.5.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Save it without asking, whatever it stops.")
    ] = False,
) -> None:
    """Record a supporting organisation's own answer to an offer. Asks before it stops proposals."""
    from app.exchange import service

    half_days = None if days is None else _half_days(days)
    with open_database() as database:
        answer = partial(
            service.answer_offer,
            principal=TERMINAL,
            reference=reference,
            availability=availability,
            half_days=half_days,
        )
        _rehearse(
            database, answer, f"This answer stops proposals that rest on offer {reference}.", yes
        )
        with database.write() as session:
            offer = answer(session)
            out.print(f"Offer {reference} is {offer.availability}.", markup=False)


YesOption = Annotated[
    bool, typer.Option("--yes", help="Withdraw it without asking, whatever rests on it.")
]


@withdraw_app.command("need")
def withdraw_need(reference: ReferenceArgument, yes: YesOption = False) -> None:
    """Withdraw a need. Where something rests on it, shows that first, and asks."""
    from app.exchange import service
    from app.proposals import dependents

    with open_database() as database:
        with database.read() as session:
            _confirm(dependents.of_need(session, TERMINAL, reference), f"need {reference}", yes)
        with database.write() as session:
            need = service.withdraw_need(session, TERMINAL, reference)
            out.print(f"Need {reference} is {need.state}.", markup=False)


def _confirm(found: "Dependents", what: str, yes: bool) -> None:
    """Show what rests on something, and go on only if that is meant."""
    if not found.any:
        return
    out.print(f"Rests on {what}:", markup=False)
    for line in found.lines():
        out.print(f"  {line}", markup=False, soft_wrap=True)
    confirm(f"Something rests on {what}.", yes=yes)


@withdraw_app.command("offer")
def withdraw_offer(reference: ReferenceArgument, yes: YesOption = False) -> None:
    """Withdraw an offer. Where something rests on it, shows that first, and asks."""
    from app.exchange import service
    from app.proposals import dependents

    with open_database() as database:
        with database.read() as session:
            _confirm(dependents.of_offer(session, TERMINAL, reference), f"offer {reference}", yes)
        with database.write() as session:
            service.withdraw_offer(session, TERMINAL, reference)
            out.print(f"Offer {reference} is withdrawn.", markup=False)


@withdraw_app.command("circumstance")
def withdraw_circumstance(
    participant: Annotated[
        str, typer.Argument(help="URN, or key of an organisation, that it was recorded for.")
    ],
    kind: Annotated[str, typer.Argument(help="Its kind, like new_head.")],
    starts: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day from which it holds.")
    ],
    reason: Annotated[str, typer.Option(help="Why it is withdrawn. It is kept with it.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Withdraw it without asking, whatever that stops.")
    ] = False,
) -> None:
    """Withdraw a circumstance recorded by mistake. Asks before that stops proposals.

    One that is over gets an end instead: `givetake import circumstances`.
    """
    from app.register import list_queries, service

    with open_database() as database:
        with database.read() as session:
            found = list_queries.find_circumstance(
                session, TERMINAL, participant, kind, starts.date()
            )

        def withdraw(session: "WriteSession") -> None:
            service.withdraw_circumstance(session, TERMINAL, found["id"], reason, found["version"])

        _rehearse(database, withdraw, "Withdrawing it stops proposals that rest on it.", yes)
        with database.write() as writing:
            withdraw(writing)
        out.print(
            f"Circumstance {kind} of {participant} from {on_day(found['starts'])} is withdrawn.",
            markup=False,
            soft_wrap=True,
        )


@withdraw_app.command("interest")
def withdraw_interest(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="Reference of the declared interest.")
    ],
    reason: Annotated[str, typer.Option(help="Why it is withdrawn. It is kept with it.")],
) -> None:
    """Withdraw a declared interest. It stays on record with the reason."""
    from app.interests import service

    with open_database() as database, database.write() as session:
        service.withdraw(session, TERMINAL, reference, reason)
    out.print(f"Interest {reference} is withdrawn.", markup=False)


def _rehearse(
    database: "Database", change: Callable[["WriteSession"], object], why: str, yes: bool
) -> None:
    """Try a change; show which proposals it would stop, and go on only if that is meant."""
    from app.proposals import flags

    with database.rehearse() as session:
        change(session)
        if flagged := flags.review(session):
            out.print(flags.told(flagged), markup=False, soft_wrap=True)
            confirm(why, yes=yes)


def suggest(
    rules: Annotated[
        Path,
        typer.Option(
            "--rules",
            metavar="FILE",
            show_default=False,
            help="Rules as TOML or JSON. Default: the packaged rules.",
        ),
    ] = PACKAGED,
    period: Annotated[
        str | None, typer.Option("--period", help="Year or term. Default: this academic year.")
    ] = None,
    area: Annotated[
        str | None, typer.Option("--area", help="Only schools of this area, by name or code.")
    ] = None,
    include_old: Annotated[
        bool, typer.Option("--include-old", help="Include measures older than the rules allow.")
    ] = False,
    include_fee_paying: Annotated[
        bool, typer.Option("--include-fee-paying", help="Include fee-paying schools.")
    ] = False,
    include_new_heads: Annotated[
        bool,
        typer.Option("--include-new-heads", help="Include schools in a new head's first year."),
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show suggestions without saving.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare schools with similar schools and suggest needs and offers to ask about."""
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
            include_new_heads=include_new_heads,
            preview=preview,
            on_progress=on_progress,
        )
    if as_json:
        out.print_json(data=asdict(report))
        return
    for kind, counts in (("Suggested needs", report.needs), ("Prompts to ask", report.offers)):
        words = ", ".join(f"{number:,} {what}" for what, number in asdict(counts).items())
        out.print(f"{kind} for {report.period}: {words}", markup=False, soft_wrap=True)
    for rule, said in report.by_rule.items():
        line = f"{rule}: {counted(said['needs'], 'need')}, {counted(said['offers'], 'prompt')}"
        out.print(line, markup=False, soft_wrap=True)
    for suggestion in report.suggestions[:SHOWN] if preview else []:
        line = f"{suggestion['kind']} for {suggestion['urn']}: {suggestion['statement']}"
        out.print(line, markup=False, soft_wrap=True)
    for note in report.notes:
        out.print(note, markup=False, soft_wrap=True)
    if preview:
        out.print("This was a preview. No changes were made.")


def _half_days(days: str) -> int:
    try:
        parsed = parse_half_days(days)
    except ValueError as unreadable:
        raise typer.BadParameter(f"{days!r} {unreadable}", param_hint="--days") from unreadable
    assert isinstance(parsed, int)
    return parsed
