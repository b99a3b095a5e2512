"""Positions and distances: the grid, the geodesic, who is within reach."""

import csv
from pathlib import Path

import numpy as np
import pytest
from geopy.distance import geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.pairing.geography import (
    arc_from_chord,
    distance_m,
    earth_centred,
    miles_from_metres,
    pairs_within,
    plausible_grid,
    to_wgs84,
)

points = st.tuples(st.floats(49.8, 60.9), st.floats(-8.0, 1.8))


def test_grid_becomes_wgs84_at_known_points() -> None:
    """Caister water tower, the Ordnance Survey's worked example, lies within 5 m."""
    lat, lon = to_wgs84([651_409.903], [313_177.270])
    assert distance_m(lat, lon, 52 + 39 / 60 + 28.8282 / 3600, 1 + 42 / 60 + 57.8663 / 3600)[0] < 5


@pytest.mark.parametrize(
    ("easting", "northing", "plausible"),
    [
        (530_000, 180_000, True),
        (0, 180_000, True),
        (0, 0, False),
        (float("nan"), 180_000, False),
        (-1, 180_000, False),
        (700_001, 180_000, False),
        (530_000, 1_300_001, False),
    ],
)
def test_only_the_grid_is_plausible(easting: float, northing: float, plausible: bool) -> None:
    """Blanks, (0, 0) and references off the grid are unknown positions, never near ones."""
    assert plausible_grid(easting, northing) == plausible
    lat, lon = to_wgs84(easting, northing)
    assert np.isnan(lat[0]) == np.isnan(lon[0]) == (not plausible)


@given(points, points)
def test_distances_equal_geopys(here: tuple[float, float], there: tuple[float, float]) -> None:
    """The geodesic is the one geopy defines, to a hundredth of a millimetre."""
    assert distance_m(*here, *there)[0] == pytest.approx(geodesic(here, there).m, abs=1e-5)


def test_distances_to_unknown_positions_are_unknown() -> None:
    """NaN in, NaN out, and the rest of the column is not disturbed."""
    metres = distance_m([51.0, np.nan], [0.0, 0.0], [51.0, 51.0], [0.0, 0.0])
    assert metres[0] == 0
    assert np.isnan(metres[1])


@settings(max_examples=300)
@given(points, points)
def test_the_chord_is_a_lower_bound_and_gives_the_arc_back(
    here: tuple[float, float], there: tuple[float, float]
) -> None:
    """No true neighbour is lost by searching with the chord; the estimate errs by 2 m at most."""
    at = earth_centred([here[0], there[0]], [here[1], there[1]])
    chord, arc = np.linalg.norm(at[0] - at[1]), geodesic(here, there).m
    assert chord <= arc + 1e-5
    tolerance = 0.02 if arc < 100_000 else 2.0
    assert arc > 500_000 or arc_from_chord(chord) == pytest.approx(arc, abs=tolerance)


def test_pairs_within_a_radius_are_all_found() -> None:
    """The tree finds what a full table finds, pairs at the same point included."""
    random = np.random.default_rng(7)
    lat, lon = random.uniform(51, 53, 200), random.uniform(-2, 0, 200)
    at = earth_centred(lat, lon)
    here, there, chord = pairs_within(at[:120], at[100:], 30_000.0)
    table = np.linalg.norm(at[:120, None] - at[None, 100:], axis=2)
    found = set(zip(here.tolist(), there.tolist(), strict=True))
    assert found == set(zip(*(axis.tolist() for axis in np.nonzero(table <= 30_000)), strict=True))
    assert {(100 + i, i) for i in range(20)} <= found
    assert chord == pytest.approx(table[here, there])
    assert len(pairs_within(at[:0], at, 1.0)[0]) == 0


def test_miles_from_metres() -> None:
    """A mile is 1,609.344 m; unknown stays unknown."""
    assert miles_from_metres(16_093.44) == pytest.approx(10)
    assert np.isnan(miles_from_metres(float("nan")))


@pytest.mark.national
def test_the_national_register_lies_in_its_districts(national_data: Path) -> None:
    """Schools lie within some miles of the centroid of their own postcode district."""
    with (national_data / "outcodes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    centroid = {row["outcode"]: (float(row["lat"]), float(row["lon"])) for row in rows}
    with (national_data / "gias" / "edubasealldata.csv").open(encoding="cp1252") as file:
        schools = [row for row in csv.DictReader(file) if row["Easting"] and row["Postcode"]]
    schools = [row for row in schools if row["Postcode"].split()[0] in centroid]
    lat, lon = to_wgs84(
        [float(row["Easting"]) for row in schools], [float(row["Northing"]) for row in schools]
    )
    there = np.array([centroid[row["Postcode"].split()[0]] for row in schools])
    apart = distance_m(lat, lon, there[:, 0], there[:, 1])
    assert len(apart) > 20_000
    assert np.nanmedian(apart) < 5_000
    assert np.nanmean(apart < 40_000) > 0.999
