"""Signing in at the issuer and out of it: there, back again, and with an invitation."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.callers import database_of
from app.access.declared import public
from app.access.policy import Principal
from app.access.secret import signing_secret
from app.database import database_now
from app.errors import NotFound
from app.http.attempts import Attempts, address_of
from app.http.refusals import refused_sign_in
from app.people.openid import Begun, IssuerUnavailable, OpenIdClient, SignInRefused
from app.people.sign_in import NoAccess, by_issuer
from app.portal.rendering import page
from app.portal.sessions import (
    BASE,
    cookie_name,
    cookie_value,
    our_address,
    safe_next,
    set_cookie,
    unset_cookie,
    user_agent,
)
from app.settings import Settings
from models.vocabulary import Role

router = APIRouter()
AUDIENCE: Final = "givetake-sign-in"
ALGORITHM: Final = "HS256"
PENDING_FOR: Final = timedelta(minutes=10)
PENDING, ID_TOKEN = "sign-in", "id"
LONGEST_ID_TOKEN: Final = 3_500
"""Browsers keep cookies of 4,096 bytes; without it, the issuer asks who wants to sign out."""
LONGEST_CODE: Final = 100
SIGNING_OUT: Final = f"{BASE}/sign-out"


@dataclass(frozen=True, slots=True)
class Pending:
    """What the browser keeps, signed by us, while somebody is at the issuer."""

    begun: Begun
    next: str
    invitation: str | None


@router.get("/join/{code}")
@public
def join(request: Request, code: str) -> Response:
    """What an invitation leads to."""
    cookie_name(request)
    return page(request, "join.html", None, code=code[:LONGEST_CODE], **offered(request))


@router.get("/sign-in/start")
@public
def start(request: Request, next: str = "", invitation: str = "") -> Response:
    cookie_name(request)
    begun = Begun.anew()
    pending = Pending(begun, safe_next(next), invitation[:LONGEST_CODE] or None)
    response = RedirectResponse(_client(request).begin(_callback(request), begun), 303)
    set_cookie(request, response, _signed(request, pending), PENDING, PENDING_FOR)
    return response


@router.get("/sign-in/callback")
@public
def come_back(request: Request) -> Response:
    client, database = _client(request), database_of(request)
    with database.read() as session:
        now = database_now(session)
    pending = _pending(request)
    try:
        if pending is None:
            raise SignInRefused("not_begun_here")
        person = client.finish(_callback(request), pending.begun, request.query_params, now)
    except SignInRefused as refused:
        if refused.reason == "denied":
            return RedirectResponse(f"{BASE}/sign-in", 303)
        _refused(request, refused.reason)
        raise
    with database.write() as session:
        role = organisation_role(request.app.state.settings)
        found = by_issuer(session, person, pending.invitation, role, now)
        if isinstance(found, Principal):
            before = cookie_value(request)
            browser = user_agent(request)
            secret = browser_sessions.begin(session, found, before, now, user_agent=browser)
    if not isinstance(found, Principal):
        _refused(request, found)
        raise NoAccess
    response = RedirectResponse(pending.next, 303)
    set_cookie(request, response, secret)
    unset_cookie(request, response, PENDING)
    if len(person.id_token) <= LONGEST_ID_TOKEN:
        set_cookie(
            request, response, person.id_token, ID_TOKEN, browser_sessions.LONGEST, SIGNING_OUT
        )
    return response


@router.get("/sign-out")
@public
def signed_out(request: Request) -> Response:
    """Leads on to the issuer, which may have a session of its own.

    A form that led there at once would be stopped by our own policy for forms.
    """
    client: OpenIdClient | None = request.app.state.issuer
    onward = None
    if client is not None:
        id_token = cookie_value(request, ID_TOKEN, SIGNING_OUT) or None
        with suppress(IssuerUnavailable):
            onward = client.end_session(id_token, our_address(request, "/sign-in"))
    response = page(request, "signed_out.html", None, onward=onward, **offered(request))
    unset_cookie(request, response, ID_TOKEN, SIGNING_OUT)
    return response


def offered(request: Request) -> dict[str, Any]:
    """Which ways to sign in there are, for pages that offer them."""
    settings: Settings = request.app.state.settings
    return {
        "issuer": settings.issuer_name if settings.issuer else None,
        "passwords": settings.local_sign_in,
    }


def organisation_role(settings: Settings) -> Role | None:
    found = settings.organisation_role
    return None if found == "none" else Role(found)


def _client(request: Request) -> OpenIdClient:
    client: OpenIdClient | None = request.app.state.issuer
    if client is None:
        raise NotFound("This service has no sign-in of that kind. Go to the sign-in page.")
    return client


def _callback(request: Request) -> str:
    return our_address(request, "/sign-in/callback")


def _signed(request: Request, pending: Pending) -> str:
    database = database_of(request)
    with database.read() as session:
        ends = database_now(session) + PENDING_FOR
    claims = {"aud": AUDIENCE, "exp": int(ends.timestamp()), "invitation": pending.invitation}
    claims |= asdict(pending.begun) | {"next": pending.next}
    return jwt.encode(claims, signing_secret(request.app.state.settings), ALGORITHM)


def _pending(request: Request) -> Pending | None:
    """What this browser began; none if it was another, or too long ago."""
    with database_of(request).read() as session:
        now = database_now(session).timestamp()
    try:
        claims = jwt.decode(
            cookie_value(request, PENDING),
            signing_secret(request.app.state.settings),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"verify_exp": False, "require": ["aud", "exp"]},
        )
    except jwt.PyJWTError:
        return None
    if claims["exp"] <= now:
        return None
    begun = Begun(claims["state"], claims["nonce"], claims["verifier"])
    return Pending(begun, claims["next"], claims["invitation"])


def _refused(request: Request, reason: str) -> None:
    """Write down who was not let in, as often as it is not too often from one address."""
    Attempts(database_of(request)).take(address_of(request))
    refused_sign_in(request, "issuer", reason)
