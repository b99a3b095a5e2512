"""Travel times as the settings name them: an estimate, a CSV matrix, or a router asked by HTTP."""

import json
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.outside import NoAnswer, TooSlow, fetch
from app.register.water import BadTravelTimes, estimated, known_water
from solver.arrays import FloatArray, IntArray
from solver.pairing.geography import distance_m
from solver.pairing.places import Places
from solver.pairing.travel import (
    FASTEST_M_PER_MINUTE,
    MatrixTravelTimes,
    TravelTimes,
)

OK: Final = HTTPStatus.OK
TRIES: Final = 3
"""Of a request that nobody answers: the server may be restarting."""


def apart_m(
    lat1: float | None, lon1: float | None, lat2: float | None, lon2: float | None
) -> float:
    """Metres between two positions, round water as pairs are measured; NaN where one is unknown."""
    lat, lon = np.array([lat1, lat2], np.float64), np.array([lon1, lon2], np.float64)
    straight = float(distance_m(lat[0], lon[0], lat[1], lon[1])[0])
    places = Places(("from", "to"), lat, lon, np.full(2, -1))
    ways = known_water().ways(places, np.array([0]), np.array([1]))
    return float(np.max([straight, *ways.metres]))


def travel_times(source: str | None) -> TravelTimes:
    """The travel times of the settings: an OSRM server, a CSV matrix, or an estimate."""
    if source is None:
        return estimated()
    if source.startswith(("http://", "https://")):
        return OsrmTravelTimes(source)
    try:
        return MatrixTravelTimes.from_csv(Path(source))
    except OSError as error:
        raise BadTravelTimes(
            f"GIVETAKE_TRAVEL_TIMES {source} could not be read ({error.strerror}). Check the name "
            "of the file."
        ) from error
    except ValueError as error:
        raise BadTravelTimes(f"GIVETAKE_TRAVEL_TIMES {source}: {error}.") from error


class TravelTimesUnavailableError(RuntimeError):
    """The router could not be asked, or answered with an error."""


@dataclass(frozen=True, slots=True)
class OsrmTravelTimes:
    """Minutes from the `/table` service of an OSRM server, one request per taker and batch."""

    url: str
    """Address of the server, as `http://localhost:5000`."""
    profile: str = "driving"
    max_locations: int = 100
    """Most places in one request; servers refuse more than `--max-table-size`, 100 by default."""
    timeout_s: float = 30.0
    """For each request, from the first byte to the last."""
    pause_s: float = 1.0
    """Between two tries of a request that nobody answered."""
    total_s: float = 1_200.0
    """For all requests of one call of `minutes`; the country's take some minutes."""
    headers: dict[str, str] = field(default_factory=lambda: {"User-Agent": "givetake"})

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"the address {self.url!r} must begin with http:// or https://")
        if self.max_locations < 2:
            raise ValueError(f"max_locations must be 2 or more, not {self.max_locations}")

    def minutes(self, places: Places, origin: IntArray, destination: IntArray) -> FloatArray:
        """Minutes of each pair of rows of `places`; NaN where unknown or without a route."""
        result = np.full(len(origin), np.nan)
        known = np.flatnonzero(places.known[origin] & places.known[destination])
        pairs, back = np.unique(
            np.column_stack((destination[known], origin[known])), axis=0, return_inverse=True
        )
        times = np.full(len(pairs), np.nan)
        end = time.monotonic() + self.total_s
        for taker in np.unique(pairs[:, 0]):
            rows = np.flatnonzero(pairs[:, 0] == taker)
            for first in range(0, len(rows), self.max_locations - 1):
                batch = rows[first : first + self.max_locations - 1]
                times[batch] = self._ask(places, pairs[batch, 1], int(taker), end)
        result[known] = times[back.reshape(-1)]
        return result

    def reach_m(self, minutes: float) -> float:
        """Geodesic metres at the national speed limit in a straight line."""
        return minutes * FASTEST_M_PER_MINUTE

    def _ask(self, places: Places, origins: IntArray, destination: int, end: float) -> FloatArray:
        left = end - time.monotonic()
        if left <= 0:
            raise TravelTimesUnavailableError(
                f"{self.url} did not answer everything within {self.total_s / 60:,.0f} minutes. "
                "Use a faster server, plan a smaller area, or plan in miles."
            )
        rows = [*origins.tolist(), destination]
        at = ";".join(f"{places.lon[row]:.6f},{places.lat[row]:.6f}" for row in rows)
        sources = ";".join(str(position) for position in range(len(origins)))
        address = (
            f"{self.url.rstrip('/')}/table/v1/{self.profile}/{at}"
            f"?sources={sources}&destinations={len(origins)}&annotations=duration"
        )
        answer = self._fetch(address, min(left, self.timeout_s))
        if answer.get("code") != "Ok":
            raise TravelTimesUnavailableError(
                f"{self.url} answered {answer.get('code')} ({answer.get('message', 'no reason')}). "
                "Check the profile and --max-table-size of the server."
            )
        try:
            seconds = np.array([row[0] for row in answer["durations"]], np.float64)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise TravelTimesUnavailableError(
                f"{self.url} answered without durations. Check that it is an OSRM server."
            ) from error
        if len(seconds) != len(origins):
            raise TravelTimesUnavailableError(
                f"{self.url} answered {len(seconds):,} durations for {len(origins):,} places. "
                "Check that it is an OSRM server."
            )
        return seconds / 60

    def _fetch(self, address: str, total_s: float) -> dict[str, Any]:
        for left in reversed(range(TRIES)):
            try:
                status, content = fetch(address, self.headers, total_s=total_s)
                break
            except NoAnswer as error:
                if isinstance(error, TooSlow) or not left:
                    raise TravelTimesUnavailableError(
                        f"{self.url} did not answer ({error}). Check the address, or plan in miles."
                    ) from error
            time.sleep(self.pause_s)
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            said = "did not answer with JSON" if status == OK else f"answered HTTP {status}"
            raise TravelTimesUnavailableError(
                f"{self.url} {said}. Check that it is an OSRM server."
            ) from error
        # OSRM explains its refusals in the body of a 400.
        if not isinstance(body, dict):
            raise TravelTimesUnavailableError(
                f"{self.url} did not answer with an object. Check that it is an OSRM server."
            )
        return body
