"""Who is within some miles of a place, nearest first."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians
from typing import Final

import numpy as np
from sqlalchemy import ColumnElement

from models.register import Participant
from models.vocabulary import METRES_PER_MILE
from solver.pairing.geography import distance_m

DEFAULT_MILES: Final = 10.0
MOST_MILES: Final = 200.0
LEAST_M_PER_DEGREE: Final = 110_500.0
"""No degree of latitude is shorter, and none of longitude at the equator."""


@dataclass(frozen=True, slots=True)
class Near:
    latitude: float
    longitude: float
    miles: float = DEFAULT_MILES

    @property
    def in_box(self) -> ColumnElement[bool]:
        """Whether a participant is in a box around: holds for all within the miles, and more."""
        high = self.miles * METRES_PER_MILE / LEAST_M_PER_DEGREE
        wide = high / cos(radians(self.latitude + high))
        return Participant.latitude.between(
            self.latitude - high, self.latitude + high
        ) & Participant.longitude.between(self.longitude - wide, self.longitude + wide)

    def sorted_by_distance(
        self, rows: Iterable[tuple[int, float | None, float | None]]
    ) -> list[tuple[float, int]]:
        """Metres and key of rows of (key, latitude, longitude) within the miles, in order."""
        found = list(rows)
        if not found:
            return []
        keys, latitudes, longitudes = zip(*found, strict=True)
        metres = distance_m(
            self.latitude,
            self.longitude,
            np.array(latitudes, np.float64),
            np.array(longitudes, np.float64),
        ).tolist()
        within = self.miles * METRES_PER_MILE
        return sorted((far, key) for far, key in zip(metres, keys, strict=True) if far <= within)
