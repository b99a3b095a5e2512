"""Pairings that need repair, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads
from app.access.declared import does
from app.access.policy import Action
from app.http.media import AS_CSV
from app.http.replies import listed
from app.repairs.broken import list_broken
from app.repairs.schemas import BrokenList, BrokenQuery, BrokenShown

router = APIRouter(prefix="/repairs", tags=["repairs"])


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
