"""Closed institutions to settle, over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import does
from app.access.policy import Action
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown
from app.successions import queries, service
from app.successions.schemas import (
    SettledShown,
    Settlement,
    UnsettledList,
    UnsettledQuery,
    UnsettledShown,
)

router = APIRouter(prefix="/successions", tags=["successions"])
Urn = Annotated[Id, Path(examples=[100000])]


@router.get("", response_model=UnsettledList, responses=AS_CSV)
@does(Action.READ)
def list_unsettled(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[UnsettledQuery, Query()],
) -> Response:
    """List closed institutions that open needs, offers or support still hang on, by URN."""
    today = datetime.now(UTC).date()

    def read(limit: int | None) -> list[UnsettledShown]:
        found = queries.list_unsettled(session, principal, today, after=wanted.after, limit=limit)
        return [UnsettledShown.of(each) for each in found]

    return listed(request, wanted, UnsettledList, read, lambda one: one.urn)


@router.get("/{urn}", response_model=UnsettledShown)
@does(Action.READ)
def get_unsettled(request: Request, principal: Caller, session: Reads, urn: Urn) -> Response:
    """Read where a closed institution's links lead, and what is open at it."""
    today = datetime.now(UTC).date()
    found = queries.get_unsettled(session, principal, urn, today)
    return shown(request, UnsettledShown.of(found))


@router.post("/{urn}/settlement", response_model=SettledShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_REGISTER)
def settle(
    request: Request,
    principal: Caller,
    session: Writes,
    urn: Urn,
    body: Settlement,
    key: Key,
) -> Response:
    """Carry over what is open at a closed institution, or withdraw it."""

    def act() -> Response:
        done = service.settle(session, principal, urn, to=body.to, withdraw=body.withdraw)
        return shown(request, SettledShown.model_validate(done))

    return once(request, session, principal.name, key, body, act)
