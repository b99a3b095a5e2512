"""What every request has: an id in the logs, a line of its own there, and careful headers."""

import re
import time
import uuid
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.csv_in import MAX_FILE_BYTES
from app.http.media import FORM
from app.http.problems import internal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CAREFUL: Final = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MOST_BYTES: Final = 2**20
"""How long a body may be that is no file."""
VARY: Final = "Accept, Authorization"

log = structlog.get_logger()


class Requests:
    """Outermost: also what fails before a route is found has an id and a line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
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
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, limited(scope, receive), send_carefully)
            except Exception as bug:
                log.error("http.failed", error=type(bug).__name__, exc_info=True)
                if status:
                    raise
                await internal()(scope, receive, send_carefully)
            finally:
                log.info(
                    "http.answered",
                    method=scope["method"],
                    # The template, not the path: a path may hold what somebody searched for.
                    route=getattr(scope.get("route"), "path", None),
                    status=status,
                    principal=scope["state"].get("principal"),
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )


def limited(scope: Scope, receive: Receive) -> Receive:
    """Let no more of a body through than its operation takes; strangers send no files."""
    headers = Headers(scope=scope)
    is_file = headers.get("content-type", "").startswith(FORM) and "authorization" in headers
    left = MAX_FILE_BYTES + MOST_BYTES if is_file else MOST_BYTES

    async def receive_limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return receive_limited
