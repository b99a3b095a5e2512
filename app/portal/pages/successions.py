"""Closed institutions that work still hangs on: the list, and settling one of them."""

from datetime import UTC, date, datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action, authorise
from app.errors import Conflict, NotFound
from app.portal.forms import Filled, whole
from app.portal.labels import SETTLE_FIELDS
from app.portal.rendering import Pager, csv_page, page, page_number
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.successions import queries, service
from app.successions.schemas import UnsettledShown
from app.wording import capital

router = APIRouter()
PER_PAGE: Final = 25
OTHER: Final = "other"
WITHDRAW: Final = "withdraw"


def _today() -> date:
    return datetime.now(UTC).date()


@router.get("/successions")
@does(Action.READ)
def list_unsettled(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = queries.list_unsettled(session, who.principal, _today(), limit=None)
        shown = [UnsettledShown.of(each) for each in found]
    if request.query_params.get("as") == "csv":
        rows = [each.model_dump(mode="json") for each in shown]
        return csv_page("successions", list(UnsettledShown.model_fields), rows)
    pager = Pager(page_number(request), PER_PAGE, len(shown))
    return page(
        request,
        "successions.html",
        who,
        found=shown[(pager.page - 1) * PER_PAGE :][:PER_PAGE],
        pager=pager,
    )


@router.get("/successions/{urn:int}")
@does(Action.READ)
def show_unsettled(request: Request, who: Who, urn: int) -> Response:
    return _form(request, who, urn, Filled())


@router.post("/successions/{urn:int}")
@does(Action.CHANGE_REGISTER)
def settle(request: Request, who: Who, urn: int, form: SentBy) -> Response:
    authorise(who.principal, Action.CHANGE_REGISTER)
    filled = Filled(texts(form))
    how = filled.values.get("how", "")
    to = whole(filled.values.get("to") if how == OTHER else how)
    if how == OTHER and to is None:
        filled.add("to", SETTLE_FIELDS["to"].enter)
    elif how != WITHDRAW and to is None:
        filled.add("how", SETTLE_FIELDS["how"].enter)
    if not filled.wrong:
        try:
            with who.database.write() as session:
                service.settle(session, who.principal, urn, to=to, withdraw=how == WITHDRAW)
        except (Conflict, NotFound) as problem:
            filled.add("to" if how == OTHER else "how", capital(problem.detail))
    if filled.wrong:
        return _form(request, who, urn, filled, status=422)
    return RedirectResponse(f"{BASE}/successions?done={urn}", 303)


def _form(request: Request, who: Visitor, urn: int, filled: Filled, status: int = 200) -> Response:
    with who.database.read() as session:
        found = queries.get_unsettled(session, who.principal, urn, _today())
    one = UnsettledShown.of(found)
    return page(
        request,
        "succession.html",
        who,
        status=status,
        one=one,
        options=[
            (str(each.urn), f"Carry over to {each.name}", "")
            for each in one.successors
            if each.in_scope
        ],
        filled=filled,
        fields=SETTLE_FIELDS,
    )
