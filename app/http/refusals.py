"""Whoever was refused: logged with the address that they called from, and kept in the audit.

An address is personal, so the audit has none; and it is written so often only, not for a flood.
"""

from contextlib import suppress
from typing import Any, Final

import structlog
from limits import parse
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from app.database import Database
from app.events import audit
from app.http.attempts import Attempts, address_of, network_of

STRANGER: Final = "stranger"
"""Who acts where nobody knows."""
RIGHTS: Final = parse("30/minute")
"""Refusals of one principal that are kept in the audit."""
MAPS: Final = parse("10/minute")
"""Refusals of maps to one address that are kept in the audit: a page with an old token has many
visitors."""
ALL_MAPS: Final = parse("300/hour")
"""The same from all addresses together."""
MOST_LETTERS: Final = 100

log = structlog.get_logger()


def refused_key(request: Request) -> None:
    """A key that opens nothing. Raises `TooManyAttempts` after too many from one address.

    The log has it by the status of the answer.
    """
    Attempts(_database(request)).take(address_of(request))
    _keep(request, "key.refuse", "key:unknown")


def refused_sign_in(request: Request, how: str, reason: str) -> None:
    """Somebody whom the sign-in page did not let in."""
    log.warning("sign_in.refused", client=address_of(request), how=how, reason=reason)
    _keep(request, "sign_in.refuse", f"sign-in:{how}", reason=reason)


def refused_map(request: Request, reason: str, token_id: int | None = None) -> None:
    """A token of a map, ours if it has an id, that opens nothing or not what was asked for.

    It uses up no attempts: whoever opens a page with an old map has done nothing wrong.
    """
    address = address_of(request)
    log.warning("map.refused", client=address, reason=reason, token=token_id)
    subject = "embed:unknown" if token_id is None else f"embed:{token_id}"
    with suppress(SQLAlchemyError):
        attempts = Attempts(_database(request))
        if attempts.is_within(MAPS, f"map {network_of(address)}") and attempts.is_within(
            ALL_MAPS, "maps"
        ):
            _keep(request, "embed.refuse", subject, reason=reason)


def refused_right(request: Request) -> None:
    """Somebody known, or a form of another site, that asked for what they may not do."""
    who = getattr(request.state, "principal", None) or STRANGER
    asked = f"{request.method} {_route(request)}"
    log.warning("access.refused", client=address_of(request), principal=who, asked=asked)
    address = address_of(request) if who == STRANGER else ""
    with suppress(SQLAlchemyError):
        if Attempts(_database(request)).is_within(RIGHTS, f"right {who} {address}"):
            _keep(request, "access.refuse", asked[:MOST_LETTERS], actor=who)


def _keep(
    request: Request, action: str, subject: str, *, actor: str = STRANGER, **detail: Any
) -> None:
    # A database that is busy is no reason to answer otherwise: the log has it.
    with suppress(SQLAlchemyError), _database(request).write() as session:
        audit.record(session, actor=actor, action=action, subject=subject, **detail)


def _route(request: Request) -> str:
    """The template, not the path: a path may hold what somebody searched for."""
    return getattr(request.scope.get("route"), "path", None) or "unknown"


def _database(request: Request) -> Database:
    found: Database = request.app.state.database
    return found
