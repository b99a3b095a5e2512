"""Needs, offers, limits, expertise and periods as HTTP shows and takes them: days as days."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from app.catalogue.schemas import ExpertiseCode, PeriodCode
from app.exchange.queries import Number, Totals
from app.exchange.rows import LimitsRow, NeedRow, OfferReference, OfferRow, Reference
from app.files.csv_reading import Key
from app.http.fields import (
    DIGITS,
    LARGEST,
    Content,
    Day,
    Days,
    Flag,
    Miles,
    Moment,
    Shown,
    SignedDays,
    SomeDays,
    Text,
    half_days,
    in_days,
)
from app.http.replies import Listed, Page
from models.exchange import Limits, Need, Offer
from models.vocabulary import (
    Availability,
    LadderStep,
    LookedOutcome,
    Mode,
    NeedEvidence,
    NeedProgress,
    NeedState,
    Phase,
    ProposalState,
)

Participant = Annotated[
    Key,
    Field(
        description="a URN, the key of an organisation, or the reference or UID of a trust or "
        "federation",
        examples=["100000"],
    ),
]
Priority = Annotated[int, Field(strict=True, ge=1, le=5, description="1 is highest")]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000)]
Minutes = Annotated[int, Field(strict=True, gt=0, le=1_440)]
Role = Annotated[
    Text,
    Field(max_length=100, description="the role, never the name", examples=["headteacher"]),
]


PlanLine = Annotated[
    Text | None,
    Field(
        description="line of the school's improvement plan that the need serves",
        examples=["2.3 Attendance of disadvantaged pupils"],
    ),
]
StrengthLine = Annotated[
    Text | None,
    Field(
        description="line of the self-evaluation that the strength comes from",
        examples=["4.1 Early reading"],
    ),
]


class NeedContent(Content):
    """What a participant wants support with, from now on."""

    participant: Participant
    expertise: ExpertiseCode
    period: PeriodCode
    days: Annotated[SomeDays, Field(examples=[6])]
    days_min: Annotated[
        SomeDays | None, Field(description="minimum days; absent: all of them", examples=[2.5])
    ] = None
    max_givers: Annotated[Count, Field(description="0: any number")] = 1
    priority: Priority = 3
    evidence: NeedEvidence = NeedEvidence.SELF_EVALUATION
    agreed_by: Role | None = None
    improvement_plan_line: PlanLine = None
    looked_within: Annotated[
        tuple[LadderStep, ...],
        Field(
            max_length=len(LadderStep),
            fail_fast=True,
            description="where the school looked before it asked; none: not known",
        ),
    ] = ()
    looked_within_note: Text | None = None
    looked_outcomes: Annotated[
        dict[LadderStep, LookedOutcome],
        Field(
            default_factory=dict,
            description="what came of it, by step; a step named here counts as looked at",
            examples=[{"own_group": "no_capacity"}],
        ),
    ]
    outside_stimulus: Annotated[
        bool,
        Field(
            strict=True,
            description="whether support is to come from outside the school's own trust or "
            "federation",
        ),
    ] = False
    pot: Annotated[
        Reference | None, Field(description="the pot that pays for it", examples=[None])
    ] = None
    signed_by_head_on: Day | None = None
    signed_by_adviser_on: Day | None = None
    travel_limit_miles: Annotated[Miles | None, Field(examples=[25])] = None
    travel_limit_minutes: Minutes | None = None
    mode: Mode = Mode.EITHER
    window_starts: Day | None = None
    window_ends: Day | None = None
    state: Annotated[
        NeedState | None, Field(description="absent: `identified` at first, then unchanged")
    ] = None

    def row(self, reference: str) -> NeedRow:
        least = None if self.days_min is None else half_days(self.days_min)
        content = self.model_dump(exclude={"reference", "days", "days_min"})
        content["looked_within"] = tuple(word for word in LadderStep if word in self.looked_within)
        content["looked_outcomes"] = {
            step.value: self.looked_outcomes[step].value
            for step in LadderStep
            if step in self.looked_outcomes
        }
        return NeedRow(
            reference=reference,
            half_days=half_days(self.days),
            half_days_min=least,
            **content,
        )


class NewNeed(NeedContent):
    reference: Annotated[Reference, Field(examples=["made-up-need-1"])]


class OfferContent(Content):
    """What a participant can give, from now on."""

    participant: Participant
    expertise: ExpertiseCode
    period: PeriodCode
    days: Annotated[SomeDays, Field(examples=[8])]
    max_pairings: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 1
    quality: Annotated[
        int | None, Field(strict=True, ge=1, le=5, description="what its giver claims")
    ] = None
    evidence: Annotated[Text | None, Field(max_length=200)] = None
    strength_line: StrengthLine = None
    signed_by_head_on: Day | None = None
    signed_by_adviser_on: Day | None = None
    travel_limit_miles: Annotated[Miles | None, Field(examples=[30])] = None
    travel_limit_minutes: Minutes | None = None
    mode: Mode = Mode.EITHER
    phases: Annotated[
        tuple[Phase, ...],
        Field(max_length=len(Phase), fail_fast=True, description="none: every phase"),
    ] = ()
    first_call_until: Annotated[
        Day | None,
        Field(
            description="until that day, included, it is for the own trust, federation and "
            "networks of the supporting organisation only"
        ),
    ] = None
    window_starts: Day | None = None
    window_ends: Day | None = None

    def row(self, reference: str, **answer: Any) -> OfferRow:
        content = self.model_dump(exclude={"reference", "days", *answer})
        content["phases"] = tuple(phase for phase in Phase if phase in self.phases)
        return OfferRow(reference=reference, half_days=half_days(self.days), **(content | answer))


class NewOffer(OfferContent):
    reference: Annotated[OfferReference, Field(examples=["made-up-offer-1"])]
    availability: Annotated[Availability | None, Field(description="absent: `not_answered`")] = None
    availability_updated: Annotated[
        Day | None, Field(description="when the supporting organisation said so; absent: today")
    ] = None


class Confirmation(Content):
    """The school confirms that a suggestion is a need."""

    by_role: Role


class Answer(Content):
    """What the supporting organisation says that it can give."""

    availability: Annotated[Availability, Field(examples=["can_offer"])]
    days: Annotated[SomeDays | None, Field(description="absent: as offered")] = None
    on: Annotated[Day | None, Field(description="when it said so; absent: today")] = None


class LimitsContent(Content):
    """A participant's own limits in a period; absent: no limit of that kind."""

    give_days: Days | None = None
    max_given: Count | None = None
    max_taken: Count | None = None
    allowance_days: Days | None = None
    exempt: Flag = False
    carried_days: Annotated[SignedDays, Field(description="given less taken in earlier plans")] = 0

    def row(self, participant: str, period: str) -> LimitsRow:
        def half(days: float | None) -> int | None:
            return None if days is None else half_days(days)

        return LimitsRow(
            participant=participant,
            period=period,
            give_half_days=half(self.give_days),
            max_given=self.max_given,
            max_taken=self.max_taken,
            allowance_half_days=half(self.allowance_days),
            exempt=self.exempt,
            carried_half_days=half_days(self.carried_days),
        )


