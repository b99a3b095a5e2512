"""Who approves a proposal, what public money pays for it, and statutory directions."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.access.scoped import authorise_on
from app.files.csv_reading import Date, RowModel
from app.portal import forms
from app.portal.forms import Field, Filled
from app.portal.labels import DIRECTION_FIELDS, MONEY_FIELDS
from app.portal.pages.agreements import refusal_in
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import agreements, directions, queries
from app.proposals.approval_rules import Pounds, list_approval_rules
from models.vocabulary import Consultee, LegalBasis

router = APIRouter()


def _without_sign(text: object) -> object:
    """Pounds as people write them: "£1,800"."""
    return re.sub(r"^£ ?|,(?=[0-9]{3}\b)", "", text) if isinstance(text, str) else text


class Money(RowModel):
    """What public funds pay in all, as its form asks for it."""

    pounds: Annotated[Pounds, BeforeValidator(_without_sign)]


class Notice(RowModel):
    """A statutory direction as its form asks for it."""

    legal_basis: LegalBasis
    notice_on: Date
    governing_body: Date
    diocesan_authority: Date | None = None
    foundation_appointer: Date | None = None

    @property
    def direction(self) -> directions.Direction:
        days = {who: getattr(self, who.value) for who in Consultee}
        consulted = {who: day for who, day in days.items() if day is not None}
        return directions.Direction(self.legal_basis, self.notice_on, consulted)


@router.get("/approval-rules")
@does(Action.READ, reach=Reach.OPEN)
def rules(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = list_approval_rules(session, who.principal)
        return page(request, "approval_rules.html", who, rules=found)


@router.get("/proposals/{proposal_id:id}/public-money")
@does(Action.REVIEW)
def ask_money(request: Request, who: Who, proposal_id: int) -> Response:
    return _form(request, who, "money.html", proposal_id, Action.REVIEW, MONEY_FIELDS)


@router.post("/proposals/{proposal_id:id}/public-money")
@does(Action.REVIEW)
def set_money(request: Request, who: Who, proposal_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    money = forms.read(Money, filled, MONEY_FIELDS)
    if money is not None:
        with refusal_in(filled, MONEY_FIELDS), who.database.write() as session:
            agreements.set_public_money(
                session,
                who.principal,
                proposal_id,
                money.pounds,
                version=forms.whole(filled.values.get("version")),
                hold_days=request.app.state.settings.hold_days,
                now=now,
            )
    if filled.wrong:
        wanted = Action.REVIEW
        return _form(request, who, "money.html", proposal_id, wanted, MONEY_FIELDS, filled)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?money=saved", 303)


@router.get("/proposals/{proposal_id:id}/direction")
@does(Action.DIRECT)
def ask_direction(request: Request, who: Who, proposal_id: int) -> Response:
    return _form(request, who, "direction.html", proposal_id, Action.DIRECT, DIRECTION_FIELDS)


@router.post("/proposals/{proposal_id:id}/direction")
@does(Action.DIRECT)
def direct(request: Request, who: Who, proposal_id: int, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    known: Mapping[str, Any] = {
        "version": forms.whole(filled.values.get("version")),
        "hold_days": request.app.state.settings.hold_days,
        "now": now,
    }
    if filled.values.get("withdraw"):
        with who.database.write() as session:
            directions.withdraw_direction(session, who.principal, proposal_id, **known)
        return RedirectResponse(f"{BASE}/proposals/{proposal_id}?direction=withdrawn", 303)
    notice = forms.read(Notice, filled, DIRECTION_FIELDS)
    if notice is not None:
        with refusal_in(filled, DIRECTION_FIELDS), who.database.write() as session:
            directions.direct(session, who.principal, proposal_id, notice.direction, **known)
    if filled.wrong:
        wanted = Action.DIRECT
        return _form(request, who, "direction.html", proposal_id, wanted, DIRECTION_FIELDS, filled)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?direction=saved", 303)


def _form(
    request: Request,
    who: Visitor,
    template: str,
    proposal_id: int,
    action: Action,
    fields: Mapping[str, Field],
    filled: Filled | None = None,
) -> Response:
    authorise(who.principal, action)
    with who.database.read() as session:
        full = queries.get_proposal(session, who.principal, proposal_id)
        authorise_on(session, who.principal, action, full.proposal)
        pounds = full.proposal.public_money_pounds
        return page(
            request,
            template,
            who,
            status=200 if filled is None else 422,
            full=full,
            filled=filled or Filled({} if pounds is None else {"pounds": str(pounds)}),
            fields=fields,
            expertise=expertise_names(session, who),
        )
