"""A Nominatim or Photon server that the settings name, asked through geopy."""

import json
import re
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any, Final

import structlog

from app.errors import Problem
from app.outside import NoAnswer, TooSlow, fetch

TIMEOUT_S: Final = 4.0
"""From the first byte of the request to the last of the answer."""
MOST_BYTES: Final = 2**20
MOST_ANSWERS: Final = 5
"""The first may lie outside the country."""
SOUTH, NORTH, WEST, EAST = 49.0, 61.0, -9.0, 2.5
EXAMPLE: Final = "Enter a postcode, like CT17 0DQ"
UNREADABLE: Final = "gave an answer that cannot be read"
REASONS: Final = {
    "GeocoderTimedOut": "did not answer in time",
    "GeocoderRateLimited": "takes no more requests for now",
    "GeocoderParseError": UNREADABLE,
}
Answer = tuple[float, float, str]
"""Latitude, longitude and what is there."""

log = structlog.get_logger()


class GeocoderUnavailable(Problem):
    status = 503
    title = "The address lookup service did not answer"

    def __init__(self, reason: str) -> None:
        self.sentence = f"The address lookup service {reason}."
        super().__init__(f"{self.sentence} {EXAMPLE}, or try again later.")


def is_in_uk(latitude: float, longitude: float) -> bool:
    """Whether a position is in the box around the United Kingdom."""
    return SOUTH <= latitude <= NORTH and WEST <= longitude <= EAST


@lru_cache(maxsize=1_000)
def ask(server: str, text: str) -> Answer | None:
    """The server's first answer within the country; faults are not remembered.

    Raises `GeocoderUnavailable` for every way in which a server fails.
    """
    # Not at the top: it takes long, and few installations have a server.
    from geopy.exc import GeopyError
    from geopy.geocoders import Nominatim, Photon

    kind, scheme, domain = re.split(r"\+|://", server, maxsplit=2)
    ways: dict[str, tuple[Any, dict[str, Any]]] = {
        "nominatim": (Nominatim, {"country_codes": "gb"}),
        "photon": (Photon, {"bbox": ((SOUTH, WEST), (NORTH, EAST))}),
    }
    made, limits = ways[kind]
    own: dict[str, Any] = {
        "user_agent": "givetake",
        "timeout": TIMEOUT_S,
        "adapter_factory": _adapter(),
    }
    try:
        geocoder = made(domain=domain, scheme=scheme, **own)
        found = geocoder.geocode(text, exactly_one=False, limit=MOST_ANSWERS, **limits)
        answers = [_answer(location) for location in found or ()]
    except (GeopyError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as bad:
        told = type(bad).__name__
        log.warning("geocoder.failed", error=told)
        other = "did not answer" if isinstance(bad, GeopyError) else UNREADABLE
        raise GeocoderUnavailable(REASONS.get(told, other)) from bad
    return next((answer for answer in answers if answer is not None), None)


@cache
def _adapter() -> type[Any]:
    """How geopy asks a server: within a total time and a length of the answer."""
    from geopy.adapters import AdapterHTTPError, BaseSyncAdapter
    from geopy.exc import GeocoderParseError, GeocoderServiceError, GeocoderTimedOut

    refused: Any = AdapterHTTPError

    class Bounded(BaseSyncAdapter):
        def get_json(self, url: str, *, timeout: float, headers: dict[str, str]) -> Any:
            try:
                return json.loads(self.get_text(url, timeout=timeout, headers=headers))
            except ValueError as unreadable:
                raise GeocoderParseError("not JSON") from unreadable

        def get_text(self, url: str, *, timeout: float, headers: dict[str, str]) -> str:
            try:
                status, body = fetch(url, headers, total_s=timeout, most_bytes=MOST_BYTES)
            except TooSlow as slow:
                raise GeocoderTimedOut(str(slow)) from slow
            except NoAnswer as none:
                raise GeocoderServiceError(str(none)) from none
            text = body.decode("utf-8", "replace")
            if status >= HTTPStatus.BAD_REQUEST:
                raise refused(str(status), status_code=status, headers={}, text=text)
            return text

    return Bounded


def _answer(location: Any) -> Answer | None:
    # Photon takes no country but a box, and in that of the United Kingdom lies more.
    country = location.raw.get("properties", {}).get("countrycode", "GB")
    if country.upper() != "GB" or not is_in_uk(location.latitude, location.longitude):
        return None
    name = "".join(letter for letter in location.address[:120] if letter.isprintable())
    return location.latitude, location.longitude, name
