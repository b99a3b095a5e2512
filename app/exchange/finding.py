"""Finding support: offers that supporting organisations answered themselves, nearest first.

Offers are open to whoever looks for support, like the register: it is what they are made for. What
a giver writes of itself (its evidence, its own strengths) is not, and is not read here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import RowMapping, Select, String, and_, cast, or_, select

from app.catalogue.everyday_words import meant_by, related
from app.chunks import chunked
from app.database import ReadSession
from app.errors import Problem
from app.exchange.queries import in_area
from app.http.fields import in_days
from app.register.geocoding import UnknownPlace, require_place
from app.register.naming import reference_named
from app.register.nearby import MOST_MILES, Near
from app.register.water import estimated, known_water
from models.exchange import Expertise, Offer
from models.register import (
    Area,
    Institution,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
)
from models.vocabulary import METRES_PER_MILE, AreaKind, Availability, Mode, Phase
from solver.arrays import FloatArray
from solver.pairing.geography import distance_m
from solver.pairing.places import Places

MILES: Final = 25.0
"""How far is looked where neither miles nor minutes are asked for."""
ANSWERED: Final = (Availability.CAN_OFFER, Availability.MAY_OFFER)
HERE: Final = "here"


class NoSuchExpertise(Problem):
    status = 422
    title = "The area of expertise is not known"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody looks from: a participant of the register, or a place."""

    latitude: float
    longitude: float
    sentence: str
    urban: int = -1
    """As `Places.urban` codes it."""
    participant_id: int | None = None
    """Whose own offers are left out."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; what is none is not asked for."""

    origin: Origin | None = None
    miles: float | None = None
    minutes: int | None = None
    expertise: Collection[str] | None = None
    """Codes whose offers count, those that cover what is needed included."""
    network: str | None = None
    phase: Phase | None = None
    mode: Mode | None = None
    period: str | None = None
    area: tuple[AreaKind, str] | None = None
    participant: str | None = None
    """Reference of the one supporting organisation that is asked about."""
    offer: str | None = None
    """Reference of the one offer that is asked about."""
    availability: Collection[Availability] = ANSWERED

    @property
    def reach_miles(self) -> float:
        """How far is looked at most: minutes, too, end somewhere."""
        limits = [MOST_MILES]
        if self.miles is not None:
            limits.append(self.miles)
        if self.minutes is not None:
            limits.append(estimated().reach_m(self.minutes) / METRES_PER_MILE)
        elif self.miles is None:
            limits.append(MILES)
        return min(limits)


class Found(NamedTuple):
    """An offer and how far away it is; without an origin nobody knows."""

    offer_id: int
    distance_m: float | None
    minutes: float | None


def origin_of(session: ReadSession, text: str) -> Origin:
    """Where `text` is: a URN, the key of an organisation, a postcode or a place.

    Raises
    ------
    UnknownPlace
        If nobody knows, or the register has no position for the participant.
    GeocoderUnavailable
        If only the address lookup service could tell, and it failed.
    """
    named = text.strip()
    if named and not named.startswith("-"):
        row = session.execute(
            select(
                Participant.id,
                Participant.name,
                Participant.latitude,
                Participant.longitude,
                Institution.urban_rural,
            )
            .outerjoin(Institution, Institution.participant_id == Participant.id)
            .where(Participant.reference == reference_named(session, named[:60]))
        ).one_or_none()
        if row is not None:
            if row.latitude is None:
                raise UnknownPlace(
                    f"The register has no position for {row.name}. Enter a postcode near it."
                )
            said = f"The position is that of {row.name}."
            where = (row.latitude, row.longitude)
            return Origin(*where, said, _surroundings(row.urban_rural), row.id)
    place = require_place(session, text)
    return Origin(place.latitude, place.longitude, place.sentence)


