"""`givetake evidence`: what is said of somebody's support, and what it comes to for each offer."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, write_csv

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


def evidence(
    participant: Annotated[
        str, typer.Argument(metavar="URN", help="URN of a school, or key of an organisation.")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the evidence as CSV.")] = False,
) -> None:
    """Show who says what of the quality of somebody's support, and how its offers count."""
    from app.database import database_now
    from app.evidence.queries import list_evidence
    from app.evidence.reading import quality_on
    from app.evidence.schemas import EvidenceShown
    from app.evidence.wording import comes_from
    from app.exchange.list_query import OfferQuery
    from app.exchange.queries import list_offers
    from app.files.csv_writing import csv_of

    with open_database() as database, database.read() as session:
        found = list_evidence(session, TERMINAL, participant=participant, limit=None)
        if as_csv:
            rows = [EvidenceShown.of(row).model_dump(mode="json") for row in found]
            write_csv(csv_of(list(EvidenceShown.model_fields), rows), None)
            return
        today = database_now(session).date()
        wanted = OfferQuery.model_construct(participant=participant)
        offers = list_offers(session, TERMINAL, wanted, limit=None)
        told = [
            f"Offer {offer.reference}, {offer.expertise_code}: "
            f"{comes_from(quality_on(session, offer, today))}"
            for offer in offers
        ]
    told += [line(row) for row in found]
    for each in told or ["There is no evidence and no offer."]:
        out.print(each, markup=False, soft_wrap=True)


def line(row: "RowMapping") -> str:
    from app.portal.labels import label
    from app.wording import on_day
    from models.vocabulary import EvidenceKind

    who = row["said_by_name"] or row["body"]
    by = f"{row['role']}, {who}" if who else row["role"]
    about = f"offer {row['offer_reference']}" if row["offer_reference"] else row["expertise_code"]
    said = (
        f"Evidence {row['id']}, {about}: {row['strength']} out of 5, "
        f"{label(row['kind'], EvidenceKind).lower()}, {by}, {on_day(row['on_day'])}."
    )
    if row["partnership_id"] is not None:
        said += f" Partnership {row['partnership_id']}."
    if row["withdrawn_at"] is not None:
        return f"{said} Withdrawn: {row['withdrawn_reason']}"
    return f"{said} Counts from {on_day(row['counts_from'])}."
