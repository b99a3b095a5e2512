"""What a row of the file of declared interests may hold by itself."""

from datetime import UTC, date, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, StringConstraints

from app.files.csv_reading import Date, ParticipantCell, RowModel, Text
from app.register.dates import not_before
from models.vocabulary import InterestKind

Reference = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=60)
]


def not_to_come(day: date) -> date:
    """Refuse a day that is yet to come; today may have begun elsewhere already."""
    if day > datetime.now(UTC).date():
        raise ValueError("must not be in the future")
    return day


class InterestRow(RowModel):
    """What one participant is to another: `holder` bids, supplies, judges, employs."""

    examples: ClassVar = (
        {
            "reference": "made-up-interest-1",
            "kind": "supplier_of",
            "holder": "900002",
            "about": "900001",
            "starts": "2025-09-01",
            "ends": "2027-08-31",
            "evidence": "made up: contract for catering",
            "declared_by": "business manager",
            "declared_on": "2025-09-01",
        },
    )

    reference: Reference
    kind: InterestKind
    holder: ParticipantCell
    about: ParticipantCell
    starts: Date | None = None
    ends: Annotated[Date, AfterValidator(not_before("starts"))] | None = None
    evidence: Annotated[Text, Field(max_length=300)]
    declared_by: Annotated[Text, Field(max_length=100)]
    declared_on: Annotated[Date, AfterValidator(not_to_come)]
