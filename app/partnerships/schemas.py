"""Support as HTTP shows it."""

from datetime import date
from typing import Annotated

from pydantic import Field
from sqlalchemy import RowMapping

from app.files.csv_reading import Key
from app.http.fields import DIGITS, LARGEST, Moment, Shown, Words, in_days
from app.http.replies import Listed, Page
from app.register.schemas import AreaCode, Participant
from models.vocabulary import SupportResult, SupportState


class SupportShown(Shown):
    """An arrangement of this service or another agency: current, or with its result."""

    reference: str = Field(examples=["made-up-support-1"])
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver: str | None = Field(
        description="null: another agency gives it, by name", examples=["100001"]
    )
    giver_name: str | None = Field(
        description="if the supporting organisation is not in the register"
    )
    supporter: str = Field(
        description="name of the supporting organisation", examples=["Made-up Academy"]
    )
    agency: str | None = Field(description="who arranged it, if not this service")
    expertise: str | None = Field(examples=["early-reading"])
    target: str | None
    period: str | None = Field(examples=["2026-27"])
    days: float | None = Field(examples=[4.5])
    starts: date | None
    ends: date | None
    state: SupportState
    result: SupportResult | None
    updated_at: Moment

    @classmethod
    def of(cls, row: RowMapping) -> "SupportShown":
        def cell(reference: str | None) -> str | None:
            return None if reference is None else reference.partition(":")[2]

        content = dict(row) | {
            "taker": cell(row["taker_reference"]),
            "giver": cell(row["giver_reference"]),
            "supporter": row["giver_participant_name"] or row["giver_name"],
            "expertise": row["expertise_code"],
            "period": row["period_code"],
            "days": None if row["half_days"] is None else in_days(row["half_days"]),
        }
        return cls.model_validate(content)


class SupportPage(Listed[SupportShown]):
    pass


class SupportQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    participant: Annotated[Participant | None, Field(description="on either side")] = None
    taker: Participant | None = None
    giver: Participant | None = None
    agency: Words | None = None
    expertise: Key | None = None
    period: Key | None = None
    state: SupportState | None = None
    area: Annotated[AreaCode | None, Field(description="area of the school receiving support")] = (
        None
    )
