"""Alliances over HTTP: their members, plan and reviews. Every change is of the whole alliance."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.policy import Action, Principal
from app.alliances import members, plan, queries, service
from app.alliances.schemas import (
    AllianceActionContent,
    AllianceActionEnd,
    AllianceAnswer,
    AllianceDetail,
    AllianceEnd,
    AllianceInvitation,
    AllianceLeaving,
    AllianceListed,
    AllianceQuery,
    Alliances,
    ChangedAlliance,
    NewAllianceContent,
    NewAllianceReview,
)
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.partnerships.schemas import TargetContent
from models.alliances import Alliance

router = APIRouter(tags=["alliances"])
OneId = Annotated[Id, Path(examples=[1])]
AT = "/alliances/{alliance_id}"


@router.get("/alliances", response_model=Alliances, responses=AS_CSV)
@does(Action.READ)
def list_alliances(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[AllianceQuery, Query()]
) -> Response:
    """List alliances of schools, those that are over too."""

    def read(limit: int | None) -> list[AllianceListed]:
        filters = wanted.model_dump(exclude={"limit"})
        found = queries.list_alliances(session, principal, **filters, limit=limit)
        counts = queries.members_by_alliance(session, found)
        return [AllianceListed.of(each, counts[each.id]) for each in found]

    return listed(request, wanted, Alliances, read, lambda each: each.id)


@router.post("/alliances", response_model=AllianceDetail, status_code=201)
@does(Action.MAKE_ALLIANCE)
def make_alliance(
    request: Request,
    principal: Caller,
    session: Writes,
    body: NewAllianceContent,
    key: Key,
    now: Now,
) -> Response:
    """Make an alliance and ask its lead to join. Nobody is in it before they have said yes."""

    def create() -> Response:
        made = service.make(session, principal, body.new(), now=now)
        return _detail(request, session, principal, made, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get(AT, response_model=AllianceDetail)
@does(Action.READ)
def get_alliance(
    request: Request, principal: Caller, session: Reads, alliance_id: OneId
) -> Response:
    """Read one alliance with its members, plan, reviews and the support between members."""
    whole = queries.get_alliance(session, principal, alliance_id)
    return _detail(request, session, principal, whole.alliance)


@router.patch(AT, response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES)
@does(Action.MAKE_ALLIANCE)
def change_alliance(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    version: Known,
    body: ChangedAlliance,
) -> Response:
    """Change the name, aims or dates."""
    found = service.change(session, principal, alliance_id, body.changes, version=version)
    return _detail(request, session, principal, found)


@router.post(f"{AT}/end", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES)
@does(Action.MAKE_ALLIANCE)
def end_alliance(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    version: Known,
    body: AllianceEnd,
    now: Now,
) -> Response:
    """End an alliance, with the reason. It can still be read."""
    found = service.end(
        session, principal, alliance_id, body.over_on, body.reason, version=version, now=now
    )
    return _detail(request, session, principal, found)


@router.post(f"{AT}/members", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES)
@does(Action.MAKE_ALLIANCE)
def ask_member(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    version: Known,
    body: AllianceInvitation,
    now: Now,
) -> Response:
    """Ask a school or organisation to join."""
    found = members.ask(
        session, principal, alliance_id, body.participant, body.role, version=version, now=now
    )
    return _detail(request, session, principal, found)


@router.post(
    f"{AT}/members/{{member_id}}/answer",
    response_model=AllianceDetail,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_ALLIANCE)
def answer_alliance(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    member_id: OneId,
    version: Known,
    body: AllianceAnswer,
    now: Now,
) -> Response:
    """Record what the head or body of whoever was asked says: it joins, or does not."""
    found = members.answer(
        session,
        principal,
        alliance_id,
        member_id,
        body.joins,
        body.role,
        said_on=body.said_on,
        channel=body.channel,
        version=version,
        now=now,
    )
    return _detail(request, session, principal, found)


@router.post(
    f"{AT}/members/{{member_id}}/leaving",
    response_model=AllianceDetail,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_ALLIANCE)
def leave_alliance(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    member_id: OneId,
    version: Known,
    body: AllianceLeaving,
    now: Now,
) -> Response:
    """Let a member leave from today on, with its reason."""
    found = members.leave(
        session, principal, alliance_id, member_id, body.reason, version=version, now=now
    )
    return _detail(request, session, principal, found)


@router.post(f"{AT}/actions", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_ALLIANCE)
def add_alliance_action(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    version: Known,
    body: AllianceActionContent,
    now: Now,
) -> Response:
    """Add an action to the plan, which a member leads."""
    found = plan.add_action(session, principal, alliance_id, body.new(), version=version, now=now)
    return _detail(request, session, principal, found)


@router.post(
    f"{AT}/actions/{{action_id}}/end", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES
)
@does(Action.CHANGE_ALLIANCE)
def end_alliance_action(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    action_id: OneId,
    version: Known,
    body: AllianceActionEnd,
    now: Now,
) -> Response:
    """Say that an action is done, or with the reason that it was dropped."""
    found = plan.end_action(
        session,
        principal,
        alliance_id,
        action_id,
        body.state,
        body.reason,
        version=version,
        now=now,
    )
    return _detail(request, session, principal, found)


@router.post(f"{AT}/targets", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_ALLIANCE)
def add_alliance_target(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    version: Known,
    body: TargetContent,
) -> Response:
    """Add a target, which is every member's."""
    row = body.row(f"alliance-{alliance_id}")
    found = plan.add_target(session, principal, alliance_id, row, version=version)
    return _detail(request, session, principal, found)


@router.delete(
    f"{AT}/targets/{{target_id}}", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES
)
@does(Action.CHANGE_ALLIANCE)
def remove_alliance_target(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    target_id: OneId,
    version: Known,
) -> Response:
    """Remove a target from the plan."""
    found = plan.remove_target(session, principal, alliance_id, target_id, version=version)
    return _detail(request, session, principal, found)


@router.post(f"{AT}/reviews", response_model=AllianceDetail, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_ALLIANCE)
def review_alliance(
    request: Request,
    principal: Caller,
    session: Writes,
    alliance_id: OneId,
    version: Known,
    body: NewAllianceReview,
    now: Now,
) -> Response:
    """Say for a member how the alliance goes."""
    found = plan.review(
        session,
        principal,
        alliance_id,
        body.participant,
        body.rating,
        body.on_day,
        body.role,
        body.note,
        version=version,
        now=now,
    )
    return _detail(request, session, principal, found)


def _detail(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    alliance: Alliance,
    *,
    status: int = 200,
) -> Response:
    whole = queries.get_alliance(session, principal, alliance.id)
    return shown(
        request,
        AllianceDetail.of_whole(whole),
        status=status,
        version=alliance.version,
        with_others=True,
        location=place_of(request, alliance.id) if status == 201 else None,
    )
