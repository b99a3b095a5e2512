"""What is drawn under the widget's map: coast, boundaries of local authorities, names of towns."""

import json
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.maps.layer import Packed, packed
from app.register import boundaries
from app.register.towns import towns
from models.register import ImportBatch

VENDOR: Final = Path(__file__).parents[1] / "static" / "vendor"
DIGITS: Final = 4
"""Of a degree: about 11 yards."""
BRITAIN: Final = (-5.7, 49.85)
"""West and south of the middle of every outline of Great Britain in the world's coast."""
ISLE_OF_MAN: Final = (-4.5, 54.2)
NATURAL_EARTH: Final = "Coast: Natural Earth."
Rings = list[list[list[float]]]


class Kept:
    """The ground as it was last asked for; one that may have changed is made anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: tuple[tuple[Any, ...], Packed] | None = None

    def get(self, session: Session) -> Packed:
        stamp = (
            *boundaries.stamp(session),
            session.scalar(select(func.max(ImportBatch.id))),
        )
        with self._lock:
            if self._held is None or self._held[0] != stamp:
                self._held = stamp, packed(basemap(session))
            return self._held[1]


def basemap(session: Session) -> dict[str, Any]:
    """Rings of longitude and latitude, and towns with how many institutions they have."""
    drawn = boundaries.boundaries(session)
    is_whole = boundaries.has_whole_coast(session)
    coast = [ring for ring in _world() if not (is_whole and _is_britain(ring))]
    if drawn.land is not drawn.borders:
        coast += _short(drawn.land)
    credits = [NATURAL_EARTH] if coast else []
    return {
        "coast": coast,
        "borders": _short(drawn.borders),
        "towns": [
            [town.name, round(town.longitude, DIGITS), round(town.latitude, DIGITS), town.schools]
            for town in towns(session)
        ],
        "credit": " ".join([*credits, drawn.credit]).strip(),
    }


@cache
def _world() -> Rings:
    """The coast that comes with the installation."""
    path = VENDOR / "coast.json"
    found: Rings = json.loads(path.read_text()) if path.exists() else []
    return found


def _is_britain(ring: list[list[float]]) -> bool:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    (west, south), (man_x, man_y) = BRITAIN, ISLE_OF_MAN
    if min(xs) > man_x - 1 and max(xs) < man_x + 1 and min(ys) < man_y < max(ys):
        return False
    return (min(xs) + max(xs)) / 2 > west and (min(ys) + max(ys)) / 2 > south and max(xs) < 2.5


def _short(rings: tuple[boundaries.Ring, ...]) -> Rings:
    return [[[round(x, DIGITS), round(y, DIGITS)] for x, y in ring] for ring in rings]
