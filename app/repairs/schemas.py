"""Pairings that need repair, and their repairs, as HTTP and the terminal show them."""

from typing import Annotated

from pydantic import Field

from app.http.fields import DIGITS, LARGEST, Shown, in_days
from app.http.replies import Listed, Page
from app.repairs.broken import Broken
from models.vocabulary import ProposalState


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
