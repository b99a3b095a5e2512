"""Requests, answers and the sheet as HTTP shows and takes them."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from app.consent import queries
from app.consent.many import MOST_ANSWERS
from app.consent.service import MOST_CHOICES, Choice, Whom
from app.consent.sheet import Sheet
from app.files.csv_reading import clean_text
from app.http.fields import Content, Day, Id, Moment, NamedId, Shown
from app.http.replies import Listed
from app.proposals.heard import Heard
from app.proposals.list_query import OfferText
from app.proposals.schemas import Note
from models.vocabulary import (
    Channel,
    DeclineReason,
    Party,
    Reply,
    RequestState,
    Side,
)

RoleText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    BeforeValidator(clean_text),
    Field(description="a role, never a name", examples=["headteacher"]),
]


class NewChoice(Content):
    """Another offer for the same need, and whom to ask if the school picks it."""

    offer: OfferText
    giver: Annotated[NamedId | None, Field(examples=[4])] = None
    home_head: Annotated[NamedId | None, Field(examples=[None])] = None


class NewRequests(Content):
    """The contacts to ask, by number; each gets a link of their own by email."""

    taker: Annotated[
        NamedId | None,
        Field(description="a contact of the school receiving support", examples=[1]),
    ] = None
    giver: Annotated[
        NamedId | None,
        Field(
            description="a contact of the supporting organisation; asked once the home head said "
            "yes, where there is one",
            examples=[2],
        ),
    ] = None
    home_head: Annotated[
        NamedId | None,
        Field(description="the head who releases the person", examples=[3]),
    ] = None
    choices: Annotated[
        tuple[NewChoice, ...],
        Field(
            max_length=MOST_CHOICES,
            description="other offers for the need that the school may pick instead",
            examples=[[]],
        ),
    ] = ()

    def whom(self) -> Whom:
        return Whom(
            self.taker,
            self.giver,
            self.home_head,
            tuple(Choice(each.offer, each.giver, each.home_head) for each in self.choices),
        )


class RequestShown(Shown):
    """What one party was asked, and what came of it; the link itself is shown nowhere."""

    id: Id = Field(examples=[1])
    proposal: int = Field(examples=[1])
    party: Party
    contact: int = Field(description="the number of the contact that was asked", examples=[1])
    role: str = Field(description="of that contact", examples=["headteacher"])
    state: RequestState
    asked_by: str = Field(examples=["portal (broker)"])
    asked_at: Moment | None
    sent: bool = Field(description="whether the email with the link has gone out")
    not_sent: str | None = Field(description="why an email did not go out", examples=[None])
    reminded_at: Moment | None = Field(examples=[None])
    next_clock: Moment | None = Field(
        description="when it is reminded next, or takes no answer any more"
    )
    expires_at: Moment | None
    answered_at: Moment | None = Field(description="or when it was closed", examples=[None])
    answered_role: str | None = Field(examples=[None])
    channel: Channel | None = Field(description="null: through the link", examples=[None])
    voided_at: Moment | None = Field(
        description="when the answer ceased to count, as the terms changed", examples=[None]
    )
    why: str | None = Field(
        description="why it was closed without an answer, or counts no more", examples=[None]
    )
    note: str | None = Field(description="what whoever answered wrote", examples=[None])
    choices: list[int] = Field(description="other proposals offered", examples=[[]])
    chosen: int | None = Field(description="the proposal that was picked", examples=[None])

    @classmethod
    def of(cls, asked: queries.Asked) -> "RequestShown":
        request = asked.request
        return cls(
            id=request.id,
            proposal=request.proposal_id,
            party=Party(request.party),
            contact=request.contact_id,
            role=request.role,
            state=RequestState(request.state),
            asked_by=request.asked_by,
            asked_at=request.asked_at,
            sent=asked.sent,
            not_sent=asked.failed,
            reminded_at=request.reminded_at,
            next_clock=asked.next_clock,
            expires_at=request.expires_at,
            answered_at=request.closed_at,
            answered_role=request.answered_role,
            channel=request.channel and Channel(request.channel),
            voided_at=request.voided_at,
            why=request.why,
            note=request.note,
            choices=[each["proposal"] for each in request.choices],
            chosen=request.chosen_id,
        )


class Requests(Listed[RequestShown]):
    pass


class NewRelease(Content):
    """What the head who releases the person said in another way than by the link."""

    says: Reply
    said_by: Annotated[
        RoleText, Field(description="a role, never a name", examples=["headteacher"])
    ]
    said_on: Annotated[Day, Field(description="the day on which it was said")]
    channel: Annotated[Channel, Field(examples=["telephone"])]
    note: Annotated[Note | None, Field(description="kept here, out of the audit")] = None

    def heard(self) -> Heard:
        return Heard(self.said_by, self.said_on, self.channel)


class NewAnswer(Content):
    """What one side says to one proposal."""

    proposal: Annotated[NamedId, Field(examples=[1])]
    side: Side
    says: Annotated[Reply, Field(description="`talk_first` only where a link was sent")]
    said_by: Annotated[
        RoleText, Field(description="a role, never a name", examples=["headteacher"])
    ]
    said_on: Annotated[
        Day | None, Field(description="when they told you; absent: you say it yourself")
    ] = None
    channel: Annotated[Channel | None, Field(description="how they told you")] = None
    reason: Annotated[DeclineReason | None, Field(description="needed for a no")] = None
    note: Note | None = None


class NewAnswers(Content):
    """Answers to several proposals: all are saved, or none."""

    answers: Annotated[list[NewAnswer], Field(min_length=1, max_length=MOST_ANSWERS)]


class AnswerSaved(Shown):
    proposal: int = Field(examples=[1])
    side: Side
    says: Reply
    agreement: int | None = Field(
        description="its record; null where they want to talk first", examples=[1]
    )
    state: str = Field(description="of the proposal now", examples=["agreed"])


class AnswersSaved(Listed[AnswerSaved]):
    pass


class SectionShown(Shown):
    heading: str = Field(examples=["Why you"])
    lines: list[str] = Field(examples=[["The two are 4.2 miles apart."]])


class SheetShown(Shown):
    """The two-heads sheet: the same in JSON, HTML and PDF."""

    proposal_id: int = Field(examples=[1])
    title: str = Field(examples=["Made-up Junior School supporting Made-up Primary School"])
    lead: str = Field(examples=["We suggest that Made-up Junior School gives 2.5 days of support."])
    sections: list[SectionShown]
    as_of: date = Field(examples=["2026-09-01"])

    @classmethod
    def of(cls, sheet: Sheet) -> "SheetShown":
        return cls.model_validate(sheet)
