"""Proposals, decisions, pins and exclusions as HTTP shows and takes them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from app.exchange.schemas import CountShown, Role
from app.files.csv_reading import clean_text
from app.http.fields import (
    Content,
    Day,
    Moment,
    Shown,
    Text,
    in_days,
)
from app.http.replies import Listed
from app.proposals.approval_rules import Approval
from app.proposals.flag_schemas import FlagShown
from app.proposals.heard import Heard
from app.proposals.pair_check import PairToday, RuleResult, rule_results
from app.proposals.queries import Full
from models.exchange import Offer
from models.matching import Agreement, Alternate, Decision
from models.register import Participant as ParticipantRow
from models.vocabulary import (
    METRES_PER_MILE,
    ApprovedBy,
    Channel,
    Consultee,
    DecisionAction,
    DeclineReason,
    Ladder,
    LegalBasis,
    ProposalState,
    Says,
    Side,
)

Note = Annotated[
    str, StringConstraints(min_length=1, max_length=2_000), BeforeValidator(clean_text)
]


def cell_of(participant: ParticipantRow) -> str:
    """A URN, or the key of an organisation."""
    return participant.reference.partition(":")[2]


def miles(distance_m: int | None) -> float | None:
    return None if distance_m is None else round(distance_m / METRES_PER_MILE, 1)


class ProposalShown(Shown):
    """A pairing under review."""

    id: int = Field(examples=[1])
    run: int = Field(examples=[1])
    state: ProposalState
    need: str = Field(examples=["made-up-need-1"])
    offer: str = Field(examples=["made-up-offer-1"])
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver: str = Field(examples=["100001"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    expertise: str = Field(description="of the need", examples=["early-reading"])
    priority: int = Field(examples=[2])
    days: float = Field(examples=[2.5])
    points: int = Field(description="per half-day", examples=[512])
    points_once: int = Field(
        description="for meeting the need, whatever the days: its priority; 0 where they count "
        "per half-day, as several organisations may share the need",
        examples=[4000],
    )
    total_points: int = Field(
        description="what it adds to the plan: points x half-days + points_once", examples=[6560]
    )
    distance_miles: float | None = Field(description="null: remote", examples=[4.2])
    ladder: Ladder
    sendable: bool = Field(description="false: it depends on suggestions that are not confirmed")
    held_until: Moment | None = Field(description="when it lapses without an answer")
    public_money_pounds: int | None = Field(
        description="what public funds pay for it in all; null: not recorded", examples=[1800]
    )
    directed: bool = Field(
        description="whether a statutory direction stands in for the school's agreement"
    )
    follows: int | None = Field(description="the ended proposal that it replaces", examples=[None])
    replaced_by_run: int | None = Field(
        description="the newer run of the same area and period that replaced it", examples=[None]
    )
    flag: FlagShown | None = Field(
        description="why it can no longer go ahead as planned, until somebody deals with it",
        examples=[None],
    )
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, full: Full, **more: Any) -> "ProposalShown":
        proposal = full.proposal
        return cls(
            id=proposal.id,
            run=proposal.run_id,
            state=ProposalState(proposal.state),
            need=full.need.reference,
            offer=full.offer.reference,
            taker=cell_of(full.taker),
            taker_name=full.taker.name,
            giver=cell_of(full.giver),
            giver_name=full.giver.name,
            expertise=full.need.expertise_code,
            priority=full.need.priority,
            days=in_days(proposal.half_days),
            points=proposal.points,
            points_once=proposal.points_once,
            total_points=proposal.total_points,
            distance_miles=miles(proposal.distance_m),
            ladder=Ladder(proposal.ladder),
            sendable=full.sendable,
            held_until=proposal.held_until,
            public_money_pounds=proposal.public_money_pounds,
            directed=full.directed,
            follows=proposal.follows_id,
            replaced_by_run=proposal.replaced_by_run_id,
            flag=full.flag and FlagShown.model_validate(full.flag),
            version=proposal.version,
            **more,
        )


class ComponentShown(Shown):
    """One component of the points, and the reason for it."""

    name: str = Field(examples=["nearness"])
    points: int = Field(examples=[139])
    once: bool = Field(
        False, description="true: for the need, whatever the days; false: for each half-day"
    )
    sentence: str = Field(examples=["4.2 miles apart."])


class ExceptionShown(Shown):
    """Somebody with the right to approve let the pair break a rule."""

    rule: str = Field(examples=["too_far"])
    reason: str = Field(examples=["the journey is by a direct train"])
    author: str = Field(examples=["portal (broker)"])
    at: Moment


class PairRuleShown(Shown):
    """A rule of the pair: what passed when it was planned, and whether it holds today."""

    rule: str = Field(description="named for what it refuses", examples=["too_far"])
    sentence: str = Field(
        description="as it was when the pair was planned; as it is today where that was not kept",
        examples=["The two are 4.2 miles apart, within the supporting organisation's 20 miles."],
    )
    value: float | None = Field(examples=[4.2])
    limit: float | None = Field(examples=[20])
    holds: bool | None = Field(
        description="today; null where the proposal has ended or its period is over"
    )
    today: str | None = Field(
        description="the sentence of today, where the rule no longer holds", examples=[None]
    )
    warning: str | None = Field(
        description="what to look after although the rule holds, as when a side is to close",
        examples=[None],
    )
    exception: ExceptionShown | None = Field(
        description="that lets the proposal go on all the same", examples=[None]
    )
    can_be_excepted: bool = Field(
        description="whether somebody with the right to approve may make an exception now"
    )

    @classmethod
    def of(cls, result: RuleResult) -> "PairRuleShown":
        broken = result.today if result.holds is False else None
        return cls(
            rule=result.rule,
            sentence=result.sentence,
            value=result.value,
            limit=result.limit,
            holds=result.holds,
            today=broken.sentence if broken else None,
            warning=result.warning,
            exception=result.exception and ExceptionShown.model_validate(result.exception),
            can_be_excepted=bool(broken and broken.may_be_excepted and not result.exception),
        )


class NewException(Content):
    """Which broken rule the proposal may break, and why."""

    rule: Annotated[str, Field(min_length=1, max_length=30, examples=["too_far"])]
    reason: Annotated[
        Text,
        Field(
            max_length=300,
            description="kept here, out of the audit",
            examples=["the journey is by a direct train"],
        ),
    ]


class AlternateShown(Shown):
    """An alternative for the same need; it holds no days."""

    rank: int = Field(examples=[1])
    offer: str = Field(examples=["made-up-offer-2"])
    giver: str = Field(examples=["100002"])
    giver_name: str = Field(examples=["Made-up Infant School"])
    points: int = Field(
        description="per half-day; what counts once for the need is the same whoever meets it",
        examples=[488],
    )
    components: dict[str, int] = Field(
        description="of the points per half-day", examples=[{"nearness": 130}]
    )
    distance_miles: float | None = Field(examples=[6.1])
    ladder: Ladder
    loss: int | None = Field(
        description="points that the plan would lose; null: other pairings would have to change",
        examples=[120],
    )

    @classmethod
    def of(cls, alternate: Alternate, offer: Offer, giver: ParticipantRow) -> "AlternateShown":
        return cls(
            rank=alternate.rank,
            offer=offer.reference,
            giver=cell_of(giver),
            giver_name=giver.name,
            points=alternate.points,
            components=alternate.components,
            distance_miles=miles(alternate.distance_m),
            ladder=Ladder(alternate.ladder),
            loss=alternate.loss,
        )


class DirectionShown(Shown):
    """What stands in for the school's agreement, by a notice of the day `said_on`."""

    legal_basis: LegalBasis = Field(description="section of the Education and Inspections Act 2006")
    consulted: dict[Consultee, date]


