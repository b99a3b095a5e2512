"""Expertise and periods over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import Reach, does
from app.access.policy import Action
from app.catalogue import queries, service
from app.catalogue.rows import ExpertiseRow, PeriodRow
from app.catalogue.schemas import (
    ExpertiseContent,
    ExpertiseFilter,
    ExpertiseShown,
    NewExpertise,
    NewPeriod,
    PeriodContent,
    PeriodFilter,
    Periods,
    PeriodShown,
    Taxonomy,
)
from app.files.csv_reading import Key as Code
from app.files.csv_writing import columns
from app.http.conditions import Known
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from models.exchange import Expertise, Period

router = APIRouter(tags=["exchange"])
ExpertisePath = Annotated[Code, Path(examples=["early-reading"])]
PeriodPath = Annotated[Code, Path(max_length=20, examples=["2026-27/autumn"])]


@router.get("/expertise", response_model=Taxonomy, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_expertise(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[ExpertiseFilter, Query()]
) -> Response:
    """List the taxonomy by code."""

    def read(limit: int | None) -> list[ExpertiseShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_expertise(session, principal, **filters, limit=limit)
        return [ExpertiseShown.model_validate(entry) for entry in found]

    return listed(request, wanted, Taxonomy, read, lambda entry: entry.code, columns(ExpertiseRow))


@router.post("/expertise", response_model=ExpertiseShown, status_code=201)
@does(Action.CHANGE_CATALOGUE)
def create_expertise(
    request: Request, principal: Caller, session: Writes, body: NewExpertise, key: Key
) -> Response:
    """Add an entry to the taxonomy."""

    def create() -> Response:
        row = ExpertiseRow(**body.model_dump())
        return _expertise(request, service.create_expertise(session, principal, row), status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/expertise/{code:path}", response_model=ExpertiseShown)
@does(Action.READ, reach=Reach.OPEN)
def get_expertise(
    request: Request, principal: Caller, session: Reads, code: ExpertisePath
) -> Response:
    """Read one entry of the taxonomy."""
    return _expertise(request, queries.get_expertise(session, principal, code))


@router.put("/expertise/{code:path}", response_model=ExpertiseShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_CATALOGUE)
def change_expertise(
    request: Request,
    principal: Caller,
    session: Writes,
    code: ExpertisePath,
    version: Known,
    body: ExpertiseContent,
) -> Response:
    """Replace the name and parent of an entry. A retired entry is in use again."""
    row = ExpertiseRow(code=code, **body.model_dump())
    return _expertise(request, service.change_expertise(session, principal, row, version))


@router.post(
    "/expertise/{code:path}/withdrawal",
    response_model=ExpertiseShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_CATALOGUE)
def withdraw_expertise(
    request: Request, principal: Caller, session: Writes, code: ExpertisePath, version: Known
) -> Response:
    """Retire an entry. What uses it keeps it, and nothing new can use it."""
    return _expertise(request, service.withdraw_expertise(session, principal, code, version))


@router.get("/periods", response_model=Periods, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_periods(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[PeriodFilter, Query()]
) -> Response:
    """List academic years and their terms by code."""

    def read(limit: int | None) -> list[PeriodShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_periods(session, principal, **filters, limit=limit)
        return [PeriodShown.model_validate(period) for period in found]

    return listed(request, wanted, Periods, read, lambda period: period.code, columns(PeriodRow))


@router.post("/periods", response_model=PeriodShown, status_code=201)
@does(Action.CHANGE_CATALOGUE)
def create_period(
    request: Request, principal: Caller, session: Writes, body: NewPeriod, key: Key
) -> Response:
    """Add an academic year or a term."""

    def create() -> Response:
        made = service.create_period(session, principal, body.row(body.code))
        return _period(request, made, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/periods/{code:path}", response_model=PeriodShown)
@does(Action.READ, reach=Reach.OPEN)
def get_period(request: Request, principal: Caller, session: Reads, code: PeriodPath) -> Response:
    """Read one academic year or term."""
    return _period(request, queries.get_period(session, principal, code))


@router.put("/periods/{code:path}", response_model=PeriodShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_CATALOGUE)
def change_period(
    request: Request,
    principal: Caller,
    session: Writes,
    code: PeriodPath,
    version: Known,
    body: PeriodContent,
) -> Response:
    """Replace a period's name and dates. Windows in it must stay within the dates."""
    row = body.row(code)
    return _period(request, service.change_period(session, principal, row, version))


@router.delete("/periods/{code:path}", status_code=204, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_CATALOGUE)
def withdraw_period(principal: Caller, session: Writes, code: PeriodPath, version: Known) -> None:
    """Delete a period that nothing uses."""
    service.withdraw_period(session, principal, code, version)


def _expertise(request: Request, entry: Expertise, status: int = 200) -> Response:
    return shown(
        request,
        ExpertiseShown.model_validate(entry),
        status=status,
        version=entry.revision,
        location=place_of(request, entry.code) if status == 201 else None,
    )


def _period(request: Request, period: Period, status: int = 200) -> Response:
    return shown(
        request,
        PeriodShown.model_validate(period),
        status=status,
        version=period.version,
        location=place_of(request, period.code) if status == 201 else None,
    )
