"""Evidence of quality as HTTP shows and takes it."""

from datetime import date
from typing import Annotated

from pydantic import Field
from sqlalchemy import RowMapping

from app.catalogue.schemas import ExpertiseCode
from app.evidence.queries import OfOffer
from app.evidence.service import NewEvidence
from app.exchange.rows import Reference
from app.exchange.schemas import Role
from app.http.fields import DIGITS, LARGEST, Content, Day, Moment, Shown, Text
from app.http.replies import Listed, Page
from app.register.schemas import Participant
from models.vocabulary import EvidenceKind


class EvidenceContent(Content):
    """What somebody says of a giver's support: about all of an expertise, or about one offer."""

    kind: Annotated[
        EvidenceKind,
        Field(
            description="claim: by the supporting organisation itself; outcome is not added, but "
            "comes from partnerships",
            examples=["claim"],
        ),
    ]
    strength: Annotated[
        int, Field(strict=True, ge=1, le=5, description="1 (poor) to 5 (strong)", examples=[4])
    ]
    on_day: Annotated[Day, Field(description="the day on which it was said")]
    role: Role
    participant: Annotated[
        Participant | None, Field(description="whose support it is about; not with an offer")
    ] = None
    expertise: Annotated[ExpertiseCode | None, Field(description="not with an offer")] = None
    offer: Annotated[
        Reference | None,
        Field(description="the one offer that it is about", examples=[None]),
    ] = None
    said_by: Annotated[
        Participant | None,
        Field(description="who of the register said it; not of a claim", examples=[None]),
    ] = None
    body: Annotated[
        Text | None,
        Field(max_length=200, description="who said it, if not in the register", examples=[None]),
    ] = None
    source: Annotated[
        Text | None,
        Field(
            description="what it rests on; needed except for a claim",
            examples=["made up: supported three schools last year"],
        ),
    ] = None

    def new(self) -> NewEvidence:
        return NewEvidence(**self.model_dump())


class EvidenceAnswer(Content):
    answer: Annotated[Text, Field(examples=["Made up: we have trained two more leaders since"])]
    role: Role


class EvidenceWithdrawal(Content):
    reason: Annotated[Text, Field(examples=["The accreditation has ended"])]


class EvidenceShown(Shown):
    id: int = Field(examples=[1])
    participant: str = Field(description="whose support it is about", examples=["100000"])
    participant_name: str = Field(examples=["Made-up Academy"])
    expertise: str = Field(examples=["early-reading"])
    offer: str | None = Field(description="null: every offer of the expertise", examples=[None])
    kind: EvidenceKind
    strength: int = Field(examples=[4])
    on_day: date
    role: str = Field(description="the role, never the name", examples=["headteacher"])
    said_by: str | None = Field(examples=["100001"])
    said_by_name: str | None = Field(examples=["Made-up Primary School"])
    body: str | None = Field(examples=[None])
    partnership: int | None = Field(examples=[None])
    source: str | None = Field(examples=["made up: supported three schools last year"])
    counts_from: date
    recorded_by: str = Field(examples=["portal (broker)"])
    recorded_at: Moment
    answer: str | None = Field(examples=[None])
    answered_role: str | None = Field(examples=[None])
    answered_by: str | None = Field(examples=[None])
    answered_at: Moment | None = Field(examples=[None])
    withdrawn_at: Moment | None = Field(examples=[None])
    withdrawn_by: str | None = Field(examples=[None])
    withdrawn_reason: str | None = Field(examples=[None])
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, row: RowMapping) -> "EvidenceShown":
        said_by = row["said_by_reference"]
        renamed = {
            "participant": row["giver_reference"].partition(":")[2],
            "participant_name": row["giver_name"],
            "expertise": row["expertise_code"],
            "offer": row["offer_reference"],
            "said_by": None if said_by is None else said_by.partition(":")[2],
            "partnership": row["partnership_id"],
        }
        return cls.model_validate({**row, **renamed})


ACTORS = ("recorded_by", "answered_by", "withdrawn_by")


class EvidenceList(Listed[EvidenceShown]):
    pass


class EvidenceQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    participant: Annotated[Participant | None, Field(description="whose support it is about")] = (
        None
    )
    expertise: ExpertiseCode | None = None
    kind: EvidenceKind | None = None
    withdrawn: bool | None = None


class QualityShown(Shown):
    """What the evidence of an offer comes to in a run that is started today."""

    offer: str = Field(examples=["made-up-offer-1"])
    quality: int | None = Field(
        description="as points count it, 1 to 5; null: nobody has said anything, which counts as 1",
        examples=[4],
    )
    mean: float = Field(description="before it is rounded", examples=[3.9])
    claim: int | None = Field(description="what its giver claims", examples=[4])
    claim_counts: int = Field(description="what that counts as", examples=[3])
    sentence: str = Field(
        description="where it comes from",
        examples=[
            "The quality of this support counts as 3 out of 5: the supporting organisation itself "
            "claims 4, and a claim counts as 3 at most, and nobody else has said anything of it."
        ],
    )
    evidence: list[EvidenceShown] = Field(
        description="the latest first; also what does not count yet, or was withdrawn"
    )

    @classmethod
    def of(cls, found: OfOffer) -> "QualityShown":
        quality = found.quality
        return cls(
            offer=found.offer.reference,
            quality=quality.step or None,
            mean=round(quality.value, 4),
            claim=quality.claim,
            claim_counts=quality.claim_counts,
            sentence=found.sentence,
            evidence=[EvidenceShown.of(row) for row in found.evidence],
        )