class _Item(Shown):
    reference: str = Field(examples=["made-up-1"])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Primary School"])
    expertise: str = Field(examples=["early-reading"])
    period: str = Field(examples=["2026-27"])
    days: float = Field(examples=[6])
    travel_limit_miles: float | None
    travel_limit_minutes: int | None
    mode: Mode
    window_starts: date
    window_ends: date
    signed_by_head_on: date | None
    signed_by_adviser_on: date | None
    suggestion: dict[str, Any] | None = Field(
        description="the rule, figures and dates that it came from, where it was suggested"
    )
    version: int = Field(examples=[1])
    updated_at: Moment


class NeedShown(_Item):
    days_min: float = Field(examples=[2.5])
    max_givers: int = Field(examples=[1])
    priority: int = Field(examples=[3])
    evidence: NeedEvidence
    agreed_by: str | None = Field(examples=["headteacher"])
    improvement_plan_line: str | None
    looked_within: list[LadderStep] | None = Field(
        description="where the school looked before it asked; null: not known",
        examples=[["school", "own_group"]],
    )
    looked_within_note: str | None
    looked_outcomes: dict[LadderStep, LookedOutcome] | None = Field(
        description="what came of looking there, by step; null: not known",
        examples=[{"own_group": "no_capacity"}],
    )
    outside_stimulus: bool = Field(
        description="whether support is to come from outside the school's own trust or federation"
    )
    pot: str | None = Field(description="the pot that pays for it", examples=["made-up-pot-1"])
    state: NeedState

    @classmethod
    def of(cls, need: Need, participant: str, name: str) -> "NeedShown":
        return cls(
            participant=participant,
            participant_name=name,
            expertise=need.expertise_code,
            period=need.period_code,
            days=in_days(need.half_days),
            days_min=in_days(need.half_days_min),
            pot=need.pot_reference,
            outside_stimulus=bool(need.outside_stimulus),
            **{field: getattr(need, field) for field in _COMMON | _OF_NEEDS},
        )


