"""Open offers as HTTP shows and takes them."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.catalogue.schemas import ExpertiseCode
from app.exchange.open_offers import NewOpenOffer
from app.exchange.rows import Reference
from app.exchange.schemas import Participant
from app.http.fields import Content, Day, Shown, Text
from app.http.replies import Listed
from models.vocabulary import METRES_PER_MILE, OpenOfferKind


class NewOpenOfferContent(Content):
    """Something that is open to many schools; no days are counted."""

    reference: Annotated[Reference, Field(examples=["made-up-open-offer-1"])]
    participant: Participant
    expertise: ExpertiseCode
    kind: Annotated[OpenOfferKind, Field(examples=["open_day"])]
    title: Annotated[Text, Field(max_length=200, examples=["Made up: see phonics taught"])]
    link: Annotated[
        Text | None, Field(description="an https:// address that describes it", examples=[None])
    ] = None
    starts: Annotated[Day, Field(examples=["2026-11-10"])]
    ends: Annotated[Day, Field(examples=["2027-07-16"])]

    def new(self) -> NewOpenOffer:
        return NewOpenOffer(**self.model_dump())


class OpenOfferShown(Shown):
    reference: str = Field(examples=["made-up-open-offer-1"])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Primary School"])
    expertise: str = Field(examples=["early-reading"])
    expertise_name: str = Field(examples=["Early reading and phonics"])
    kind: OpenOfferKind
    title: str = Field(examples=["Made up: see phonics taught"])
    link: str | None = Field(examples=[None])
    starts: date
    ends: date
    confirmed_on: date = Field(description="when its giver last said that it stands")
    miles: float | None = Field(description="from `near`, in a straight line", examples=[2.3])
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, row: dict[str, object]) -> "OpenOfferShown":
        metres = row["distance_m"]
        away = round(metres / METRES_PER_MILE, 1) if isinstance(metres, float) else None
        return cls.model_validate({**row, "miles": away})


class OpenOffers(Listed[OpenOfferShown]):
    pass


class OpenOfferChanged(Shown):
    """An open offer as its giver keeps it."""

    reference: str = Field(examples=["made-up-open-offer-1"])
    confirmed_on: date
    withdrawn: bool
    version: int = Field(examples=[1])


class OpenOfferQuery(Content):
    near: Annotated[
        Text | None,
        Field(
            max_length=200,
            description="a URN, the key of an organisation, a postcode or a place",
            examples=["CT17 0DQ"],
        ),
    ] = None
    expertise: Annotated[ExpertiseCode | None, Field(description="a code or an everyday word")] = (
        None
    )
    participant: Participant | None = None
