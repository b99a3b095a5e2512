"""Travel times: the estimate and the matrix."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import METRES_PER_MILE
from solver.pairing.places import Places
from solver.pairing.travel import EstimatedTravelTimes, MatrixTravelTimes

NAN = float("nan")


def places(*at: tuple[float, float], urban: int = -1) -> Places:
    ids = tuple("abcdefghij"[: len(at)])
    lat, lon = np.array(at, float).reshape(-1, 2).T
    return Places(ids, lat, lon, np.full(len(at), urban))


def test_the_estimate_is_slower_in_towns_and_unknown_without_positions() -> None:
    """Urban ends take longer than rural ones, unknown ends lie between; NaN where off the map."""
    ends = ((51.5, -0.1), (51.6, -0.1), (NAN, NAN))
    here, there = np.array([0, 0]), np.array([1, 2])
    urban, unknown, rural = (
        EstimatedTravelTimes().minutes(places(*ends, urban=kind), here, there)
        for kind in (1, -1, 0)
    )
    assert rural[0] < unknown[0] < urban[0]
    assert np.isnan(urban[1])


def test_ten_miles_between_rural_schools_take_under_half_an_hour() -> None:
    """The figures behind the estimate give times a driver would believe."""
    kind = np.array([0])
    minutes = EstimatedTravelTimes().minutes_of_distance(
        np.array([10 * METRES_PER_MILE]), kind, kind
    )
    assert 20 < minutes[0] < 30


@given(st.floats(0, 600_000), st.floats(0, 600_000), st.integers(-1, 1), st.integers(-1, 1))
def test_further_is_never_sooner_and_nothing_is_beyond_reach(
    first: float, second: float, here: int, there: int
) -> None:
    """Minutes grow with the geodesic, and `reach_m` bounds what they can cover."""
    travel = EstimatedTravelTimes()
    metres = np.sort(np.array([first, second]))
    minutes = travel.minutes_of_distance(metres, np.array([here]), np.array([there]))
    assert minutes[0] <= minutes[1]
    assert travel.reach_m(float(minutes[1])) >= metres[1] - 1e-6


def test_a_matrix_is_read_by_id_and_knows_only_what_it_holds(tmp_path: Path) -> None:
    """Times are one way, from giver to taker; a pair that is missing is not known."""
    path = tmp_path / "times.csv"
    path.write_text("from,to,minutes\na,b,12.5\nb,a,14\nz,a,1\n")
    travel = MatrixTravelTimes.from_csv(path)
    here, there = np.array([0, 1, 2, 2]), np.array([1, 0, 0, 2])
    minutes = travel.minutes(places(*[(51.5, 0.0)] * 3), here, there)
    assert minutes[:2].tolist() == [12.5, 14]
    assert np.isnan(minutes[2])
    assert minutes[3] == 0
    assert travel.reach_m(60) == 70 * METRES_PER_MILE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from,to\na,b\n", "lacks the column 'minutes'"),
        ("from,to,minutes\na,b,soon\n", "line 2: minutes is 'soon'; give a number"),
        ("from,to,minutes\na,b,-1\n", "line 2: minutes is '-1'; give 0 or more"),
        ("from,to,minutes\na,b,nan\n", "line 2: minutes is 'nan'"),
        ("from,to,minutes\na,b\n", "line 2: minutes is None"),
        ("from,to,minutes\na,b,1\na,b,2\n", "line 3: a to b is there twice"),
    ],
)
def test_a_broken_matrix_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file, the line and the value."""
    path = tmp_path / "times.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"times\.csv.*{message}"):
        MatrixTravelTimes.from_csv(path)


def test_places_are_checked() -> None:
    """Places are whole and on the earth."""
    with pytest.raises(ValueError, match="a has only one of latitude and longitude"):
        places((51.0, NAN))
    with pytest.raises(ValueError, match=r"a lies at 95\.0, 0\.0"):
        places((95.0, 0.0))
    with pytest.raises(ValueError, match=r"holds an id twice"):
        Places(("a", "a"), np.zeros(2), np.zeros(2), np.zeros(2, np.int8))
    with pytest.raises(ValueError, match=r"Places\.urban has shape \(1,\)"):
        Places(("a", "b"), np.zeros(2), np.zeros(2), np.zeros(1, np.int8))
