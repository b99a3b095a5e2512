"""Interests declared and withdrawn on pages; an institution's page lists them."""

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.contacts.service import whose
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.import_kit.misfits import Unfit
from app.interests import queries, service
from app.interests.rows import InterestRow
from app.interests.rules import list_interest_rules
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import INTEREST_FIELDS, WITHDRAWAL_NEEDED
from app.portal.pages.flags import ask_first
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.wording import capital

router = APIRouter()
MOST_LETTERS = 300


@router.get("/participants/{cell:path}/interests/new")
@does(Action.DECLARE_INTEREST)
def new_interest(
    request: Request, who: Who, cell: str, about: str = "", holder: str = ""
) -> Response:
    with who.database.read() as session:
        whose(session, who.principal, cell, Action.DECLARE_INTEREST)
    today = datetime.now(UTC).date()
    values = {
        "reference": f"interest-{secrets.token_hex(6)}",
        "holder": holder or cell,
        "about": about,
        "declared_on": f"{today.day}/{today.month}/{today.year}",
    }
    return _form(request, who, cell, Filled(values))


@router.post("/participants/{cell:path}/interests/new")
@does(Action.DECLARE_INTEREST)
def declare_interest(request: Request, who: Who, cell: str, form: SentBy) -> Response:
    filled = Filled(texts(form))
    row = forms.read(InterestRow, filled, INTEREST_FIELDS)
    if row is None or filled.wrong:
        return _form(request, who, cell, filled)

    def act(session: WriteSession) -> object:
        return service.declare(session, who.principal, row)

    if _exists(who, row.reference):  # the same form, sent twice
        return _to(cell)
    try:
        back = f"{BASE}/participants/{cell}/interests/new"
        if (asked := ask_first(request, who, form, back, act)) is not None:
            return asked
        with who.database.write() as session:
            act(session)
    except Unfit as unfit:
        forms.take(filled, unfit.misfits, INTEREST_FIELDS)
        return _form(request, who, cell, filled)
    except Conflict as conflict:
        filled.general.append(capital(conflict.detail))
        return _form(request, who, cell, filled)
    return _to(cell)


@router.get("/interest-rules")
@does(Action.READ, reach=Reach.OPEN)
def show_rules(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = list_interest_rules(session, who.principal)
    return page(request, "interest_rules.html", who, rules=found)


@router.get("/interests/{reference:path}/withdraw")
@does(Action.DECLARE_INTEREST)
def show_withdraw(request: Request, who: Who, reference: str) -> Response:
    authorise(who.principal, Action.DECLARE_INTEREST)
    return _withdrawal(request, who, reference)


@router.post("/interests/{reference:path}/withdraw")
@does(Action.DECLARE_INTEREST)
def withdraw_interest(request: Request, who: Who, reference: str, form: SentBy) -> Response:
    given = texts(form)
    reason = given.get("reason", "")[:MOST_LETTERS]
    if not reason:
        return _withdrawal(request, who, reference, error=WITHDRAWAL_NEEDED)
    version = forms.whole(given.get("version")) or 0
    with who.database.write() as session:
        service.withdraw(session, who.principal, reference, reason, version)
        row = queries.get_interest(session, who.principal, reference)
        cell = row["holder_reference"].partition(":")[2]
    return _to(cell)


def _exists(who: Visitor, reference: str) -> bool:
    try:
        with who.database.read() as session:
            queries.get_interest(session, who.principal, reference)
    except NotFound:
        return False
    return True


def _form(request: Request, who: Visitor, cell: str, filled: Filled) -> Response:
    return page(
        request,
        "interest_form.html",
        who,
        status=422 if filled.wrong else 200,
        cell=cell,
        filled=filled,
        fields=INTEREST_FIELDS,
    )


def _withdrawal(request: Request, who: Visitor, reference: str, error: str = "") -> Response:
    with who.database.read() as session:
        found: Any = queries.get_interest(session, who.principal, reference)
    return page(
        request,
        "interest_withdraw.html",
        who,
        status=422 if error else 200,
        interest=found,
        cell=found["holder_reference"].partition(":")[2],
        error=error,
    )


def _to(cell: str) -> Response:
    return RedirectResponse(f"{BASE}/participants/{cell}#interests", 303)
