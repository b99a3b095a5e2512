"""What a plan comes to by local authority, expertise and phase."""

from dataclasses import replace

from app.database import Database
from app.insight.breakdown import BrokenDownBy, Part, breakdown
from app.insight.labels import part_name
from app.insight.report_page import render
from models.vocabulary import Phase
from tests import rows
from tests.callers import csv_rows, keyed
from tests.portal import broker
from tests.reports import PLAN
from tests.runs import match


def test_each_need_is_told_once_and_the_parts_make_the_whole() -> None:
    """In each of the three, needs, met and days add up to those of the plan."""
    data, taker = PLAN, PLAN.pairings[0].taker
    people = tuple(
        replace(each, local_authority="Testshire", phases=(Phase.SECONDARY, Phase.PRIMARY))
        if each.reference == taker
        else each
        for each in data.participants
    )
    found = breakdown(replace(data, participants=people))
    needs = {each.need for each in (*data.pairings, *data.unmet)}
    days = sum(each.days for each in data.pairings)
    for by in BrokenDownBy:
        parts = found.by[by]
        assert sum(part.needs for part in parts) == len(needs)
        assert sum(part.met for part in parts) == len({each.need for each in data.pairings})
        assert sum(part.days_planned for part in parts) == days
    assert "Testshire" in {part.key for part in found.by[BrokenDownBy.LOCAL_AUTHORITY]}
    phases = {part_name(BrokenDownBy.PHASE, part) for part in found.by[BrokenDownBy.PHASE]}
    assert "Primary, Secondary" in phases
    assert part_name(BrokenDownBy.LOCAL_AUTHORITY, Part(None)) == "Not known"
    assert "By local authority, expertise and phase" in render(data)


def test_a_plan_is_broken_down_in_the_portal_and_over_http(sqlite_database: Database) -> None:
    """The page of a run has the three tables; the API has them as JSON and CSV, or one of them."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N1", rows.add_school(session, 1), half_days=4)
        rows.add_need(session, "N2", rows.add_school(session, 2, 400), half_days=6)
        rows.add_offer(session, "O", rows.add_hub(session, "hub"), half_days=4)
    run_id = match(sqlite_database)
    path = f"/api/v1/runs/{run_id}/breakdown"
    with keyed(sqlite_database) as client:
        items = client.get(path).json()["items"]
        only = client.get(f"{path}?by=phase", headers={"Accept": "text/csv"})
    assert items[0] == {
        "by": "local_authority",
        "name": "Testshire",
        "needs": 2,
        "met": 1,
        "days_needed": 5.0,
        "days_planned": 2.0,
    }
    assert [each["name"] for each in items] == ["Testshire", "Maths", "Primary"]
    assert [row["name"] for row in csv_rows(only)] == ["Primary"]
    page = broker(sqlite_database).open(f"/runs/{run_id}").text
    assert "Local authority (1)" in page
    assert "Testshire 2 1 50% 5 2" in page
