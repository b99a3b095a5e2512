"""The way in and out, and the first page."""

from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.callers import database_of
from app.access.keys import Unauthenticated, principal_of
from app.catalogue import queries as catalogue
from app.exchange import queries as items
from app.portal.rendering import page
from app.portal.sessions import (
    BASE,
    Sent,
    SentBy,
    SignInNeeded,
    Who,
    cookie_name,
    safe_next,
    set_cookie,
    texts,
    unset_cookie,
    visitor,
)
from app.runs import queries as matching
from app.successions.queries import count_unsettled

router = APIRouter()
RECENT: Final = 5
NO_KEY: Final = "Enter a valid key"


@router.get("/")
def home(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        runs = matching.list_runs(session, who.principal, limit=RECENT)
        periods = catalogue.list_periods(session, who.principal, kind="year", limit=None)
        needs = items.list_needs(session, who.principal, limit=1)
        return page(
            request,
            "home.html",
            who,
            runs=runs,
            periods=periods,
            any_need=bool(needs),
            unsettled=count_unsettled(session, who.principal, datetime.now(UTC).date()),
        )


@router.get("/sign-in")
def show_sign_in(request: Request, next: str = "") -> Response:
    cookie_name(request)
    try:
        visitor(request)
    except SignInNeeded:
        return page(request, "sign_in.html", None, next=safe_next(next), asked=bool(next))
    return RedirectResponse(safe_next(next), 303)


@router.post("/sign-in")
def sign_in(request: Request, form: Sent) -> Response:
    before = request.cookies.get(cookie_name(request))
    given = texts(form)
    wanted = safe_next(given.get("next", ""))
    try:
        with database_of(request).read() as session:
            # What opens nothing waits for no other who writes, and keeps nobody waiting.
            principal_of(session, given.get("key", ""))
        with database_of(request).write() as session:
            secret, _ = browser_sessions.begin(session, given.get("key", ""), before)
    except Unauthenticated:
        request.state.refused = True
        return page(request, "sign_in.html", None, status=422, next=wanted, error=NO_KEY)
    response = RedirectResponse(wanted, 303)
    set_cookie(request, response, secret)
    return response


@router.post("/sign-out")
def sign_out(request: Request, who: Who, form: SentBy) -> Response:
    with who.database.write() as session:
        browser_sessions.end(session, who.secret)
    response = RedirectResponse(f"{BASE}/sign-in", 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    unset_cookie(request, response)
    return response
