"""Ways round water: who is parted by it, and what they go by."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import METRES_PER_MILE, Mode
from solver.pairing import pair_rules
from solver.pairing.findings import findings
from solver.pairing.geography import arc_from_chord, distance_m, earth_centred
from solver.pairing.lines import Position
from solver.pairing.pairs import PairTables
from solver.pairing.places import Places
from solver.pairing.point_reasons import explain_points
from solver.pairing.points import PointInputs, score
from solver.pairing.travel import EstimatedTravelTimes, MatrixTravelTimes, road_m
from solver.pairing.water import LEG_PACE, LONGEST_LEG_M, Crossing, Water, no_water
from tests.solver.made_exchange import Exchange, exchange

FIRTH = [(54.0, -1.0), (54.0, -0.5), (54.02, 0.0), (54.0, 3.0)]
"""A firth from its head in the west out to sea in the east."""
HEAD = Crossing("Firthhead", (54.0, -1.05))
FERRY = Crossing("the Firth Ferry", (54.05, -0.1), (53.97, -0.1), mph=10, minutes=20)
WATER = Water.of({"Firth": FIRTH}, [HEAD, FERRY])
NORTH, SOUTH = (54.1, 0.0), (53.9, 0.0)
AGAIN_NORTH = (54.1, 0.2)
LAT, LON = st.floats(53.4, 54.6), st.floats(-2.0, 1.0)
PLACE = st.tuples(LAT, LON)


def places(*at: Position) -> Places:
    lat, lon = np.array(at, np.float64).reshape(-1, 2).T
    return Places(tuple(map(str, range(len(at)))), lat, lon, np.full(len(at), -1))


def metres(water: Water, here: Position, there: Position) -> float:
    """Straight, or round water."""
    ways = water.ways(places(here, there), np.array([0]), np.array([1]))
    return float([*ways.metres, *distance_m(*here, *there)][0])


def minutes(water: Water, *at: Position) -> float:
    """From the first of two places to the second."""
    pair = np.array([0]), np.array([1])
    return float(EstimatedTravelTimes(water=water).minutes(places(*at), *pair)[0])


def words(water: Water, here: Position, there: Position) -> list[str]:
    return water.words(water.ways(places(here, there), np.array([0]), np.array([1])))


def test_who_is_parted_by_water_goes_by_the_ferry_or_round_its_head() -> None:
    """The quicker way counts, with its legs, and the minutes of the crossing come on top."""
    legs = metres(WATER, NORTH, FERRY.start) + metres(WATER, FERRY.end or (0, 0), SOUTH)
    over = metres(no_water(), FERRY.start, FERRY.end or (0, 0))
    assert metres(WATER, NORTH, SOUTH) == pytest.approx(legs + over, abs=1)
    assert words(WATER, NORTH, SOUTH) == ["by the Firth Ferry"]
    kind = np.array([-1])
    on_land = EstimatedTravelTimes().minutes_of_distance(np.array([legs]), kind, kind)
    sailing = over / METRES_PER_MILE / 10 * 60 + 20
    assert minutes(WATER, NORTH, SOUTH) == pytest.approx(float(on_land[0]) + sailing, abs=0.01)
    west = (54.05, -0.95), (53.95, -0.95)
    assert words(WATER, *west) == ["round by Firthhead"]


def test_who_crosses_a_bend_twice_is_on_the_same_bank() -> None:
    """Both on one side of the line are as far apart as the geodesic says, also across a bend."""
    bend = [(54.0, -1.0), (54.2, -0.5), (54.0, 0.0), (54.0, 3.0)]
    water = Water.of({"Bend": bend}, [Crossing("Bendhead", (53.95, -1.05))])
    assert words(water, (54.1, -1.0), (54.1, 0.0)) == []
    assert words(water, (54.1, -1.0), (54.1, -0.5)) == ["round by Bendhead"]


def test_a_line_is_parted_where_another_ends_on_it() -> None:
    """Who crosses a water above and below where a branch begins has crossed into another land."""
    branch = [(53.0, -0.5), (54.0, -0.5)]
    bent = [(54.0, -1.0), (53.95, -0.7), (54.0, -0.5), (53.95, -0.3), (54.0, 0.0)]
    ends = (53.98, -0.75), (53.98, -0.25)
    assert len(words(Water.of({"Firth": bent}, []), *ends)) == 0
    assert words(Water.of({"Firth": bent, "Branch": branch}, []), *ends) == [""]


def test_an_island_without_a_crossing_is_reached_by_nobody() -> None:
    """Neither miles nor minutes have an end there; a ferry changes it."""
    strait = {"Strait": [(54.0, -9.0), (54.0, 9.0)]}
    assert metres(Water.of(strait, []), NORTH, SOUTH) == np.inf
    assert minutes(Water.of(strait, [HEAD]), NORTH, SOUTH) == np.inf
    assert minutes(Water.of(strait, [FERRY]), NORTH, SOUTH) < 90


def test_unknown_positions_stay_unknown() -> None:
    """A place off the map is parted from nobody, and how long it takes there is not known."""
    assert words(WATER, NORTH, (np.nan, np.nan)) == []
    assert np.isnan(minutes(WATER, NORTH, (np.nan, np.nan)))


@settings(deadline=None)
@given(PLACE, PLACE)
def test_ways_are_symmetric_and_never_below_the_straight_line(
    here: Position, there: Position
) -> None:
    """There and back is alike to the last bit; where no water is between, nothing changes."""
    straight = float(distance_m(*here, *there)[0])
    assert metres(WATER, here, there) == metres(WATER, there, here)
    assert metres(WATER, here, there) >= straight - 1
    assert minutes(WATER, here, there) == minutes(WATER, there, here)
    assert minutes(WATER, here, there) >= minutes(no_water(), here, there) - 1e-6
    if not words(WATER, here, there):
        assert minutes(WATER, here, there) == minutes(no_water(), here, there)


@settings(deadline=None)
@given(PLACE, PLACE)
def test_nothing_is_beyond_reach(here: Position, there: Position) -> None:
    """`reach_m` bounds what minutes can cover, crossings and all."""
    fast = Crossing("the Fast Bridge", FERRY.start, FERRY.end, mph=70)
    travel = EstimatedTravelTimes(water=Water.of({"Firth": FIRTH}, [HEAD, fast]))
    taken = travel.minutes(places(here, there), np.array([0]), np.array([1]))
    assert travel.reach_m(float(taken[0])) >= distance_m(*here, *there)[0] - 1


def side(p: Position, a: Position, b: Position) -> float:
    return (b[1] - a[1]) * (p[0] - a[0]) - (b[0] - a[0]) * (p[1] - a[1])


def plainly_parted(lines: dict[str, list[Position]], p: Position, q: Position) -> bool:
    """Whether the straight line crosses any line an odd number of times, one by one."""
    for line in lines.values():
        crossed = sum(
            (side(p, a, b) >= 0) != (side(q, a, b) >= 0)
            and (side(a, p, q) >= 0) != (side(b, p, q) >= 0)
            for a, b in pairwise(line)
        )
        if crossed % 2:
            return True
    return False


def apart(p: Position, q: Position) -> float:
    a, b = earth_centred(*p)[0], earth_centred(*q)[0]
    return float(arc_from_chord(np.linalg.norm(a - b)))


def plain_graph(
    lines: dict[str, list[Position]], crossings: list[Crossing], at: list[Position]
) -> nx.Graph:
    """Minutes between nodes and places, leg by leg."""
    nodes = [end for each in crossings for end in (each.start, each.end) if end is not None]
    graph = nx.Graph()
    legs = [(p, q) for n, p in enumerate(nodes) for q in nodes[:n]]
    legs += [(p, q) for p in at for q in nodes if apart(p, q) <= LONGEST_LEG_M]
    for p, q in legs:
        if not plainly_parted(lines, p, q):
            graph.add_edge(p, q, cost=apart(p, q) / LEG_PACE)
    for each in crossings:
        if each.end is not None:
            over = apart(each.start, each.end) / METRES_PER_MILE / each.mph * 60 + each.minutes
            graph.add_edge(each.start, each.end, cost=over)
    return graph


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_ways_are_the_quickest_of_a_plain_graph(seed: int) -> None:
    """Lines, crossings and places drawn at random: the same ways as by networkx, pair by pair."""
    random = np.random.default_rng(seed)

    def drawn() -> Position:
        return float(random.uniform(53.5, 54.5)), float(random.uniform(-1.5, 0.5))

    lines = {str(n): [drawn() for _ in range(4)] for n in range(3)}
    crossings = [Crossing(f"c{n}", drawn(), drawn(), mph=20, minutes=5) for n in range(4)]
    crossings += [Crossing(f"r{n}", drawn()) for n in range(4)]
    at = [drawn() for _ in range(12)]
    graph = plain_graph(lines, crossings, at)
    here, there = np.divmod(np.arange(len(at) ** 2), len(at))
    ways = Water.of(lines, crossings).ways(places(*at), here, there)
    parted = [plainly_parted(lines, at[a], at[b]) for a, b in zip(here, there, strict=True)]
    assert ways.row.tolist() == np.flatnonzero(parted).tolist()
    cost = ways.land_m / LEG_PACE + ways.crossing_minutes
    for row, ours in zip(ways.row, cost, strict=True):
        # Places are no corners of the ways of others.
        others = {p for n, p in enumerate(at) if n not in (here[row], there[row])}
        own = graph.subgraph(set(graph) - others)
        try:
            length = nx.shortest_path_length(own, at[here[row]], at[there[row]], weight="cost")
        except (nx.NetworkXNoPath, nx.NodeNotFound):
            length = np.inf
        assert ours == pytest.approx(length, rel=1e-9)


def across(limit_miles: float, **offer: object) -> tuple[PairTables, Exchange]:
    """One need in the south, one offer in the north, each with this limit."""
    limit = {"limit_m": limit_miles * METRES_PER_MILE}
    made = exchange(
        [{"at": SOUTH}, {"at": NORTH}], needs=[limit], offers=[{"participant": 1} | limit | offer]
    )
    return made.tables(water=WATER), made


def test_limits_in_miles_are_of_the_way_round() -> None:
    """14 miles straight, 16 by the ferry: a limit of 15 refuses, and both sentences say the way."""
    straight = float(distance_m(*NORTH, *SOUTH)[0]) / METRES_PER_MILE
    by_ferry = metres(WATER, NORTH, SOUTH) / METRES_PER_MILE
    assert straight < 15 < by_ferry < 20
    tables, _ = across(15)
    [refused] = [each for each in findings(tables, 0, 0, remote=False) if not each.holds]
    assert refused.rule is pair_rules.TOO_FAR
    assert refused.sentence.startswith(
        f"The two are {by_ferry:.1f} miles apart by the Firth Ferry,"
    )
    tables, _ = across(20)
    passed = findings(tables, 0, 0, remote=False)
    [said] = [each.sentence for each in passed if each.rule is pair_rules.TOO_FAR]
    legs = np.array([metres(WATER, NORTH, FERRY.start) + metres(WATER, FERRY.end or SOUTH, SOUTH)])
    over = metres(no_water(), FERRY.start, FERRY.end or SOUTH)
    road = float(road_m(legs)[0] + over) / METRES_PER_MILE
    assert f"by the Firth Ferry, some {road:.0f} miles by road, within" in said


def test_the_search_walks_ways_and_tells_what_they_go_by() -> None:
    """Candidates stand by the way round water, and their nearness says it."""
    made = exchange(
        [{"at": SOUTH}, {"at": NORTH}, {"at": (53.67, 0.0)}],
        needs=[{}],
        offers=[{"participant": 1}, {"participant": 2}],
    )
    plain, _ = made.find()
    assert plain.offer.tolist() == [0, 1]
    found, _ = made.find(water=WATER)
    assert found.offer.tolist() == [1, 0]
    assert found.by.tolist() == ["", "by the Firth Ferry"]
    assert found.distance_m[1] == pytest.approx(metres(WATER, NORTH, SOUTH), abs=1)
    assert found.distance_m[0] == plain.distance_m[1]
    inputs = PointInputs(
        found, made.participants, made.needs, made.offers,
        pupils=np.full(3, np.nan), disadvantage_percent=np.full(3, np.nan),
    )  # fmt: skip
    [reasons] = explain_points(score(inputs), np.array([1]))
    assert any(" miles apart by the Firth Ferry, about " in each.sentence for each in reasons)


def test_remote_support_knows_no_water() -> None:
    """Who cannot come on site for the water may still support from afar."""
    strait = Water.of({"Strait": [(54.0, -9.0), (54.0, 9.0)]}, [])
    made = exchange(
        [{"at": SOUTH}, {"at": NORTH}], needs=[{"mode": Mode.EITHER}],
        offers=[{"participant": 1, "mode": Mode.EITHER}],
    )  # fmt: skip
    found, _ = made.find(water=strait)
    assert found.remote.tolist() == [True]
    on_site = exchange([{"at": SOUTH}, {"at": NORTH}], needs=[{}], offers=[{"participant": 1}])
    found, refused = on_site.find(water=strait)
    assert not len(found)
    assert refused.total() == {pair_rules.TOO_FAR: 1}
    [sentence] = [
        each.sentence
        for each in findings(on_site.tables(water=strait), 0, 0, remote=False)
        if not each.holds
    ]
    assert sentence == (
        "There is water between the two, and nothing that takes vehicles leads across it."
    )


def test_travel_times_may_know_a_way_that_we_do_not() -> None:
    """Limits in minutes ask the travel times alone, whatever our own tables say."""
    strait = Water.of({"Strait": [(54.0, -9.0), (54.0, 9.0)]}, [])
    limit = {"limit_minutes": 60.0}
    made = exchange(
        [{"at": SOUTH}, {"at": NORTH}], needs=[limit], offers=[{"participant": 1} | limit]
    )
    ids = made.participants.places.id
    router = MatrixTravelTimes.of_pairs(ids, np.array([1]), np.array([0]), np.array([55.0]))
    found, _ = made.find(water=strait, travel=router)
    assert found.minutes.tolist() == [55.0]
    assert found.distance_m.tolist() == np.rint(distance_m(*NORTH, *SOUTH)).tolist()
    said = findings(made.tables(water=strait, travel=router), 0, 0, remote=False)
    [sentence] = [each.sentence for each in said if each.rule is pair_rules.TOO_FAR]
    assert sentence.startswith("The journey takes 55 minutes, within ")
    assert not len(made.find(water=strait)[0])
