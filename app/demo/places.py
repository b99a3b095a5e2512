"""A county that is nowhere: its outline, towns, villages and names, all from a seed.

It lies in the open North Sea of the national grid, so that it overlaps no real place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import cos, hypot, pi, sin
from random import Random

CENTRE = (620_000, 430_000)
RADIUS_M = 25_000
OUTLINE_POINTS = 240

STARTS = (
    "Quel", "Vorn", "Thassel", "Ixen", "Zerr", "Ozmer", "Brizzen", "Jarl", "Umber", "Yaxen",
    "Plim", "Skreth", "Fenzil", "Gwilder", "Kessle", "Lorvin", "Murzle", "Nezzer", "Pruvel",
    "Rastle", "Tirvel", "Uxling", "Vezzle", "Wroxen", "Drizzel", "Hexter", "Azzle", "Clavvin",
)  # fmt: skip
ENDS = (
    "mere", "holt", "wick", "forth", "combe", "ness", "garth", "thwaite", "stow", "hurst",
    "mouth", "ley", "beck", "wold", "minster", "dene",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A town or village; `hardship` 0 to 1 is how hard life is there on average."""

    name: str
    easting: int
    northing: int
    spread_m: int
    weight: float
    hardship: float
    urban_rural: str
    district: str
    outcode: str


def place_names(random: Random) -> Iterator[str]:
    """Invented names, each once."""
    names = [start + end for start, end in product(STARTS, ENDS)]
    random.shuffle(names)
    yield from names


def outline(random: Random) -> list[tuple[int, int]]:
    """A closed ring of eastings and northings: a ragged coast in the east, smooth inland."""
    waves = [
        (k, random.uniform(0.4, 1.0) * 0.22 / k**0.8, random.uniform(0, 2 * pi))
        for k in range(1, 22)
    ]
    ring = []
    for step in range(OUTLINE_POINTS):
        angle = 2 * pi * step / OUTLINE_POINTS
        ragged = 0.35 + 0.65 * max(0.0, cos(angle)) ** 0.5
        swell = sum(
            size * cos(k * angle + turn) * (1 if k < 4 else ragged) for k, size, turn in waves
        )
        bays = random.gauss(0, 0.016) * ragged if ragged > 0.5 else 0.0
        reach = RADIUS_M * max(0.45, 1 + swell + bays)
        ring.append(
            (round(CENTRE[0] + 1.15 * reach * cos(angle)), round(CENTRE[1] + reach * sin(angle)))
        )
    return ring


def inside(ring: list[tuple[int, int]], easting: float, northing: float) -> bool:
    """Whether a point lies within the ring, by crossings of a ray to the east."""
    crossings = False
    for (e1, n1), (e2, n2) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (n1 > northing) != (n2 > northing):
            crossings ^= easting < e1 + (northing - n1) * (e2 - e1) / (n2 - n1)
    return crossings


def _somewhere(
    random: Random, ring: list[tuple[int, int]], taken: list[tuple[int, int]], apart_m: int
) -> tuple[int, int]:
    """A point inside, away from the others by `apart_m`, or less where it is crowded."""
    while True:
        for _ in range(60):
            easting = random.randint(CENTRE[0] - 2 * RADIUS_M, CENTRE[0] + 2 * RADIUS_M)
            northing = random.randint(CENTRE[1] - 2 * RADIUS_M, CENTRE[1] + 2 * RADIUS_M)
            clear = all(hypot(easting - e, northing - n) >= apart_m for e, n in taken)
            if clear and inside(ring, easting, northing):
                return easting, northing
        apart_m = apart_m * 3 // 4


TOWNS = 10
DISTRICTS = 5


def places(random: Random, ring: list[tuple[int, int]], names: Iterator[str]) -> list[Place]:
    """One city, nine towns of falling size and seventy villages."""
    taken: list[tuple[int, int]] = []
    made: list[Place] = []
    seats: list[tuple[int, int]] = []
    for rank in range(80):
        town = rank < TOWNS
        spot = _somewhere(random, ring, taken, 9_000 if town else 2_500)
        taken.append(spot)
        if rank < DISTRICTS:
            seats.append(spot)
        nearest = min(
            range(len(seats)), key=lambda i: hypot(spot[0] - seats[i][0], spot[1] - seats[i][1])
        )
        made.append(
            Place(
                name=next(names),
                easting=spot[0],
                northing=spot[1],
                spread_m=3_400 if rank == 0 else (1_900 - 100 * rank if town else 500),
                weight=44.0 if rank == 0 else (24.0 / rank**0.5 if town else 1.0),
                hardship=random.betavariate(2.4, 2.6) if town else random.betavariate(1.6, 4.5),
                urban_rural=(
                    "Urban city and town"
                    if rank < 6
                    else "Rural town and fringe"
                    if town
                    else "Rural village"
                ),
                district=str(nearest + 1),
                outcode=f"QX{rank + 1 if town else 11 + nearest}",
            )
        )
    return made


def scatter(random: Random, ring: list[tuple[int, int]], place: Place) -> tuple[int, int]:
    """A spot in or about a place, on dry land."""
    for _ in range(40):
        easting = round(random.gauss(place.easting, place.spread_m))
        northing = round(random.gauss(place.northing, place.spread_m))
        if inside(ring, easting, northing):
            return easting, northing
    return place.easting, place.northing