class AgreementShown(Shown):
    """What one side said about a proposal."""

    id: int = Field(examples=[1])
    proposal: int = Field(validation_alias="proposal_id", examples=[1])
    side: Side
    says: Says
    said_by: str = Field(description="the role, never the name", examples=["headteacher"])
    said_on: date | None = Field(description="null of records from before this was kept")
    channel: Channel | None = Field(
        description="how it reached whoever recorded it; in_service: a contact of that side did"
    )
    direction: DirectionShown | None = Field(examples=[None])
    recorded_by: str = Field(examples=["portal (broker)"])
    at: Moment
    voided_at: Moment | None = Field(
        description="when the side said otherwise, or what it agreed to changed", examples=[None]
    )

    @classmethod
    def of(cls, agreement: Agreement) -> "AgreementShown":
        return cls.model_validate(agreement)


class ApprovalShown(Shown):
    """Who has to approve a proposal, by the rules in force and the facts of today."""

    approved_by: ApprovedBy
    rule: int = Field(
        description="its place among the approval rules; 0: none of them, the statement says why"
    )
    statement: str = Field(examples=["An approver decides, as no other rule applies."])


class ProposalDetail(ProposalShown):
    """A proposal with its reasons and alternatives."""

    components: list[ComponentShown]
    rules: list[PairRuleShown]
    lacking: list[str] = Field(
        description="what is no longer there of days and places", examples=[[]]
    )
    alternates: list[AlternateShown]
    agreements: list[AgreementShown] = Field(
        description="what each side said, while it is in force"
    )
    approval: ApprovalShown | None = Field(
        description="null where it is approved, or has ended", examples=[None]
    )
    must_confirm: list[str] = Field(
        description="who must confirm what before anything can be sent", examples=[[]]
    )

    @classmethod
    def with_reasons(
        cls,
        full: Full,
        today: PairToday | None,
        alternates: list[tuple[Alternate, Offer, ParticipantRow]],
        agreements: Sequence[Agreement],
        approval: Approval | None,
    ) -> "ProposalDetail":
        made = cls.of(
            full,
            components=full.proposal.components,
            rules=[PairRuleShown.of(each) for each in rule_results(full.proposal, today)],
            lacking=list(today.lacking) if today else [],
            alternates=[AlternateShown.of(*each) for each in alternates],
            agreements=[AgreementShown.of(each) for each in agreements],
            approval=approval and ApprovalShown.model_validate(approval, from_attributes=True),
            must_confirm=list(today.to_confirm) if today else [],
        )
        assert isinstance(made, ProposalDetail)
        return made


