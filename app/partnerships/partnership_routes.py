"""Partnerships over HTTP: from an approved proposal to what came of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.names import with_names
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, wants_csv
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown, whole_list
from app.partnerships import life
from app.partnerships import partnership_queries as queries
from app.partnerships.list_query import PartnershipQuery
from app.partnerships.observed import observed
from app.partnerships.partnership_schemas import (
    ChangedTerms,
    NewPartnership,
    Observations,
    ObservedShown,
    PartnershipDetail,
    PartnershipEnd,
    Partnerships,
    PartnershipShown,
    PartnershipTotals,
    PauseReason,
)
from models.partnerships import Partnership

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
            later_agreed=body.later_agreed,
            conditions_met=body.conditions_met,
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
    wanted: Annotated[PartnershipQuery, Query()],
) -> Response:
    """List partnerships with the days agreed, delivered and booked."""

    def shown_of(session: ReadSession, ids: Sequence[int]) -> list[PartnershipShown]:
        return [PartnershipShown.of(each) for each in queries.load(session, principal, ids)]

    if wants_csv(request):
        found = queries.partnership_ids(session, principal, wanted)
        columns = list(PartnershipShown.model_fields)
        return whole_list(request, "partnerships", columns, found, shown_of)

    def read(limit: int | None) -> list[PartnershipShown]:
        found = queries.partnership_ids(session, principal, wanted, limit=limit)
        return shown_of(session, found)

    def after(partnership: PartnershipShown) -> str:
        return queries.place_of(session, principal, wanted, partnership.id)

    return listed(request, wanted, Partnerships, read, after)


@router.get("/totals/partnerships", response_model=PartnershipTotals)
@does(Action.READ)
def count_partnerships(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[PartnershipQuery, Query()],
) -> Response:
    """Count partnerships and their days as filtered."""
    totals = queries.count_partnerships(session, principal, wanted)
    return shown(request, PartnershipTotals.of(*totals))


@router.get("/partnerships/{partnership_id}", response_model=PartnershipDetail)
@does(Action.READ)
def get_partnership(
    request: Request, principal: Caller, session: Reads, partnership_id: OneId
) -> Response:
    """Read one partnership with its terms, visits, reviews and outcomes."""
    whole = queries.get_partnership(session, principal, partnership_id)
    return _detail(request, session, principal, whole.summary.partnership)


@router.get(
    "/partnerships/{partnership_id}/observations", response_model=Observations, responses=AS_CSV
)
@does(Action.READ)
def list_observations(
    request: Request, principal: Caller, session: Reads, partnership_id: OneId, now: Now
) -> Response:
    """List figures of both schools before the start and since, beside similar schools.

    Similar are schools of the same phases and kind, nearest in size and disadvantage, that had no
    support meanwhile. These are observations: they do not prove what support did.
    """
    whole = queries.get_partnership(session, principal, partnership_id)
    items = [ObservedShown.of(each) for each in observed(session, principal, whole, now.date())]
    return listed(request, None, Observations, lambda limit: items, lambda each: each.measure)


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
