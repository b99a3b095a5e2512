"""The one register of support over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.files.csv_writing import columns
from app.http.conditions import Known
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, wants_csv
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import csv_file, listed, place_of, shown
from app.partnerships import external, queries
from app.partnerships.register_schemas import RegisterLine, SupportRegisterShown, register_lines
from app.partnerships.schemas import (
    NewSupport,
    SupportContent,
    SupportPage,
    SupportQuery,
    SupportShown,
)
from app.partnerships.service import Reference, SupportRow
from app.partnerships.support_register import support_register
from app.partnerships.targets import targets_of
from app.register.routes import Urn, area_of

router = APIRouter(tags=["partnerships"])
SupportReference = Annotated[Reference, Path(examples=["made-up-support-1"])]


@router.get("/support", response_model=SupportPage, responses=AS_CSV)
@does(Action.READ)
def list_support(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[SupportQuery, Query()]
) -> Response:
    """List current and past support, whoever arranged it; as CSV as an import reads it."""
    ids: dict[str, int] = {}

    def read(limit: int | None) -> list[SupportShown]:
        filters = wanted.model_dump(exclude={"limit", "area"})
        found = queries.list_support(
            session, principal, **filters, area=area_of(wanted.area), limit=limit
        )
        ids.update((row["reference"], row["id"]) for row in found)
        targets = targets_of(session, (row["id"] for row in found))
        return [SupportShown.of(row, targets[row["id"]]) for row in found]

    return listed(
        request, wanted, SupportPage, read, lambda one: ids[one.reference], columns(SupportRow)
    )


@router.post("/support", response_model=SupportShown, status_code=201)
@does(Action.CHANGE_SUPPORT)
def create_support(
    request: Request, principal: Caller, session: Writes, body: NewSupport, key: Key
) -> Response:
    """Record support of another agency, with its targets."""

    def create() -> Response:
        row, targets = body.row(body.reference), body.target_rows(body.reference)
        external.create_support(session, principal, row, targets)
        return _support(request, session, principal, body.reference, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/support/{reference:path}", response_model=SupportShown)
@does(Action.READ)
def get_support(
    request: Request, principal: Caller, session: Reads, reference: SupportReference
) -> Response:
    """Read one arrangement, with its targets."""
    return _support(request, session, principal, reference)


@router.put("/support/{reference:path}", response_model=SupportShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_SUPPORT)
def change_support(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: SupportReference,
    version: Known,
    body: SupportContent,
) -> Response:
    """Replace support of another agency, with its targets."""
    row, targets = body.row(reference), body.target_rows(reference)
    external.change_support(session, principal, row, version, targets)
    return _support(request, session, principal, reference)


@router.get(
    "/institutions/{urn}/support-register", response_model=SupportRegisterShown, responses=AS_CSV
)
@does(Action.READ)
def get_support_register(
    request: Request, principal: Caller, session: Reads, urn: Urn, now: Now
) -> Response:
    """Read who supports a school, towards which targets, and which of them contradict."""
    found = support_register(session, principal, str(urn), now.date())
    if wants_csv(request):
        lines = list(register_lines(found))
        return csv_file(request, "support-register", list(RegisterLine.model_fields), lines)
    return shown(request, SupportRegisterShown.of(found))


def _support(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    reference: str,
    status: int = 200,
) -> Response:
    row = queries.get_support(session, principal, reference)
    return shown(
        request,
        SupportShown.of(row, targets_of(session, [row["id"]])[row["id"]]),
        status=status,
        version=row["version"],
        with_others=True,
        location=place_of(request, reference) if status == 201 else None,
    )
