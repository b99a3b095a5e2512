"""Who looks at the portal: the cookie, and the checks against CSRF of every form."""

import hmac
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import SplitResult, urlencode, urlsplit

from fastapi import Depends, Request
from sqlalchemy.exc import OperationalError
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.callers import database_of
from app.access.declared import authorise_route
from app.access.names import name_of
from app.access.policy import Principal
from app.database import Database
from app.errors import Forbidden, Problem

BASE: Final = "/portal"
COOKIE: Final = "__Host-givetake"
COOKIE_BELOW: Final = "__Secure-givetake"
"""Of a service below a prefix: what else is on that host has no business with it."""
LOOPBACK_COOKIE: Final = "givetake"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_FIELDS: Final = 2_000
FROM_US: Final = frozenset({"same-origin", "none"})


class _Id(Convertor[int]):
    """What can be a row's id; no page has any other number in its address."""

    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("id", _Id())


class SignInNeeded(Problem):
    status = 401
    title = "Sign in"


class NotSafe(Problem):
    """A browser that would send its cookie where others can read it."""

    title = "The connection is not secure"


class NotOurForm(Forbidden):
    """A form that another site, another person's page or an ended session sent."""

    title = "This form has expired"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in, for the time of one request."""

    principal: Principal
    secret: str
    database: Database

    @property
    def named(self) -> str:
        """As the header of every page says who is signed in."""
        return name_of(self.principal)

    def token(self, path: str) -> str:
        """Proof that a form for `path` is from a page of this very visit."""
        return hmac.digest(self.secret.encode(), path.encode(), "sha256").hex()


def home(request: Request) -> str:
    """The path below which the service answers: that of its public address, most often none."""
    found: str = request.scope.get("app_root_path", "")
    return found


def cookie_name(request: Request) -> str:
    """The cookie's name; raises `NotSafe` for plain HTTP to anywhere but this machine."""
    if request.url.scheme == "https":
        return COOKIE_BELOW if home(request) else COOKIE
    if request.url.hostname in LOOPBACK:
        return LOOPBACK_COOKIE
    raise NotSafe(
        "signing in needs HTTPS; put a proxy with TLS in front of the service and set "
        "GIVETAKE_PUBLIC_URL"
    )


def cookie_value(request: Request, what: str = "", below: str = "") -> str:
    """What the browser holds: the session's secret, or what it keeps as `what`."""
    return request.cookies.get(_named(request, what, below), "")


def set_cookie(
    request: Request,
    response: Response,
    value: str,
    what: str = "",
    lasts: timedelta = browser_sessions.LONGEST,
    below: str = "",
) -> None:
    """Let the browser keep something, and send it back to us alone; or only `below` a path."""
    name = _named(request, what, below)
    response.set_cookie(
        name,
        value,
        max_age=int(lasts.total_seconds()),
        path=f"{home(request)}{below}" or "/",
        secure=not name.startswith(LOOPBACK_COOKIE),
        httponly=True,
        samesite="lax",
    )


def unset_cookie(request: Request, response: Response, what: str = "", below: str = "") -> None:
    name = _named(request, what, below)
    response.delete_cookie(
        name,
        path=f"{home(request)}{below}" or "/",
        secure=not name.startswith(LOOPBACK_COOKIE),
        httponly=True,
        samesite="lax",
    )


def _named(request: Request, what: str, below: str) -> str:
    name = cookie_name(request)
    if below:
        # The host's own cookies are for all of its paths.
        name = name.replace("__Host-", "__Secure-")
    return f"{name}-{what}" if what else name


def our_address(request: Request, path: str) -> str:
    """The whole address of a page, as others know it."""
    return f"{request.url.scheme}://{request.url.netloc}{home(request)}{BASE}{path}"


def visitor(request: Request) -> Visitor:
    """Whoever the cookie stands for; raises `SignInNeeded` where it stands for nobody."""
    secret = cookie_value(request)
    database = database_of(request)
    if secret:
        with database.read() as session:
            found = browser_sessions.find(session, secret)
        if found is not None:
            if found.to_be_seen:
                # While a large file is taken in, nobody is sent away for want of a note.
                with suppress(OperationalError), database.write() as session:
                    browser_sessions.see(session, secret)
            request.state.principal = found.principal.name
            seen = Visitor(found.principal, secret, database)
            request.state.visitor = seen
            authorise_route(request, seen.principal)
            return seen
    raise SignInNeeded("you have been signed out; sign in again")


def from_our_pages(request: Request) -> None:
    """Refuse what another site made the browser send (cross-site request forgery, CSRF)."""
    if request.headers.get("sec-fetch-site") in FROM_US:
        return
    origin = _split(request.headers.get("origin", ""))
    if (origin.scheme, origin.netloc) == (request.url.scheme, request.url.netloc):
        return
    raise NotOurForm(
        "the form was not sent from a page of this service; open the page and try again"
    )


async def sent(request: Request) -> AsyncIterator[FormData]:
    """A form from one of our pages, as far as a stranger can prove that."""
    from_our_pages(request)
    async with request.form(max_fields=MOST_FIELDS, max_files=5) as form:
        yield form


async def sent_by(
    request: Request,
    who: Annotated[Visitor, Depends(visitor)],
    form: Annotated[FormData, Depends(sent)],
) -> FormData:
    """A form from a page of this visit."""
    given = form.get("token")
    if not isinstance(given, str) or not hmac.compare_digest(
        given.encode(), who.token(request.url.path).encode()
    ):
        raise NotOurForm(
            "you have signed in again since you opened the page; open it and try again"
        )
    return form


def to_sign_in(request: Request) -> Response:
    """Lead to sign-in, and afterwards back to what was asked for."""
    at = _split(str(request.url))
    if request.headers.get("hx-request"):
        at = _split(request.headers.get("hx-current-url", str(request.url)))
    path = at.path.removeprefix(home(request))
    wanted = f"{path}?{at.query}" if at.query else path
    query = urlencode({"next": wanted}) if request.method == "GET" else ""
    address = f"{BASE}/sign-in?{query}".rstrip("?")
    if request.headers.get("hx-request"):
        return Response(None, 401, {"HX-Redirect": address})
    return RedirectResponse(address, 303)


def user_agent(request: Request) -> str:
    """What the browser says of itself."""
    return request.headers.get("user-agent", "")


def safe_next(wanted: str) -> str:
    """Where to go after sign-in: a page of ours, never another site."""
    parts = _split(wanted)
    ours = parts.path == BASE or parts.path.startswith(f"{BASE}/")
    if parts.scheme or parts.netloc or not ours or "\\" in wanted:
        return f"{BASE}/"
    return wanted


def _split(address: str) -> SplitResult:
    """The parts of an address; of what is none, nothing."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


Who = Annotated[Visitor, Depends(visitor)]
Sent = Annotated[FormData, Depends(sent)]
SentBy = Annotated[FormData, Depends(sent_by)]


def texts(form: FormData) -> dict[str, str]:
    """What was typed, without the files; of fields given twice the last."""
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}
