"""The way in and out."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from anyio import sleep
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.callers import database_of
from app.access.declared import public, signed_in
from app.access.holders import user_id_of
from app.access.keys import Unauthenticated, principal_of
from app.access.policy import Principal
from app.database import database_now
from app.errors import NotFound
from app.http.attempts import Attempts, TooManyAttempts, address_of
from app.http.refusals import refused_sign_in
from app.people.sign_in import WRONG, NoAccess, by_password, enter
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

router = APIRouter()
NO_KEY: Final = "Enter a valid key"
Way = Callable[[Request, Mapping[str, str]], str]
"""How somebody is let in by what they typed: the secret of their session."""


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
