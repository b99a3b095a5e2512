"""Partnerships over HTTP: from an approved proposal to what came of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id, half_days
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.partnerships import life, reviews, visits
from app.partnerships import partnership_queries as queries
from app.partnerships.partnership_schemas import (
    ChangedTerms,
    ConcernAnswer,
    Concerns,
    ConcernShown,
    NewConcern,
    NewOutcome,
    NewPartnership,
    NewReview,
    NewVisit,
    OutcomeShown,
    PartnershipDetail,
    PartnershipEnd,
    PartnershipFilter,
    Partnerships,
    PartnershipShown,
    PauseReason,
    ReviewShown,
    VisitReport,
    VisitShown,
    VisitSignature,
)
from models.partnerships import Concern, Partnership, SupportVisit

router = APIRouter(tags=["partnerships"])
OneId = Annotated[Id, Path(examples=[1])]
OF_VISITS = ("written_up_by", "signed_by")


@router.post(
    "/proposals/{proposal_id}/partnership",
    response_model=PartnershipDetail,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def start_partnership(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewPartnership,
    key: Key,
    now: Now,
) -> Response:
    """Make an approved proposal a partnership, on terms; `If-Match` is the proposal's."""

    def create() -> Response:
        made = life.start(
            session,
            principal,
            proposal_id,
            body.terms,
            body.starts,
            body.ends,
            body.later_days,
            version=version,
            now=now,
        )
        return _detail(
            request,
            session,
            principal,
            made,
            status=201,
            location=f"/api/v1/partnerships/{made.id}",
        )

    return once(request, session, principal.name, key, body, create)


def _detail(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    partnership: Partnership,
    *,
    status: int = 200,
    location: str | None = None,
) -> Response:
    detail = PartnershipDetail.of_whole(queries.get_partnership(session, principal, partnership.id))
    named = {
        "visits": with_names(session, detail.visits, *OF_VISITS),
        "reviews": with_names(session, detail.reviews, "recorded_by"),
        "outcomes": with_names(session, detail.outcomes, "recorded_by"),
    }
    return shown(
        request,
        detail.model_copy(update=named),
        status=status,
        version=partnership.version,
        with_others=True,
        location=location,
    )


@router.get("/partnerships", response_model=Partnerships, responses=AS_CSV)
@does(Action.READ)
def list_partnerships(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[PartnershipFilter, Query()],
) -> Response:
    """List partnerships with the days agreed, delivered and booked."""

    def read(limit: int | None) -> list[PartnershipShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_partnerships(session, principal, **filters, limit=limit)
        return [PartnershipShown.of(each) for each in found]

    return listed(request, wanted, Partnerships, read, lambda each: each.id)


@router.get("/partnerships/{partnership_id}", response_model=PartnershipDetail)
@does(Action.READ)
def get_partnership(
    request: Request, principal: Caller, session: Reads, partnership_id: OneId
) -> Response:
    """Read one partnership with its terms, visits, reviews and outcomes."""
    whole = queries.get_partnership(session, principal, partnership_id)
    return _detail(request, session, principal, whole.summary.partnership)


@router.patch(
    "/partnerships/{partnership_id}",
    response_model=PartnershipDetail,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def change_partnership(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    version: Known,
    body: ChangedTerms,
) -> Response:
    """Change aims, rhythm, people or the plan to end."""
    found = life.change_terms(session, principal, partnership_id, body.changes, version=version)
    return _detail(request, session, principal, found)


@router.post(
    "/partnerships/{partnership_id}/pause",
    response_model=PartnershipDetail,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def pause_partnership(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    version: Known,
    body: PauseReason,
) -> Response:
    """Pause a partnership: its days stay promised, and no visit can be booked."""
    found = life.pause(session, principal, partnership_id, body.reason, body.note, version=version)
    return _detail(request, session, principal, found)


@router.delete(
    "/partnerships/{partnership_id}/pause",
    response_model=PartnershipDetail,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def resume_partnership(
    request: Request, principal: Caller, session: Writes, partnership_id: OneId, version: Known
) -> Response:
    """Resume a partnership that is paused."""
    found = life.resume(session, principal, partnership_id, version=version)
    return _detail(request, session, principal, found)


@router.post(
    "/partnerships/{partnership_id}/end",
    response_model=PartnershipDetail,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def end_partnership(
    request: Request,
    principal: Caller,
    session: Writes,
    partnership_id: OneId,
    version: Known,
    body: PartnershipEnd,
    key: Key,
    now: Now,
) -> Response:
    """End a partnership; its days become those delivered, its need what you say."""

    def create() -> Response:
        found = life.end(
            session,
            principal,
            partnership_id,
            body.reason,
            body.over_on,
            body.need_becomes,
            body.note,
            version=version,
            now=now,
        )
        return _detail(request, session, principal, found)

    return once(request, session, principal.name, key, body, create)


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
