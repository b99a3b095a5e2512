"""Operations that are to go say so in every answer: since when, until when, and what instead."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any, Final

LEAST_DAYS: Final = 365
_EXTRA: Final = "x-deprecation"


def going(since: date, until: date, instead: str) -> dict[str, Any]:
    """What a route with `deprecated=True` has as its `openapi_extra`; `instead` is an address."""
    if (until - since).days < LEAST_DAYS:
        raise ValueError(f"{since} to {until} is less than the {LEAST_DAYS} days that we promise")
    return {_EXTRA: {"since": since.isoformat(), "until": until.isoformat(), "instead": instead}}


def headers_of(route: object) -> dict[str, str]:
    """`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` of a route that is to go."""
    said = (getattr(route, "openapi_extra", None) or {}).get(_EXTRA)
    if said is None:
        return {}
    since, until = (_midnight(said[name]) for name in ("since", "until"))
    return {
        "Deprecation": f"@{since.timestamp():.0f}",
        "Sunset": format_datetime(until, usegmt=True),
        "Link": f'<{said["instead"]}>; rel="deprecation"',
    }


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)
