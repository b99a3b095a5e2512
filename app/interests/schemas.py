"""Declared interests as HTTP shows and takes them."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import RowMapping

from app.http.fields import DIGITS, LARGEST, Content, Day, Moment, Shown, Text
from app.http.replies import Listed, Page
from app.interests.rows import InterestRow, Reference, not_to_come
from app.register.dates import not_before
from app.register.schemas import Participant
from models.vocabulary import InterestAnswer, InterestEffect, InterestKind


class NewInterest(Content):
    """What one participant is to another; of a trust or federation it counts for each member."""

    reference: Annotated[Reference, Field(examples=["made-up-interest-1"])]
    kind: InterestKind
    holder: Annotated[
        Participant,
        Field(description="who bids, supplies, judges or employs: a URN, a key or a reference"),
    ]
    about: Annotated[
        Participant,
        Field(description="whom that is about: a URN, a key or a reference", examples=["100001"]),
    ]
    starts: Annotated[Day | None, Field(description="null: not known since when")] = None
    ends: Annotated[
        Annotated[Day, AfterValidator(not_before("starts"))] | None,
        Field(description="the last day; null: it goes on", examples=[None]),
    ] = None
    evidence: Annotated[Text, Field(examples=["contract for catering"])]
    declared_by: Annotated[
        Text,
        Field(
            max_length=100,
            description="the role, never the name",
            examples=["business manager"],
        ),
    ]
    declared_on: Annotated[Day, AfterValidator(not_to_come), Field(examples=["2025-09-01"])]

    def row(self) -> InterestRow:
        return InterestRow(**self.model_dump())


class InterestWithdrawal(Content):
    reason: Annotated[Text, Field(examples=["The contract ended on 31 March."])]


class InterestShown(Shown):
    id: int = Field(examples=[1])
    reference: str = Field(examples=["made-up-interest-1"])
    kind: InterestKind
    holder: str = Field(examples=["100000"])
    holder_name: str = Field(examples=["Made-up Academy"])
    about: str = Field(examples=["100001"])
    about_name: str = Field(examples=["Made-up Primary School"])
    starts: date | None
    ends: date | None
    evidence: str = Field(examples=["contract for catering"])
    declared_by: str = Field(description="the role, never the name", examples=["business manager"])
    declared_on: date
    recorded_by: str = Field(examples=["portal (broker)"])
    recorded_at: Moment
    withdrawn_at: Moment | None = Field(examples=[None])
    withdrawn_by: str | None = Field(examples=[None])
    withdrawn_reason: str | None = Field(examples=[None])
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, row: RowMapping) -> "InterestShown":
        sides = {side: row[f"{side}_reference"].partition(":")[2] for side in ("holder", "about")}
        return cls.model_validate({**row, **sides})


ACTORS = ("recorded_by", "withdrawn_by")


class Interests(Listed[InterestShown]):
    pass


class InterestQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    participant: Annotated[
        Participant | None, Field(description="on either side, by itself or by its group")
    ] = None
    kind: InterestKind | None = None
    on: Annotated[Day | None, Field(description="a day on which it holds")] = None
    withdrawn: bool | None = None


Role = Annotated[
    Text, Field(max_length=100, description="the role, never the name", examples=["headteacher"])
]


class NewInterestQuestion(Content):
    """That somebody was asked to declare the interests of a school or organisation."""

    participant: Annotated[Participant, Field(description="who was asked")]
    asked_role: Role
    asked_on: Annotated[Day, AfterValidator(not_to_come), Field(examples=["2025-09-01"])]


class InterestQuestionAnswer(Content):
    """What they answered."""

    answer: Annotated[
        InterestAnswer,
        Field(description="`declared`: record each interest too", examples=["none"]),
    ]
    answered_by: Role
    answered_on: Annotated[Day, AfterValidator(not_to_come), Field(examples=["2025-09-02"])]


class InterestQuestionShown(Shown):
    id: int = Field(examples=[1])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Academy"])
    asked_role: str = Field(examples=["headteacher"])
    asked_on: date
    asked_by: str = Field(description="who recorded that", examples=["portal (broker)"])
    recorded_at: Moment
    answer: InterestAnswer | None = Field(description="null: not answered", examples=["none"])
    answered_by: str | None = Field(description="the role", examples=["headteacher"])
    answered_on: date | None
    answer_recorded_by: str | None = Field(examples=["portal (broker)"])
    answer_recorded_at: Moment | None
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, row: RowMapping) -> "InterestQuestionShown":
        named = {
            "participant": row["reference"].partition(":")[2],
            "participant_name": row["name"],
        }
        return cls.model_validate({**row, **named})


OF_QUESTIONS = ("asked_by", "answer_recorded_by")


class InterestQuestions(Listed[InterestQuestionShown]):
    pass


class InterestQuestionQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    participant: Annotated[Participant | None, Field(description="who was asked")] = None
    answered: bool | None = None


class InterestRuleShown(Shown):
    """What a kind of interest does to the pair of its two sides."""

    kind: InterestKind
    effect: InterestEffect = Field(description="shown: as a warning that rules nothing out")
    exceptions: bool = Field(
        description="whether an approver may allow an exception where it refuses"
    )
    steps: int = Field(
        description="interests of a path between the two sides that it refuses as a part of",
        examples=[1],
    )


class InterestRules(Listed[InterestRuleShown]):
    pass
