"""Alliances as HTTP shows and takes them."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, model_validator

from app.alliances.plan import NewAction
from app.alliances.queries import Member, Planned, Reviewed, Whole
from app.alliances.service import NewAlliance
from app.exchange.rows import Reference
from app.exchange.schemas import Role
from app.files.csv_reading import Key
from app.http.fields import DIGITS, LARGEST, Content, Day, Flag, NamedId, Shown, Text, in_days
from app.http.replies import Listed, Page
from app.partnerships.partnership_schemas import PartnershipShown
from app.partnerships.schemas import TargetShown
from app.proposals.schemas import Note
from app.register.schemas import Participant
from models.alliances import Alliance, AllianceTarget
from models.vocabulary import (
    ActionState,
    AllianceKind,
    AllianceRole,
    Channel,
    MemberState,
    Rating,
)

Name = Annotated[Text, Field(max_length=200, examples=["Made-up Family of Schools"])]
Aims = Annotated[Note, Field(examples=["Made up: every child reads by the age of seven"])]


class NewAllianceContent(Content):
    """An alliance with the school or organisation that is asked to lead it."""

    reference: Annotated[Reference, Field(examples=["made-up-alliance-1"])]
    name: Name
    kind: AllianceKind
    aims: Aims
    starts: Day
    ends: Annotated[Day | None, Field(examples=[None])] = None
    lead: Annotated[Participant, Field(description="who is asked to lead it")]
    network: Annotated[
        Key | None, Field(description="the network of the register that it is", examples=[None])
    ] = None

    def new(self) -> NewAlliance:
        return NewAlliance(**self.model_dump())


class ChangedAlliance(Content):
    """What changes; absent: as it is."""

    name: Name | None = None
    aims: Aims | None = None
    starts: Day | None = None
    ends: Annotated[Day | None, Field(description="null: without an end")] = None

    @model_validator(mode="after")
    def _some(self) -> "ChangedAlliance":
        if any(self.changes[name] is None for name in self.changes if name != "ends"):
            raise ValueError("name, aims and starts must not be null; leave them out instead")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class AllianceEnd(Content):
    over_on: Day
    reason: Annotated[Note, Field(examples=["Made up: its aims are met"])]


class AllianceInvitation(Content):
    participant: Participant
    role: Annotated[AllianceRole, Field(examples=["member"])] = AllianceRole.MEMBER


class AllianceAnswer(Content):
    """What the head or body of whoever was asked says."""

    joins: Annotated[Flag, Field(examples=[True])]
    role: Role
    said_on: Annotated[
        Day | None, Field(description="when they said so; a contact leaves it out")
    ] = None
    channel: Annotated[
        Channel | None,
        Field(
            description="how they told you; a contact leaves it out", examples=[Channel.TELEPHONE]
        ),
    ] = None


class AllianceLeaving(Content):
    reason: Annotated[Note, Field(examples=["Made up: it has joined another family"])]


class AllianceActionContent(Content):
    what: Annotated[Note, Field(examples=["Made up: train two reading leaders in each school"])]
    leader: Annotated[Participant, Field(description="the member that leads it")]
    due: Day
    need: Annotated[
        Reference | None, Field(description="the need of a member that it serves", examples=[None])
    ] = None
    partnership: Annotated[
        NamedId | None, Field(description="the partnership that it serves", examples=[None])
    ] = None

    def new(self) -> NewAction:
        return NewAction(**self.model_dump())


class AllianceActionEnd(Content):
    state: Annotated[ActionState, Field(description="done or dropped", examples=[ActionState.DONE])]
    reason: Annotated[
        Note | None, Field(description="needed where it was dropped", examples=[None])
    ] = None


class NewAllianceReview(Content):
    participant: Annotated[Participant, Field(description="the member that says so")]
    rating: Rating
    on_day: Day
    role: Role
    note: Annotated[Note | None, Field(description="needed with amber and red")] = None


class AllianceMemberShown(Shown):
    id: int = Field(examples=[1])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Academy"])
    role: AllianceRole
    state: MemberState
    said_role: str | None = Field(description="who answered there", examples=["headteacher"])
    said_on: date | None
    channel: Channel | None
    starts: date | None
    ends: date | None
    left_reason: str | None = Field(examples=[None])
    days_given: float = Field(description="to other members", examples=[2.5])
    days_taken: float = Field(description="from other members", examples=[1.5])
    balance: float = Field(description="given less taken", examples=[1.0])

    @classmethod
    def of(cls, found: Member) -> "AllianceMemberShown":
        member, between = found.member, found.between
        stored = {name: getattr(member, name) for name in cls.model_fields if hasattr(member, name)}
        return cls.model_validate(
            stored
            | {
                "participant": found.participant.reference.partition(":")[2],
                "participant_name": found.participant.name,
                "days_given": in_days(between.given),
                "days_taken": in_days(between.taken),
                "balance": in_days(between.balance),
            }
        )


class AllianceActionShown(Shown):
    id: int = Field(examples=[1])
    what: str = Field(examples=["Made up: train two reading leaders in each school"])
    leader: str = Field(examples=["100000"])
    leader_name: str = Field(examples=["Made-up Academy"])
    due: date
    state: ActionState
    reason: str | None = Field(examples=[None])
    ended_on: date | None
    need: str | None = Field(examples=[None])
    partnership: int | None = Field(examples=[None])

    @classmethod
    def of(cls, found: Planned) -> "AllianceActionShown":
        action = found.action
        stored = {name: getattr(action, name) for name in cls.model_fields if hasattr(action, name)}
        return cls.model_validate(
            stored
            | {
                "leader": found.leader.reference.partition(":")[2],
                "leader_name": found.leader.name,
                "need": found.need,
                "partnership": action.partnership_id,
            }
        )


class AllianceTargetShown(TargetShown):
    id: int = Field(examples=[1])

    @classmethod
    def of_alliance(cls, target: AllianceTarget) -> "AllianceTargetShown":
        return cls(id=target.id, **TargetShown.of(target).model_dump())


class AllianceReviewShown(Shown):
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Academy"])
    rating: Rating
    on_day: date
    role: str = Field(examples=["headteacher"])
    note: str | None

    @classmethod
    def of(cls, found: Reviewed) -> "AllianceReviewShown":
        review = found.review
        stored = {name: getattr(review, name) for name in cls.model_fields if hasattr(review, name)}
        who = found.participant
        named = {"participant": who.reference.partition(":")[2], "participant_name": who.name}
        return cls.model_validate(stored | named)


class AllianceListed(Shown):
    id: int = Field(examples=[1])
    reference: str = Field(examples=["made-up-alliance-1"])
    name: str = Field(examples=["Made-up Family of Schools"])
    kind: AllianceKind
    starts: date
    ends: date | None = Field(description="as planned")
    over_on: date | None
    members: int = Field(description="who are in", examples=[4])

    @classmethod
    def of(cls, alliance: Alliance, members: int) -> "AllianceListed":
        names = cls.model_fields.keys() - {"members"}
        return cls(members=members, **{name: getattr(alliance, name) for name in names})


class AllianceDetail(Shown):
    """An alliance with its plan, and the support that its members give each other."""

    id: int = Field(examples=[1])
    reference: str = Field(examples=["made-up-alliance-1"])
    name: str = Field(examples=["Made-up Family of Schools"])
    kind: AllianceKind
    network: str | None = Field(examples=[None])
    aims: str = Field(examples=["Made up: every child reads by the age of seven"])
    starts: date
    ends: date | None = Field(description="as planned")
    over_on: date | None
    over_reason: str | None
    members: list[AllianceMemberShown] = Field(description="everybody who was ever asked")
    actions: list[AllianceActionShown]
    targets: list[AllianceTargetShown]
    reviews: list[AllianceReviewShown] = Field(description="the latest first")
    partnerships: list[PartnershipShown] = Field(
        description="between members, those that you may read"
    )
    version: int = Field(examples=[1])

    @classmethod
    def of_whole(cls, whole: Whole) -> "AllianceDetail":
        of = whole.alliance
        lists = {"network", "members", "actions", "targets", "reviews", "partnerships"}
        stored = {name: getattr(of, name) for name in cls.model_fields.keys() - lists}
        return cls(
            **stored,
            network=None if whole.network is None else whole.network.key,
            members=[AllianceMemberShown.of(each) for each in whole.members],
            actions=[AllianceActionShown.of(each) for each in whole.actions],
            targets=[AllianceTargetShown.of_alliance(each) for each in whole.targets],
            reviews=[AllianceReviewShown.of(each) for each in whole.reviews],
            partnerships=[PartnershipShown.of(each) for each in whole.partnerships],
        )


class Alliances(Listed[AllianceListed]):
    pass


class AllianceQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    participant: Annotated[
        Participant | None, Field(description="who is in it, was, or was asked")
    ] = None
    over: bool | None = None
