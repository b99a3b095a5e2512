"""Who approves, what public money pays and statutory directions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import Reach, does
from app.access.names import named_one
from app.access.policy import Action
from app.http.conditions import Known
from app.http.fields import Content, Day, Id, Shown
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import Listed, listed, shown
from app.proposals import agreements, directions, queries
from app.proposals.approval_rules import MOST_POUNDS, ApprovalRuleRow, list_approval_rules
from app.proposals.routes import said_of
from app.proposals.schemas import AgreementShown, ProposalShown
from models.vocabulary import ApprovedBy, Consultee, LegalBasis, SidesIn

router = APIRouter(tags=["proposals"])
OneId = Annotated[Id, Path(examples=[1])]


class ApprovalRuleShown(Shown):
    """One of the rules of who approves: the first whose conditions all hold decides."""

    position: int = Field(examples=[1])
    public_money_above_pounds: int | None = Field(
        description="holds where it is recorded that public funds pay more", examples=[3000]
    )
    unfunded: bool = Field(description="holds where it is recorded that they pay nothing")
    sides_in: SidesIn | None
    circumstance: str | None = Field(
        description="a kind that either side has today", examples=["formal_concern"]
    )
    approved_by: ApprovedBy
    statement: str = Field(examples=["An approver decides, as no other rule applies."])

    @classmethod
    def of(cls, position: int, row: ApprovalRuleRow) -> "ApprovalRuleShown":
        return cls(position=position, **row.model_dump())


class ApprovalRules(Listed[ApprovalRuleShown]):
    pass


class PublicMoney(Content):
    """What public funds pay for a proposal in all; 0 is nothing."""

    pounds: Annotated[int, Field(strict=True, ge=0, le=MOST_POUNDS, examples=[1800])]


class NewDirection(Content):
    """A notice to the governing body of a maintained school, and who was consulted before."""

    legal_basis: Annotated[
        LegalBasis, Field(description="section of the Education and Inspections Act 2006")
    ]
    notice_on: Annotated[Day, Field(description="the day on which the notice was given")]
    consulted: Annotated[
        dict[Consultee, Day],
        Field(
            description="the day on which each was consulted: the governing body; of a foundation "
            "or voluntary school its diocesan authority, or who appoints its foundation governors",
            examples=[{"governing_body": "2026-09-01"}],
        ),
    ]


@router.get("/approval-rules", response_model=ApprovalRules, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_rules_of_approval(request: Request, principal: Caller, session: Reads) -> Response:
    """List the rules of who approves a proposal, in order. An import replaces them."""

    def read(limit: int | None) -> list[ApprovalRuleShown]:
        rules = list_approval_rules(session, principal)
        return [ApprovalRuleShown.of(number, rule) for number, rule in enumerate(rules, 1)]

    columns = [name for name in ApprovalRuleShown.model_fields if name != "position"]
    return listed(request, None, ApprovalRules, read, lambda rule: rule.position, columns)


@router.put(
    "/proposals/{proposal_id}/public-money",
    response_model=ProposalShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def set_public_money(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: PublicMoney,
    now: Now,
) -> Response:
    """Record what public funds pay for a proposal. Both sides agree again when it changes."""
    agreements.set_public_money(
        session,
        principal,
        proposal_id,
        body.pounds,
        version=version,
        hold_days=request.app.state.settings.hold_days,
        now=now,
    )
    full = queries.get_proposal(session, principal, proposal_id)
    return shown(request, ProposalShown.of(full), version=full.proposal.version)


@router.post(
    "/proposals/{proposal_id}/directions",
    response_model=AgreementShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.DIRECT)
def direct(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewDirection,
    key: Key,
    now: Now,
) -> Response:
    """Record a statutory direction in the place of the agreement of a maintained school.

    The supporting organisation still has to agree, and an approver to approve.
    """

    def create() -> Response:
        made = directions.direct(
            session,
            principal,
            proposal_id,
            directions.Direction(body.legal_basis, body.notice_on, body.consulted),
            version=version,
            hold_days=request.app.state.settings.hold_days,
            now=now,
        )
        return said_of(proposal_id, request, principal, session, AgreementShown.of(made))

    return once(request, session, principal.name, key, body, create)


@router.post(
    "/proposals/{proposal_id}/directions/withdrawal",
    response_model=AgreementShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.DIRECT)
def withdraw_direction(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    now: Now,
) -> Response:
    """Withdraw the direction in force. It stays on record, and the school itself has to agree."""
    made = directions.withdraw_direction(
        session,
        principal,
        proposal_id,
        version=version,
        hold_days=request.app.state.settings.hold_days,
        now=now,
    )
    full = queries.get_proposal(session, principal, proposal_id)
    told = named_one(session, AgreementShown.of(made), "recorded_by")
    return shown(request, told, version=full.proposal.version)
