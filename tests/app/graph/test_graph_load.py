"""Who gives more than its share: by limits of the period, or without one by those of the day."""

from datetime import date

import pytest

from app.access.policy import TERMINAL
from app.catalogue.queries import get_period
from app.database import Database
from app.graph.kinds import Over
from app.graph.load import Load, loads
from app.graph.queries import viewing
from models.exchange import Period
from models.register import Participant
from tests import rows

SPRING = "2026-27/spring"


def giving(database: Database, schools: int, half_days: int = 2, **limits: int | None) -> None:
    """A school that supports so many others, with limits for the year."""
    with database.write() as session:
        rows.add_calendar(session)
        giver = rows.add_school(session, 100)
        for number in range(schools):
            taker = rows.add_school(session, number + 1)
            support = {"starts": rows.STARTS, "half_days": half_days}
            rows.add_support(session, f"s{number}", taker, giver, **support)
        if limits:
            rows.add_limits(session, giver, **limits)


def load_of(database: Database, period: str | None = None) -> Load:
    with database.read() as session, viewing(session, TERMINAL, rows.STARTS) as view:
        asked = None if period is None else get_period(session, TERMINAL, period)
        found = {each.node.key: each for each in loads(session, view, asked)}
        return found["urn:100"]


@pytest.mark.parametrize("period", [None, rows.YEAR])
@pytest.mark.parametrize(
    ("schools", "most", "over"), [(5, 10, ()), (2, 1, (Over.TAKERS,)), (4, None, (Over.TAKERS,))]
)
def test_schools_at_a_time_are_held_to_own_limits(
    database: Database, period: str | None, schools: int, most: int | None, over: tuple[Over, ...]
) -> None:
    """With or without a period; only who has none is held to what is usual."""
    giving(database, schools, max_given=most)
    found = load_of(database, period)
    assert (found.takers, found.over) == (schools, over)


def test_the_limit_of_one_term_is_not_that_of_the_year(database: Database) -> None:
    """Unless every term has one: then the year has what they come to."""
    giving(database, 2, half_days=8)
    with database.write() as session:
        term = {"kind": "term", "name": "Spring 2027", "year_code": rows.YEAR}
        dates = {"starts": date(2027, 1, 1), "ends": rows.ENDS}
        rows.add(session, Period(code=SPRING, **term, **dates))
        rows.add_limits(session, session.get_one(Participant, 1), rows.TERM, give_half_days=10)
    assert load_of(database, rows.YEAR).share is None
    with database.write() as session:
        rows.add_limits(session, session.get_one(Participant, 1), SPRING, give_half_days=2)
    found = load_of(database, rows.YEAR)
    assert (found.given, found.share, found.over) == (16, 12, (Over.DAYS,))
