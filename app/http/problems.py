"""Errors as `application/problem+json` (RFC 9457): stable types, and where in the request."""

import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from app.errors import Conflict, Forbidden, Problem, plain_reason
from app.http.refusals import refused_right
from app.wording import counted

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:givetake:problem:"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
AS_GET: Final = {"HEAD": "GET"}
MOST_ERRORS: Final = 50
SECONDS_TO_WAIT: Final = "1"
HEADERS_OF_STATUS: Final[dict[int, dict[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "60"},
}
RULES_OF_SCHEMA: Final = {"extra_forbidden": "is not a known field. Leave it out"}

log = structlog.get_logger()


_OF_STATUS: Final = {
    400: ("not-readable", "Unreadable body", "Send the body in the documented format."),
    404: ("not-found", "Not found", "There is nothing at this address. Check the address."),
    405: ("method-not-possible", "Method not allowed", "Use a method that `Allow` names."),
    413: ("too-long", "Body too long", "Send a shorter body. docs/http.md gives the limits."),
}


class PreconditionMissing(Problem):
    """A change that does not say which version it was made from."""

    status = 428
    title = "If-Match required"


class NotAcceptable(Problem):
    status = 406
    title = "Not acceptable"


class UnsupportedMedia(Problem):
    status = 415
    title = "Unsupported media type"


class KeyUsedOtherwise(Problem):
    """An Idempotency-Key that came before with another request."""

    status = 422
    title = "Idempotency-Key already used"


class FieldError(BaseModel):
    """One thing wrong with a request, and where it is."""

    detail: str = Field(examples=["must be greater than or equal to 0.5"])
    pointer: str | None = Field(None, description="JSON pointer into the body", examples=["#/days"])
    parameter: str | None = Field(
        None, description="name of a path, query or header parameter", examples=["limit"]
    )


class ProblemDocument(BaseModel):
    """Why a request was refused. Some types of problem have further members."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": f"{TYPE}not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "There is no need 'n-17'. Check the reference.",
                }
            ]
        },
    )

    type: str = Field(description="a stable name of this kind of problem")
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None


def slug(problem: type[Problem]) -> str:
    """`NotFound` as `not-found`: the end of its type."""
    words = "".join(f"-{c.lower()}" if c.isupper() else c for c in problem.__name__)
    return words.lstrip("-")


def respond(
    type_: str,
    title: str,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    members = {"type": f"{TYPE}{type_}", "title": title, "status": status, "detail": detail}
    # ASCII only, so that nothing a caller sent can keep the answer from being written.
    text = json.dumps(members | more, ensure_ascii=True, default=str)
    return Response(text, status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


def answer(request: Request, error: Exception) -> Response:
    """The answer to an error of a request that no route has seen."""
    return next(of(request, error) for kind, of in _HANDLERS.items() if isinstance(error, kind))


def _of_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    if isinstance(problem, Forbidden):
        refused_right(request)
    return respond(
        slug(type(problem)),
        problem.title,
        problem.status,
        problem.detail,
        HEADERS_OF_STATUS.get(problem.status),
        **problem.extra,
    )


def _of_validation(request: Request, invalid: Exception) -> Response:
    assert isinstance(invalid, RequestValidationError)
    errors = invalid.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        _, title, _ = _OF_STATUS[400]
        return respond("not-readable", title, 400, "The body is not valid JSON. Correct it.")
    if any(error["loc"][:2] == ("header", "If-Match") for error in errors):
        return _of_problem(
            request,
            PreconditionMissing("Send If-Match with the ETag of the version that you read."),
        )
    found = [_field_error(error) for error in errors[:MOST_ERRORS]]
    said = counted(len(errors), "error")
    detail = f"{said}. No changes were made. Correct the fields listed in `errors`."
    return respond("invalid", Problem.title, 422, detail, errors=found)


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Without what was sent: it may be long, or nobody's business in a log."""
    where, *path = error["loc"]
    detail = RULES_OF_SCHEMA.get(str(error["type"]), plain_reason(str(error["msg"])))
    if where == "body":
        return {"detail": detail, "pointer": pointer(path)}
    return {"detail": detail, "parameter": str(path[0]) if path else str(where)}


def pointer(path: Iterable[object]) -> str:
    """A path into the body as a JSON pointer in a URI fragment (RFC 6901)."""
    steps = (str(step)[:100].replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(["#", *(f"/{step}" for step in steps)])


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    type_, title, detail = _OF_STATUS.get(
        error.status_code,
        ("refused", "Request refused", HTTPStatus(error.status_code).phrase),
    )
    return respond(type_, title, error.status_code, detail, headers)


def _allowed(request: Request) -> list[str]:
    """Every method of this address: a route knows only its own."""
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": AS_GET.get(method, method)})[0] is Match.FULL
            for route in routes
        )
    ]


def _of_integrity(request: Request, error: Exception) -> Response:
    log.warning("http.integrity_conflict", error=type(error).__name__)
    return respond(
        "conflict",
        Conflict.title,
        409,
        "Another request stored something with the same name at the same time. Read it and try "
        "again.",
    )


def _of_operational(request: Request, error: Exception) -> Response:
    reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
    log.warning("http.database_busy", error=type(error).__name__, reason=reason)
    return respond(
        "busy",
        "Database busy",
        503,
        "The database did not answer in time. Try again.",
        {"Retry-After": SECONDS_TO_WAIT},
    )


_HANDLERS: Final[dict[type[Exception], Callable[[Request, Exception], Response]]] = {
    Problem: _of_problem,
    RequestValidationError: _of_validation,
    HTTPException: _of_http,
    IntegrityError: _of_integrity,
    OperationalError: _of_operational,
    NoConnection: _of_operational,
}


def internal() -> Response:
    return respond(
        "internal",
        "Internal error",
        500,
        "Something went wrong in the service. Try again, or contact your administrator.",
    )


_DOCUMENTED = {
    400: "The body is unreadable.",
    401: "The key is missing or not valid.",
    403: "The key does not allow this.",
    404: "Not found.",
    405: "The method is not allowed. `Allow` names those that are.",
    406: "No format in `Accept` is available.",
    409: "Not possible in the current state.",
    413: "The body is too long.",
    415: "The format of the body is not supported.",
    422: "The request is not valid or not consistent with stored data.",
    429: "Too many requests, or too many keys that are not valid. Wait, then try again.",
    500: "Internal error.",
    503: "The database is busy. Try again after `Retry-After` seconds.",
}
_OF_CHANGES = {
    412: "It has changed since you read it. Read it again.",
    428: "`If-Match` is missing.",
}
_OF_TOO_MANY = {429: "Too many requests are waiting. Try again after `Retry-After` seconds."}


def _documented(texts: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "description": text,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status, text in texts.items()
    }


PROBLEMS: Final = _documented(_DOCUMENTED)
"""What every operation may answer."""
PROBLEMS_OF_CHANGES: Final = _documented(_OF_CHANGES)
PROBLEMS_OF_TOO_MANY: Final = _documented(_OF_TOO_MANY)
