"""Finding support near a place as HTTP asks for it and answers."""

from datetime import date
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo

from app.exchange.list_query import OfferQuery
from app.http.fields import DIGITS, Shown, Text
from app.http.replies import Listed
from app.register.geocoder_server import EXAMPLE
from app.register.nearby import MOST_MILES
from models.vocabulary import Availability, Mode, Phase

T = TypeVar("T")


def _with_near(value: T, info: ValidationInfo) -> T:
    if value is not None and not info.data.get("near"):
        raise ValueError(f"means nothing without near. {EXAMPLE}")
    return value


_WITH_NEAR: Final = AfterValidator(_with_near)
_NOT_NEAR: Final = ("q", "trust", "quality")
"""Filters of the list that finding support does not have."""


def _without_others(value: str | None, info: ValidationInfo) -> str | None:
    others = [name for name in _NOT_NEAR if info.data.get(name) is not None]
    others += ["sort"] if info.data.get("sort", "id") != "id" else []
    if value and others:
        raise ValueError(f"cannot be together with {' and '.join(others)}. Leave out one of them")
    return value


class OfferFilter(OfferQuery):
    """With `near` it finds support for somebody there; without, it lists what is recorded."""

    near: Annotated[
        Text | None,
        Field(
            max_length=200,
            description="a URN, the key of an organisation, a postcode or its first half, a town, "
            "district or local authority, or latitude,longitude: all offers that were answered "
            "with `can_offer` or `may_offer`, nearest first; `expertise` is then a code or an "
            "everyday word, like phonics, and offers of what is broader or narrower count",
            examples=["CT17 0DQ"],
        ),
        AfterValidator(_without_others),
    ] = None
    miles: Annotated[
        float | None,
        Field(
            gt=0,
            le=MOST_MILES,
            allow_inf_nan=False,
            description="with `near` only; absent, and minutes too: 25",
        ),
        _WITH_NEAR,
    ] = None
    minutes: Annotated[
        int | None,
        Field(ge=1, le=1_440, description="with `near` only: one way, as estimated"),
        DIGITS,
        _WITH_NEAR,
    ] = None
    mode: Annotated[
        Mode | None,
        Field(description="with `near` only; `on_site` or `remote`: what can be given so"),
        _WITH_NEAR,
    ] = None


class FoundOffer(Shown):
    """What anybody who looks for support is told of an offer."""

    reference: str = Field(examples=["made-up-offer-1"])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Primary School"])
    town: str | None = Field(examples=["Otherton"])
    postcode: str | None = Field(examples=["ZZ1 1ZZ"])
    local_authority: str | None = Field(examples=["Kent"])
    latitude: float | None = Field(description="WGS84", examples=[51.5])
    longitude: float | None = Field(examples=[-0.5])
    miles: float | None = Field(description="in a straight line", examples=[2.3])
    minutes: int | None = Field(description="one way, as estimated", examples=[12])
    expertise: str = Field(examples=["early-reading"])
    expertise_name: str = Field(examples=["Early reading and phonics"])
    period: str = Field(examples=["2026-27"])
    days: float = Field(examples=[6])
    mode: Mode
    phases: list[Phase] = Field(examples=[["primary"]])
    window_starts: date
    window_ends: date
    availability: Availability
    availability_updated: date = Field(description="when the supporting organisation last said so")


class FoundOffers(Listed[FoundOffer]):
    """Offers near a place; `after` of the next page counts those before it."""

    place: str = Field(
        description="whose position is searched around",
        examples=["The position is that of Made-up Primary School."],
    )
    total: int = Field(examples=[120])
    expertise: list[str] = Field(
        description="the codes that `expertise` was taken for", examples=[["early-reading"]]
    )
