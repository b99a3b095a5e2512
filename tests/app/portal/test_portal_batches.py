"""Batches at the portal, without JavaScript."""

import pytest
from sqlalchemy import update

from app.access.policy import Role, Scope
from app.batches import service
from app.database import Database
from app.portal.labels import BATCH_FIELDS, LABELS
from models.batches import Batch, Schedule
from models.exchange import Period
from models.vocabulary import AreaState, BatchState, ScopeKind
from tests import batches, rows
from tests.batches import finish
from tests.callers import count
from tests.portal import Visitor, broker

NEW = "/batches/new"


@pytest.fixture
def who(sqlite_database: Database) -> Visitor:
    with sqlite_database.write() as session:
        batches.add_areas(session, 3)
        session.execute(update(Period).values(ends=rows.ENDS.replace(year=2100)))
    return broker(sqlite_database)


def test_a_batch_is_started_followed_and_read(who: Visitor, sqlite_database: Database) -> None:
    """Its page shows each area, and leads to its run."""
    page = who.send(who.open(NEW), NEW, areas="Area 1, Area 3", period=rows.YEAR)
    assert page.status == 200
    page = who.open("/batches/1")
    assert page.faults == []
    waiting = LABELS[AreaState][AreaState.WAITING]
    assert f"Area 1 {waiting}" in page.text
    assert "0 of 2 areas done." in page.text
    finish(sqlite_database, 1)
    page = who.open("/batches/1")
    assert "2 of 2 areas done." in page.text
    assert f"Area 3 {LABELS[AreaState][AreaState.NO_NEEDS]}" in page.text
    assert "/portal/runs/1" in page.links
    listed = who.open("/batches")
    assert LABELS[BatchState][BatchState.FINISHED] in listed.text
    assert "/portal/batches/1" in listed.links
    who.limit_to(Role.BROKER, Scope(ScopeKind.AREA, "902"))
    assert who.open("/batches/1").status == 404


def test_a_batch_is_cancelled(who: Visitor, sqlite_database: Database) -> None:
    """Its page says so, and offers it no more."""
    who.send(who.open(NEW), NEW, period=rows.YEAR)
    service.advance(sqlite_database, 1, None)
    assert who.send(who.open("/batches/1"), "/batches/1/cancel").status == 200
    page = who.open("/batches/1")
    assert LABELS[AreaState][AreaState.CANCELLED] in page.text
    assert page.forms == [form for form in page.forms if "cancel" not in form.action]


def test_a_schedule_is_added_and_stopped(who: Visitor, sqlite_database: Database) -> None:
    """A batch form with a time makes one."""
    assert who.send(who.open(NEW), NEW, period=rows.YEAR, at="02:00", weekday="4").status == 200
    page = who.open("/batches")
    assert "Friday, 02:00, Europe/London" in page.text
    assert count(sqlite_database, Batch) == 0
    assert who.send(page, "/schedules/1/end").status == 200
    page = who.open("/batches")
    assert "Ended" in page.text
    assert count(sqlite_database, Schedule) == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"period": ""}, BATCH_FIELDS["period"].enter),
        ({"areas": "Aera 1"}, "There is no region, local authority"),
        ({"at": "25:00"}, "is not a time of day"),
        ({"minutes": "0"}, "Time limit"),
        ({"minutes": "700"}, "longer than the 60 minutes"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    who: Visitor, sqlite_database: Database, form: dict[str, str], said: str
) -> None:
    """Nothing is started."""
    page = who.send(who.open(NEW), NEW, **({"period": rows.YEAR, "areas": "Area 1"} | form))
    assert page.status == 422
    assert said in page.text
    assert (count(sqlite_database, Batch), count(sqlite_database, Schedule)) == (0, 0)
