"""Where the institutions of a benchmark are: real places where they are at hand, else made-up."""

import csv
import os
from pathlib import Path

import numpy as np

from solver.instances.balanced_exchange import Positions, made_up_country
from solver.pairing.geography import to_wgs84

ROOT = Path(__file__).parents[2]
OPEN = {"1", "3"}
OUT_OF_SCOPE = {"25", "26", "30", "37"}
ASIDE = 14.0
"""Degrees of longitude from one copy of the country to the next."""


def places(size: int, seed: int) -> tuple[str, Positions]:
    """Return where from, and the institutions nearest to one that is drawn.

    Asked for more than the country has, copies of it lie side by side.
    """
    folder = Path(os.environ.get("GIVETAKE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    register = folder / "gias" / "edubasealldata.csv"
    if not register.exists():
        return "made up", made_up_country(size, seed)
    lat, lon = _open_institutions(register)
    copies = -(-size // len(lat))
    middle = np.random.default_rng([seed, 5]).integers(len(lat))
    lat = np.tile(lat, copies)
    lon = np.concatenate([lon + ASIDE * copy for copy in range(copies)])
    apart = np.hypot(lat - lat[middle], (lon - lon[middle]) * np.cos(np.radians(lat[middle])))
    near = np.sort(np.argsort(apart, kind="stable")[:size])
    return "national register", Positions(lat[near], lon[near])


def _open_institutions(register: Path) -> tuple[np.ndarray, np.ndarray]:
    with register.open(encoding="cp1252", newline="") as file:
        grid = [
            (float(row["Easting"] or 0), float(row["Northing"] or 0))
            for row in csv.DictReader(file)
            if row["EstablishmentStatus (code)"] in OPEN
            and row["TypeOfEstablishment (code)"] not in OUT_OF_SCOPE
        ]
    east, north = np.array([point for point in grid if point != (0, 0)]).T
    lat, lon = to_wgs84(east, north)
    known = np.isfinite(lat) & np.isfinite(lon)
    return lat[known], lon[known]
