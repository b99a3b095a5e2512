"""What rests on a need, an offer or a participant, and the flags of proposals, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.exchange.schemas import Participant
from app.http.conditions import Known
from app.http.fields import Content, Id, Shown, in_days
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import shown
from app.proposals import dependents, flags, queries
from app.proposals.dependents import Dependents, RunningSupport
from app.proposals.flag_schemas import FlagShown
from app.proposals.list_query import NeedText, OfferText
from app.proposals.queries import Full
from app.proposals.steering_schemas import SteeringShown
from models.vocabulary import ProposalState, Side, SupportState

router = APIRouter(tags=["proposals"])
OneId = Annotated[Id, Path(examples=[1])]


class DependentsWanted(Content):
    """Whose dependents: of one need, one offer, or one participant."""

    model_config = ConfigDict(extra="forbid")

    need: NeedText | None = None
    offer: OfferText | None = None
    participant: Participant | None = None


class OpenProposal(Shown):
    id: int = Field(examples=[1])
    state: ProposalState
    need: str = Field(examples=["made-up-need-1"])
    offer: str = Field(examples=["made-up-offer-1"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver_name: str = Field(examples=["Made-up Junior School"])
    days: float = Field(examples=[2.5])
    agreed_by: list[Side] = Field(description="sides that said yes", examples=[["giver"]])

    @classmethod
    def of(cls, full: Full, agreed_by: Any) -> "OpenProposal":
        return cls(
            id=full.proposal.id,
            state=ProposalState(full.proposal.state),
            need=full.need.reference,
            offer=full.offer.reference,
            taker_name=full.taker.name,
            giver_name=full.giver.name,
            days=in_days(full.proposal.half_days),
            agreed_by=agreed_by,
        )


class SupportRunning(Shown):
    reference: str = Field(examples=["made-up-support-1"])
    state: SupportState
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver_name: str | None = Field(examples=["Made-up Junior School"])
    days: float | None = Field(examples=[2.5])

    @classmethod
    def of(cls, running: RunningSupport) -> "SupportRunning":
        support = running.support
        return cls(
            reference=support.reference,
            state=SupportState(support.state),
            taker_name=running.taker.name,
            giver_name=running.giver.name if running.giver else support.giver_name,
            days=None if support.half_days is None else in_days(support.half_days),
        )


class DependentsShown(Shown):
    """What rests on it: look here before you withdraw or lower it."""

    proposals: list[OpenProposal] = Field(description="open ones, the furthest on first")
    support: list[SupportRunning]
    pins: list[SteeringShown]

    @classmethod
    def of(cls, found: Dependents) -> "DependentsShown":
        return cls(
            proposals=[
                OpenProposal.of(each, found.agreed.get(each.proposal.id, []))
                for each in found.proposals
            ],
            support=[SupportRunning.of(each) for each in found.support],
            pins=[SteeringShown.of(each) for each in found.pins],
        )


@router.get("/dependents", response_model=DependentsShown)
@does(Action.READ)
def list_dependents(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[DependentsWanted, Query()],
) -> Response:
    """List what rests on a need, an offer, or a participant's circumstances and limits.

    Look here before you withdraw, end or lower any of it. Proposals that can then no longer go
    ahead as planned are flagged.
    """
    found = dependents.dependents_of(session, principal, **wanted.model_dump())
    told = DependentsShown.of(found)
    pins = with_names(session, told.pins, "author")
    return shown(request, told.model_copy(update={"pins": pins}))


@router.delete(
    "/proposals/{proposal_id}/flag", response_model=FlagShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.REVIEW)
def clear_flag(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    now: Now,
) -> Response:
    """Clear a proposal's flag once you have dealt with its reasons. It stays on record.

    The answer's `ETag` is the proposal's.
    """
    flag = flags.clear(session, principal, proposal_id, version=version, now=now)
    full = queries.get_proposal(session, principal, proposal_id)
    told = named_one(session, FlagShown.model_validate(flag), "raised_by", "cleared_by")
    return shown(request, told, version=full.proposal.version)
