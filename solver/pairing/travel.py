"""How long a journey takes: the `TravelTimes` port and its adapters."""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from models.vocabulary import METRES_PER_MILE
from solver.arrays import CodeArray, FloatArray, IntArray
from solver.pairing.geography import arc_from_chord, earth_centred
from solver.pairing.places import Places
from solver.pairing.water import Water, no_water

CIRCUITY_AT_M: Final = (0.0, 10_000.0, 50_000.0, 200_000.0)
CIRCUITY: Final = (1.45, 1.40, 1.30, 1.25)
"""Road metres per geodesic metre at those geodesics: assumed round values, not measured; linear
between them so that a longer geodesic never takes less time."""

LOCAL_M: Final = 5 * METRES_PER_MILE
"""Road metres at each end that go at the local speed."""

FASTEST_M_PER_MINUTE: Final = 70 * METRES_PER_MILE / 60
"""The national limit of 70 mph: no road journey covers more in a straight line."""


class TravelTimes(Protocol):
    """Minutes one way, giver to taker."""

    def minutes(self, places: Places, origin: IntArray, destination: IntArray) -> FloatArray:
        """Minutes of each pair of rows of `places`, float64[n]; NaN where not known."""
        ...

    def reach_m(self, minutes: float) -> float:
        """Geodesic metres beyond which nothing can be reached in that time."""
        ...


@dataclass(frozen=True, slots=True)
class EstimatedTravelTimes:
    """Road minutes from the geodesic, for planning where no router is at hand.

    Road metres are the geodesic times a circuity that falls with distance, longer journeys being
    straighter. Where the straight line crosses water, the straight legs of the way round take its
    place, and the crossings on the way add their minutes. The first and last 5 miles go at the
    local speed of that end, the rest at the through speed. The circuities and speeds are round
    values assumed for planning, not measured and taken from no source: a figure to cut off by, not
    a promise of arrival. Where minutes matter, name a router or a matrix.

    Attributes
    ----------
    urban_mph, rural_mph, through_mph : float
        Assumed. Where it is not known whether an end is urban, the mean of the first two.
    water : Water
        What journeys go round; by default none.
    """

    urban_mph: float = 18.0
    rural_mph: float = 35.0
    through_mph: float = 45.0
    water: Water = field(default_factory=no_water)

    def minutes(self, places: Places, origin: IntArray, destination: IntArray) -> FloatArray:
        """Minutes of each pair of rows of `places`; NaN where unknown, infinite without a way."""
        at = earth_centred(places.lat, places.lon)
        chord = np.sqrt(((at[origin] - at[destination]) ** 2).sum(axis=1))
        # The arc of the chord: metres off at most, and ten times as fast as the geodesic itself.
        geodesic = arc_from_chord(chord)
        ways = self.water.ways(places, origin, destination)
        geodesic[ways.row] = ways.land_m
        minutes = self.minutes_of_distance(
            geodesic, places.urban[origin], places.urban[destination]
        )
        minutes[ways.row] += ways.crossing_minutes
        return minutes

    def minutes_of_distance(
        self, geodesic_m: FloatArray, from_urban: CodeArray, to_urban: CodeArray
    ) -> FloatArray:
        """Minutes for geodesics whose ends are urban (1), rural (0) or not known (-1)."""
        road = road_m(geodesic_m)
        local = np.minimum(road / 2, LOCAL_M)
        pace = (
            np.array([self.rural_mph, self.urban_mph, (self.rural_mph + self.urban_mph) / 2])
            * METRES_PER_MILE
            / 60
        )
        through = (road - 2 * local) / (self.through_mph * METRES_PER_MILE / 60)
        return np.asarray(local / pace[from_urban] + local / pace[to_urban] + through)

    def reach_m(self, minutes: float) -> float:
        """Geodesic metres at the fastest speed, of roads at the least circuity or of crossings."""
        on_roads = max(self.urban_mph, self.rural_mph, self.through_mph) / min(CIRCUITY)
        fastest = max([on_roads, *(each.mph for each in self.water.crossings)])
        return minutes * fastest * METRES_PER_MILE / 60


def road_m(straight_m: FloatArray) -> FloatArray:
    """Road metres of straight metres over land, by the circuity assumed at that distance."""
    return np.asarray(straight_m * np.interp(straight_m, CIRCUITY_AT_M, CIRCUITY))


@dataclass(frozen=True, slots=True, eq=False)
class MatrixTravelTimes:
    """Minutes looked up in a table by the ids of the places; what is not in it is not known."""

    index: dict[str, int]
    keys: IntArray
    values: FloatArray

    @classmethod
    def from_csv(cls, path: Path) -> "MatrixTravelTimes":
        """Read `from,to,minutes` rows, UTF-8.

        Raises
        ------
        ValueError
            If a column is missing, a pair comes twice, or minutes are no number of 0 or more;
            the message names the line.
        """
        index: dict[str, int] = {}
        times: dict[tuple[int, int], float] = {}
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = {"from", "to", "minutes"} - set(rows.fieldnames or ())
            if missing:
                raise ValueError(
                    f"{path.name} lacks the column {min(missing)!r}; "
                    "its first line must name from, to and minutes"
                )
            for row in _rows(rows, path.name):
                pair = (
                    index.setdefault(row["from"], len(index)),
                    index.setdefault(row["to"], len(index)),
                )
                where = f"{path.name} line {rows.line_num}"
                if pair in times:
                    raise ValueError(
                        f"{where}: {row['from']} to {row['to']} is there twice; keep one"
                    )
                times[pair] = _minutes(row["minutes"], where)
        keys = np.array([a * len(index) + b for a, b in times], np.int64)
        order = np.argsort(keys)
        return cls(index, keys[order], np.array(list(times.values()))[order])

    @classmethod
    def of_pairs(
        cls, ids: Sequence[str], origin: IntArray, destination: IntArray, minutes: FloatArray
    ) -> "MatrixTravelTimes":
        """Minutes known already, of pairs of rows of `ids`; NaN where they are not known."""
        keys, first = np.unique(origin * len(ids) + destination, return_index=True)
        return cls({name: row for row, name in enumerate(ids)}, keys, minutes[first])

    def minutes(self, places: Places, origin: IntArray, destination: IntArray) -> FloatArray:
        """Minutes of each pair of rows of `places`; 0 from a place to itself."""
        codes = np.array([self.index.get(key, -1) for key in places.id], np.int64)
        result = np.full(len(origin), np.nan)
        if len(self.keys):
            start, end = codes[origin], codes[destination]
            wanted = np.where((start < 0) | (end < 0), -1, start * len(self.index) + end)
            at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            found = self.keys[at] == wanted
            result[found] = self.values[at[found]]
        result[np.isnan(result) & (origin == destination)] = 0.0
        return result

    def reach_m(self, minutes: float) -> float:
        """Geodesic metres at the national speed limit in a straight line."""
        return minutes * FASTEST_M_PER_MINUTE


def _rows(rows: "csv.DictReader[str]", name: str) -> Iterator[dict[str, str]]:
    try:
        yield from rows
    except csv.Error as broken:
        where = f"{name} line {rows.line_num}"
        raise ValueError(f"{where}: {broken}; check the quotation marks") from broken


def _minutes(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError as error:
        raise ValueError(f"{where}: minutes is {text!r}; give a number such as 25.5") from error
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{where}: minutes is {text!r}; give 0 or more")
    return value
