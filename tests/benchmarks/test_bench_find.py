"""The benchmark of finding support: a county in the layout of the register, and the country."""

from pathlib import Path

import pytest

from app.database import Database
from tests.benchmarks.bench_find import fill, measure


def test_a_county_is_filled_and_asked(tmp_path: Path) -> None:
    """Every request is answered and timed."""
    with Database(f"sqlite:///{tmp_path / 'bench.sqlite3'}") as database:
        assert fill(database, tmp_path, "quick") == "made-up county"
        found = measure(database)
    assert found["offers"] > 300
    assert {"api_by_urn", "page"} <= set(found["answers"])


@pytest.mark.national
def test_the_country_is_filled_and_asked(national_data: Path, tmp_path: Path) -> None:
    """With offers drawn for all of it."""
    with Database(f"sqlite:///{tmp_path / 'national.sqlite3'}") as database:
        assert fill(database, tmp_path, "full") == "national"
        found = measure(database)
    assert found["offers"] > 30_000
    assert {"api_by_urn", "page"} <= set(found["answers"])
