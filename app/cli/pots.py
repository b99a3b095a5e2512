"""`givetake pots`, `givetake pot show` and `givetake pot report`: money for support."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, require_writable, write_csv, write_text

if TYPE_CHECKING:
    from app.money.queries import PotSums

pot_app = typer.Typer(help="Look at one pot of money, or report on it.", no_args_is_help=True)
Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="Reference of the pot.")]


def pots(
    as_csv: Annotated[bool, typer.Option("--csv", help="Print as CSV.")] = False,
) -> None:
    """List pots of money with what is committed, claimed, paid and left."""
    from app.files.csv_writing import csv_of
    from app.money.queries import list_pots
    from app.money.schemas import PotShown

    with open_database() as database, database.read() as session:
        found = list_pots(session, TERMINAL, limit=None)
        if as_csv:
            rows = [PotShown.of(each).model_dump(mode="json") for each in found]
            write_csv(csv_of(list(PotShown.model_fields), rows), None)
            return
    for each in found:
        out.print(_line(each), markup=False, soft_wrap=True)
    if not found:
        out.print("There are no pots of money.")


def _line(sums: "PotSums") -> str:
    from app.wording import pounds

    pot = sums.pot
    closed = "" if pot.open else " Closed."
    return (
        f"{pot.reference} {pot.name}, held by {sums.holder.name}: {pounds(pot.budget_pence)}, "
        f"{pounds(pot.committed_pence)} committed, {pounds(sums.claimed_pence)} claimed, "
        f"{pounds(sums.paid_pence)} paid, {pounds(sums.left_pence)} left.{closed}"
    )


@pot_app.command()
def show(reference: Reference) -> None:
    """Show one pot with its rates, commitments and claims."""
    from app.money.queries import commitments_of, get_pot, list_claims
    from app.portal.labels import label
    from app.wording import on_day, pounds
    from models.vocabulary import ClaimState, CommitmentState, days_text

    with open_database() as database, database.read() as session:
        sums = get_pot(session, TERMINAL, reference)
        committed = commitments_of(session, TERMINAL, sums.pot)
        claims = list_claims(session, TERMINAL, pot=reference, limit=None)
    pot = sums.pot
    highest = pot.highest_day_rate_pence
    at_most = "" if highest is None else f", {pounds(highest)} at most"
    fee = "none"
    if pot.fee_basis_points is not None:
        fee = f"{pot.fee_basis_points / 100:g}% of the rate"
    elif pot.fee_pence is not None:
        fee = f"{pounds(pot.fee_pence)} a day"
    told = [
        _line(sums),
        f"Pays from {on_day(pot.starts)} to {on_day(pot.ends)}, {pounds(pot.day_rate_pence)} a "
        f"day{at_most}. Brokerage fee: {fee}.",
    ]
    for each in committed:
        of = each.commitment
        what = (
            f"partnership {of.partnership_id}"
            if of.partnership_id
            else f"proposal {each.proposal.id}"
        )
        told.append(
            f"{pounds(of.pence)} {label(of.state, CommitmentState).lower()} for {what}: "
            f"{each.giver.name} to {each.taker.name}, {days_text(of.half_days)}"
        )
    told += [
        f"Claim {each.claim.id}, {pounds(each.claim.pence)} of partnership "
        f"{each.commitment.partnership_id}: {label(each.claim.state, ClaimState).lower()}"
        for each in claims
    ]
    for line in told:
        out.print(line, markup=False, soft_wrap=True)


@pot_app.command()
def report(
    reference: Reference,
    period: Annotated[
        str | None, typer.Option(help="Only support planned for this period, such as 2026-27.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    as_html: Annotated[
        bool, typer.Option("--html", help="Print as a page that opens in a browser and prints.")
    ] = False,
    file: Annotated[Path | None, typer.Option("--out", help="Write to this file instead.")] = None,
) -> None:
    """Report what a pot paid for and what came of it, for those who give the money."""
    from app.database import database_now
    from app.money import report_page
    from app.money.report import as_csv as rows_as_csv
    from app.money.report import pot_report
    from app.money.schemas import PotReportShown
    from app.wording import number, pounds

    if as_csv + as_json + as_html > 1:
        raise typer.BadParameter("Choose one of --csv, --json and --html.")
    require_writable(file)
    with open_database() as database, database.read() as session:
        today = database_now(session).date()
        found = pot_report(session, TERMINAL, reference, period, today=today)
    if as_csv:
        write_csv(rows_as_csv(found), file)
    elif as_json:
        shown = PotReportShown.of(found).model_dump_json(indent=2)
        write_text(f"{shown}\n", file, "the report")
    elif as_html:
        write_text(report_page.as_html(found), file, "the report")
    else:
        told = [
            f"{found.name}, held by {found.holder_name}: {pounds(found.budget_pence)}, "
            f"{pounds(found.committed_pence)} committed, {pounds(found.claimed_pence)} claimed, "
            f"{pounds(found.paid_pence)} paid, {pounds(found.left_pence)} left to commit."
        ]
        told += [
            f"{row.school_name}, {row.expertise_name}: {number(row.days_delivered)} of "
            f"{number(row.days_agreed)} days delivered, {pounds(row.paid_pence)} of "
            f"{pounds(row.committed_pence)} paid, {row.needs_met} of {row.needs} needs met."
            for row in found.rows
        ]
        write_text("\n".join(told) + "\n", file, "the report")
