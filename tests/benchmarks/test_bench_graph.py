"""The benchmark of the graph: a county in the layout of the register, and the country itself."""

from pathlib import Path

import pytest
from sqlalchemy import text

from app.access.policy import TERMINAL
from app.database import Database
from app.graph.isolated import by_area
from app.graph.queries import viewing
from tests.benchmarks.bench_graph import DAY, SQL, fill, measure


def test_a_county_is_filled_and_asked(tmp_path: Path) -> None:
    """Every question has an answer and a time, and those that SQL answers a ratio."""
    with Database(f"sqlite:///{tmp_path / 'bench.sqlite3'}") as database:
        assert fill(database, tmp_path, "quick") == "made-up county"
        found = measure(database)
    assert found["edges"] > 4_000
    assert {name for name, each in found["answers"].items() if "ratio" in each} == set(SQL)


@pytest.mark.national
def test_the_country_is_answered_as_sql_answers(national_data: Path, tmp_path: Path) -> None:
    """With a year of plans: as many isolated schools, and as many in no group, as SQL counts."""
    with Database(f"sqlite:///{tmp_path / 'national.sqlite3'}") as database:
        assert fill(database, tmp_path, "full") == "national"
        with database.read() as session, viewing(session, TERMINAL, DAY) as view:
            areas = by_area(view)
            isolated = session.execute(text(SQL["isolated"]), {"day": DAY.isoformat()}).all()
    assert sum(each.isolated for each in areas) == len(isolated)
    assert sum(each.in_scope for each in areas) == 24_518
    assert sum(each.in_no_group for each in areas) == 14_173
