"""Introductions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.introductions import queries, service
from app.introductions.schemas import (
    IntroductionClosure,
    IntroductionQuery,
    Introductions,
    IntroductionShown,
    NewIntroductionContent,
)

router = APIRouter(tags=["introductions"])
OneId = Annotated[Id, Path(examples=[1])]
AT = "/introductions/{introduction_id}"


@router.get("/introductions", response_model=Introductions, responses=AS_CSV)
@does(Action.READ)
def list_introductions(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[IntroductionQuery, Query()],
) -> Response:
    """List introductions that schools asked for, and arrangements that they made themselves."""

    def read(limit: int | None) -> list[IntroductionShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_introductions(session, principal, **filters, limit=limit)
        return [IntroductionShown.of(each) for each in found]

    return listed(request, wanted, Introductions, read, lambda each: each.id)


@router.post("/introductions", response_model=IntroductionShown, status_code=201)
@does(Action.CHANGE_NEED)
def ask_for_introduction(
    request: Request,
    principal: Caller,
    session: Writes,
    body: NewIntroductionContent,
    key: Key,
    now: Now,
) -> Response:
    """Ask to be introduced to a supporting organisation, or record an arrangement with it.

    An arrangement has to keep the rules that a proposal keeps.
    """

    def create() -> Response:
        made = service.ask(session, principal, body.new(), now=now)
        return _shown(request, session, principal, made.id, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get(AT, response_model=IntroductionShown)
@does(Action.READ)
def get_introduction(
    request: Request, principal: Caller, session: Reads, introduction_id: OneId
) -> Response:
    """Read one introduction."""
    return _shown(request, session, principal, introduction_id)


@router.post(f"{AT}/proposal", response_model=IntroductionShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.REVIEW)
def propose_introduction(
    request: Request,
    principal: Caller,
    session: Writes,
    introduction_id: OneId,
    version: Known,
    now: Now,
) -> Response:
    """Start a run of the school that proposes the two."""
    settings = request.app.state.settings
    service.propose(session, principal, introduction_id, settings, version=version, now=now)
    return _shown(request, session, principal, introduction_id)


@router.post(f"{AT}/closure", response_model=IntroductionShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.REVIEW)
def close_introduction(
    request: Request,
    principal: Caller,
    session: Writes,
    introduction_id: OneId,
    version: Known,
    body: IntroductionClosure,
    now: Now,
) -> Response:
    """Close an introduction without a proposal."""
    service.close(session, principal, introduction_id, body.reason, version=version, now=now)
    return _shown(request, session, principal, introduction_id)


@router.post(f"{AT}/withdrawal", response_model=IntroductionShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_NEED)
def withdraw_introduction(
    request: Request,
    principal: Caller,
    session: Writes,
    introduction_id: OneId,
    version: Known,
    now: Now,
) -> Response:
    """Withdraw an introduction. It can still be read."""
    service.withdraw(session, principal, introduction_id, version=version, now=now)
    return _shown(request, session, principal, introduction_id)


def _shown(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    introduction_id: int,
    status: int = 200,
) -> Response:
    found = queries.get_introduction(session, principal, introduction_id)
    location = place_of(request, introduction_id) if status == 201 else None
    return shown(
        request,
        IntroductionShown.of(found),
        status=status,
        version=found.introduction.version,
        location=location,
    )
