"""Interests declared and withdrawn on pages; an institution's page lists them."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.contacts.service import whose
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.files.csv_reading import Date, RowModel, clean_text
from app.import_kit.misfits import Unfit
from app.interests import queries, questions, service
from app.interests.rows import InterestRow
from app.interests.rules import list_interest_rules
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import INTEREST_FIELDS, QUESTION_FIELDS, WITHDRAWAL_NEEDED
from app.portal.pages.flags import ask_first
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.wording import capital
from models.vocabulary import InterestAnswer

router = APIRouter()
MOST_LETTERS = 300
RoleText = Annotated[
    str, StringConstraints(min_length=1, max_length=100), BeforeValidator(clean_text)
]


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


class AskedForm(RowModel):
    asked_role: RoleText
    asked_on: Date


class AnsweredForm(RowModel):
    answer: InterestAnswer
    answered_by: RoleText
    answered_on: Date


@router.get("/participants/{cell:path}/interests/asked")
@does(Action.DECLARE_INTEREST)
def new_question(request: Request, who: Who, cell: str) -> Response:
    with who.database.read() as session:
        whose(session, who.principal, cell, Action.DECLARE_INTEREST)
    return _asked(request, who, cell, Filled())


@router.post("/participants/{cell:path}/interests/asked")
@does(Action.DECLARE_INTEREST)
def ask_for_interests(request: Request, who: Who, cell: str, form: SentBy) -> Response:
    """That somebody of a school or organisation was asked to declare its interests."""
    filled = Filled(texts(form))
    asked = forms.read(AskedForm, filled, QUESTION_FIELDS)
    if asked is not None:
        with forms.refused(filled, QUESTION_FIELDS), who.database.write() as session:
            questions.ask(session, who.principal, cell, asked.asked_role, asked.asked_on)
    return _asked(request, who, cell, filled) if filled.wrong else _to(cell)


@router.get("/interest-questions/{question_id:id}")
@does(Action.DECLARE_INTEREST)
def show_question(request: Request, who: Who, question_id: int) -> Response:
    return _question(request, who, question_id, Filled())


@router.post("/interest-questions/{question_id:id}")
@does(Action.DECLARE_INTEREST)
def answer_question(request: Request, who: Who, question_id: int, form: SentBy) -> Response:
    """What they answered."""
    filled = Filled(texts(form))
    said = forms.read(AnsweredForm, filled, QUESTION_FIELDS)
    if said is not None:
        with forms.refused(filled, QUESTION_FIELDS), who.database.write() as session:
            questions.answer(
                session,
                who.principal,
                question_id,
                said.answer,
                said.answered_by,
                said.answered_on,
                forms.whole(filled.values.get("version")),
            )
            row = questions.get_question(session, who.principal, question_id)
    if filled.wrong:
        return _question(request, who, question_id, filled)
    return _to(row["reference"].partition(":")[2])


def _asked(request: Request, who: Visitor, cell: str, filled: Filled) -> Response:
    status = 422 if filled.wrong else 200
    about = {"cell": cell, "filled": filled, "fields": QUESTION_FIELDS}
    return page(request, "interest_asked.html", who, status=status, **about)


def _question(request: Request, who: Visitor, question_id: int, filled: Filled) -> Response:
    with who.database.read() as session:
        row: Any = questions.get_question(session, who.principal, question_id)
        whose(session, who.principal, row["reference"].partition(":")[2], Action.DECLARE_INTEREST)
    return page(
        request,
        "interest_answer.html",
        who,
        status=422 if filled.wrong else 200,
        question=row,
        cell=row["reference"].partition(":")[2],
        filled=filled,
        fields=QUESTION_FIELDS,
    )


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
