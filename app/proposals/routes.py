"""Proposals, decisions, pins and exclusions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession, database_now
from app.exchange.schemas import CountShown
from app.http.conditions import Known
from app.http.fields import Id, in_days
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, wants_csv
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown, whole_list
from app.proposals import agreements, decisions, pins_and_exclusions, queries
from app.proposals.agreements import approval_if_any
from app.proposals.list_query import ProposalQuery
from app.proposals.pair_check import pair_today_if_any
from app.proposals.schemas import (
    Agreements,
    AgreementShown,
    Decisions,
    DecisionShown,
    ExceptionShown,
    NewAgreement,
    NewDecision,
    NewException,
    ProposalDetail,
    Proposals,
    ProposalShown,
    ProposalTotals,
)
from app.proposals.shown import proposals_shown, with_flags
from app.proposals.steering_schemas import (
    NewSteering,
    SteeringFilter,
    Steerings,
    SteeringShown,
)
from app.proposals.terms import standing
from models.vocabulary import SteeringKind

router = APIRouter(tags=["proposals"])
OneId = Annotated[Id, Path(examples=[1])]


@router.get("/proposals", response_model=Proposals, responses=AS_CSV)
@does(Action.READ)
def list_proposals(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[ProposalQuery, Query()]
) -> Response:
    """List proposals of all runs or of one."""
    if wants_csv(request):
        found = queries.proposal_ids(session, principal, wanted)
        columns = list(ProposalShown.model_fields)
        return whole_list(request, "proposals", columns, found, proposals_shown)

    def read(limit: int | None) -> list[ProposalShown]:
        found = queries.proposal_ids(session, principal, wanted, limit=limit)
        return proposals_shown(session, found)

    def after(proposal: ProposalShown) -> str:
        return queries.place_of(session, principal, wanted, proposal.id)

    return listed(request, wanted, Proposals, read, after)


@router.get("/totals/proposals", response_model=ProposalTotals)
@does(Action.READ)
def count_proposals(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[ProposalQuery, Query()]
) -> Response:
    """Count proposals and their days as filtered."""
    number, half_days = queries.count_proposals(session, principal, wanted)
    total = CountShown(number=number, days=in_days(half_days))
    return shown(request, ProposalTotals(total=total))


@router.get("/proposals/{proposal_id}", response_model=ProposalDetail)
@does(Action.READ)
def get_proposal(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId
) -> Response:
    """Read one proposal: its points' components, the rules of its pair, its alternatives."""
    full = queries.get_proposal(session, principal, proposal_id)
    said = standing(session, proposal_id)
    detail = ProposalDetail.with_reasons(
        full,
        pair_today_if_any(session, full.proposal, full.need, full.offer),
        queries.alternates_of(session, principal, full.proposal),
        said,
        approval_if_any(session, full.proposal, full.need, full.offer, said),
    )
    named = {
        "agreements": with_names(session, detail.agreements, "recorded_by"),
        "rules": [
            each.model_copy(update={"exception": named_one(session, each.exception, "author")})
            if each.exception
            else each
            for each in detail.rules
        ],
    }
    return shown(
        request,
        with_flags(session, [detail.model_copy(update=named)])[0],
        version=full.proposal.version,
        with_others=True,
    )


@router.get("/proposals/{proposal_id}/decisions", response_model=Decisions, responses=AS_CSV)
@does(Action.READ)
def list_decisions(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId
) -> Response:
    """List the decisions on a proposal, in order."""
    queries.get_proposal(session, principal, proposal_id)
    found = queries.decisions_of(session, principal, proposal_id)
    items = with_names(session, [DecisionShown.of(each) for each in found], "author")
    return listed(request, None, Decisions, lambda limit: items, lambda each: each.id)


@router.post(
    "/proposals/{proposal_id}/decisions",
    response_model=DecisionShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW, Action.APPROVE)
def decide(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewDecision,
    key: Key,
    now: Now,
) -> Response:
    """Decide on a proposal; the answer's `ETag` is the proposal's.

    From *prefer* on, the proposal holds its days against every other run and proposal.
    """

    def create() -> Response:
        decision = decisions.decide(
            session,
            principal,
            proposal_id,
            body.action,
            decisions.Said(body.reason, body.note),
            version=version,
            hold_days=request.app.state.settings.hold_days,
            now=now,
        )
        return said_of(proposal_id, request, principal, session, DecisionShown.of(decision))

    return once(request, session, principal.name, key, body, create)


@router.get("/proposals/{proposal_id}/agreements", response_model=Agreements, responses=AS_CSV)
@does(Action.READ)
def list_agreements(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId
) -> Response:
    """List what both sides said about a proposal, in order, with what was voided."""
    queries.get_proposal(session, principal, proposal_id)
    found = queries.agreements_of(session, principal, proposal_id)
    items = with_names(session, [AgreementShown.of(each) for each in found], "recorded_by")
    return listed(request, None, Agreements, lambda limit: items, lambda each: each.id)


