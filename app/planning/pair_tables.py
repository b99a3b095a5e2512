"""Stored rows as the columns that the rules of a pair look at."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.evidence.reading import qualities
from app.planning.capacity import Left
from app.planning.load import Loaded
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Wishes, as_rows
from app.register import closing
from app.register.water import known_water
from models.partnerships import Support
from models.vocabulary import (
    METRES_PER_MILE,
    AreaKind,
    Availability,
    Ladder,
    Mode,
    NeedState,
    SupportResult,
)
from solver.arrays import IntArray
from solver.pairing import columns as exchange
from solver.pairing.failed_support import UNDATED, FailedSupport
from solver.pairing.interests import Interests
from solver.pairing.pairs import PairTables
from solver.pairing.places import Places
from solver.pairing.quality import Quality
from solver.pairing.travel import TravelTimes
from solver.pairing.weights import Weights

NO_DAY_OF_NEEDS: Final = -1
NO_DAY_OF_OFFERS: Final = -2
"""Windows outside the period become these days, long before any other and never the same."""
Place = dict[int, int]
"""Row id to position."""


def places_of(loaded: Loaded) -> Place:
    return {row.id: position for position, row in enumerate(loaded.participants)}


def pair_tables(
    loaded: Loaded, options: MatchOptions, left: Left, wishes: Wishes, travel: TravelTimes
) -> PairTables:
    """Rows as the rules of a pair look at them: windows, terms and what is left are settled."""
    place = places_of(loaded)
    taxonomy, entry = _taxonomy(loaded)
    pinned = as_rows(wishes.pins)
    return PairTables.of(
        taxonomy,
        _participants(loaded, left, place),
        _needs(loaded, left, entry, place),
        _offers(loaded, options, left, entry, place),
        conflicts=wishes.conflicts,
        declined=wishes.declined,
        kept=exchange.Pairs(pinned[:, 0], pinned[:, 1]),
        failed=_failed(loaded, options, place),
        interests=_interests(loaded, place),
        travel=travel,
        water=known_water(),
        default_limit_m=options.travel_limit_miles * METRES_PER_MILE,
        with_suggestions=options.include_suggestions,
        steps=_steps(loaded, options),
    )


def _steps(loaded: Loaded, options: MatchOptions) -> NDArray[np.bool_] | None:
    """Steps of the ladder that a run names, the same for every need."""
    if not options.steps:
        return None
    return np.tile([step in options.steps for step in Ladder], (len(loaded.needs), 1))


def _failed(loaded: Loaded, options: MatchOptions, place: Place) -> FailedSupport:
    rows = [
        (place[row.giver_id], place[row.taker_id], row.ends.toordinal() if row.ends else UNDATED)
        for row in loaded.support
        if row.result == SupportResult.DID_NOT_WORK
        and row.giver_id in place
        and row.taker_id in place
    ]
    giver, taker, ended = np.array(rows, np.int64).reshape(-1, 3).T
    years = options.refuse_failed_support_years
    return FailedSupport.of(giver, taker, ended, len(place), loaded.day, years)


def _interests(loaded: Loaded, place: Place) -> Interests:
    between = (
        replace(each, holder=place[each.holder], about=place[each.about])
        for each in loaded.between
        if each.holder in place and each.about in place
    )
    return Interests.of(between, len(place))


def _taxonomy(loaded: Loaded) -> tuple[exchange.Taxonomy, dict[str, int]]:
    entry = {row.code: position for position, row in enumerate(loaded.expertise)}
    parents = [
        -1 if row.parent_code is None else entry[row.parent_code] for row in loaded.expertise
    ]
    names = tuple(row.name for row in loaded.expertise)
    return exchange.Taxonomy(np.array(parents, np.int64), names), entry


def _participants(loaded: Loaded, left: Left, place: Place) -> exchange.ParticipantColumns:
    rows = loaded.participants
    areas: dict[tuple[str, str], int] = {}

    def area(kind: AreaKind, code: str | None) -> int:
        return -1 if code is None else areas.setdefault((kind, code), len(areas))

    columns = {
        kind: [area(kind, getattr(row, f"{kind}_code")) for row in rows]
        for kind in (AreaKind.LOCAL_AUTHORITY, AreaKind.REGION, AreaKind.DISTRICT)
    }
    serving = [
        (place[row.participant_id], area(AreaKind(row.area_kind), row.area_code))
        for row in loaded.areas_served
        if row.participant_id in place and row.area_kind != AreaKind.COUNTRY
    ]
    return exchange.ParticipantColumns(
        places=Places(
            id=tuple(row.reference for row in rows),
            lat=np.array([as_float(row.latitude) for row in rows]),
            lon=np.array([as_float(row.longitude) for row in rows]),
            urban=np.array([_surroundings(row.urban_rural) for row in rows], np.int8),
        ),
        phases=np.array([exchange.phase_mask(row.phases or ()) for row in rows], np.uint8),
        local_authority=np.array(columns[AreaKind.LOCAL_AUTHORITY]),
        region=np.array(columns[AreaKind.REGION]),
        district=np.array(columns[AreaKind.DISTRICT]),
        may_give=np.array(left.may_give),
        may_take=np.array(left.may_take),
        last_day=np.array([_last_day(loaded, row.id) for row in rows], np.int64),
        give_limit=np.array(left.give_limit),
        designated=np.array([row.id in loaded.designated for row in rows]),
        groups=_matrix([(row[0], row[1]) for row in loaded.memberships], place),
        networks=_matrix([(row[0], row[1]) for row in loaded.networks], place),
        serves=exchange.memberships(
            [row for row, _ in serving],
            [column for _, column in serving],
            (len(rows), max(1, len(areas))),
        ),
    )


def _last_day(loaded: Loaded, who: int) -> int:
    day = loaded.last_days.get(who)
    if day is None:
        return exchange.STAYS_OPEN
    return exchange.CLOSES_UNDATED if day == closing.UNDATED else day.toordinal()


def _matrix(belongings: Iterable[tuple[int, int]], place: Place) -> sparse.csr_array:
    inside = [(place[who], group) for who, group in belongings if who in place]
    numbered = {
        group: number for number, group in enumerate(sorted({group for _, group in inside}))
    }
    return exchange.memberships(
        [who for who, _ in inside],
        [numbered[group] for _, group in inside],
        (len(place), max(1, len(numbered))),
    )


def giver_and_taker(rows: Sequence[Support], place: Place) -> tuple[IntArray, IntArray]:
    return (
        np.array([place[row.giver_id] for row in rows if row.giver_id is not None], np.int64),
        np.array([place[row.taker_id] for row in rows], np.int64),
    )


def as_float(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _surroundings(text: str | None) -> int:
    """As `Places.urban` codes them: 1 urban, 0 rural, -1 not known."""
    return -1 if not text else int("rural" not in text.lower())


def _needs(loaded: Loaded, left: Left, entry: dict[str, int], place: Place) -> exchange.NeedColumns:
    rows = loaded.needs
    windows = [(row.window_starts, row.window_ends) for row in rows]
    starts, ends = _windows(loaded, windows, NO_DAY_OF_NEEDS)
    return exchange.NeedColumns(
        participant=np.array([place[row.participant_id] for row in rows]),
        expertise=np.array([entry[row.expertise_code] for row in rows]),
        half_days_min=np.array([row.half_days_min for row in rows]),
        priority=np.array(left.need_priority),
        mode=exchange.encode(Mode, [row.mode for row in rows]),
        limit_m=_metres([row.travel_limit_miles for row in rows]),
        limit_minutes=np.array([as_float(row.travel_limit_minutes) for row in rows]),
        window_starts=starts,
        window_ends=ends,
        suggested=np.array([row.state == NeedState.SUGGESTED for row in rows]),
        outside=np.array([bool(row.outside_stimulus) for row in rows]),
    )


def qualities_of_offers(loaded: Loaded, options: MatchOptions) -> list[Quality]:
    """What the evidence of each offer comes to on the day planned from."""
    parents = {row.code: row.parent_code for row in loaded.expertise}
    weights = Weights.of(options.weights)
    return qualities(loaded.offers, loaded.evidence, parents, loaded.day, weights)


def _offers(
    loaded: Loaded, options: MatchOptions, left: Left, entry: dict[str, int], place: Place
) -> exchange.OfferColumns:
    """Offers as columns; one withdrawn or used up stays, as not offering any more."""
    rows = loaded.offers
    windows = [(row.window_starts, row.window_ends) for row in rows]
    starts, ends = _windows(loaded, windows, NO_DAY_OF_OFFERS)
    used_up = [
        row.withdrawn or half_days == 0 or pairings == 0
        for row, half_days, pairings in zip(
            rows, left.offer_half_days, left.offer_pairings, strict=True
        )
    ]
    return exchange.OfferColumns(
        participant=np.array([place[row.participant_id] for row in rows]),
        expertise=np.array([entry[row.expertise_code] for row in rows]),
        half_days=np.maximum(1, left.offer_half_days),
        quality=np.array([each.step for each in qualities_of_offers(loaded, options)]),
        mode=exchange.encode(Mode, [row.mode for row in rows]),
        availability=exchange.encode(
            Availability,
            [
                Availability.NOT_OFFERING if gone else row.availability
                for row, gone in zip(rows, used_up, strict=True)
            ],
        ),
        phases=np.array([exchange.phase_mask(row.phases) for row in rows], np.uint8),
        limit_m=_metres([row.travel_limit_miles for row in rows]),
        limit_minutes=np.array([as_float(row.travel_limit_minutes) for row in rows]),
        window_starts=starts,
        window_ends=ends,
        first_call_until=np.array(
            [row.first_call_until.toordinal() if row.first_call_until else 0 for row in rows]
        ),
    )


def _windows(
    loaded: Loaded, windows: Sequence[tuple[date, date]], nowhere: int
) -> tuple[IntArray, IntArray]:
    """Windows cut to what is left of the period; one that lies outside becomes day `nowhere`."""
    first, last = loaded.day.toordinal(), loaded.period.ends.toordinal()
    starts = np.array([start.toordinal() for start, _ in windows], np.int64).clip(first, None)
    ends = np.array([end.toordinal() for _, end in windows], np.int64).clip(None, last)
    outside = starts > ends
    return np.where(outside, nowhere, starts), np.where(outside, nowhere, ends)


def _metres(miles: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([as_float(value) for value in miles]) * METRES_PER_MILE
