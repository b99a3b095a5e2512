"""Pots of money over HTTP: what they pay for, commitments, claims and a funder's report."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.catalogue.schemas import PeriodCode
from app.database import ReadSession, WriteSession
from app.exchange.rows import Reference
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, wants_csv
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import csv_file, listed, shown
from app.money import claims, queries, service
from app.money.report import pot_report
from app.money.schemas import (
    CLAIM_ACTORS,
    ClaimDecision,
    ClaimQuery,
    Claims,
    ClaimShown,
    CommitmentQuery,
    Commitments,
    CommitmentShown,
    NewClaim,
    NewPot,
    PotBody,
    PotQuery,
    PotReportShown,
    Pots,
    PotShown,
    ReportRowShown,
)

router = APIRouter(tags=["money"])
PotReference = Annotated[Reference, Path(examples=["made-up-pot-1"])]
OneId = Annotated[Id, Path(examples=[1])]


@router.get("/pots", response_model=Pots, responses=AS_CSV)
@does(Action.READ)
def list_pots(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[PotQuery, Query()]
) -> Response:
    """List pots of money with what is committed, claimed, paid and left."""
    ids: dict[str, int] = {}

    def read(limit: int | None) -> list[PotShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_pots(session, principal, **filters, limit=limit)
        ids.update({each.pot.reference: each.pot.id for each in found})
        return [PotShown.of(each) for each in found]

    return listed(request, wanted, Pots, read, lambda one: ids[one.reference])


@router.post("/pots", response_model=PotShown, status_code=201)
@does(Action.CHANGE_POT)
def create_pot(
    request: Request, principal: Caller, session: Writes, body: NewPot, key: Key
) -> Response:
    """Make a pot of money of who holds it."""

    def create() -> Response:
        made = service.create(session, principal, body.new_content())
        return _pot(request, session, principal, made.reference, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/pots/{reference:path}/commitments", response_model=Commitments, responses=AS_CSV)
@does(Action.READ)
def list_commitments(
    request: Request,
    principal: Caller,
    session: Reads,
    reference: PotReference,
    wanted: Annotated[CommitmentQuery, Query()],
) -> Response:
    """List what a pot has committed, with whom it is for."""
    pot = queries.get_pot(session, principal, reference).pot

    def read(limit: int | None) -> list[CommitmentShown]:
        found = queries.commitments_of(session, principal, pot, after=wanted.after, limit=limit)
        return [CommitmentShown.of(each) for each in found]

    return listed(request, wanted, Commitments, read, lambda one: one.id)


@router.get("/pots/{reference:path}/report", response_model=PotReportShown, responses=AS_CSV)
@does(Action.READ)
def read_pot_report(
    request: Request,
    principal: Caller,
    session: Reads,
    reference: PotReference,
    now: Now,
    period: PeriodCode | None = None,
) -> Response:
    """Read what a pot's money has done, by school and expertise; as CSV, those rows alone."""
    found = pot_report(session, principal, reference, period, today=now.date())
    report = PotReportShown.of(found)
    if wants_csv(request):
        columns = list(ReportRowShown.model_fields)
        return csv_file(request, f"pot-{reference}", columns, report.rows)
    return shown(request, report)


@router.get("/pots/{reference:path}", response_model=PotShown)
@does(Action.READ)
def get_pot(
    request: Request, principal: Caller, session: Reads, reference: PotReference
) -> Response:
    """Read one pot of money."""
    return _pot(request, session, principal, reference)


@router.put("/pots/{reference:path}", response_model=PotShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_POT)
def change_pot(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: PotReference,
    version: Known,
    body: PotBody,
) -> Response:
    """Replace what a pot is. Its budget stays at what is committed, or above."""
    service.change(session, principal, reference, body.content(), version)
    return _pot(request, session, principal, reference)


@router.post("/partnerships/{partnership_id}/claims", response_model=ClaimShown, status_code=201)
@does(Action.AGREE_FOR_GIVER)
def make_claim(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    body: NewClaim,
    key: Key,
    now: Now,
) -> Response:
    """Claim what visits come to that the school has signed; each visit is in one claim at most."""

    def create() -> Response:
        made = claims.make(session, principal, partnership_id, body.visits, body.pence, now=now)
        location = f"/api/v1/claims/{made.id}"
        return _claim(request, session, principal, made.id, status=201, location=location)

    return once(request, session, principal.name, key, body, create)


@router.get("/claims", response_model=Claims, responses=AS_CSV)
@does(Action.READ)
def list_claims(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[ClaimQuery, Query()]
) -> Response:
    """List claims of pots and partnerships that you may read."""

    def read(limit: int | None) -> list[ClaimShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_claims(session, principal, **filters, limit=limit)
        return with_names(session, [ClaimShown.of(each) for each in found], *CLAIM_ACTORS)

    return listed(request, wanted, Claims, read, lambda one: one.id)


@router.get("/claims/{claim_id}", response_model=ClaimShown)
@does(Action.READ)
def get_claim(request: Request, principal: Caller, session: Reads, claim_id: OneId) -> Response:
    """Read one claim."""
    return _claim(request, session, principal, claim_id)


@router.post(
    "/claims/{claim_id}/decisions", response_model=ClaimShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.DECIDE_CLAIM)
def decide_claim(
    request: Request,
    principal: Caller,
    session: Writes,
    claim_id: OneId,
    version: Known,
    body: ClaimDecision,
    now: Now,
) -> Response:
    """Approve a claim, refuse it with a reason, or record that it was paid."""
    claims.decide(session, principal, claim_id, body.action, body.reason, version=version, now=now)
    return _claim(request, session, principal, claim_id)


def _pot(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    reference: str,
    status: int = 200,
) -> Response:
    found = queries.get_pot(session, principal, reference)
    return shown(
        request,
        PotShown.of(found),
        status=status,
        version=found.pot.version,
        with_others=True,
        location=f"/api/v1/pots/{reference}" if status == 201 else None,
    )


def _claim(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    claim_id: int,
    status: int = 200,
    location: str | None = None,
) -> Response:
    found = queries.get_claim(session, principal, claim_id)
    return shown(
        request,
        named_one(session, ClaimShown.of(found), *CLAIM_ACTORS),
        status=status,
        version=found.claim.version,
        location=location,
    )
