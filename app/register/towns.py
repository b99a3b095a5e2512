"""Where the register's towns are: in the middle of the institutions that have them as address."""

from collections import defaultdict
from math import cos, hypot, radians
from statistics import median
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.register import Institution, Participant

FEWEST: Final = 2
"""Institutions that make a town; one alone may be an address that was mistyped."""
REACH_DEGREES: Final = 0.16
"""About 11 miles: how far a town's institutions lie from its middle, most of them."""
MOST_OF_NAME: Final = 5
"""Of a name that stands for more places than these, as London does, only its middle is a town."""


class Town(NamedTuple):
    name: str
    latitude: float
    longitude: float
    schools: int


Spot = tuple[float, float]


def towns(session: Session) -> list[Town]:
    """The largest first; places far apart that have one name are told apart by local authority."""
    query = (
        select(
            Participant.town,
            Participant.local_authority_code,
            Participant.latitude,
            Participant.longitude,
        )
        .join(Institution, Institution.participant_id == Participant.id)
        .where(
            Institution.in_scope, Participant.town.is_not(None), Participant.latitude.is_not(None)
        )
        .order_by(Participant.id)
    )
    named: dict[str, dict[str | None, list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for town, area, latitude, longitude in session.execute(query):
        if town is not None and latitude is not None and longitude is not None:
            named[town.strip()][area].append((latitude, longitude))
    found = [
        _middle(name, spots)
        for name, areas in named.items()
        for spots in _places(areas)
        if name and len(spots) >= FEWEST
    ]
    return sorted(found, key=lambda town: (-town.schools, town.name, town.latitude))


def _places(areas: dict[str | None, list[Spot]]) -> list[list[Spot]]:
    everywhere = [spot for spots in areas.values() for spot in spots]
    if len(areas) > MOST_OF_NAME or _is_one_place(everywhere):
        return [everywhere]
    return list(areas.values())


def _is_one_place(spots: list[Spot]) -> bool:
    _, latitude, longitude, _ = _middle("", spots)
    squeeze = cos(radians(latitude))
    far = [hypot(lat - latitude, (lon - longitude) * squeeze) for lat, lon in spots]
    return sum(each <= REACH_DEGREES for each in far) >= 0.9 * len(far)


def _middle(name: str, spots: list[Spot]) -> Town:
    latitude = median(latitude for latitude, _ in spots)
    longitude = median(longitude for _, longitude in spots)
    return Town(name, latitude, longitude, len(spots))
