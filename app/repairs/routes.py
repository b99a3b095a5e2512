"""Pairings that need repair, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes, database_of
from app.access.declared import does
from app.access.policy import Action
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown
from app.repairs import service
from app.repairs.broken import list_broken
from app.repairs.queries import pairing_of
from app.repairs.schemas import BrokenList, BrokenQuery, BrokenShown, PairingShown, Taking
from app.repairs.work_out import work_out

router = APIRouter(prefix="/repairs", tags=["repairs"])
OneId = Annotated[Id, Path(examples=[1])]


@router.get("", response_model=BrokenList, responses=AS_CSV)
@does(Action.READ)
def list_needing_repair(
    request: Request,
    principal: Caller,
    session: Reads,
    now: Now,
    wanted: Annotated[BrokenQuery, Query()],
) -> Response:
    """List pairings that cannot go ahead as they are, with the reasons, as of now.

    Those are of offers that were withdrawn or lowered, needs that changed, institutions that
    closed, agreements that were refused, holds that ran out, and whatever else a rule of a pair
    no longer allows.
    """

    def read(limit: int | None) -> list[BrokenShown]:
        found = list_broken(session, principal, now=now, after=wanted.after, limit=limit)
        return [BrokenShown.of(each) for each in found]

    return listed(request, wanted, BrokenList, read, lambda one: one.proposal)


@router.get("/{proposal_id}", response_model=PairingShown)
@does(Action.READ)
def get_repairs(
    request: Request, principal: Caller, session: Reads, now: Now, proposal_id: OneId
) -> Response:
    """Read why a pairing needs repair, what else is affected, and the repairs worked out last.

    You see the repairs that you may carry out, with everything that they change.
    """
    return shown(request, PairingShown.of(pairing_of(session, principal, proposal_id, now)))


@router.post("/{proposal_id}", response_model=PairingShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.REVIEW)
def work_out_repairs(request: Request, principal: Caller, now: Now, proposal_id: OneId) -> Response:
    """Work out up to three repairs of a pairing, in the place of those that nobody took.

    It takes seconds. Nothing changes until you carry one out.
    """
    database = database_of(request)
    work_out(database, principal, proposal_id, request.app.state.settings.travel_times, now=now)
    with database.read() as session:
        return shown(request, PairingShown.of(pairing_of(session, principal, proposal_id, now)))


@router.post("/{proposal_id}/taking", response_model=PairingShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.REVIEW)
def take_repair(
    request: Request,
    principal: Caller,
    session: Writes,
    now: Now,
    proposal_id: OneId,
    body: Taking,
    key: Key,
) -> Response:
    """Carry out a repair: what ends is set aside and what comes is proposed, in one step.

    The same again changes nothing. A repair of data that have changed since is refused.
    """

    def act() -> Response:
        service.take(session, principal, proposal_id, body.repair, now=now)
        return shown(request, PairingShown.of(pairing_of(session, principal, proposal_id, now)))

    return once(request, session, principal.name, key, body, act)
