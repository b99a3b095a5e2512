"""Finding support near a place, held to a plain reading of the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.policy import Grant, Role, Scope
from app.database import Database
from app.exchange.finding import ANSWERED, Found, Search, details, find, origin_of
from models.exchange import Offer
from models.register import Institution, Network, NetworkMembership, Organisation, Participant
from models.vocabulary import METRES_PER_MILE, Availability, Mode, Phase, ScopeKind
from solver.pairing.geography import distance_m
from solver.pairing.travel import EstimatedTravelTimes, Places
from tests import rows
from tests.callers import csv_rows, keyed, said
from tests.factories import new_key

DAY = date(2026, 11, 2)
API = "/api/v1/offers"
CODES = ("maths", "maths-primary", "reading")


@pytest.fixture
def exchange(database: Database) -> Database:
    """Forty givers within some thirty miles, with offers of every kind drawn among them."""
    draw = Random(1)
    with database.write() as session:
        rows.add_calendar(session)
        asking = rows.add_school(session, 100000, postcode="ZZ1 1AA", urban_rural="Urban city")
        givers = [asking]
        for urn in range(100001, 100040):
            place = {"postcode": "ZZ2 2AA", "name": f"School {draw.randrange(9)}-{urn}"}
            surroundings = draw.choice([None, "Urban city and town", "Rural village"])
            giver = rows.add_school(
                session, urn, draw.uniform(-30, 30), urban_rural=surroundings, **place
            )
            giver.longitude = 2.0 + draw.uniform(-0.5, 0.5)
            givers.append(giver)
        givers[5].latitude = givers[5].longitude = None
        session.execute(
            update(Institution)
            .where(Institution.participant_id == givers[6].id)
            .values(in_scope=False)
        )
        givers += [rows.add_hub(session, "hub"), rows.add_hub(session, "gone", closed=DAY)]
        rows.add_network(session, "east", draw.sample(givers, 12))
        for number in range(160):
            rows.add_offer(
                session,
                f"o{number}",
                draw.choice(givers),
                expertise_code=draw.choice(CODES),
                mode=draw.choice(["on_site", "remote", "either"]),
                phases=draw.choice([[], ["primary"], ["secondary", "post_16"]]),
                availability=draw.choice([*Availability]),
                window_ends=draw.choice([rows.ENDS, date(2026, 10, 1)]),
                withdrawn=draw.random() < 0.1,
                **draw.choice([{}, {}, {}, {"suggestion": {"rule": "made up"}}]),
                travel_limit_miles=draw.choice([None, None, 5.0, 20.0]),
                travel_limit_minutes=draw.choice([None, None, 15, 60]),
            )
    return database


@dataclass(frozen=True)
class World:
    """All rows, read once."""

    offers: Sequence[tuple[Offer, Participant]]
    schools: dict[int, Institution]
    hubs: dict[int, Organisation]
    members: set[tuple[str, int]]

    @classmethod
    def of(cls, session: Session) -> "World":
        offers = select(Offer, Participant).join(
            Participant, Participant.id == Offer.participant_id
        )
        members = select(Network.key, NetworkMembership.participant_id).join(NetworkMembership)
        return cls(
            [(offer, giver) for offer, giver in session.execute(offers)],
            {each.participant_id: each for each in session.scalars(select(Institution))},
            {each.participant_id: each for each in session.scalars(select(Organisation))},
            {(key, who) for key, who in session.execute(members)},
        )


def plainly(world: World, wanted: Search) -> list[Found]:
    """The same, one offer after the other."""
    found: list[tuple[Any, Found]] = []
    for offer, giver in world.offers:
        if not _fits(world, wanted, offer):
            continue
        if wanted.origin is None:
            found.append(((giver.name, giver.id, offer.id), Found(offer.id, None, None)))
        elif (away := _away(world, wanted, offer, giver)) is not None:
            found.append(((away[0], offer.id), Found(offer.id, *away)))
    return [each for _, each in sorted(found)]


def _fits(world: World, wanted: Search, offer: Offer) -> bool:
    who = offer.participant_id
    school, hub = world.schools.get(who), world.hubs.get(who)
    gone = (school and not school.in_scope) or (hub and hub.closed and hub.closed <= DAY)
    if gone or offer.withdrawn or offer.suggestion is not None or offer.window_ends < DAY:
        return False
    return all(
        (
            offer.availability in wanted.availability,
            wanted.expertise is None or offer.expertise_code in wanted.expertise,
            wanted.mode is None or offer.mode in (wanted.mode, "either"),
            wanted.phase is None or not offer.phases or wanted.phase in offer.phases,
            wanted.network is None or (wanted.network, who) in world.members,
        )
    )


def _away(
    world: World, wanted: Search, offer: Offer, giver: Participant
) -> tuple[float, float] | None:
    """Metres and minutes; none beyond what is asked for or how far it travels."""
    origin = wanted.origin
    assert origin is not None
    if giver.id == origin.participant_id or giver.latitude is None or giver.longitude is None:
        return None
    metres = distance_m(giver.latitude, giver.longitude, origin.latitude, origin.longitude)
    school = world.schools.get(giver.id)
    text = school.urban_rural if school else None
    urban = {None: -1, "Urban city": 1, "Urban city and town": 1, "Rural village": 0}[text]
    places = Places(
        ("giver", "here"),
        np.array([giver.latitude, origin.latitude]),
        np.array([giver.longitude, origin.longitude]),
        np.array([urban, origin.urban]),
    )
    [minutes] = EstimatedTravelTimes().minutes(places, np.array([0]), np.array([1]))
    miles = float(metres[0]) / METRES_PER_MILE
    most = 25.0 if wanted.miles is None and wanted.minutes is None else wanted.miles or 200.0
    if miles > most or (wanted.minutes is not None and minutes > wanted.minutes):
        return None
    own = (offer.travel_limit_miles or 9e9, offer.travel_limit_minutes or 9e9)
    travels = miles <= own[0] and minutes <= own[1]
    if not travels and "on_site" in (offer.mode, wanted.mode):
        return None
    return float(metres[0]), float(minutes)


def test_what_is_found_is_what_a_plain_reading_finds(exchange: Database) -> None:
    """In the same order, for every choice that the page has."""
    with exchange.read() as session:
        school = origin_of(session, "100000")
        place = origin_of(session, "ZZ1 1AA")
        assert (school.participant_id is None, place.participant_id) == (False, None)
        lengths = []
        choices = product(
            (None, school, place),
            (None, 8.0),
            (None, 20, 45),
            (None, {"maths", "maths-primary"}),
            (None, "east"),
            (None, Phase.PRIMARY),
            (None, Mode.ON_SITE, Mode.REMOTE),
        )
        some = [(None,) * 7, (school, *(None,) * 6), *Random(1).sample(list(choices), 40)]
        world = World.of(session)
        for origin, miles, minutes, expertise, network, phase, mode in some:
            wanted = Search(
                origin,
                miles=miles,
                minutes=minutes,
                expertise=expertise,
                network=network,
                phase=phase,
                mode=mode,
            )
            found, plain = find(session, wanted, DAY), plainly(world, wanted)
            assert [each.offer_id for each in found] == [each.offer_id for each in plain], wanted
            if origin is not None:
                assert [each.distance_m for each in found] == pytest.approx(
                    [each.distance_m for each in plain]
                )
                assert [each.minutes for each in found] == pytest.approx(
                    [each.minutes for each in plain], abs=0.05
                )
            lengths.append(len(found))
        assert max(lengths) > 20
        assert min(lengths) < 3


def test_nobody_is_told_what_a_giver_writes_of_itself(exchange: Database) -> None:
    """Details have no claim, evidence or line of a self-evaluation, and no suggestion."""
    with exchange.read() as session:
        found = find(session, Search(origin_of(session, "100000")), DAY)
        [first, *_] = details(session, found)
    assert not {"quality", "evidence", "strength_line", "suggestion"} & set(first)
    assert first["distance_m"] == found[0].distance_m


def test_offers_near_are_paged_nearest_first(exchange: Database) -> None:
    """`Link` leads through all of them once; CSV has all at once."""
    with keyed(exchange) as client:
        whole = client.get(f"{API}?near=100000&limit=500").json()
        miles = [each["miles"] for each in whole["items"]]
        assert miles == sorted(miles)
        assert whole["total"] == len(miles) > 10
        assert whole["place"] == "The position is that of School 100000."
        assert {each["availability"] for each in whole["items"]} == set(ANSWERED)
        paged, address = [], f"{API}?near=100000&limit=4"
        while address:
            page = client.get(address)
            paged += page.json()["items"]
            address = page.links.get("next", {}).get("url", "")
        assert paged == whole["items"]
        table = csv_rows(client.get(f"{API}?near=100000", headers={"Accept": "text/csv"}))
        assert [row["reference"] for row in table] == [each["reference"] for each in paged]


def test_everyday_words_and_codes_are_taken(exchange: Database) -> None:
    """A code means what covers it too; `expertise` of the answer says what a word was taken for."""
    with keyed(exchange) as client:
        found = client.get(f"{API}?near=100000&expertise=maths-primary&minutes=45").json()
        assert found["expertise"] == ["maths-primary"]
        assert {each["expertise"] for each in found["items"]} == {"maths", "maths-primary"}
        said(client.get(f"{API}?near=100000&expertise=wizardry"), 422, "no-such-expertise")
        can = client.get(f"{API}?near=100000&availability=can_offer").json()["items"]
        assert {each["availability"] for each in can} == {"can_offer"}
        assert client.get(f"{API}?near=100000&availability=not_offering").json()["total"] == 0


@pytest.mark.parametrize(
    "query",
    [
        *("miles=5", "minutes=20", "mode=on_site"),
        *("near=100000&q=oak", "near=100000&trust=TR1", "near=100000&sort=-days"),
    ],
)
def test_what_means_nothing_with_or_without_a_place_is_refused(
    client: TestClient, query: str
) -> None:
    """Rather than left unread."""
    assert client.get(f"{API}?{query}").status_code == 422


def test_nobody_is_sought_straight_across_an_estuary(database: Database) -> None:
    """Sheppey is nine miles from Leigh-on-Sea, and an hour and a half by the Thames crossing."""
    leigh, sheppey = (51.5440, 0.6530), (51.4290, 0.7650)
    with database.write() as session:
        rows.add_calendar(session)
        for urn, (latitude, longitude) in ((100000, leigh), (100001, sheppey)):
            school = rows.add_school(session, urn)
            school.latitude, school.longitude = latitude, longitude
            rows.add_offer(session, f"o-{urn}", school, mode="on_site", travel_limit_miles=100)
    with database.read() as session:
        origin = origin_of(session, "100000")
        far = find(session, Search(origin, miles=15), DAY)
        near = find(session, Search(origin, minutes=45), DAY)
    assert [round((each.distance_m or 0) / METRES_PER_MILE) for each in far] == [9]
    assert all(each.minutes is not None and each.minutes > 75 for each in far)
    assert near == []


def test_without_a_place_the_list_is_as_it_was(exchange: Database) -> None:
    """By reference of the row, with all that its owner may read, and for its scope alone."""
    with keyed(exchange) as client:
        first = client.get(f"{API}?limit=1").json()["items"][0]
        assert "strength_line" in first
        assert "miles" not in first


def test_support_of_other_areas_is_found_by_whoever_may_read(exchange: Database) -> None:
    """A contact of one school sees no other's offers in the list, and finds them near itself."""
    scope = Scope(ScopeKind.INSTITUTION, "100000")
    with exchange.write() as session:
        key = new_key(session, Grant(Role.CONTACT, scope))
    with keyed(exchange) as client:
        headers = {"Authorization": f"Bearer {key}"}
        listed = client.get(API, headers=headers).json()["items"]
        assert {each["participant"] for each in listed} <= {"100000"}
        assert client.get(f"{API}?near=100000", headers=headers).json()["total"] > 10


@pytest.mark.parametrize(
    ("near", "detail"),
    [
        ("100005", "The register has no position for"),
        ("nowhere at all", "No place was found for 'nowhere at all'."),
        ("ZZ9 9ZZ", "No place was found for 'ZZ9 9ZZ'."),
    ],
)
def test_a_place_that_nobody_knows_is_named(exchange: Database, near: str, detail: str) -> None:
    """With what to enter instead."""
    with keyed(exchange) as client:
        problem = said(client.get(API, params={"near": near}), 422, "unknown-place")
        assert problem["detail"].startswith(detail)
