"""Water between two places: where the straight line crosses it, the way goes round.

Water is a set of lines along the middle of estuaries, straits and lakes. Two places that none of
them parts are as far apart as the geodesic says. All others are joined by straight legs over land,
from node to node of a small graph: the two ends of each bridge, tunnel and ferry, and places on the
road round the head of a water. Of all ways the one is taken that is quickest at one assumed pace,
the same for all legs; a crossing adds its own minutes. Where there is no way, as to an island
without a crossing, the way has no end.

**Speed.** Legs from a place to the nodes are worked out once for each place, and the ways between
nodes once for all; `lines.py` tells fast who is parted by water.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from scipy.sparse.csgraph import shortest_path

from models.vocabulary import METRES_PER_MILE
from solver.arrays import BoolArray, FloatArray, IntArray, SmallArray
from solver.pairing.geography import arc_from_chord, earth_centred
from solver.pairing.lines import Lines, Position
from solver.pairing.places import Places

LEG_PACE: Final = 45 * METRES_PER_MILE / 60 / 1.3
"""Straight metres of a leg in a minute when ways are compared: 45 mph on roads, 1.3 as long."""
LONGEST_LEG_M: Final = 120_000.0
"""From a place to its first node: who is further from one goes by others between."""

_PLACES_AT_ONCE: Final = 2_000
_PAIRS_AT_ONCE: Final = 20_000
_NO_ROWS: Final[IntArray] = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Crossing:
    """What leads over a water or round it.

    Attributes
    ----------
    name
        As it stands after "by": "the Dartford Crossing".
    start, end
        Its two ends on land; `end` is None for a place on the road round the head of a water.
    mph, minutes
        Speed from end to end, and what is added for waiting, tolls and queues.
    """

    name: str
    start: Position
    end: Position | None = None
    mph: float = 0.0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The ways of the pairs whose straight line crosses water.

    Attributes
    ----------
    row : int64[k], ascending
        Rows of those pairs among the pairs asked for.
    land_m : float64[k]
        Straight metres of the legs over land; infinite where there is no way.
    crossing_m, crossing_minutes : float64[k]
        Metres on bridges and ferries and in tunnels, and the minutes that these take.
    first, last : int64[k]
        Nodes where the way leaves the first leg and enters the last one; -1 where there is no way.
    turned : bool[k]
        Whether these stand for the way back.
    """

    row: IntArray
    land_m: FloatArray
    crossing_m: FloatArray
    crossing_minutes: FloatArray
    first: IntArray
    last: IntArray
    turned: BoolArray

    @property
    def metres(self) -> FloatArray:
        """Metres of each way, legs and crossings; infinite where there is none."""
        return self.land_m + self.crossing_m


_NO_WAYS: Final = Ways(
    _NO_ROWS, np.empty(0), np.empty(0), np.empty(0), _NO_ROWS, _NO_ROWS, np.empty(0, np.bool_)
)


@dataclass(slots=True, eq=False)
class _Legs:
    """From each place to each node: minutes of the leg over land, and of the quickest way.

    Rows are filled as places are asked for; `first` is the node at which the way leaves its leg.
    """

    known: BoolArray
    at: FloatArray
    leg: FloatArray
    way: FloatArray
    first: SmallArray