def expertise_covering(session: ReadSession, text: str) -> tuple[list[str], set[str]]:
    """What `text` means, and all entries whose offers cover a need of that.

    Raises
    ------
    NoSuchExpertise
        If no code, name or everyday word for an entry is like it.
    """
    meant = meant_by(session, text)
    if not meant:
        raise NoSuchExpertise(
            f"There is no area of expertise for {text!r}. Try another word, like reading, "
            "behaviour or finance, or choose one from the list."
        )
    return meant, related(session, meant)


def find(session: ReadSession, wanted: Search, today: date) -> list[Found]:
    """Every offer that fits, nearest first; without an origin by the name of who gives it."""
    query = _fitting(wanted, today)
    if wanted.origin is None:
        ordered = query.order_by(Participant.name, Participant.id, Offer.id)
        return [Found(row.offer_id, None, None) for row in session.execute(ordered)]
    rows = session.execute(query.where(_near(wanted).in_box)).all()
    return _nearest(rows, wanted, wanted.origin) if rows else []


def _near(wanted: Search) -> Near:
    assert wanted.origin is not None
    return Near(wanted.origin.latitude, wanted.origin.longitude, wanted.reach_miles)


def _fitting(wanted: Search, today: date) -> Any:
    """Offers as far as the database can tell, with what tells how far away they are."""
    query: Any = (
        select(
            Offer.id.label("offer_id"),
            Offer.participant_id,
            Offer.mode,
            Offer.travel_limit_miles,
            Offer.travel_limit_minutes,
            Participant.latitude,
            Participant.longitude,
            Institution.urban_rural,
        )
        .join(Participant, Participant.id == Offer.participant_id)
        .outerjoin(Institution, Institution.participant_id == Participant.id)
        .outerjoin(Organisation, Organisation.participant_id == Participant.id)
        .where(
            Offer.availability.in_(tuple(wanted.availability)),
            Offer.suggestion.is_(None),
            ~Offer.withdrawn,
            Offer.window_ends >= today,
            or_(Institution.participant_id.is_(None), Institution.in_scope),
            or_(Organisation.closed.is_(None), Organisation.closed > today),
        )
    )
    if wanted.expertise is not None:
        query = query.where(Offer.expertise_code.in_(sorted(wanted.expertise)))
    if wanted.origin is not None and wanted.origin.participant_id is not None:
        query = query.where(Offer.participant_id != wanted.origin.participant_id)
    if wanted.participant is not None:
        query = query.where(Participant.reference == wanted.participant)
    if wanted.offer is not None:
        query = query.where(Offer.reference == wanted.offer)
    if wanted.period is not None:
        query = query.where(Offer.period_code == wanted.period)
    if wanted.area is not None:
        query = query.where(in_area(*wanted.area))
    if wanted.mode in (Mode.ON_SITE, Mode.REMOTE):
        query = query.where(Offer.mode.in_((wanted.mode, Mode.EITHER)))
    if wanted.phase is not None:
        phases = cast(Offer.phases, String)
        query = query.where(or_(phases == "[]", phases.contains(f'"{wanted.phase.value}"')))
    if wanted.network is not None:
        query = query.where(Offer.participant_id.in_(_in_network(wanted.network, today)))
    return query


def _in_network(key: str, today: date) -> Select[Any]:
    member = NetworkMembership
    return (
        select(member.participant_id)
        .join(Network, Network.id == member.network_id)
        .where(
            Network.key == key,
            or_(member.starts.is_(None), member.starts <= today),
            or_(member.ends.is_(None), member.ends >= today),
        )
    )


