"""Declared interests over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import Reach, does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.files.csv_writing import columns
from app.http.conditions import Known
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.interests import queries, rules, service
from app.interests.rows import InterestRow, Reference
from app.interests.schemas import (
    ACTORS,
    InterestQuery,
    InterestRules,
    InterestRuleShown,
    Interests,
    InterestShown,
    InterestWithdrawal,
    NewInterest,
)

router = APIRouter(tags=["interests"])
InterestReference = Annotated[Reference, Path(examples=["made-up-interest-1"])]


@router.get("/interests", response_model=Interests, responses=AS_CSV)
@does(Action.READ)
def list_interests(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[InterestQuery, Query()]
) -> Response:
    """List declared interests, withdrawn ones too; as CSV they are as an import reads them."""

    def read(limit: int | None) -> list[InterestShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_interests(session, principal, **filters, limit=limit)
        return with_names(session, [InterestShown.of(row) for row in found], *ACTORS)

    return listed(request, wanted, Interests, read, lambda one: one.id, columns(InterestRow))


@router.post("/interests", response_model=InterestShown, status_code=201)
@does(Action.DECLARE_INTEREST)
def declare_interest(
    request: Request, principal: Caller, session: Writes, body: NewInterest, key: Key
) -> Response:
    """Declare an interest. Open proposals between its sides are checked again."""

    def create() -> Response:
        made = service.declare(session, principal, body.row())
        return _interest(request, session, principal, made.reference, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/interests/{reference:path}", response_model=InterestShown)
@does(Action.READ)
def get_interest(
    request: Request, principal: Caller, session: Reads, reference: InterestReference
) -> Response:
    """Read one declared interest."""
    return _interest(request, session, principal, reference)


@router.post(
    "/interests/{reference:path}/withdrawal",
    response_model=InterestShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.DECLARE_INTEREST)
def withdraw_interest(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: InterestReference,
    version: Known,
    body: InterestWithdrawal,
) -> Response:
    """Withdraw an interest, with a reason. It is kept and can still be read."""
    service.withdraw(session, principal, reference, body.reason, version)
    return _interest(request, session, principal, reference)


@router.get("/interest-rules", response_model=InterestRules, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_interest_rules(request: Request, principal: Caller, session: Reads) -> Response:
    """List what each kind of declared interest does to a pair."""
    found = rules.list_interest_rules(session, principal).values()
    items = [InterestRuleShown.model_validate(each) for each in found]
    return listed(request, None, InterestRules, lambda limit: items, lambda each: each.kind)


def _interest(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    reference: str,
    status: int = 200,
) -> Response:
    row = queries.get_interest(session, principal, reference)
    return shown(
        request,
        named_one(session, InterestShown.of(row), *ACTORS),
        status=status,
        version=row["version"],
        location=place_of(request, reference) if status == 201 else None,
    )
