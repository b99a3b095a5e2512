"""What every request has: an id in the logs, a line of its own there, and careful headers.

And what it must have before its body is looked at: a key, and no more length than is taken.
"""

import re
import time
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem
from app.http.problems import answer, internal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CAREFUL: Final = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MOST_BYTES: Final = 2**20
"""How long a body may be that is not a file."""
VARY: Final = "Accept, Authorization"
WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSALS: Final = (Problem, HTTPException, OperationalError, NoConnection)

log = structlog.get_logger()


class Requests:
    """Around all routes: what fails before a route is found also has an id and a log line."""

    def __init__(
        self,
        app: ASGIApp,
        guarded: str,
        files: tuple[str, ...],
        admit: Callable[[Request], Awaitable[object]],
        most_file_bytes: int,
    ) -> None:
        """`guarded` begins every address that needs a key, `files` those that take files.

        `admit` admits callers with a key, and refuses everybody else.
        """
        self.app = app
        self.guarded = guarded
        self.files = files
        self.admit = admit
        self.most_file_bytes = most_file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # Answered as GET is; the server, which knows better, leaves the content out.
            scope = {**scope, "method": "GET"}
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})
        started = time.perf_counter()
        status = 0

        async def send_carefully(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.add_vary_header(VARY)
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
                if status >= HTTPStatus.BAD_REQUEST and is_long(Headers(scope=scope)):
                    headers["Connection"] = "close"  # what is left of the body is not read
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                try:
                    limited = await self._admit(scope, receive)
                except REFUSALS as refusal:
                    refused = answer(Request(scope), refusal)
                    await refused(scope, receive, send_carefully)
                    return
                await self.app(scope, limited, send_carefully)
            except ClientDisconnect:
                log.info("http.client_gone")
            except Exception as bug:
                log.error("http.request_failed", error=type(bug).__name__, exc_info=True)
                if status:
                    raise
                await internal()(scope, receive, send_carefully)
            finally:
                if status == HTTPStatus.UNAUTHORIZED and "authorization" in Headers(scope=scope):
                    refused_credentials(scope)
                log.info(
                    "http.request_completed",
                    method=scope["method"],
                    # The template, not the path: a path may hold what somebody searched for.
                    route=getattr(scope.get("route"), "path", None),
                    status=status,
                    principal=scope["state"].get("principal"),
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Let a body be read by whom it may come from, and no more of it than is taken.

        Routes see who calls only after the whole body was read.
        """
        left = MOST_BYTES
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.startswith(self.files):
            left += self.most_file_bytes
        if scope["method"] not in WITHOUT_BODY and path.startswith(self.guarded):
            await self.admit(Request(scope))
            if (announced_bytes(Headers(scope=scope)) or 0) > left:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

        async def receive_limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return receive_limited


def refused_credentials(scope: Scope) -> None:
    """Log that what somebody called with opened nothing: who it was, and never what or why."""
    client = scope.get("client")
    log.warning("http.credentials_refused", client=client[0] if client else None)


def announced_bytes(headers: Headers) -> int | None:
    """How long the body is said to be; None: that is not said."""
    if "transfer-encoding" in headers:
        return None
    announced = headers.get("content-length", "0")
    return int(announced) if announced.isdecimal() and len(announced) <= 20 else None


def is_long(headers: Headers) -> bool:
    """Whether more may follow than is worth reading only to throw it away."""
    announced = announced_bytes(headers)
    return announced is None or announced > MOST_BYTES
