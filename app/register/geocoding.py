"""Where a postcode, a place or an address is: as the register knows it, or a server that is set."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from sqlalchemy import func, select

from app.database import ReadSession, WriteSession
from app.errors import Problem
from app.register.geocoder_server import EXAMPLE, GeocoderUnavailable, ask, is_in_uk
from app.register.nearby import Near
from app.settings import settings
from models.register import Area, Participant
from models.vocabulary import AreaKind, ParticipantKind

AnySession = ReadSession | WriteSession
POSITION_DECIMALS: Final = 6
TOWN_MILES: Final = 15
"""How far from their middle institutions of one town may be."""
_POSTCODE = re.compile(r"(?:^|[\s,])([A-Z]{1,2}[0-9][A-Z0-9]?) ?([0-9][A-Z]{2})$")
_OUTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
_POSITION = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9]{1,15})?), ?(-?[0-9]{1,3}(?:\.[0-9]{1,15})?)")


class FoundBy(StrEnum):
    """How a place was found.

    `outcode` is the first half of a postcode, its district; `register` the name of a district,
    local authority or town.
    """

    POSITION = "position"
    POSTCODE = "postcode"
    OUTCODE = "outcode"
    REGISTER = "register"
    GEOCODER = "geocoder"


@dataclass(frozen=True, slots=True)
class Place:
    latitude: float
    longitude: float
    found_by: FoundBy
    sentence: str
    """For people: whose position it is."""


class UnknownPlace(Problem):
    status = 422
    title = "The place is not known"

    @property
    def extra(self) -> dict[str, Any]:
        return {"errors": [{"parameter": "near", "detail": self.detail}]}


def locate(session: AnySession, text: str) -> Place | None:
    """Where `text` is, or None where nobody knows.

    Raises `GeocoderUnavailable` where only the server could tell, and it failed.
    """
    locator = Locator(session, _split(text)[0])
    place = locator.locate(text)
    if locator.failed is None:
        return place
    if place is None:
        raise locator.failed
    return replace(place, sentence=f"{place.sentence} {locator.failed.sentence}")


def require_place(session: AnySession, text: str) -> Place:
    """As `locate`, for a search that goes no further without a place."""
    found = locate(session, text) if text.strip() else None
    if found is None:
        unknown = f"No place was found for '{text}'. " if text.strip() else ""
        raise UnknownPlace(f"{unknown}{EXAMPLE}.")
    return found


class Locator:
    """Finds one place after another; a server that failed once is not asked again.

    Attributes
    ----------
    failed
        How the server failed, for any place of which the register does not know enough.
    """

    def __init__(self, session: AnySession, outcode: str = "") -> None:
        """Postcodes that do not begin with `outcode` are not read."""
        self._session, self._outcode = session, outcode
        self.failed: GeocoderUnavailable | None = None

    def locate(self, text: str) -> Place | None:
        """The place as exactly as the register or else the server knows it."""
        if given := _POSITION.fullmatch(text.strip()):
            return _place(FoundBy.POSITION, float(given[1]), float(given[2]), "the one you gave")
        outcode, rest = _split(text)
        if not outcode:
            return self._named(text) or self._asked(text)
        nearby = self._around(FoundBy.OUTCODE, outcode, f"in the postcode district {outcode}")
        full = f"with the postcode {outcode} {rest}"
        exact = self._around(FoundBy.POSTCODE, outcode + rest, full) if rest else nearby
        return exact or self._asked(text) or nearby

    def _asked(self, text: str) -> Place | None:
        server = settings().geocoder
        if server is None or self.failed is not None:
            return None
        try:
            answer = ask(server, " ".join(text.split()))
        except GeocoderUnavailable as unavailable:
            self.failed = unavailable
            return None
        if answer is None:
            return None
        whose = f"the one that the address lookup service gives for {answer[2]}"
        return _place(FoundBy.GEOCODER, answer[0], answer[1], whose)

    @cached_property
    def _spots(self) -> dict[str, list[tuple[float, float]]]:
        """Positions of institutions by postcode, without its space, and by its first half."""
        query = select(Participant.postcode, Participant.latitude, Participant.longitude).where(
            Participant.kind == ParticipantKind.INSTITUTION.value,
            Participant.postcode.istartswith(self._outcode, autoescape=True),
        )
        spots: dict[str, list[tuple[float, float]]] = {}
        for postcode, latitude, longitude in self._session.execute(query):
            if postcode is not None and latitude is not None and longitude is not None:
                code = postcode.replace(" ", "").upper()
                for key in (code, code[:-3]):
                    spots.setdefault(key, []).append((latitude, longitude))
        return spots

    def _around(self, found_by: FoundBy, code: str, where: str) -> Place | None:
        return _middle(found_by, self._spots.get(code, []), where)

    def _named(self, text: str) -> Place | None:
        """The middle of a district or, where none is called so, of a local authority."""
        columns = {
            AreaKind.DISTRICT.value: Participant.district_code,
            AreaKind.LOCAL_AUTHORITY.value: Participant.local_authority_code,
        }
        named = select(Area.kind, Area.code, Area.name).order_by(Area.kind, Area.code)
        named = named.where(func.lower(Area.name) == text.strip().lower(), Area.kind.in_(columns))
        for kind, code, name in self._session.execute(named).all():
            positions = select(Participant.latitude, Participant.longitude).where(
                Participant.kind == ParticipantKind.INSTITUTION.value,
                Participant.latitude.is_not(None),
                columns[kind] == code,
            )
            spots = self._session.execute(positions)
            if found := _middle(FoundBy.REGISTER, spots, f"in {name}"):
                return found
        return self._in_town(text)

    def _in_town(self, text: str) -> Place | None:
        """The middle of a town's institutions; None where towns far apart have the name."""
        query = select(Participant.town, Participant.latitude, Participant.longitude).where(
            Participant.kind == ParticipantKind.INSTITUTION.value,
            Participant.latitude.is_not(None),
            func.lower(Participant.town) == text.strip().lower(),
        )
        rows = self._session.execute(query.order_by(Participant.id)).all()
        if not rows:
            return None
        found = _middle(FoundBy.REGISTER, [row[1:] for row in rows], f"in {rows[0].town}")
        if found is None:
            return None
        here = Near(found.latitude, found.longitude, TOWN_MILES)
        inside = here.sorted_by_distance((0, *row[1:]) for row in rows)
        return found if len(inside) == len(rows) else None


def _split(text: str) -> tuple[str, str]:
    """The two halves of the postcode that `text` is or ends with, as far as it has them."""
    text = " ".join(text.upper().split())
    if found := _POSTCODE.search(text):
        return found[1], found[2]
    return (text, "") if _OUTCODE.fullmatch(text) else ("", "")


def _middle(found_by: FoundBy, spots: Iterable[tuple[Any, Any]], where: str) -> Place | None:
    at = list(spots)
    if not at:
        return None
    latitude, longitude = (sum(degrees) / len(at) for degrees in zip(*at, strict=True))
    one = "that of an institution"
    whose = one if len(at) == 1 else f"the middle of {len(at):,} institutions"
    return _place(found_by, latitude, longitude, f"{whose} {where}")


def _place(found_by: FoundBy, latitude: float, longitude: float, whose: str) -> Place | None:
    if not is_in_uk(latitude, longitude):
        return None
    at = round(latitude, POSITION_DECIMALS), round(longitude, POSITION_DECIMALS)
    return Place(*at, found_by, f"The position is {whose}.")
