"""Lines that part places: who lies on different sides of one.

**Speed.** The lines stand in a raster with sums of its cells from one corner, so that four look-ups
tell whether any line is near a pair at all; only then its segments are asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from solver.arrays import BoolArray, FloatArray, IntArray

Position = tuple[float, float]
"""Latitude and longitude, WGS84 degrees."""

_CELL: Final = 0.02
"""Degrees of latitude and longitude of a cell of the raster."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines that no leg over land crosses.

    Attributes
    ----------
    start, end : float64[s, 2]
        Latitude and longitude of the ends of each segment.
    ends : tuple of int
        Where the segments of each line end; one line's follow upon another's.
    corner, sums
        South-west corner of the raster, and how many cells with a line lie south-west of each.
    """

    start: FloatArray
    end: FloatArray
    ends: tuple[int, ...]
    corner: FloatArray
    sums: IntArray

    @classmethod
    def of(cls, lines: Sequence[Sequence[Position]]) -> "Lines":
        """Lines of two points or more each; where one ends on another, that one is parted."""
        ends_of = {end for line in lines for end in (line[0], line[-1])}
        points = [np.array(part) for line in lines for part in _parted(line, ends_of)]
        start = np.concatenate([np.empty((0, 2)), *(line[:-1] for line in points)])
        end = np.concatenate([np.empty((0, 2)), *(line[1:] for line in points)])
        ends = tuple(np.cumsum([len(line) - 1 for line in points]).tolist())
        if not len(start):
            return cls(start, end, ends, np.zeros(2), np.zeros((2, 2), np.int64))
        corner = np.minimum(start, end).min(axis=0)
        size = np.floor((np.maximum(start, end).max(axis=0) - corner) / _CELL).astype(np.int64) + 1
        marked = np.zeros(size, np.int64)
        for a, b in zip(start, end, strict=True):
            pieces = int(np.ceil(np.abs(b - a).max() / _CELL)) + 1
            points_between = a + np.linspace(0, 1, pieces + 1)[:, np.newaxis] * (b - a)
            cells = np.floor((points_between - corner) / _CELL).astype(np.int64)
            cells = np.clip(cells, 0, size - 1)
            for low, high in pairwise(cells):
                south, west = np.minimum(low, high)
                north, east = np.maximum(low, high)
                marked[south : north + 1, west : east + 1] = 1
        sums = np.zeros(size + 1, np.int64)
        sums[1:, 1:] = marked.cumsum(axis=0).cumsum(axis=1)
        return cls(start, end, ends, corner, sums)

    def crossed(
        self, lat1: FloatArray, lon1: FloatArray, lat2: FloatArray, lon2: FloatArray
    ) -> BoolArray:
        """Whether the two of each pair lie on different sides of a line; the same both ways.

        That is where their straight line crosses it an odd number of times: who crosses a bend
        twice is on the same bank again.
        """
        found = np.zeros(len(lat1), np.bool_)
        south, north = np.minimum(lat1, lat2), np.maximum(lat1, lat2)
        west, east = np.minimum(lon1, lon2), np.maximum(lon1, lon2)
        rows = np.flatnonzero(self._near(south, west, north, east))
        begin = 0
        for stop in self.ends:
            if not len(rows):
                break
            a, b = self.start[begin:stop], self.end[begin:stop]
            (low_lat, low_lon), (high_lat, high_lon) = (
                np.minimum(a, b).min(axis=0),
                np.maximum(a, b).max(axis=0),
            )
            frame = np.array([south[rows], north[rows], west[rows], east[rows]])
            close = np.flatnonzero(_overlap(frame, low_lat, high_lat, low_lon, high_lon))
            near, frame = rows[close], frame[:, close]
            parted = np.zeros(len(near), np.bool_)
            for (lat_a, lon_a), (lat_b, lon_b) in zip(a.tolist(), b.tolist(), strict=True):
                lats, lons = sorted((lat_a, lat_b)), sorted((lon_a, lon_b))
                close = np.flatnonzero(_overlap(frame, *lats, *lons))
                if len(close):
                    at = near[close]
                    pairs = lat1[at], lon1[at], lat2[at], lon2[at]
                    parted[close] ^= _meets(*pairs, lat_a, lon_a, lat_b, lon_b)
            found[near[parted]] = True
            rows = rows[~found[rows]]
            begin = stop
        return found

    def _near(
        self, south: FloatArray, west: FloatArray, north: FloatArray, east: FloatArray
    ) -> BoolArray:
        """Whether the frame around each pair holds any cell of the raster with a line."""
        high, wide = self.sums.shape
        if high == wide == 2 and not self.sums[-1, -1]:
            return np.zeros(len(south), np.bool_)
        low_row, high_row = (
            np.clip(np.floor((lat - self.corner[0]) / _CELL).astype(np.int64) + more, 0, high - 1)
            for lat, more in ((south, 0), (north, 1))
        )
        low_column, high_column = (
            np.clip(np.floor((lon - self.corner[1]) / _CELL).astype(np.int64) + more, 0, wide - 1)
            for lon, more in ((west, 0), (east, 1))
        )
        flat = self.sums.reshape(-1)
        above, below = high_row * wide, low_row * wide
        return np.asarray(
            flat[above + high_column] - flat[above + low_column]
            > flat[below + high_column] - flat[below + low_column]
        )


def _parted(line: Sequence[Position], at: set[Position]) -> list[Sequence[Position]]:
    """Part a line at some of its points: beyond them other water lies between its banks."""
    cuts = [0, *(n for n in range(1, len(line) - 1) if line[n] in at), len(line) - 1]
    return [line[first : last + 1] for first, last in pairwise(cuts)]


def _overlap(frame: FloatArray, south: float, north: float, west: float, east: float) -> BoolArray:
    """Whether each frame (rows: south, north, west, east) meets this one."""
    return np.asarray(
        (frame[1] >= south) & (frame[0] <= north) & (frame[3] >= west) & (frame[2] <= east)
    )


def _meets(
    lat1: FloatArray,
    lon1: FloatArray,
    lat2: FloatArray,
    lon2: FloatArray,
    lat_a: float,
    lon_a: float,
    lat_b: float,
    lon_b: float,
) -> BoolArray:
    """Whether each segment 1-2 crosses the segment a-b; in one order, so that both ways agree.

    What goes through the point between two segments of a line crosses one of them.
    """
    turned = (lat1 > lat2) | ((lat1 == lat2) & (lon1 > lon2))
    lat1, lat2 = np.where(turned, lat2, lat1), np.where(turned, lat1, lat2)
    lon1, lon2 = np.where(turned, lon2, lon1), np.where(turned, lon1, lon2)
    side_1 = (lon_b - lon_a) * (lat1 - lat_a) - (lat_b - lat_a) * (lon1 - lon_a)
    side_2 = (lon_b - lon_a) * (lat2 - lat_a) - (lat_b - lat_a) * (lon2 - lon_a)
    side_a = (lon2 - lon1) * (lat_a - lat1) - (lat2 - lat1) * (lon_a - lon1)
    side_b = (lon2 - lon1) * (lat_b - lat1) - (lat2 - lat1) * (lon_b - lon1)
    return np.asarray(((side_1 >= 0) != (side_2 >= 0)) & ((side_a >= 0) != (side_b >= 0)))
