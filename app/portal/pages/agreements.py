"""What both sides respond to a proposal, recorded one side at a time."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, authorise
from app.access.scoped import authorise_on
from app.errors import Forbidden, NotFound, Problem
from app.files.csv_reading import RowModel, Text, clean_text
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import RESPONSE_FIELDS
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import agreements, decisions, publication, queries
from app.proposals.agreements import OF_SIDE
from app.wording import capital
from models.vocabulary import DeclineReason, Says, Side

router = APIRouter()


class Answer(RowModel):
    """One side's answer as its form asks for it."""

    says: Says
    said_by: Annotated[str, StringConstraints(max_length=100), BeforeValidator(clean_text)]
    reason: DeclineReason | None = None
    note: Text | None = None


def _side(name: str) -> Side:
    if name not in list(Side):
        raise NotFound("a proposal has two sides: taker and giver")
    return Side(name)


@router.get("/proposals/{proposal_id:id}/agreements/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def ask(request: Request, who: Who, proposal_id: int, side: str) -> Response:
    return _form(request, who, proposal_id, _side(side), Filled())


@router.post("/proposals/{proposal_id:id}/agreements/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def record(
    request: Request, who: Who, proposal_id: int, side: str, form: SentBy, now: Now
) -> Response:
    given = texts(form)
    of = _side(side)
    if given.get("says") == Says.YES:
        # Without JavaScript the fields of a no are there too; a yes has neither.
        given |= {"reason": "", "note": ""}
    filled = Filled(given)
    answer = forms.read(Answer, filled, RESPONSE_FIELDS)
    if answer is None:
        return _form(request, who, proposal_id, of, filled, status=422)
    if answer.says is Says.NO and answer.reason is None:
        filled.add("reason", RESPONSE_FIELDS["reason"].enter)
        return _form(request, who, proposal_id, of, filled, status=422)
    try:
        with who.database.write() as session:
            agreements.agree(
                session,
                who.principal,
                proposal_id,
                of,
                answer.says,
                answer.said_by,
                decisions.Said(answer.reason, answer.note),
                version=forms.whole(given.get("version")),
                hold_days=request.app.state.settings.hold_days,
                now=now,
            )
    except (NotFound, Forbidden):
        raise
    except Problem as problem:
        filled.general.append(capital(problem.detail))
        return _form(request, who, proposal_id, of, filled, status=422)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?said={of}", 303)


@router.post("/proposals/{proposal_id:id}/publication/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def publish(request: Request, who: Who, proposal_id: int, side: str, form: SentBy) -> Response:
    """A side's consent to show the pairing to anybody, or that it is taken back."""
    given = texts(form)
    of = _side(side)
    with who.database.write() as session:
        if given.get("withdraw"):
            publication.withdraw(session, who.principal, proposal_id, of)
            return RedirectResponse(f"{BASE}/proposals/{proposal_id}?unpublished={of}", 303)
        given_by = given.get("given_by", "")[:100].replace("\0", "")
        if not given_by:
            return RedirectResponse(f"{BASE}/proposals/{proposal_id}?lacks={of}#publish-{of}", 303)
        publication.consent(session, who.principal, proposal_id, of, given_by)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?published={of}", 303)


def _form(
    request: Request, who: Visitor, proposal_id: int, side: Side, filled: Filled, status: int = 200
) -> Response:
    authorise(who.principal, OF_SIDE[side])
    with who.database.read() as session:
        full = queries.get_proposal(session, who.principal, proposal_id)
        authorise_on(session, who.principal, OF_SIDE[side], full.proposal)
        return page(
            request,
            "agree.html",
            who,
            status=status,
            full=full,
            side=side,
            of=full.taker if side is Side.TAKER else full.giver,
            filled=filled,
            fields=RESPONSE_FIELDS,
        )