def _nearest(rows: Sequence[Any], wanted: Search, origin: Origin) -> list[Found]:
    """Those within reach of both sides, in order."""
    metres, by_land, minutes = _journeys(rows, origin, wanted.reach_miles * METRES_PER_MILE)
    miles = metres / METRES_PER_MILE
    within = miles <= wanted.reach_miles
    if wanted.minutes is not None:
        within &= minutes <= wanted.minutes
    # Beyond how far it travels, an organisation can still give remotely.
    own_miles = _limits([row.travel_limit_miles for row in rows])
    own_minutes = _limits([row.travel_limit_minutes for row in rows])
    travels = (by_land <= own_miles * METRES_PER_MILE) & (minutes <= own_minutes)
    travels &= ~np.isinf(minutes)
    if wanted.mode is not Mode.ON_SITE:
        travels |= np.array([row.mode != Mode.ON_SITE for row in rows])
    chosen = np.flatnonzero(within & travels)
    found = [
        Found(
            rows[at].offer_id,
            float(metres[at]),
            float(minutes[at]) if np.isfinite(minutes[at]) else None,
        )
        for at in chosen.tolist()
    ]
    return sorted(found, key=lambda each: (each.distance_m, each.offer_id))


def _journeys(
    rows: Sequence[Any], origin: Origin, reach_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Metres straight and round water, and estimated minutes, from who gives to whoever looks.

    Those within reach alone are told how they come round water.
    """
    givers = {row.participant_id: row for row in rows}
    position = {who: at for at, who in enumerate(givers)}
    here = len(givers)
    latitudes = np.array([*(row.latitude for row in givers.values()), origin.latitude])
    longitudes = np.array([*(row.longitude for row in givers.values()), origin.longitude])
    places = Places(
        (*map(str, givers), HERE),
        latitudes,
        longitudes,
        np.array(
            [*(_surroundings(row.urban_rural) for row in givers.values()), origin.urban], np.int8
        ),
    )
    metres = distance_m(latitudes[:here], longitudes[:here], origin.latitude, origin.longitude)
    near = np.flatnonzero(metres <= reach_m)
    there = np.full(len(near), here, np.int64)
    ways = known_water().ways(places, near, there)
    by_land, minutes = metres.copy(), np.full(here, np.inf)
    by_land[near[ways.row]] = np.maximum(metres[near[ways.row]], ways.metres)
    minutes[near] = estimated().minutes(places, near, there)
    of_row = np.array([position[row.participant_id] for row in rows], np.int64)
    return metres[of_row], by_land[of_row], minutes[of_row]


def _limits(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.inf if value is None else float(value) for value in values])


def _surroundings(text: str | None) -> int:
    """As `Places.urban` codes them: 1 urban, 0 rural, -1 not known."""
    return -1 if not text else int("rural" not in text.lower())


def details(session: ReadSession, found: Sequence[Found]) -> list[dict[str, Any]]:
    """What may be told of these offers to anybody who looks for support, in their order."""
    query = (
        select(
            Offer.id,
            Offer.reference,
            Offer.participant_id,
            Offer.expertise_code.label("expertise"),
            Expertise.name.label("expertise_name"),
            Offer.period_code.label("period"),
            Offer.half_days,
            Offer.mode,
            Offer.phases,
            Offer.window_starts,
            Offer.window_ends,
            Offer.availability,
            Offer.availability_updated,
            Participant.reference.label("giver"),
            Participant.name.label("participant_name"),
            Participant.town,
            Participant.postcode,
            Participant.latitude,
            Participant.longitude,
            Area.name.label("local_authority"),
        )
        .join(Participant, Participant.id == Offer.participant_id)
        .join(Expertise, Expertise.code == Offer.expertise_code)
        .outerjoin(
            Area,
            and_(
                Area.kind == AreaKind.LOCAL_AUTHORITY.value,
                Area.code == Participant.local_authority_code,
            ),
        )
    )
    rows: dict[int, RowMapping] = {}
    for some in chunked([each.offer_id for each in found]):
        for row in session.execute(query.where(Offer.id.in_(some))).mappings():
            rows[row["id"]] = row
    return [
        {
            **rows[each.offer_id],
            "participant": rows[each.offer_id]["giver"].partition(":")[2],
            "days": in_days(rows[each.offer_id]["half_days"]),
            "distance_m": each.distance_m,
            "miles": None
            if each.distance_m is None
            else round(each.distance_m / METRES_PER_MILE, 1),
            "minutes": None if each.minutes is None else round(each.minutes),
        }
        for each in found
    ]
