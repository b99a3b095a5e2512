"""Postcodes and positions that are likely slips: noted with their rows, and taken as they are."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.files.findings import places
from app.wording import counted
from models.register import Participant
from models.vocabulary import METRES_PER_MILE, ParticipantKind
from solver.pairing.geography import earth_centred

FAR_MILES: Final = 25
"""From the middle of a postcode district; the largest reach about as far."""
ENOUGH: Final = 3
"""Institutions of a district that tell where it is."""
_POSTCODE: Final = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", re.IGNORECASE)

Position = tuple[float, float]


class Placed(NamedTuple):
    """A row of a file with where it says that something is."""

    line: int
    name: str
    postcode: str
    position: Position | None


def note_places(one: str, rows: Collection[Placed], around: Iterable[Placed] = ()) -> list[str]:
    """Notes of postcodes that are none, and of positions far from the others of their district.

    `around` are others that tell where districts are.
    """
    wrong = [row for row in rows if not _POSTCODE.fullmatch(row.postcode)]
    notes = []
    if wrong:
        postcodes = counted(len(wrong), f"{one} has", f"{one}s have")
        listed = places((row.line, f"{row.name}, “{row.postcode}”") for row in wrong)
        notes.append(f"{postcodes} a postcode that is not one: {listed}. Check it.")
    if far := _far(rows, around):
        lie = counted(len(far), f"{one} lies", f"{one}s lie")
        notes.append(
            f"{lie} more than {FAR_MILES} miles from the schools of the same postcode district: "
            f"{places((row.line, f'{row.name}, {row.postcode}') for row in far)}. Check the "
            "position and the postcode."
        )
    return notes


def _far(rows: Iterable[Placed], around: Iterable[Placed]) -> list[Placed]:
    of_district: dict[str, list[Placed]] = defaultdict(list)
    telling: dict[str, list[Position]] = defaultdict(list)
    for row in rows:
        if row.position is not None and _POSTCODE.fullmatch(row.postcode):
            of_district[outcode(row.postcode)].append(row)
    for row in around:
        if row.position is not None:
            telling[outcode(row.postcode)].append(row.position)
    found: list[Placed] = []
    for district, some in of_district.items():
        known = telling[district] if telling else [row.position for row in some if row.position]
        if len(known) >= ENOUGH:
            found += _beyond(some, known)
    return sorted(found)


def _beyond(rows: Sequence[Placed], known: Sequence[Position]) -> list[Placed]:
    at = np.array([row.position for row in rows])
    there = earth_centred(at[:, 0], at[:, 1])
    middle = np.median(np.array(known), axis=0)
    centre = earth_centred(middle[:1], middle[1:])
    metres = np.sqrt(((there - centre) ** 2).sum(axis=1))
    return [row for row, far in zip(rows, metres, strict=True) if far > FAR_MILES * METRES_PER_MILE]


def outcode(postcode: str) -> str:
    """The district of a postcode: CT17 of CT17 0DQ."""
    return postcode.replace(" ", "")[:-3].upper()


def schools_of(session: ReadSession | WriteSession, districts: Collection[str]) -> list[Placed]:
    """The institutions of the register in some postcode districts."""
    if not districts:
        return []
    query = select(
        Participant.reference, Participant.postcode, Participant.latitude, Participant.longitude
    ).where(
        Participant.kind == ParticipantKind.INSTITUTION.value,
        Participant.postcode.is_not(None),
        Participant.latitude.is_not(None),
    )
    wanted = set(districts)
    return [
        Placed(0, reference, postcode, (latitude, longitude))
        for reference, postcode, latitude, longitude in session.execute(query)
        if postcode and latitude is not None and longitude is not None
        if outcode(postcode) in wanted
    ]