@dataclass(frozen=True, slots=True, eq=False)
class Water:
    """Lines of water, and the graph of what leads over and round them.

    Attributes
    ----------
    lines : Lines
    crossings : tuple of Crossing
    node : float64[n, 2]
        Latitude and longitude of each node.
    owner : int64[n]
        Crossing of each node.
    minutes, land_m, crossing_m, crossing_minutes : float64[n, n]
        Of the quickest way between nodes; infinite minutes where there is none.
    before : int32[n, n]
        Node before the second on the way from the first.
    """

    lines: Lines
    crossings: tuple[Crossing, ...]
    node: FloatArray
    owner: IntArray
    minutes: FloatArray
    land_m: FloatArray
    crossing_m: FloatArray
    crossing_minutes: FloatArray
    before: SmallArray
    _legs: WeakKeyDictionary[Places, _Legs] = field(default_factory=WeakKeyDictionary, repr=False)

    @classmethod
    def of(cls, lines: Mapping[str, Sequence[Position]], crossings: Sequence[Crossing]) -> "Water":
        """Waters by name, each a line of two points or more, and what leads over and round them."""
        made = Lines.of(list(lines.values()))
        ends = [
            (at, owner)
            for owner, crossing in enumerate(crossings)
            for at in (crossing.start, crossing.end)
            if at is not None
        ]
        node = np.array([at for at, _ in ends], np.float64).reshape(-1, 2)
        owner = np.array([of for _, of in ends], np.int64)
        size = len(node)
        first, last = np.divmod(np.arange(size * size), max(1, size))
        metres = _apart(node, first, last)
        blocked = made.crossed(node[first, 0], node[first, 1], node[last, 0], node[last, 1])
        leg = np.where(blocked, np.inf, metres / LEG_PACE).reshape(size, size)
        speed = np.array([each.mph * METRES_PER_MILE / 60 for each in crossings])
        wait = np.array([each.minutes for each in crossings])
        over = (owner[first] == owner[last]) & (first != last)
        over_minutes = np.full(size * size, np.inf)
        by = owner[first[over]]
        over_minutes[over] = metres[over] / speed[by] + wait[by]
        crossing = over_minutes.reshape(size, size)
        # Who crosses a bridge does not cut the corner beside it.
        by_crossing = np.isfinite(crossing)
        edge = np.where(by_crossing, crossing, leg)
        edge[edge == 0] = 1e-9  # two nodes in one place: scipy takes 0 for no edge
        np.fill_diagonal(edge, np.inf)
        quickest, before = _quickest(edge)
        straight = metres.reshape(size, size)
        of_edges = (
            np.where(by_crossing, 0.0, straight),
            np.where(by_crossing, straight, 0.0),
            np.where(by_crossing, crossing, 0.0),
        )
        land, by_m, by_minutes = _sums(quickest, before, *of_edges)
        return cls(made, tuple(crossings), node, owner, quickest, land, by_m, by_minutes, before)

    def ways(self, places: Places, origin: IntArray, destination: IntArray) -> Ways:
        """Return the ways of those pairs of rows of `places` whose straight line crosses water.

        Both ways alike: what is on the way from one place to another is on the way back.
        """
        if not self.lines.ends:
            return _NO_WAYS
        lat, lon = places.lat, places.lon
        row = np.flatnonzero(places.known[origin] & places.known[destination])
        a, b = origin[row], destination[row]
        row = row[self.lines.crossed(lat[a], lon[a], lat[b], lon[b])]
        if not len(row):
            return _NO_WAYS
        a, b = origin[row], destination[row]
        turned = (lat[a] > lat[b]) | ((lat[a] == lat[b]) & (lon[a] > lon[b]))
        a, b = np.where(turned, b, a), np.where(turned, a, b)
        legs = self._legs_of(places, np.unique(np.concatenate((a, b))))
        first, last = np.full(len(row), -1), np.full(len(row), -1)
        land, over = np.full(len(row), np.inf), np.zeros(len(row))
        minutes = np.zeros(len(row))
        for begin in range(0, len(row) if len(self.node) else 0, _PAIRS_AT_ONCE):
            part = slice(begin, begin + _PAIRS_AT_ONCE)
            here, there = a[part], b[part]
            total = legs.way[here] + legs.leg[there]
            leave = total.argmin(axis=1)
            reached = np.flatnonzero(np.isfinite(total[np.arange(len(here)), leave]))
            here, there, leave = here[reached], there[reached], leave[reached]
            enter = legs.first[here, leave].astype(np.int64)
            at = begin + reached
            first[at], last[at] = enter, leave
            land[at] = (
                _between(legs.at[here], self.node[enter])
                + self.land_m[enter, leave]
                + _between(legs.at[there], self.node[leave])
            )
            over[at] = self.crossing_m[enter, leave]
            minutes[at] = self.crossing_minutes[enter, leave]
        return Ways(row, land, over, minutes, first, last, turned)

    def words(self, ways: Ways) -> list[str]:
        """Say what each way goes by, as it stands after the distance; "" where there is no way."""
        of_each = ways.first.tolist(), ways.last.tolist(), ways.turned.tolist()
        said = lru_cache(maxsize=None)(self._words)  # many go the same way
        return [said(*each) for each in zip(*of_each, strict=True)]

    def _words(self, first: int, last: int, turned: bool) -> str:
        if first < 0:
            return ""
        path = [last]
        while path[-1] != first:
            path.append(int(self.before[first, path[-1]]))
        if not turned:
            path.reverse()
        owners = [int(self.owner[node]) for node in path]
        over = [a for a, b in pairwise(owners) if a == b]
        if over:
            return f"by {_listed([self.crossings[each].name for each in over])}"
        names = list(dict.fromkeys(self.crossings[each].name for each in owners))
        return f"round by {_listed(names)}"

    def _legs_of(self, places: Places, rows: IntArray) -> _Legs:
        legs = self._legs.get(places)
        if legs is None:
            shape = len(places.id), len(self.node)
            legs = self._legs[places] = _Legs(
                np.zeros(shape[0], np.bool_),
                np.column_stack((places.lat, places.lon)),
                np.empty(shape),
                np.empty(shape),
                np.empty(shape, np.int32),
            )
        fresh = rows[~legs.known[rows]]
        for begin in range(0, len(fresh), _PLACES_AT_ONCE):
            part = fresh[begin : begin + _PLACES_AT_ONCE]
            legs.leg[part] = self._over_land(legs.at[part])
            legs.way[part], legs.first[part] = self._onward(legs.leg[part])
            legs.known[part] = True
        return legs

    def _over_land(self, at: FloatArray) -> FloatArray:
        """Minutes from each position straight to each node; infinite over water and far away."""
        here, there = earth_centred(*at.T), earth_centred(*self.node.T)
        chord = np.sqrt(np.maximum(0, ((here[:, np.newaxis] - there) ** 2).sum(axis=2)))
        metres = arc_from_chord(chord)
        row, node = np.nonzero(metres <= LONGEST_LEG_M)
        blocked = self.lines.crossed(at[row, 0], at[row, 1], *self.node[node].T)
        row, node = row[~blocked], node[~blocked]
        minutes = np.full(metres.shape, np.inf)
        minutes[row, node] = metres[row, node] / LEG_PACE
        return minutes

    def _onward(self, leg: FloatArray) -> tuple[FloatArray, SmallArray]:
        """Minutes of the quickest way to each node, and the node to which its leg leads."""
        way, first = np.full(leg.shape, np.inf), np.full(leg.shape, -1, np.int32)
        for node in range(leg.shape[1]):
            row = np.flatnonzero(np.isfinite(leg[:, node]))
            through = leg[row, node, np.newaxis] + self.minutes[node]
            quicker = through < way[row]
            way[row] = np.where(quicker, through, way[row])
            first[row] = np.where(quicker, node, first[row])
        return way, first


