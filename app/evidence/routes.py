"""Evidence of quality over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.evidence import queries, service
from app.evidence.schemas import (
    ACTORS,
    EvidenceAnswer,
    EvidenceContent,
    EvidenceList,
    EvidenceQuery,
    EvidenceShown,
    EvidenceWithdrawal,
    QualityShown,
)
from app.exchange.rows import Reference
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown

router = APIRouter(tags=["evidence"])
EvidenceId = Annotated[Id, Path(examples=[1])]
OfferReference = Annotated[Reference, Path(examples=["made-up-offer-1"])]


@router.get("/evidence", response_model=EvidenceList, responses=AS_CSV)
@does(Action.READ)
def list_evidence(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[EvidenceQuery, Query()]
) -> Response:
    """List evidence of quality, withdrawn evidence too."""

    def read(limit: int | None) -> list[EvidenceShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_evidence(session, principal, **filters, limit=limit)
        return with_names(session, [EvidenceShown.of(row) for row in found], *ACTORS)

    return listed(request, wanted, EvidenceList, read, lambda one: one.id)


@router.post("/evidence", response_model=EvidenceShown, status_code=201)
@does(Action.ADD_EVIDENCE)
def add_evidence(
    request: Request,
    principal: Caller,
    session: Writes,
    body: EvidenceContent,
    key: Key,
    now: Now,
) -> Response:
    """Add evidence. What others say counts once the giver has answered, or after four weeks."""

    def create() -> Response:
        made = service.add(session, principal, body.new(), now=now)
        return _evidence(request, session, principal, made.id, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/evidence/{evidence_id}", response_model=EvidenceShown)
@does(Action.READ)
def get_evidence(
    request: Request, principal: Caller, session: Reads, evidence_id: EvidenceId
) -> Response:
    """Read one piece of evidence."""
    return _evidence(request, session, principal, evidence_id)


@router.post(
    "/evidence/{evidence_id}/answer", response_model=EvidenceShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.ADD_EVIDENCE)
def answer_evidence(
    request: Request,
    principal: Caller,
    session: Writes,
    evidence_id: EvidenceId,
    version: Known,
    body: EvidenceAnswer,
    now: Now,
) -> Response:
    """Record what the supporting organisation says to it. It counts from then on."""
    service.answer(
        session, principal, evidence_id, body.answer, body.role, version=version, now=now
    )
    return _evidence(request, session, principal, evidence_id)


@router.post(
    "/evidence/{evidence_id}/withdrawal",
    response_model=EvidenceShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.ADD_EVIDENCE)
def withdraw_evidence(
    request: Request,
    principal: Caller,
    session: Writes,
    evidence_id: EvidenceId,
    version: Known,
    body: EvidenceWithdrawal,
    now: Now,
) -> Response:
    """Withdraw evidence, with a reason. It is kept and can still be read."""
    service.withdraw(session, principal, evidence_id, body.reason, version=version, now=now)
    return _evidence(request, session, principal, evidence_id)


@router.get("/evidence/offers/{reference:path}", response_model=QualityShown)
@does(Action.READ)
def get_quality(
    request: Request, principal: Caller, session: Reads, reference: OfferReference, now: Now
) -> Response:
    """Read what the evidence of an offer comes to today, and where it comes from."""
    told = QualityShown.of(queries.of_offer(session, principal, reference, now.date()))
    named = told.model_copy(update={"evidence": with_names(session, told.evidence, *ACTORS)})
    return shown(request, named)


def _evidence(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    evidence_id: int,
    status: int = 200,
) -> Response:
    row = queries.get_evidence(session, principal, evidence_id)
    return shown(
        request,
        named_one(session, EvidenceShown.of(row), *ACTORS),
        status=status,
        version=row["version"],
        location=place_of(request, evidence_id) if status == 201 else None,
    )
