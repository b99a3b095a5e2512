"""Where organisations are: as given, or as their addresses and postcodes tell."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from sqlalchemy import select

from app.chunks import chunked
from app.database import WriteSession
from app.files.findings import places
from app.register.geocoding import POSITION_DECIMALS, AnySession, FoundBy, Locator, Place
from app.register.organisation_rows import Described
from models.register import Participant
from solver.pairing.geography import to_wgs84

Position = tuple[float, float]
FAILED: Final = "failed"
KEPT: Final = "kept"
NEARBY: Final = "nearby"
UNKNOWN: Final = "unknown"
NOT_GIVEN: Final = "not given"
NOWHERE: Final = "No place was found for the address or postcode."
NOTES: Final = {
    FoundBy.POSITION: "{:,} placed by the position in the address.",
    FoundBy.POSTCODE: "{:,} placed with the schools of the same postcode.",
    FoundBy.OUTCODE: "{:,} placed by postcode in the middle of the schools of its district.",
    FoundBy.REGISTER: "{:,} placed in the middle of the schools of the area in the address.",
    FoundBy.GEOCODER: "{:,} placed by the address lookup service.",
    NEARBY: "{:,} placed by postcode in the middle of the schools of its district, because the "
    "address lookup service failed. Import the file again later to place them better.",
    KEPT: "{:,} placed where they were before, because the address lookup service failed.",
    FAILED: "{:,} without a position, because the address lookup service failed. "
    "Import the file again later to place them.",
    NOT_GIVEN: "{:,} without a position, address or postcode: how near it is, is not known.",
    UNKNOWN: "{:,} without a position: no place was found for the address or postcode.",
}


def place_organisations(session: WriteSession, described: Sequence[Described]) -> list[str]:
    """Settle the position of each, and tell how those were found that were not given.

    To be called first: a server may be asked, and meanwhile nothing should be locked.
    """
    unknown = float("nan")
    latitudes, longitudes = to_wgs84(
        np.array([one.row.easting or unknown for one in described], dtype=np.float64),
        np.array([one.row.northing or unknown for one in described], dtype=np.float64),
    )
    sought = []
    nowhere: list[Described] = []
    found: Counter[str] = Counter()
    for one, latitude, longitude in zip(
        described, latitudes.tolist(), longitudes.tolist(), strict=True
    ):
        if latitude == latitude:
            one.position = _rounded(latitude, longitude)
        elif one.row.latitude is not None and one.row.longitude is not None:
            one.position = _rounded(one.row.latitude, one.row.longitude)
        elif one.row.whereabouts:
            sought.append(one)
        else:
            found[NOT_GIVEN] += 1
            nowhere.append(one)
    if sought:
        with session.before_it_begins() as reading:
            found += _seek(reading, sought)
    nowhere += [one for one in sought if one.position is None]
    notes = [said.format(found[way]) for way, said in NOTES.items() if found[way]]
    if nowhere:
        listed = places((one.line, one.row.key) for one in nowhere)
        notes.append(f"Not known where: {listed}. Add the postcode or the position.")
    return notes


def _seek(session: AnySession, sought: Sequence[Described]) -> Counter[str]:
    """Find the positions; how many in which way."""
    locator = Locator(session)
    ways: Counter[str] = Counter()
    unanswered: list[tuple[Described, Place | None]] = []
    for one in sought:
        place = locator.locate(one.row.whereabouts)
        if locator.failed is not None and (place is None or place.found_by == FoundBy.OUTCODE):
            unanswered.append((one, place))
            continue
        _put(one, place, NOWHERE if place is None else place.sentence)
        ways[UNKNOWN if place is None else place.found_by] += 1
    stored = _stored(session, [one.reference for one, _ in unanswered])
    for one, place in unanswered:
        assert locator.failed is not None
        before = stored.get((one.reference, one.row.postcode))
        said = "" if place is None else f" {place.sentence}"
        _put(one, place, f"{locator.failed.sentence}{said}")
        if before is not None:
            one.position = before
            one.position_note = f"{locator.failed.sentence} The position is as it was."
        ways[KEPT if before is not None else FAILED if place is None else NEARBY] += 1
    return ways


def _put(one: Described, place: Place | None, note: str) -> None:
    one.position = None if place is None else (place.latitude, place.longitude)
    one.position_note = note


def _stored(
    session: AnySession, references: Sequence[str]
) -> dict[tuple[str, str | None], Position]:
    """Known positions, by reference and postcode: with another postcode they are of no use."""
    columns = Participant.reference, Participant.postcode, Participant.latitude
    found: dict[tuple[str, str | None], Position] = {}
    for some in chunked(references):
        query = select(*columns, Participant.longitude).where(Participant.reference.in_(some))
        for reference, postcode, latitude, longitude in session.execute(query):
            if latitude is not None and longitude is not None:
                found[(reference, postcode)] = (latitude, longitude)
    return found


def _rounded(latitude: float, longitude: float) -> Position:
    return round(latitude, POSITION_DECIMALS), round(longitude, POSITION_DECIMALS)
