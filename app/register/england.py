"""Whether a position can be in England, so that swapped coordinates are found."""

from typing import Final

import numpy as np
from sqlalchemy import select

from app.database import ReadSession, WriteSession
from models.register import Participant
from models.vocabulary import ParticipantKind
from solver.pairing.geography import to_wgs84

AROUND: Final = 0.5
"""Degrees within which institutions show that people live there."""
MARGIN: Final = 0.1
"""Degrees beyond the coast and border that are let pass: schools at the border look across."""
_STEP: Final = 0.5
_SOUTH, _NORTH = 49.8, 55.85
# From the most westerly to the most easterly longitude of England, by half degrees of latitude
# from 49.5: read off a map, to a tenth of a degree.
_LONGITUDES: Final = (
    (-6.5, -5.0),
    (-6.5, -3.4),
    (-5.1, 1.0),
    (-4.8, 1.5),
    (-3.2, 1.6),
    (-3.3, 1.8),
    (-3.3, 1.8),
    (-3.3, 0.6),
    (-3.3, 0.2),
    (-3.7, 0.0),
    (-3.7, -0.4),
    (-3.2, -1.3),
    (-2.5, -1.4),
)


def may_be_in_england(latitude: float, longitude: float) -> bool:
    """False for what is certainly at sea, abroad or in most of Wales and Scotland."""
    if not _SOUTH - MARGIN <= latitude <= _NORTH + MARGIN:
        return False
    near = {latitude - MARGIN, latitude, latitude + MARGIN}
    bands = {min(max(int((one - 49.5) // _STEP), 0), len(_LONGITUDES) - 1) for one in near}
    return any(
        _LONGITUDES[band][0] - MARGIN <= longitude <= _LONGITUDES[band][1] + MARGIN
        for band in bands
    )


def check_position(
    session: ReadSession | WriteSession,
    latitude: float | None,
    longitude: float | None,
    easting: int | None,
    northing: int | None,
) -> tuple[str, str] | None:
    """The column and reason of a position that cannot be: at sea, abroad or swapped.

    Where the register has institutions around it, it is right: a made-up register lies at sea.
    """
    swapped = "is at sea or outside England, and looks swapped with the {}. Exchange the two"
    outside = "is at sea or outside England. Check the position, or leave it blank"
    if easting and northing:
        here, there = _degrees(easting, northing), _degrees(northing, easting)
        column, other = "easting", "northing"
    elif latitude is not None and longitude is not None:
        here, there = (latitude, longitude), (longitude, latitude)
        column, other = "latitude", "longitude"
    else:
        return None
    if may_be_in_england(*here) or _has_institutions_around(session, *here):
        return None
    return column, swapped.format(other) if may_be_in_england(*there) else outside


def _degrees(easting: float, northing: float) -> tuple[float, float]:
    latitude, longitude = to_wgs84(np.array([easting]), np.array([northing]))
    return float(latitude[0]), float(longitude[0])


def _has_institutions_around(
    session: ReadSession | WriteSession, latitude: float, longitude: float
) -> bool:
    around = select(Participant.id).where(
        Participant.kind == ParticipantKind.INSTITUTION.value,
        Participant.latitude.between(latitude - AROUND, latitude + AROUND),
        Participant.longitude.between(longitude - AROUND, longitude + AROUND),
    )
    return session.scalar(around.limit(1)) is not None