class NeedListed(NeedShown):
    """A need with what has come of it so far, in all runs."""

    progress: NeedProgress


class NeedInFile(NeedListed):
    """The same as a row of a file."""

    looked_outcomes: str  # type: ignore[assignment]  # words, as a cell has them


class ProposalOfNeed(Shown):
    """A proposal for a need that has not ended, of whichever run."""

    id: int = Field(examples=[1])
    run: int = Field(examples=[1])
    area: str = Field(description="that the run plans", examples=["Kent"])
    state: ProposalState
    giver: str = Field(examples=["100001"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    days: float = Field(examples=[2.5])


class NeedDetail(NeedListed):
    """A need with all its open proposals, whichever run made them."""

    open_proposals: list[ProposalOfNeed]


class OfferShown(_Item):
    max_pairings: int = Field(examples=[1])
    quality: int | None = Field(examples=[4])
    evidence: str | None = Field(examples=["supported three schools last year"])
    strength_line: str | None
    phases: list[Phase] = Field(examples=[["primary"]])
    first_call_until: date | None = Field(
        description="until that day it is for the own trust, federation and networks only"
    )
    availability: Availability
    availability_updated: date
    withdrawn: bool

    @classmethod
    def of(cls, offer: Offer, participant: str, name: str) -> "OfferShown":
        return cls(
            participant=participant,
            participant_name=name,
            expertise=offer.expertise_code,
            period=offer.period_code,
            days=in_days(offer.half_days),
            **{field: getattr(offer, field) for field in _COMMON | _OF_OFFERS},
        )


_COMMON = set(_Item.model_fields) - {
    "participant",
    "participant_name",
    "expertise",
    "period",
    "days",
}
_OF_NEEDS = (
    set(NeedShown.model_fields)
    - set(_Item.model_fields)
    - {
        *("days_min", "pot", "outside_stimulus"),
    }
)
_OF_OFFERS = set(OfferShown.model_fields) - set(_Item.model_fields)


class AvailabilityShown(Shown):
    """What the supporting organisation last said about an offer, and when."""

    reference: str = Field(examples=["made-up-offer-1"])
    availability: Availability
    availability_updated: date
    days: float = Field(examples=[8])
    withdrawn: bool


class LimitsShown(Shown):
    participant: str = Field(examples=["100000"])
    period: str = Field(examples=["2026-27"])
    give_days: float | None = Field(examples=[10])
    max_given: int | None
    max_taken: int | None
    allowance_days: float | None = Field(examples=[4])
    exempt: bool
    carried_days: float = Field(examples=[-1.5])
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, limits: Limits, participant: str) -> "LimitsShown":
        def days(half_days: int | None) -> float | None:
            return None if half_days is None else in_days(half_days)

        return cls(
            participant=participant,
            period=limits.period_code,
            give_days=days(limits.give_half_days),
            max_given=limits.max_given,
            max_taken=limits.max_taken,
            allowance_days=days(limits.allowance_half_days),
            exempt=limits.exempt,
            carried_days=in_days(limits.carried_half_days),
            version=limits.version,
        )


class Needs(Listed[NeedListed]):
    pass


class Offers(Listed[OfferShown]):
    pass


class LimitsPage(Listed[LimitsShown]):
    pass


class CountShown(Shown):
    """So many, and their days together."""

    number: int = Field(examples=[3])
    days: float = Field(examples=[7.5])

    @classmethod
    def of(cls, number: Number) -> "CountShown":
        return cls(number=number.items, days=in_days(number.half_days))


class NeedTotals(Shown):
    """What the needs come to as filtered, on all pages."""

    total: CountShown
    came: dict[NeedProgress, CountShown] = Field(description="each need is one of these")

    @classmethod
    def of(cls, totals: Totals) -> "NeedTotals":
        return cls(
            total=CountShown.of(totals.total),
            came={word: CountShown.of(number) for word, number in totals.came.items()},
        )


class OfferTotals(Shown):
    """What the offers come to as filtered, on all pages."""

    total: CountShown


class LimitsFilter(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST), DIGITS] = 0
    participant: Participant | None = None
    period: PeriodCode | None = None
