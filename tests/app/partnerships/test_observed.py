"""How figures changed beside similar schools: what is compared, and when nothing is said."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.database import Database, WriteSession
from app.partnerships import life
from app.partnerships.observed import FEWEST, Observed, observed
from app.partnerships.partnership_queries import get_partnership
from app.partnerships.terms import Terms
from models.register import Institution, Measure
from models.vocabulary import Side
from tests import rows, runs
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
AFTER = date(2027, 9, 1)
MEASURE = "attendance_pct"


def figures(session: WriteSession, urn: int, *values: float | None) -> None:
    """Of two school years, one before the start and one after it."""
    for period, value in zip(("2025-26", "2026-27"), values, strict=True):
        if value is not None:
            session.add(Measure(urn=urn, name=MEASURE, period=period, value=value))


@pytest.fixture
def running(database: Database) -> Database:
    """School 1 has support of school 2, and schools 11 to 17 have none, but for school 17."""
    match(contested(database), FREELY, now=NOW)
    runs.approved(database, NOW)
    with database.write() as session:
        terms = Terms("phonics", "headteacher", "deputy headteacher")
        life.start(session, TERMINAL, 1, terms, date(2026, 9, 7), date(2027, 7, 16), now=NOW)
        figures(session, 1, 90.0, 93.0)
        figures(session, 2, 95.0, None)
        others = [rows.add_school(session, urn) for urn in range(11, 18)]
        for urn in range(11, 17):
            figures(session, urn, 90.0, 91.0)
        figures(session, 17, 90.0, 50.0)
        rows.add_support(session, "s", others[-1], others[0])
        session.execute(update(Institution).values(pupils=200, free_school_meals_percent=20.0))
    return database


def look(database: Database) -> list[Observed]:
    with database.read() as session:
        return observed(session, TERMINAL, get_partnership(session, TERMINAL, 1), AFTER)


def test_a_change_stands_beside_that_of_schools_without_support(running: Database) -> None:
    """The giver has no figure from after the start; a school with support is not compared."""
    [found] = look(running)
    assert (found.side, found.measure, found.change) == (Side.TAKER, MEASURE, 3.0)
    assert (found.similar_change, found.similar_schools) == (1.0, 6)
    assert (found.before.period, found.after.period) == ("2025-26", "2026-27")


def test_of_too_few_schools_nothing_is_said(running: Database) -> None:
    with running.write() as session:
        some = select(Measure).where(Measure.urn.in_((11, 12)), Measure.period == "2026-27")
        for each in session.scalars(some).all():
            session.delete(each)
    [found] = look(running)
    assert (found.similar_change, found.similar_schools) == (None, FEWEST - 1)


def test_other_kinds_of_school_are_not_compared(running: Database) -> None:
    with running.write() as session:
        special = select(Institution).where(Institution.urn.between(11, 16))
        for each in session.scalars(special).all():
            each.specialist = True
    [found] = look(running)
    assert found.similar_schools == 0
