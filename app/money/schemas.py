"""Pots, commitments and claims as HTTP shows and takes them: money in whole pence."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from app.exchange.rows import Reference
from app.exchange.schemas import Participant
from app.http.fields import (
    DIGITS,
    LARGEST,
    Content,
    Day,
    Flag,
    Moment,
    NamedId,
    Shown,
    Text,
    in_days,
)
from app.http.replies import Listed, Page
from app.money.queries import ClaimOf, Committed, PotSums
from app.money.report import PotReport, ReportRow
from app.money.rows import MOST_PENCE, MOST_RATE, NewPotContent, PotContent
from app.register.dates import not_before
from app.register.schemas import AreaCode
from models.vocabulary import ClaimAction, ClaimState, CommitmentState, PotHolder

Sum = Annotated[int, Field(strict=True, ge=0, le=MOST_PENCE)]
Rate = Annotated[int, Field(strict=True, ge=0, le=MOST_RATE)]
Listing = Annotated[tuple[Text, ...], Field(max_length=1_000, fail_fast=True)]


class PotBody(Content):
    """What a pot is from now on."""

    name: Annotated[Text, Field(max_length=200, examples=["Made-up support fund 2026"])]
    holder: Annotated[Participant, Field(description="who holds it: a URN, key or reference")]
    holder_kind: Annotated[PotHolder, Field(examples=[PotHolder.COMMISSIONER])]
    budget_pence: Annotated[Sum, Field(examples=[2_500_000])]
    starts: Day
    ends: Annotated[
        Annotated[Day, AfterValidator(not_before("starts"))],
        Field(description="the last day of support that it pays for", examples=["2027-08-31"]),
    ]
    day_rate_pence: Annotated[
        Rate, Field(description="to the supporting organisation, per day", examples=[50_000])
    ]
    highest_day_rate_pence: Annotated[
        Rate | None, Field(description="null: any rate that is agreed", examples=[60_000])
    ] = None
    fee_pence: Annotated[
        Rate | None, Field(description="for brokerage, per day", examples=[5_000])
    ] = None
    fee_basis_points: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=10_000,
            description="for brokerage, in hundredths of a per cent of the rate",
            examples=[None],
        ),
    ] = None
    areas: Annotated[
        tuple[AreaCode, ...],
        Field(
            max_length=1_000,
            description="whose schools it supports; with no organisations either: all that its "
            "holder stands for",
            examples=[[]],
        ),
    ] = ()
    organisations: Annotated[
        Listing,
        Field(
            description="schools and organisations that it supports, a trust with its members",
            examples=[[]],
        ),
    ] = ()
    expertise: Annotated[
        Listing, Field(description="codes, with what lies below; none: all", examples=[[]])
    ] = ()
    open: Annotated[Flag, Field(description="whether more can be committed")] = True

    def content(self) -> PotContent:
        return PotContent.model_validate(self.model_dump(exclude={"reference"}))


class NewPot(PotBody):
    reference: Annotated[Reference, Field(examples=["made-up-pot-2"])]

    def new_content(self) -> NewPotContent:
        return NewPotContent.model_validate(self.model_dump())


class PotShown(Shown):
    """A pot with what is committed, claimed, paid and left."""

    reference: str = Field(examples=["made-up-pot-1"])
    name: str = Field(examples=["Made-up support fund 2026"])
    holder: str = Field(examples=["100000"])
    holder_name: str = Field(examples=["Made-up Council"])
    holder_kind: PotHolder
    budget_pence: int = Field(examples=[2_500_000])
    committed_pence: int = Field(description="claimed and paid included", examples=[110_000])
    claimed_pence: int = Field(description="not refused, paid included", examples=[55_000])
    paid_pence: int = Field(examples=[55_000])
    left_pence: int = Field(description="what can still be committed", examples=[2_390_000])
    starts: date
    ends: date
    day_rate_pence: int = Field(examples=[50_000])
    highest_day_rate_pence: int | None = Field(examples=[60_000])
    fee_pence: int | None = Field(examples=[5_000])
    fee_basis_points: int | None
    areas: list[str] = Field(examples=[["local_authority:886"]])
    organisations: list[str] = Field(description="by URN or key", examples=[["made-up-hub"]])
    expertise: list[str] = Field(description="none: all", examples=[["early-reading"]])
    open: bool
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, sums: PotSums) -> "PotShown":
        pot = sums.pot
        own = {
            "holder": sums.holder.reference.partition(":")[2],
            "holder_name": sums.holder.name,
            "claimed_pence": sums.claimed_pence,
            "paid_pence": sums.paid_pence,
            "left_pence": sums.left_pence,
            "areas": pot.areas or [],
            "organisations": [each.partition(":")[2] for each in pot.organisations or []],
            "expertise": pot.expertise or [],
        }
        stored = {name: getattr(pot, name) for name in cls.model_fields.keys() - own}
        return cls(**stored, **own)


class Pots(Listed[PotShown]):
    pass


class PotQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    is_open: Annotated[bool | None, Field(alias="open")] = None


class CommitmentQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0


class CommitmentShown(Shown):
    id: int = Field(examples=[1])
    proposal: int = Field(examples=[1])
    partnership: int | None = Field(examples=[1])
    state: CommitmentState
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver: str = Field(examples=["100001"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    expertise: str = Field(examples=["early-reading"])
    days: float = Field(examples=[2.0])
    day_rate_pence: int = Field(examples=[50_000])
    fee_pence: int = Field(description="for brokerage, per day", examples=[5_000])
    pence: int = Field(examples=[110_000])
    claimed_pence: int = Field(examples=[55_000])
    paid_pence: int = Field(examples=[55_000])
    made_at: Moment
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, row: Committed) -> "CommitmentShown":
        of = row.commitment
        return cls(
            id=of.id,
            proposal=of.proposal_id,
            partnership=of.partnership_id,
            state=CommitmentState(of.state),
            taker=row.taker.reference.partition(":")[2],
            taker_name=row.taker.name,
            giver=row.giver.reference.partition(":")[2],
            giver_name=row.giver.name,
            expertise=row.need.expertise_code,
            days=in_days(of.half_days),
            day_rate_pence=of.day_rate_pence,
            fee_pence=of.fee_pence,
            pence=of.pence,
            claimed_pence=of.claimed_pence,
            paid_pence=row.paid_pence,
            made_at=of.made_at,
            version=of.version,
        )


class Commitments(Listed[CommitmentShown]):
    pass


class NewClaim(Content):
    """What is claimed of a partnership that a pot pays."""

    visits: Annotated[
        list[NamedId] | None,
        Field(
            max_length=1_000,
            description="null: every signed visit that is not claimed yet",
            examples=[None],
        ),
    ] = None
    pence: Annotated[
        Sum | None, Field(description="null: what the visits come to", examples=[None])
    ] = None


class ClaimDecision(Content):
    action: ClaimAction = Field(examples=[ClaimAction.APPROVE])
    reason: Annotated[Text | None, Field(description="for refusing alone", examples=[None])] = None


class ClaimShown(Shown):
    id: int = Field(examples=[1])
    pot: str = Field(examples=["made-up-pot-1"])
    partnership: int = Field(examples=[1])
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver: str = Field(examples=["100001"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    visits: list[int] = Field(examples=[[1]])
    days: float = Field(examples=[1.0])
    pence: int = Field(examples=[55_000])
    state: ClaimState
    claimed_by: str = Field(examples=["Made-up school (contact)"])
    claimed_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    paid_by: str | None
    paid_at: Moment | None
    reason: str | None = Field(description="why it was refused")
    version: int = Field(examples=[1])

    @classmethod
    def of(cls, row: ClaimOf) -> "ClaimShown":
        own = {
            "pot": row.pot.reference,
            "partnership": row.commitment.partnership_id,
            "taker": row.taker.reference.partition(":")[2],
            "taker_name": row.taker.name,
            "giver": row.giver.reference.partition(":")[2],
            "giver_name": row.giver.name,
            "days": in_days(row.claim.half_days),
        }
        stored = {name: getattr(row.claim, name) for name in cls.model_fields.keys() - own}
        return cls(**stored, **own)


CLAIM_ACTORS = ("claimed_by", "decided_by", "paid_by")


class Claims(Listed[ClaimShown]):
    pass


class ClaimQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    pot: Reference | None = None
    partnership: Annotated[int | None, Field(ge=1, le=LARGEST), DIGITS] = None
    state: ClaimState | None = None


class ReportRowShown(Shown):
    """What a pot paid for at one school in one expertise."""

    school: str = Field(examples=["100000"])
    school_name: str = Field(examples=["Made-up Primary School"])
    expertise: str = Field(examples=["early-reading"])
    supports: int = Field(examples=[1])
    days_agreed: float = Field(examples=[2.0])
    days_delivered: float = Field(examples=[1.0])
    committed_pence: int = Field(examples=[110_000])
    claimed_pence: int = Field(examples=[55_000])
    paid_pence: int = Field(examples=[55_000])
    needs: int = Field(examples=[1])
    needs_met: int = Field(examples=[1])
    worked: int = Field(description="that worked, in what the school says", examples=[1])

    @classmethod
    def of(cls, row: ReportRow) -> "ReportRowShown":
        return cls.model_validate(row)


class PotReportShown(Shown):
    """What a pot has done, for those who give the money; no free text, and nobody's name."""

    pot: str = Field(examples=["made-up-pot-1"])
    name: str = Field(examples=["Made-up support fund 2026"])
    holder_name: str = Field(examples=["Made-up Council"])
    period: str | None = Field(description="null: all", examples=["2026-27"])
    as_of: date
    budget_pence: int = Field(examples=[2_500_000])
    committed_pence: int = Field(examples=[110_000])
    claimed_pence: int = Field(examples=[55_000])
    paid_pence: int = Field(examples=[55_000])
    left_pence: int = Field(examples=[2_390_000])
    rows: list[ReportRowShown]

    @classmethod
    def of(cls, report: PotReport) -> "PotReportShown":
        return cls.model_validate(report)
