"""Pins and exclusions as HTTP shows and takes them."""

from typing import Annotated

from pydantic import Field

from app.http.fields import DIGITS, LARGEST, Content, Instant, Moment, Shown, Text
from app.http.replies import Listed, Page
from app.proposals.list_query import NeedText, OfferText
from app.proposals.queries import Steered
from models.vocabulary import SteeringKind


class NewSteering(Content):
    """A pair that the next runs must include, or must not."""

    need: NeedText
    offer: OfferText
    reason: Annotated[Text, Field(examples=["Both heads asked for it."])]
    expires_at: Annotated[Instant | None, Field(examples=["2199-07-31T23:00:00Z"])] = None


class SteeringFilter(Page):
    standing: Annotated[bool | None, Field(description="only those in force, or not")] = None
    need: NeedText | None = None
    offer: OfferText | None = None
    after: Annotated[int, Field(ge=0, le=LARGEST), DIGITS] = 0


class SteeringShown(Shown):
    id: int = Field(examples=[1])
    kind: SteeringKind
    need: str = Field(examples=["made-up-need-1"])
    offer: str = Field(examples=["made-up-offer-1"])
    reason: str = Field(examples=["Both heads asked for it."])
    author: str = Field(examples=["portal (broker)"])
    created_at: Moment
    expires_at: Moment | None
    lifted_at: Moment | None = Field(examples=[None])
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, steered: Steered) -> "SteeringShown":
        row, need, offer = steered
        return cls(
            id=row.id,
            kind=SteeringKind(row.kind),
            need=need,
            offer=offer,
            reason=row.reason,
            author=row.author,
            created_at=row.created_at,
            expires_at=row.expires_at,
            lifted_at=row.lifted_at,
            version=row.version,
        )


class Steerings(Listed[SteeringShown]):
    pass
