"""The way in and out, and the first page."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from anyio import sleep
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.callers import Now, database_of
from app.access.declared import does, public, signed_in
from app.access.holders import user_id_of
from app.access.keys import Unauthenticated, principal_of
from app.access.policy import Action, Principal, may
from app.catalogue import queries as catalogue
from app.consent.queries import wanting_to_talk
from app.database import database_now
from app.errors import NotFound
from app.exchange import queries as items
from app.http.attempts import Attempts, TooManyAttempts, address_of
from app.http.refusals import refused_sign_in
from app.partnerships.due import due_for
from app.partnerships.partnership_queries import find_by_ids
from app.people.sign_in import WRONG, NoAccess, by_password, enter
from app.portal.choices import DueKind
from app.portal.pages.institutions import expertise_names
from app.portal.pages.issuer import SIGNING_OUT, offered
from app.portal.rendering import page
from app.portal.sessions import (
    BASE,
    Sent,
    SentBy,
    SignInNeeded,
    Who,
    cookie_name,
    cookie_value,
    safe_next,
    set_cookie,
    texts,
    unset_cookie,
    user_agent,
    visitor,
)
from app.proposals.waiting import waiting_for
from app.repairs.broken import list_broken
from app.runs import queries as matching
from app.successions.queries import count_unsettled

router = APIRouter()
RECENT: Final = 5
MOST_WAITING: Final = 20
MOST_BROKEN: Final = 5
"""Of what waits for somebody, how many of each kind the first page shows."""
NO_KEY: Final = "Enter a valid key"
Way = Callable[[Request, Mapping[str, str]], str]
"""How somebody is let in by what they typed: the secret of their session."""


@router.get("/")
@does(Action.READ)
def home(request: Request, who: Who, now: Now) -> Response:
    with who.database.read() as session:
        due = due_for(session, who.principal, now.date(), MOST_WAITING)
        about = find_by_ids(
            session,
            who.principal,
            {*due.write_up, *due.sign, *due.review, *due.end, *due.answer},
        )
        runs = matching.list_runs(session, who.principal, limit=RECENT)
        periods = catalogue.list_periods(session, who.principal, kind="year", limit=None)
        needs = items.list_needs(session, who.principal, limit=1)
        responses, to_approve = waiting_for(session, who.principal, MOST_WAITING)
        broken, to_talk = [], []
        if may(who.principal, Action.REVIEW):
            to_talk = wanting_to_talk(session, who.principal, MOST_WAITING)
            broken = list_broken(session, who.principal, limit=MOST_BROKEN + 1)
        return page(
            request,
            "home.html",
            who,
            runs=runs,
            periods=periods,
            any_need=bool(needs),
            responses=responses,
            to_approve=to_approve,
            to_talk=to_talk,
            due=[(kind, [about[each] for each in getattr(due, kind)]) for kind in DueKind],
            most_waiting=MOST_WAITING,
            broken=broken[:MOST_BROKEN],
            more_broken=len(broken) > MOST_BROKEN,
            expertise=expertise_names(session, who),
            unsettled=count_unsettled(session, who.principal, datetime.now(UTC).date()),
        )


@router.get("/sign-in")
@public
def show_sign_in(request: Request, next: str = "") -> Response:
    cookie_name(request)
    try:
        visitor(request)
    except SignInNeeded:
        return _form(request, safe_next(next), asked=bool(next))
    return RedirectResponse(safe_next(next), 303)


@router.post("/sign-in")
@public
async def sign_in(request: Request, form: Sent) -> Response:
    """With a key, or in development with a name and password."""
    return await _attempt(request, form, _with_key)


@router.post("/sign-in/password")
@public
async def sign_in_by_password(request: Request, form: Sent) -> Response:
    if not request.app.state.settings.local_sign_in:
        raise NotFound("This service has no passwords. Go to the sign-in page.")
    return await _attempt(request, form, _with_password)


async def _attempt(request: Request, form: FormData, way: Way) -> Response:
    """Let somebody in, or say no after a while: as late for who is unknown as for who is wrong."""
    cookie_name(request)
    started = time.monotonic()
    given = texts(form)
    wanted = safe_next(given.get("next", ""))
    account = given.get("name") if way is _with_password else None
    attempts = Attempts(database_of(request))
    try:
        wait_s = await run_in_threadpool(attempts.take, address_of(request), account)
        secret = await run_in_threadpool(way, request, given)
    except TooManyAttempts as limited:
        return _form(request, wanted, status=429, error=limited.detail, way=way.__name__)
    except Unauthenticated:
        how, said = ("password", WRONG) if way is _with_password else ("key", NO_KEY)
        await run_in_threadpool(refused_sign_in, request, how, "wrong")
        await sleep(max(0.0, wait_s - (time.monotonic() - started)))
        return _form(request, wanted, status=422, error=said, way=way.__name__)
    await run_in_threadpool(attempts.succeed, address_of(request), account)
    response = RedirectResponse(wanted, 303)
    set_cookie(request, response, secret)
    return response


def _with_key(request: Request, given: Mapping[str, str]) -> str:
    before, database = cookie_value(request), database_of(request)
    with database.read() as session:
        # What opens nothing waits for no other who writes, and keeps nobody waiting.
        principal_of(session, given.get("key", ""))
    with database.write() as session:
        principal = principal_of(session, given.get("key", ""))
        return browser_sessions.begin(session, principal, before, user_agent=user_agent(request))


def _with_password(request: Request, given: Mapping[str, str]) -> str:
    before, database = cookie_value(request), database_of(request)
    user_id = by_password(database, given.get("name", ""), given.get("password", ""))
    with database.write() as session:
        now = database_now(session)
        principal = enter(session, user_id, now)
        if not isinstance(principal, Principal):
            raise NoAccess
        browser = user_agent(request)
        return browser_sessions.begin(session, principal, before, now, user_agent=browser)


def _form(
    request: Request, wanted: str, *, status: int = 200, way: str = "", **said: Any
) -> Response:
    shown = {"next": wanted, "by_key": way == _with_key.__name__, **offered(request), **said}
    return page(request, "sign_in.html", None, status=status, **shown)


@router.post("/sign-out")
@signed_in
def sign_out(request: Request, who: Who, form: SentBy) -> Response:
    with who.database.write() as session:
        browser_sessions.end(session, who.secret)
    by_issuer = request.app.state.issuer is not None and user_id_of(who.principal.name) is not None
    response = RedirectResponse(SIGNING_OUT if by_issuer else f"{BASE}/sign-in", 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    unset_cookie(request, response)
    return response
