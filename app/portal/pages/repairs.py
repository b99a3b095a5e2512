"""Pairings that need repair, what could be done about one, and doing it."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action
from app.errors import NotFound
from app.portal.forms import whole
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import csv_page, page
from app.portal.sessions import BASE, SentBy, Who
from app.proposals import queries as proposals
from app.repairs import service
from app.repairs.broken import list_broken
from app.repairs.queries import pairing_of
from app.repairs.schemas import BrokenShown
from app.repairs.work_out import work_out
from models.matching import Proposal

router = APIRouter()
PER_PAGE: Final = 25


@router.get("/repairs")
@does(Action.READ)
def list_needing_repair(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        if request.query_params.get("as") == "csv":
            found = list_broken(session, who.principal)
            rows = [BrokenShown.of(each).model_dump(mode="json") for each in found]
            return csv_page("repairs", list(BrokenShown.model_fields), rows)
        after = whole(request.query_params.get("after")) or 0
        found = list_broken(session, who.principal, after=after, limit=PER_PAGE + 1)
        return page(
            request,
            "repairs.html",
            who,
            found=found[:PER_PAGE],
            more=len(found) > PER_PAGE,
            expertise=expertise_names(session, who),
        )


@router.get("/repairs/{proposal_id:id}")
@does(Action.READ)
def show_repairs(request: Request, who: Who, proposal_id: int) -> Response:
    with who.database.read() as session:
        found = pairing_of(session, who.principal, proposal_id)
        return page(
            request,
            "repair.html",
            who,
            found=found,
            full=found.broken.full,
            expertise=expertise_names(session, who),
        )


@router.post("/repairs/{proposal_id:id}")
@does(Action.REVIEW)
def work_out_repairs(request: Request, who: Who, proposal_id: int, form: SentBy) -> Response:
    source = request.app.state.settings.travel_times
    work_out(who.database, who.principal, proposal_id, source)
    return RedirectResponse(f"{BASE}/repairs/{proposal_id}?worked=out", 303)


@router.get("/repairs/{proposal_id:id}/{repair_id:id}")
@does(Action.REVIEW)
def check(request: Request, who: Who, proposal_id: int, repair_id: int) -> Response:
    """Everything that a repair changes, before it is taken, or as it was taken."""
    with who.database.read() as session:
        found = pairing_of(session, who.principal, proposal_id)
        one = next((each for each in found.repairs if each.repair.id == repair_id), None)
        if one is None:
            raise NotFound(
                f"There is no repair {repair_id} of proposal {proposal_id}. Work out its repairs "
                "again."
            )
        follows = [each.proposal.id for each in (one.broken, *one.ends)]
        return page(
            request,
            "repair_check.html",
            who,
            one=one,
            full=found.broken.full,
            made=proposals.find_proposals(session, who.principal, Proposal.follows_id.in_(follows))
            if one.repair.taken_at
            else [],
            expertise=expertise_names(session, who),
        )


@router.post("/repairs/{proposal_id:id}/{repair_id:id}")
@does(Action.REVIEW)
def take(request: Request, who: Who, proposal_id: int, repair_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        service.take(session, who.principal, proposal_id, repair_id)
    return RedirectResponse(f"{BASE}/repairs/{proposal_id}/{repair_id}?taken=yes", 303)