@lru_cache(maxsize=1)
def no_water() -> Water:
    """No water at all: every pair is as far apart as the geodesic says."""
    return Water.of({}, ())


def _quickest(edge: FloatArray) -> tuple[FloatArray, SmallArray]:
    if not len(edge):
        return edge, np.empty((0, 0), np.int32)
    quickest, before = shortest_path(edge, method="D", return_predecessors=True)
    return np.asarray(quickest, np.float64), np.asarray(before, np.int32)


def _sums(quickest: FloatArray, before: SmallArray, *of_edges: FloatArray) -> list[FloatArray]:
    """Sum up what edges have along the quickest way from each node to each other."""
    found = [np.zeros(quickest.shape) for _ in of_edges]
    order = np.argsort(quickest, axis=1, kind="stable")
    start = np.arange(len(quickest))
    for step in range(1, quickest.shape[1] if len(quickest) else 0):
        node = order[:, step]
        there = np.flatnonzero(np.isfinite(quickest[start, node]))
        at, last = node[there], before[there, node[there]]
        for total, values in zip(found, of_edges, strict=True):
            total[there, at] = total[there, last] + values[last, at]
    return found


def _apart(node: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    return _between(node[first], node[last])


def _between(here: FloatArray, there: FloatArray) -> FloatArray:
    chord = np.sqrt(((earth_centred(*here.T) - earth_centred(*there.T)) ** 2).sum(axis=1))
    return arc_from_chord(chord)


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
