"""Pairings that need repair, and their repairs, as HTTP and the terminal show them."""

from typing import Annotated

from pydantic import Field

from app.http.fields import DIGITS, LARGEST, Content, Moment, NamedId, Shown, in_days
from app.http.replies import Listed, Page
from app.proposals.flag_routes import DependentsShown
from app.repairs.broken import Broken
from app.repairs.queries import Pairing, RepairView
from app.runs.diff_schemas import LineShown
from models.vocabulary import ProposalState, RepairSize


class BrokenQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0


class BrokenShown(Shown):
    """A pairing that cannot go ahead as it is, and why."""

    proposal: int = Field(examples=[1])
    state: ProposalState
    need: str = Field(examples=["made-up-need-1"])
    offer: str = Field(examples=["made-up-offer-1"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    days: float = Field(examples=[2.5])
    reasons: list[str] = Field(
        examples=[["The supporting organisation does not offer this now, or others use all of it."]]
    )

    @classmethod
    def of(cls, broken: Broken) -> "BrokenShown":
        full = broken.full
        return cls(
            proposal=full.proposal.id,
            state=ProposalState(full.proposal.state),
            need=full.need.reference,
            offer=full.offer.reference,
            taker_name=full.taker.name,
            giver_name=full.giver.name,
            days=in_days(full.proposal.half_days),
            reasons=list(broken.reasons),
        )


class BrokenList(Listed[BrokenShown]):
    pass


class Taking(Content):
    """Which repair to carry out, of those that were worked out last."""

    repair: NamedId = Field(examples=[1])


class AskShown(Shown):
    participant: str = Field(examples=["100002"])
    name: str = Field(examples=["Made-up Infant School"])
    why: str = Field(examples=["Ask whether it can support Made-up Primary School."])


class RepairShown(Shown):
    """One way to repair a pairing, with everything that it changes."""

    id: int = Field(examples=[1])
    rank: int = Field(description="1 changes least", examples=[1])
    size: RepairSize
    points: int = Field(
        description="that the plan gains, beside what it had with this pairing", examples=[-120]
    )
    disturbed: int = Field(description="other pairings that end", examples=[0])
    people: int = Field(description="schools and organisations whose support differs", examples=[3])
    gap: float | None = Field(
        description="by what share of its points a plan of the area could be better at most, the "
        "price of changes counted; null: not known",
        examples=[0.002],
    )
    changes: list[LineShown] = Field(description="every pairing that ends or comes, this one first")
    asks: list[AskShown] = Field(description="whom to speak to, in order")
    worked_out_at: Moment
    taken_at: Moment | None = Field(examples=[None])

    @classmethod
    def of(cls, view: RepairView) -> "RepairShown":
        repair = view.repair
        return cls(
            id=repair.id,
            rank=view.rank,
            size=RepairSize(repair.size),
            points=view.points,
            disturbed=view.disturbed,
            people=view.people,
            gap=view.gap,
            changes=[LineShown.of(line) for line in view.lines],
            asks=[
                AskShown(
                    participant=each.who.reference.partition(":")[2],
                    name=each.who.name,
                    why=each.why,
                )
                for each in view.asks
            ],
            worked_out_at=repair.worked_out_at,
            taken_at=repair.taken_at,
        )


class PairingShown(Shown):
    """A pairing, why it cannot go ahead, what else that touches, and its repairs."""

    broken: BrokenShown
    period: str = Field(examples=["2026-27"])
    touches: DependentsShown = Field(
        description="all else that rests on the need, where that changed, or on the offer"
    )
    repairs: list[RepairShown] = Field(
        description="as they were worked out last, the smallest first"
    )
    beyond: int = Field(
        description="repairs that change pairings outside your area or organisation", examples=[0]
    )

    @classmethod
    def of(cls, pairing: Pairing) -> "PairingShown":
        return cls(
            broken=BrokenShown.of(pairing.broken),
            period=pairing.period.code,
            touches=DependentsShown.of(pairing.touches),
            repairs=[RepairShown.of(each) for each in pairing.repairs],
            beyond=pairing.beyond,
        )