@router.post(
    "/proposals/{proposal_id}/agreements",
    response_model=AgreementShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def agree(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewAgreement,
    key: Key,
    now: Now,
) -> Response:
    """Record what one side said; the answer's `ETag` is the proposal's.

    Both yes makes the proposal agreed, either no declines it. The same again changes nothing.
    """

    def create() -> Response:
        agreement = agreements.agree(
            session,
            principal,
            proposal_id,
            body.side,
            body.says,
            body.heard(body.said_by),
            decisions.Said(body.reason, body.note),
            version=version,
            hold_days=request.app.state.settings.hold_days,
            now=now,
        )
        return said_of(proposal_id, request, principal, session, AgreementShown.of(agreement))

    return once(request, session, principal.name, key, body, create)


@router.post(
    "/proposals/{proposal_id}/exceptions",
    response_model=ExceptionShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.APPROVE)
def allow_exception(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewException,
    key: Key,
) -> Response:
    """Let a proposal go on although its pair breaks a rule today, with a reason.

    The answer's `ETag` is the proposal's. It counts while the rule's figures stay the same; until
    then another of the same rule changes nothing, and the first reason stands.
    """

    def create() -> Response:
        made = decisions.allow_exception(
            session, principal, proposal_id, body.rule, body.reason, version=version
        )
        return said_of(
            proposal_id, request, principal, session, ExceptionShown.model_validate(made)
        )

    return once(request, session, principal.name, key, body, create)


def said_of(
    proposal_id: int,
    request: Request,
    principal: Principal,
    session: WriteSession,
    said: DecisionShown | AgreementShown | ExceptionShown,
) -> Response:
    """Answer with what was said, at the place and in the version that the proposal has by it."""
    full = queries.get_proposal(session, principal, proposal_id)
    location = request.url.path.rpartition("/")[0]
    said = named_one(session, said, "recorded_by" if isinstance(said, AgreementShown) else "author")
    return shown(request, said, status=201, version=full.proposal.version, location=location)


def _list_steering(
    kind: SteeringKind,
    request: Request,
    principal: Principal,
    session: ReadSession,
    wanted: SteeringFilter,
) -> Response:
    filters = wanted.model_dump(exclude={"limit"})

    def read(limit: int | None) -> list[SteeringShown]:
        found = queries.list_steering(
            session, principal, kind, now=database_now(session), limit=limit, **filters
        )
        return with_names(session, [SteeringShown.of(each) for each in found], "author")

    return listed(request, wanted, Steerings, read, lambda each: each.id)


def _get_steering(
    kind: SteeringKind,
    request: Request,
    principal: Principal,
    session: ReadSession | WriteSession,
    steering_id: int,
    status: int = 200,
) -> Response:
    found = queries.get_steering(session, principal, kind, steering_id)
    location = f"{request.url.path}/{steering_id}" if status == 201 else None
    return shown(
        request,
        named_one(session, SteeringShown.of(found), "author"),
        status=status,
        version=found[0].version,
        location=location,
    )


def _create_steering(
    kind: SteeringKind,
    request: Request,
    principal: Principal,
    session: WriteSession,
    body: NewSteering,
    key: str | None,
) -> Response:
    def create() -> Response:
        made = pins_and_exclusions.steer(
            session,
            principal,
            kind,
            body.need,
            body.offer,
            reason=body.reason,
            expires_at=body.expires_at,
        )
        return _get_steering(kind, request, principal, session, made.id, 201)

    return once(request, session, principal.name, key, body, create)


@router.get("/pins", response_model=Steerings, responses=AS_CSV)
@does(Action.READ)
def list_pins(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[SteeringFilter, Query()]
) -> Response:
    """List pins: pairs that the next runs must include."""
    return _list_steering(SteeringKind.PIN, request, principal, session, wanted)


@router.post("/pins", response_model=SteeringShown, status_code=201)
@does(Action.STEER)
def create_pin(
    request: Request, principal: Caller, session: Writes, body: NewSteering, key: Key
) -> Response:
    """Pin a need to an offer for the next runs."""
    return _create_steering(SteeringKind.PIN, request, principal, session, body, key)


@router.get("/pins/{steering_id}", response_model=SteeringShown)
@does(Action.READ)
def get_pin(request: Request, principal: Caller, session: Reads, steering_id: OneId) -> Response:
    """Read one pin."""
    return _get_steering(SteeringKind.PIN, request, principal, session, steering_id)


@router.delete("/pins/{steering_id}", response_model=SteeringShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.STEER)
def lift_pin(
    request: Request, principal: Caller, session: Writes, steering_id: OneId, version: Known
) -> Response:
    """Lift a pin. It stays on record."""
    pins_and_exclusions.lift(session, principal, SteeringKind.PIN, steering_id, version=version)
    return _get_steering(SteeringKind.PIN, request, principal, session, steering_id)


@router.get("/exclusions", response_model=Steerings, responses=AS_CSV)
@does(Action.READ)
def list_exclusions(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[SteeringFilter, Query()]
) -> Response:
    """List exclusions: pairs that the next runs must not include."""
    return _list_steering(SteeringKind.EXCLUSION, request, principal, session, wanted)


@router.post("/exclusions", response_model=SteeringShown, status_code=201)
@does(Action.STEER)
def create_exclusion(
    request: Request, principal: Caller, session: Writes, body: NewSteering, key: Key
) -> Response:
    """Exclude a pair of need and offer from the next runs."""
    return _create_steering(SteeringKind.EXCLUSION, request, principal, session, body, key)


@router.get("/exclusions/{steering_id}", response_model=SteeringShown)
@does(Action.READ)
def get_exclusion(
    request: Request, principal: Caller, session: Reads, steering_id: OneId
) -> Response:
    """Read one exclusion."""
    return _get_steering(SteeringKind.EXCLUSION, request, principal, session, steering_id)


@router.delete(
    "/exclusions/{steering_id}", response_model=SteeringShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.STEER)
def lift_exclusion(
    request: Request, principal: Caller, session: Writes, steering_id: OneId, version: Known
) -> Response:
    """Lift an exclusion. It stays on record."""
    pins_and_exclusions.lift(
        session, principal, SteeringKind.EXCLUSION, steering_id, version=version
    )
    return _get_steering(SteeringKind.EXCLUSION, request, principal, session, steering_id)
