"""The packaged waters and crossings against known roads, and tables of operators."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import FaultyFile
from app.planning.build import build
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.proposal_rows import proposal_rows
from app.planning.travel import apart_m
from app.register import water
from app.register.water import (
    CROSSINGS,
    WATERS,
    BadTravelTimes,
    estimated,
    read_crossings,
    read_waters,
)
from app.settings import settings
from models.vocabulary import METRES_PER_MILE
from solver.arrays import FloatArray
from solver.pairing.geography import distance_m, to_wgs84
from solver.pairing.places import Places
from solver.pairing.travel import EstimatedTravelTimes, road_m
from solver.pairing.water import Water
from tests import rows
from tests.solver.made_exchange import exchange

KNOWN = Path(__file__).parent / "road_distances.csv"
"""Miles by the usual road between the middles of towns, as route planners and road signs tell them,
rounded to a mile; ferries count with their length. Positions are of the middles, to 100 metres."""
LEIGH = (51.542, 0.654)
SHEPPEY = (51.420, 0.810)
HEADER = "crossing,kind,latitude,longitude,to_latitude,to_longitude,mph,minutes,vehicles\n"


@pytest.fixture(autouse=True)
def packaged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings are read anew before and after each test."""
    for name in ("GIVETAKE_CROSSINGS", "GIVETAKE_WATERS"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


def pairs_of(lat: FloatArray, lon: FloatArray) -> Places:
    return Places(tuple(map(str, range(len(lat)))), lat, lon, np.full(len(lat), -1))


def road_miles(here: FloatArray, there: FloatArray) -> FloatArray:
    """By road as sentences tell it, between rows of latitude and longitude."""
    count = np.arange(len(here))
    places = pairs_of(*np.vstack((here, there)).T)
    ways = water.known_water().ways(places, count, count + len(here))
    straight, over = distance_m(*here.T, *there.T), np.zeros(len(here))
    straight[ways.row], over[ways.row] = ways.land_m, ways.crossing_m
    return (road_m(straight) + over) / METRES_PER_MILE


def known() -> tuple[list[str], FloatArray, FloatArray, FloatArray]:
    with KNOWN.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    names = [f"{row['from']} to {row['to']}" for row in table]
    here, there, miles = (
        np.array([[float(row[name]) for name in columns] for row in table])
        for columns in (
            ("from_latitude", "from_longitude"),
            ("to_latitude", "to_longitude"),
            ("miles",),
        )
    )
    return names, here, there, miles[:, 0]


def test_known_roads_are_met() -> None:
    """Half of more than 60 known roads within 15 %, none told as less than half of what it is.

    The estimate of those round water is better still, and the straight line much worse.
    """
    names, here, there, miles = known()
    told = road_miles(here, there)
    off = told / miles - 1
    assert len(names) >= 60
    assert np.median(np.abs(off)) < 0.10
    assert dict(zip(names, off.tolist(), strict=True))[names[int(off.argmin())]] > -0.5
    with KNOWN.open(encoding="utf-8", newline="") as file:
        wet = np.array([bool(row["across"]) for row in csv.DictReader(file)])
    assert wet.sum() >= 40
    assert np.median(np.abs(off[wet])) < 0.07
    straight = road_m(distance_m(*here.T, *there.T)) / METRES_PER_MILE / miles - 1
    assert (straight[wet] < -0.5).sum() >= 15


def test_leigh_on_sea_to_sheppey_is_some_sixty_miles() -> None:
    """What was told as 9 miles and 37 minutes is what a driver knows."""
    [miles] = road_miles(np.array([LEIGH]), np.array([SHEPPEY]))
    assert 55 <= miles <= 66
    places = pairs_of(*np.array([LEIGH, SHEPPEY]).T)
    pair = np.array([0]), np.array([1])
    assert 75 < estimated().minutes(places, *pair)[0] < 110
    known_water = water.known_water()
    assert known_water.words(known_water.ways(places, *pair)) == [
        "by the Dartford Crossing, the Medway Tunnel and the Sheppey Crossing"
    ]


def test_the_isles_of_scilly_are_reached_by_nobody_but_the_isle_of_wight_by_ferry() -> None:
    """The ships to Scilly take no cars; those to the Isle of Wight do."""
    assert apart_m(49.915, -6.315, 50.118, -5.537) == np.inf
    assert 9 < apart_m(50.729, -1.161, 50.798, -1.091) / METRES_PER_MILE < 13
    assert np.isnan(apart_m(None, None, 50.0, -5.0))


def test_the_packaged_tables_hold_together() -> None:
    """Every node is reached from every other, but across the sea to Scilly, and none stands on a
    line, where nobody could tell on which side it is."""
    made = water.known_water()
    assert np.isfinite(made.minutes).all()
    for name, line in read_waters(WATERS).items():
        a, b = np.array(line[:-1]), np.array(line[1:])
        along = np.linspace(0, 1, 200)[:, np.newaxis, np.newaxis]
        points = (a + along * (b - a)).reshape(-1, 2)
        for lat, lon in made.node:
            near = points[np.abs(points - (lat, lon)).max(axis=1) < 0.01]
            if len(near):
                apart = distance_m(lat, lon, *near.T)
                assert apart.min() > 100, f"{lat}, {lon} is on the line of {name}"


def test_the_sentences_of_a_proposal_say_the_way(sqlite_database: Database) -> None:
    """Rules and points of a pairing across the Thames tell the crossing, the miles and minutes."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        taker = rows.add_school(session, 1, latitude=SHEPPEY[0], longitude=SHEPPEY[1])
        giver = rows.add_school(session, 2, latitude=LEIGH[0], longitude=LEIGH[1])
        rows.add_need(session, "N", taker)
        rows.add_offer(session, "O", giver)
        loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS)
        made = build(loaded, MatchOptions(), estimated())
        assert made.refusals.sentence(0) == "1 refused: 1 too far"
        made = build(loaded, MatchOptions(travel_limit_miles=60), estimated())
    [row] = proposal_rows(1, made, np.array([0]), np.array([2]))
    way = "by the Dartford Crossing, the Medway Tunnel and the Sheppey Crossing"
    assert row["distance_m"] == pytest.approx(apart_m(*LEIGH, *SHEPPEY), abs=1)
    assert row["rule_figures"]["too_far"]["by"] == way
    assert 55 <= row["rule_figures"]["too_far"]["road_miles"] <= 66
    assert any(f"apart {way}, about " in each["sentence"] for each in row["components"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("the X,bridge,51,0,51.1,0,,,yes", r"line 3.*is a bridge: enter to_latitude"),
        ("X,road,51,0,51.1,0,30,,yes", r"line 3.*is a road: leave to_latitude"),
        ("the X,canoe,51,0,51.1,0,3,,yes", r"line 3, kind 'canoe'"),
        ("the X,ferry,151,0,51.1,0,3,,yes", r"line 3, latitude '151'"),
        ("the X,ferry,51,0,51.1,0,0,,yes", r"line 3, mph '0'"),
        ("the X,ferry,51,0,51.1,0,nan,,yes", r"line 3, mph 'nan'"),
        ("the X,ferry,51,0,51.1,0,5,-1,yes", r"line 3, minutes '-1'"),
        ("the X,ferry,51,0,51.1,0,5,1,perhaps", r"line 3, vehicles 'perhaps'"),
        ("Home,road,51,0,,,,,yes", r"line 3, crossing 'Home': is there twice"),
    ],
)
def test_a_faulty_table_is_refused_whole_with_its_line(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a table with a fault is taken, and the message says where it is."""
    table = tmp_path / "mine.csv"
    table.write_text(f"{HEADER}Home,road,50,0,,,,,yes\n{line}\n")
    with pytest.raises(FaultyFile) as faulty:
        read_crossings(table)
    assert "mine.csv, line 3" in str(faulty.value.faults[0])
    monkeypatch.setenv("GIVETAKE_CROSSINGS", str(table))
    settings.cache_clear()
    with pytest.raises(BadTravelTimes, match=rf"(?s)GIVETAKE_CROSSINGS has errors.*{message}"):
        estimated()


def test_tables_of_operators_take_the_place_of_the_packaged_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new bridge is written into a copy of the table; foot ferries in it count for nothing."""
    bridge = "the Southend Bridge,bridge,51.53,0.72,51.44,0.77,50,0,{}\n"
    table = tmp_path / "mine.csv"
    monkeypatch.setenv("GIVETAKE_CROSSINGS", str(table))
    settings.cache_clear()
    with pytest.raises(BadTravelTimes, match=r"GIVETAKE_CROSSINGS could not be read \(No such"):
        estimated()
    for vehicles, expected in (("no", False), ("yes", True)):
        table.write_text(CROSSINGS.read_text(encoding="utf-8") + bridge.format(vehicles))
        found = read_crossings(table)
        assert any(each.name == "the Southend Bridge" for each in found) == expected
        made = Water.of(read_waters(WATERS), found)
        travel = EstimatedTravelTimes(water=made)
        places = pairs_of(*np.array([LEIGH, SHEPPEY]).T)
        minutes = travel.minutes(places, np.array([0]), np.array([1]))
        assert (minutes[0] < 60) == expected
    waters = tmp_path / "waters.csv"
    waters.write_text("water,latitude,longitude\nFirth,51,0\n")
    with pytest.raises(FaultyFile) as faulty:
        read_waters(waters)
    assert "waters.csv, line 2, water 'Firth': has but one point" in str(faulty.value.faults[0])


@pytest.mark.national
def test_nobody_comes_to_kent_straight_across_the_thames(national_data: Path) -> None:
    """Of the schools of the register, none from Essex is near Kent by a line across the Thames.

    Whoever is a candidate from there has the way by a crossing, and the minutes of that way.
    """
    register = national_data / "gias" / "edubasealldata.csv"
    with register.open(encoding="cp1252", newline="") as file:
        table = [
            row
            for row in csv.DictReader(file)
            if row["LA (name)"] in {"Essex", "Southend-on-Sea", "Thurrock", "Kent", "Medway"}
            and row["Easting"]
        ]
    lat, lon = to_wgs84(
        np.array([float(row["Easting"]) for row in table]),
        np.array([float(row["Northing"]) for row in table]),
    )
    south = [row["LA (name)"] in {"Kent", "Medway"} for row in table]
    made = exchange(
        [{"at": at} for at in zip(lat.tolist(), lon.tolist(), strict=True)],
        [{"participant": n} for n in np.flatnonzero(south).tolist()],
        [{"participant": n} for n in np.flatnonzero(np.logical_not(south)).tolist()],
    )
    dry, _ = made.find(max_neighbours=None)
    given = water.known_water()
    wet, _ = made.find(max_neighbours=None, water=given)
    assert len(dry) > 10_000
    assert 0 < len(wet) < len(dry) / 3
    over = {"Dartford Crossing", "Blackwall Tunnel", "Silvertown Tunnel", "Woolwich Ferry"}
    assert all(any(each in by for each in over) for by in wet.by.tolist())
    straight = made.tables().minutes(wet.need, wet.offer)
    slower = wet.minutes - straight
    # The Dartford Crossing is near the straight line of some.
    assert slower.min() > 1
    assert np.median(slower) > 5


@pytest.mark.national
def test_every_school_but_on_scilly_finds_its_way(national_data: Path) -> None:
    """All of them see a place from which the graph goes on, and schools lie beside no line."""
    register = national_data / "gias" / "edubasealldata.csv"
    with register.open(encoding="cp1252", newline="") as file:
        grid = [
            (float(row["Easting"]), float(row["Northing"]), row["LA (name)"])
            for row in csv.DictReader(file)
            if row["Easting"]
        ]
    lat, lon = to_wgs84(*np.array([row[:2] for row in grid]).T)
    near_the_line = [
        (51.525, 0.712),  # Southend-on-Sea
        (50.71, -1.29),  # Newport, Isle of Wight
    ]
    ends = np.array(near_the_line)
    places = pairs_of(np.concatenate((lat, ends[:, 0])), np.concatenate((lon, ends[:, 1])))
    for end in range(len(ends)):
        origin = np.arange(len(lat))
        minutes = estimated().minutes(places, origin, np.full(len(lat), len(lat) + end))
        stranded = {row[2] for row, each in zip(grid, minutes, strict=True) if np.isinf(each)}
        assert stranded == {"Isles Of Scilly"}
