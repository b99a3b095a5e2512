"""Visits, reviews, outcomes and concerns of partnerships over HTTP."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import half_days
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.partnerships import partnership_queries as queries
from app.partnerships import reviews, visits
from app.partnerships.partnership_routes import OF_VISITS, OneId
from app.partnerships.partnership_schemas import (
    ConcernAnswer,
    Concerns,
    ConcernShown,
    NewConcern,
    NewOutcome,
    NewReview,
    NewVisit,
    OutcomeShown,
    ReviewShown,
    VisitReport,
    VisitShown,
    VisitSignature,
)
from models.partnerships import Concern, SupportVisit

router = APIRouter(tags=["partnerships"])


@router.post(
    "/partnerships/{partnership_id}/visits",
    response_model=VisitShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_GIVER)
def book_visit(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    body: NewVisit,
    key: Key,
) -> Response:
    """Book a visit, or enter one that took place, within the days that were agreed."""

    def create() -> Response:
        visit = visits.book(
            session,
            principal,
            partnership_id,
            body.on_day,
            half_days(body.days),
            remote=body.remote,
        )
        return _visit(request, session, visit, status=201)

    return once(request, session, principal.name, key, body, create)


def _visit(
    request: Request, session: WriteSession, visit: SupportVisit, *, status: int = 200
) -> Response:
    told = named_one(session, VisitShown.of(visit), *OF_VISITS)
    location = place_of(request, visit.id) if status == 201 else None
    return shown(request, told, status=status, version=visit.version, location=location)


@router.post(
    "/partnerships/{partnership_id}/visits/{visit_id}/report",
    response_model=VisitShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_GIVER)
def write_up_visit(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    visit_id: OneId,
    version: Known,
    body: VisitReport,
    now: Now,
) -> Response:
    """Write up a visit that took place; its days count from then on."""
    visit = visits.write_up(
        session, principal, partnership_id, visit_id, body.report, version=version, now=now
    )
    return _visit(request, session, visit)


@router.post(
    "/partnerships/{partnership_id}/visits/{visit_id}/signature",
    response_model=VisitShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_TAKER)
def sign_visit(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    visit_id: OneId,
    version: Known,
    body: VisitSignature,
    now: Now,
) -> Response:
    """Sign a visit for the school, or dispute it; nobody signs what they wrote up."""
    visit = visits.sign(
        session,
        principal,
        partnership_id,
        visit_id,
        body.role,
        body.dispute,
        version=version,
        now=now,
    )
    return _visit(request, session, visit)


@router.delete(
    "/partnerships/{partnership_id}/visits/{visit_id}",
    response_model=VisitShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_GIVER)
def cancel_visit(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    visit_id: OneId,
    version: Known,
) -> Response:
    """Cancel a visit that was not written up. It stays on record."""
    visit = visits.cancel(session, principal, partnership_id, visit_id, version=version)
    return _visit(request, session, visit)


@router.post(
    "/partnerships/{partnership_id}/reviews",
    response_model=ReviewShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def add_review(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    body: NewReview,
    key: Key,
    now: Now,
) -> Response:
    """Say how a partnership goes, for one side or as a monitor of neither."""

    def create() -> Response:
        made = reviews.add_review(
            session,
            principal,
            partnership_id,
            body.reviewer,
            body.rating,
            body.on_day,
            body.role,
            body.note,
            now=now,
        )
        told = named_one(session, ReviewShown.model_validate(made), "recorded_by")
        return shown(request, told, status=201)

    return once(request, session, principal.name, key, body, create)


@router.post(
    "/partnerships/{partnership_id}/outcomes",
    response_model=OutcomeShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def set_outcome(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    body: NewOutcome,
    key: Key,
    now: Now,
) -> Response:
    """Say what came of a partnership: the school first; it counts once the giver has answered."""

    def create() -> Response:
        made = reviews.set_outcome(
            session,
            principal,
            partnership_id,
            body.side,
            body.result,
            body.what_worked,
            body.role,
            now=now,
        )
        told = named_one(session, OutcomeShown.model_validate(made), "recorded_by")
        return shown(request, told, status=201)

    return once(request, session, principal.name, key, body, create)


@router.post(
    "/partnerships/{partnership_id}/concerns",
    response_model=ConcernShown,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def raise_concern(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    body: NewConcern,
    key: Key,
    now: Now,
) -> Response:
    """Raise a concern in private; approvers for a region or the country read it, nobody else."""

    def create() -> Response:
        made = reviews.raise_concern(
            session, principal, partnership_id, body.text, body.role, now=now
        )
        return _concern(request, session, ConcernShown.of(made), made.version, status=201)

    return once(request, session, principal.name, key, body, create)


def _concern(
    request: Request, session: WriteSession, told: ConcernShown, version: int, *, status: int = 200
) -> Response:
    named = named_one(session, told, "raised_by", "answered_by")
    return shown(request, named, status=status, version=version)


@router.get("/partnerships/{partnership_id}/concerns", response_model=Concerns, responses=AS_CSV)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER, Action.APPROVE)
def list_concerns_of(
    request: Request, principal: Caller, session: Reads, partnership_id: OneId
) -> Response:
    """List concerns about a partnership that you raised, or that you look at."""
    queries.get_partnership(session, principal, partnership_id)
    return _concerns(request, session, reviews.list_concerns(session, principal, partnership_id))


@router.get("/concerns", response_model=Concerns, responses=AS_CSV)
@does(Action.APPROVE)
def list_concerns(request: Request, principal: Caller, session: Reads) -> Response:
    """List concerns that you look at as an approver for a region or the country."""
    return _concerns(request, session, reviews.list_concerns(session, principal))


def _concerns(request: Request, session: ReadSession, found: Sequence[Concern]) -> Response:
    told = [ConcernShown.of(concern) for concern in found]
    items = with_names(session, told, "raised_by", "answered_by")
    return listed(request, None, Concerns, lambda limit: items, lambda each: each.id)


@router.post(
    "/concerns/{concern_id}/answer", response_model=ConcernShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.APPROVE)
def answer_concern(
    request: Request,
    principal: Caller,
    session: Writes,
    concern_id: OneId,
    version: Known,
    body: ConcernAnswer,
    now: Now,
) -> Response:
    """Tell whoever raised a concern what was done about it."""
    found = reviews.answer_concern(
        session, principal, concern_id, body.answer, version=version, now=now
    )
    return _concern(request, session, ConcernShown.of(found), found.version)
