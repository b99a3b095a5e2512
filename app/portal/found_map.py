"""The map beside what Find support found: where results are, seen from where somebody looks."""

from math import cos, pi, radians, sin
from typing import Any, Final, NamedTuple

from app.exchange.finding import Origin
from models.vocabulary import METRES_PER_MILE

WIDE: Final = 320
"""Of the map, in its own units; it is as high."""
DOT: Final = 13


class Spot(NamedTuple):
    """One place of the map, with the numbers of the results that are there."""

    x: float
    y: float
    numbers: str
    first: int


def _scale(found: list[dict[str, Any]]) -> float:
    """Metres of half the map: a little more than to the farthest of a page."""
    farthest: float = max(each["distance_m"] for each in found) if found else 0.0
    return max(METRES_PER_MILE, farthest) * 1.12


def rings_of(found: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Circles of round miles around the middle, with their radius on the map."""
    whole = _scale(found)
    steps = (1, 2, 5, 10, 20, 50, 100, 200)
    fitting = [each for each in steps if each * METRES_PER_MILE < whole] or [1]
    return [(each, round(each * METRES_PER_MILE / whole * WIDE / 2, 1)) for each in fitting[-2:]]


def spots_of(found: list[dict[str, Any]], origin: Origin, first: int) -> list[Spot]:
    """Where the results of a page are, seen from the middle; those of one place together."""
    whole = _scale(found)
    metres_per_degree = METRES_PER_MILE * 69.1
    places: dict[tuple[float, float], list[int]] = {}
    for number, each in enumerate(found, start=first):
        north = (each["latitude"] - origin.latitude) * metres_per_degree
        east = (each["longitude"] - origin.longitude) * metres_per_degree
        east *= cos(radians(origin.latitude))
        x = round(WIDE / 2 * (1 + east / whole), 1)
        y = round(WIDE / 2 * (1 - north / whole), 1)
        places.setdefault((x, y), []).append(number)
    return [
        Spot(x, y, _listed(numbers), numbers[0]) for (x, y), numbers in _apart(list(places.items()))
    ]


def _listed(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}+"


def _apart(
    places: list[tuple[tuple[float, float], list[int]]],
) -> list[tuple[tuple[float, float], list[int]]]:
    """Move what would lie one on the other a little, so that every number can be read."""
    taken: list[tuple[float, float]] = []
    moved = []
    for (x, y), numbers in places:
        at = (x, y)
        for turn in range(24):
            if all((at[0] - a) ** 2 + (at[1] - b) ** 2 >= (2 * DOT) ** 2 for a, b in taken):
                break
            away = DOT * (1.2 + turn / 8)
            at = (x + away * cos(turn * pi / 4), y + away * sin(turn * pi / 4))
        at = _inside(at[0]), _inside(at[1])
        taken.append(at)
        moved.append((at, numbers))
    return moved


def _inside(at: float) -> float:
    return round(min(max(at, DOT), WIDE - DOT), 1)