class Proposals(Listed[ProposalShown]):
    pass


class NewDecision(Content):
    """A decision; a decline has a reason."""

    action: Literal[
        DecisionAction.PREFER,
        DecisionAction.START_DUE_DILIGENCE,
        DecisionAction.APPROVE,
        DecisionAction.APPROVE_WITH_CONDITIONS,
        DecisionAction.DEFER,
        DecisionAction.DECLINE,
        DecisionAction.WITHDRAW,
    ]
    reason: Annotated[
        DeclineReason | None, Field(description="with a decline, and only then", examples=[None])
    ] = None
    note: Annotated[
        Note | None, Field(description="kept with the decision, not in the audit", examples=[None])
    ] = None


class DecisionShown(Shown):
    id: int = Field(examples=[1])
    proposal: int = Field(validation_alias="proposal_id", examples=[1])
    action: DecisionAction
    state_before: ProposalState
    state_after: ProposalState
    reason: DeclineReason | None = Field(examples=[None])
    note: str | None = Field(examples=[None])
    author: str = Field(examples=["portal (broker)"])
    at: Moment

    @classmethod
    def of(cls, decision: Decision) -> "DecisionShown":
        return cls.model_validate(decision)


class Decisions(Listed[DecisionShown]):
    pass


class HeardContent(Content):
    """Who of a side said it; whoever records it for somebody else tells when and how, too."""

    said_on: Annotated[
        Day | None, Field(description="the day it was said; a contact of that side leaves it out")
    ] = None
    channel: Annotated[
        Channel | None,
        Field(
            description="how it was said; a contact of that side leaves it out",
            examples=["telephone"],
        ),
    ] = None

    def heard(self, by: str) -> Heard:
        return Heard(by, self.said_on, self.channel)


class NewAgreement(HeardContent):
    """What one side says about a proposal; a no has a reason."""

    side: Side
    says: Literal[Says.YES, Says.NO]
    said_by: Role
    reason: Annotated[
        DeclineReason | None, Field(description="with a no, and only then", examples=[None])
    ] = None
    note: Annotated[
        Note | None, Field(description="with a no; kept with the decision", examples=[None])
    ] = None


class Agreements(Listed[AgreementShown]):
    pass


class ProposalTotals(Shown):
    """What the proposals come to as filtered, on all pages."""

    total: CountShown
