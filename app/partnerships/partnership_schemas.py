"""Partnerships as HTTP shows and takes them."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from app.exchange.schemas import Role
from app.files.csv_reading import Key
from app.http.fields import (
    Content,
    Day,
    Flag,
    Moment,
    Shown,
    SomeDays,
    Text,
    Whole,
    half_days,
    in_days,
)
from app.http.replies import Listed
from app.partnerships.observed import Observed
from app.partnerships.partnership_queries import Days, Summary
from app.partnerships.partnership_queries import Whole as WholePartnership
from app.partnerships.terms import Later, LaterAgreed, Terms
from app.proposals.schemas import Note, cell_of
from models.partnerships import Concern, Partnership, Support, SupportVisit
from models.vocabulary import (
    Channel,
    EndReason,
    NeedState,
    PaidBy,
    Rating,
    Reviewer,
    Side,
    SupportResult,
    SupportState,
    VisitState,
)

Rate = Annotated[Whole, Field(le=10_000)]
"""Pounds a day; more is a slip."""
Rhythm = Annotated[Text, StringConstraints(max_length=200)]


class LaterDays(Content):
    period: Key = Field(examples=["2026-27/spring"])
    days: SomeDays = Field(examples=[2.0])


class NewPartnership(Content):
    """The terms on which an approved proposal becomes support; people by role, never by name."""

    starts: Day
    ends: Day
    aims: Note = Field(examples=["Made up: phonics taught daily in every class"])
    taker_role: Role = Field(description="who leads it in the school", examples=["headteacher"])
    giver_role: Role = Field(description="who gives it", examples=["deputy headteacher"])
    monitor_role: Role | None = None
    rhythm: Rhythm | None = Field(None, examples=["half a day a week"])
    exit_plan: Note | None = None
    paid_by: PaidBy | None = None
    day_rate_pounds: Rate | None = Field(
        None, description="to the supporting organisation, per day delivered", examples=[300]
    )
    fee_pounds: Rate | None = Field(
        None, description="for brokerage, per day delivered", examples=[50]
    )
    later: list[LaterDays] = Field(
        default_factory=list,
        max_length=9,
        description="days of later periods, where support goes on, usually with fewer",
    )

    later_said_on: Day | None = Field(
        None, description="the day on which both sides agreed to days of later periods"
    )
    later_channel: Channel | None = Field(None, description="how they told you")
    conditions_met: bool = Field(
        False, description="that the conditions of the approval are met, where it has any"
    )

    @property
    def terms(self) -> Terms:
        content = self.model_dump(
            exclude={"starts", "ends", "later", "later_said_on", "later_channel", "conditions_met"}
        )
        return Terms(**content)

    @property
    def later_agreed(self) -> LaterAgreed | None:
        if self.later_said_on is None or self.later_channel is None:
            return None
        return LaterAgreed(self.later_said_on, self.later_channel)

    @property
    def later_days(self) -> list[Later]:
        return [Later(each.period, half_days(each.days)) for each in self.later]


class ChangedTerms(Content):
    """What of the terms changes; days, dates and money are agreed anew."""

    aims: Note | None = None
    taker_role: Role | None = None
    giver_role: Role | None = None
    monitor_role: Role | None = None
    rhythm: Rhythm | None = None
    exit_plan: Note | None = None

    @property
    def changes(self) -> dict[str, Any]:
        return {name: value for name, value in self if value is not None}


class PauseReason(Content):
    reason: EndReason = Field(examples=[EndReason.GIVER_CAPACITY])
    note: Note | None = None


class PartnershipEnd(Content):
    """How a partnership ends: `completed` where it went as agreed, else why it is stopped."""

    reason: EndReason = Field(examples=[EndReason.COMPLETED])
    over_on: Day
    need_becomes: NeedState = Field(
        description="`met`, `match` (open again) or `closed`", examples=[NeedState.MET]
    )
    note: Note | None = None


class SupportedPeriodShown(Shown):
    period: str = Field(examples=["2026-27/autumn"])
    starts: date
    ends: date
    agreed_days: float = Field(examples=[3.0])
    days: float = Field(description="agreed; once it is over, delivered", examples=[3.0])

    @classmethod
    def of(cls, row: Support) -> "SupportedPeriodShown":
        return cls(
            period=row.period_code or "",
            starts=row.starts or date.min,
            ends=row.ends or date.max,
            agreed_days=in_days(row.agreed_half_days or 0),
            days=in_days(row.half_days or 0),
        )


class PartnershipShown(Shown):
    """An approved proposal that has become support."""

    id: int = Field(examples=[1])
    proposal: int = Field(examples=[1])
    state: SupportState
    need: str = Field(examples=["made-up-need-1"])
    offer: str = Field(examples=["made-up-offer-1"])
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver: str = Field(examples=["100001"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    expertise: str = Field(examples=["early-reading"])
    starts: date
    ends: date = Field(description="as agreed")
    over_on: date | None
    reason: EndReason | None = Field(description="why it is paused, or over")
    days_agreed: float = Field(examples=[3.0])
    days_delivered: float = Field(description="written up, and not disputed", examples=[1.5])
    days_signed: float = Field(description="of these, signed by the school", examples=[1.0])
    days_booked: float = Field(description="not written up yet", examples=[0.5])

    @classmethod
    def of(cls, summary: Summary) -> "PartnershipShown":
        return cls(**_summary(summary))


def _summary(summary: Summary) -> dict[str, Any]:
    of, full, days = summary.partnership, summary.full, summary.days
    return {
        "id": of.id,
        "proposal": of.proposal_id,
        "state": SupportState(of.state),
        "need": full.need.reference,
        "offer": full.offer.reference,
        "taker": cell_of(full.taker),
        "taker_name": full.taker.name,
        "giver": cell_of(full.giver),
        "giver_name": full.giver.name,
        "expertise": full.need.expertise_code,
        "starts": of.starts,
        "ends": of.ends,
        "over_on": of.over_on,
        "reason": of.reason,
    } | _days(days)


def _days(days: Days) -> dict[str, float]:
    return {
        "days_agreed": in_days(days.agreed),
        "days_delivered": in_days(days.delivered),
        "days_signed": in_days(days.signed),
        "days_booked": in_days(days.booked),
    }


class VisitShown(Shown):
    id: int = Field(examples=[1])
    on_day: date
    days: float = Field(examples=[0.5])
    remote: bool
    state: VisitState
    report: str | None
    pounds: float | None = Field(description="at the rate when it was written up", examples=[175.0])
    written_up_by: str | None
    written_up_at: Moment | None
    signed_role: str | None = Field(description="who answered for the school, by role")
    signed_by: str | None
    signed_at: Moment | None
    dispute: str | None
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, visit: SupportVisit) -> "VisitShown":
        content = {name: getattr(visit, name) for name in cls.model_fields if hasattr(visit, name)}
        pounds = None if visit.pence is None else visit.pence / 100
        return cls(**content, days=in_days(visit.half_days), pounds=pounds)


class ReviewShown(Shown):
    id: int = Field(examples=[1])
    reviewer: Reviewer
    rating: Rating
    on_day: date
    role: str = Field(examples=["headteacher"])
    note: str | None
    recorded_by: str = Field(examples=["Made-up broker (broker)"])
    at: Moment


class OutcomeShown(Shown):
    side: Side
    result: SupportResult
    what_worked: str | None
    role: str = Field(examples=["headteacher"])
    recorded_by: str = Field(examples=["Made-up broker (broker)"])
    at: Moment


class PartnershipDetail(PartnershipShown):
    """With its terms, its days by period, visits, reviews, and what came of it."""

    aims: str = Field(examples=["Made up: phonics taught daily in every class"])
    rhythm: str | None
    exit_plan: str | None
    taker_role: str = Field(examples=["headteacher"])
    giver_role: str = Field(examples=["deputy headteacher"])
    monitor_role: str | None
    paid_by: PaidBy | None
    day_rate_pounds: int | None
    fee_pounds: int | None
    later_said_on: date | None
    later_channel: Channel | None
    note: str | None = Field(description="on why it is paused, or over")
    conditions: str | None = Field(
        description="of the approval; whoever started it said that they are met"
    )
    periods: list[SupportedPeriodShown]
    visits: list[VisitShown]
    reviews: list[ReviewShown]
    outcomes: list[OutcomeShown]

    @classmethod
    def of_whole(cls, whole: WholePartnership) -> "PartnershipDetail":
        of: Partnership = whole.summary.partnership
        terms = {
            name: getattr(of, name)
            for name in (*NewPartnership.model_fields, "note")
            if name in cls.model_fields
        }
        return cls(
            **(_summary(whole.summary) | terms),
            conditions=whole.conditions,
            periods=[SupportedPeriodShown.of(each) for each in whole.periods],
            visits=[VisitShown.of(each) for each in whole.visits],
            reviews=[ReviewShown.model_validate(each) for each in whole.reviews],
            outcomes=[OutcomeShown.model_validate(each) for each in whole.outcomes],
        )


class ObservedShown(Shown):
    """How a figure of one side changed, beside similar schools without support."""

    side: Side
    measure: str = Field(examples=["attendance_pct"])
    label: str = Field(examples=["Attendance"])
    before: float = Field(description="the last from before the start", examples=[92.1])
    before_period: str = Field(examples=["2025-26"])
    after: float = Field(description="the newest since", examples=[93.3])
    after_period: str = Field(examples=["2026-27"])
    change: float = Field(examples=[1.2])
    similar_change: float | None = Field(
        description="mean change of similar schools without support between the same periods; "
        "null: fewer than 5 have both figures",
        examples=[0.4],
    )
    similar_schools: int = Field(examples=[30])

    @classmethod
    def of(cls, observed: Observed) -> "ObservedShown":
        figures = {
            "before": observed.before.value,
            "before_period": observed.before.period,
            "after": observed.after.value,
            "after_period": observed.after.period,
        }
        content = {name: getattr(observed, name) for name in cls.model_fields.keys() - figures}
        return cls(**(content | figures))


class Observations(Listed[ObservedShown]):
    """Observations and no proof: schools are not chosen at random."""


class Partnerships(Listed[PartnershipShown]):
    pass


class PartnershipTotals(Shown):
    """What the partnerships come to as filtered, on all pages."""

    number: int = Field(examples=[3])
    days_agreed: float = Field(examples=[9.0])
    days_delivered: float = Field(description="written up, and not disputed", examples=[1.5])
    days_signed: float = Field(description="of these, signed by the school", examples=[1.0])
    days_booked: float = Field(description="not written up yet", examples=[0.5])

    @classmethod
    def of(cls, number: int, days: Days) -> "PartnershipTotals":
        return cls(number=number, **_days(days))


class NewVisit(Content):
    on_day: Day
    days: Annotated[SomeDays, Field(le=1, examples=[0.5])]
    remote: Flag = False


class VisitReport(Content):
    report: Note = Field(examples=["Made up: watched two lessons, agreed a plan for phonics"])


class VisitSignature(Content):
    """The school's word on a visit: signed, or with `dispute` what was not so."""

    role: Role = Field(examples=["headteacher"])
    dispute: Note | None = None


class NewReview(Content):
    reviewer: Reviewer
    rating: Rating
    on_day: Day
    role: Role = Field(examples=["headteacher"])
    note: Note | None = Field(None, description="needed with amber and red")


class NewOutcome(Content):
    side: Side
    result: SupportResult
    what_worked: Note | None = None
    role: Role = Field(examples=["headteacher"])


class NewConcern(Content):
    text: Note = Field(examples=["Made up: visits are cancelled on the day"])
    role: Role = Field(examples=["headteacher"])


class ConcernAnswer(Content):
    answer: Note = Field(examples=["Made up: we spoke to both sides"])


class ConcernShown(Shown):
    """Shown to whoever raised it, and to approvers for a region or the country."""

    id: int = Field(examples=[1])
    partnership_id: int = Field(examples=[1])
    text: str = Field(examples=["Made up: visits are cancelled on the day"])
    role: str = Field(examples=["headteacher"])
    raised_by: str = Field(examples=["Made-up contact (contact)"])
    raised_at: Moment
    answer: str | None
    answered_by: str | None
    answered_at: Moment | None

    @classmethod
    def of(cls, concern: Concern) -> "ConcernShown":
        return cls.model_validate(concern)


class Concerns(Listed[ConcernShown]):
    pass
