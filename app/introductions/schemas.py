"""Introductions as HTTP shows and takes them."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.exchange.rows import Reference
from app.exchange.schemas import Role
from app.http.fields import DIGITS, LARGEST, Content, Day, Moment, Shown, Text
from app.http.replies import Listed, Page
from app.introductions.queries import Asked
from app.introductions.service import NewIntroduction
from models.vocabulary import IntroductionKind, IntroductionState


class NewIntroductionContent(Content):
    """A need, and the offer that its school found."""

    kind: Annotated[IntroductionKind, Field(examples=["introduction"])] = (
        IntroductionKind.INTRODUCTION
    )
    need: Annotated[Reference, Field(examples=["made-up-need-1"])]
    offer: Annotated[Reference, Field(examples=["made-up-offer-1"])]
    role: Role
    agreed_with: Annotated[
        Text | None,
        Field(
            max_length=100,
            description="of an arrangement: the role of who agreed it for the supporting "
            "organisation",
            examples=[None],
        ),
    ] = None
    agreed_on: Annotated[Day | None, Field(examples=[None])] = None

    def new(self) -> NewIntroduction:
        return NewIntroduction(**self.model_dump())


class IntroductionClosure(Content):
    reason: Annotated[Text, Field(examples=["Made up: they met, and need no more"])]


class IntroductionShown(Shown):
    id: int = Field(examples=[1])
    kind: IntroductionKind
    state: IntroductionState
    need: str = Field(examples=["made-up-need-1"])
    school: str = Field(description="URN or key", examples=["100000"])
    school_name: str = Field(examples=["Made-up Primary School"])
    offer: str = Field(examples=["made-up-offer-1"])
    giver: str = Field(examples=["100001"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    role: str = Field(description="of who asked, at the school", examples=["headteacher"])
    agreed_with: str | None = Field(examples=[None])
    agreed_on: date | None
    asked_at: Moment
    closed_at: Moment | None
    reason: str | None = Field(description="why it was closed without a proposal")
    run: int | None = Field(description="that proposes the two", examples=[None])
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, asked: Asked) -> "IntroductionShown":
        one = asked.introduction
        return cls(
            **{
                name: getattr(one, name)
                for name in (
                    *("id", "kind", "state", "role", "agreed_with", "agreed_on", "asked_at"),
                    *("closed_at", "reason", "version"),
                )
            },
            need=asked.need.reference,
            school=asked.school.reference.partition(":")[2],
            school_name=asked.school.name,
            offer=asked.offer.reference,
            giver=asked.giver.reference.partition(":")[2],
            giver_name=asked.giver.name,
            run=one.run_id,
        )


class Introductions(Listed[IntroductionShown]):
    pass


class IntroductionQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST), DIGITS] = 0
    state: IntroductionState | None = None
    need: Reference | None = None
