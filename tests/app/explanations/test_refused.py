"""Needs without offers allowed: the nearest that were refused, and how many miles would do."""

from typing import Any

import pytest

from app.access.policy import TERMINAL
from app.cli.why import lines
from app.database import Database
from app.explanations import queries
from app.explanations.schemas import NeedAnswer
from models.exchange import Need, Offer
from tests import rows
from tests.runs import FREELY, match


def far_apart(database: Database, miles: float, need: Any, offer: Any) -> None:
    """One need and one offer so many miles apart."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N", rows.add_school(session, 1, name="Oak School"), **need)
        ash = rows.add_school(session, 2, miles, name="Ash School")
        rows.add_offer(session, "O", ash, **offer)
    match(database, FREELY)


def asked(database: Database, run_id: int = 1) -> NeedAnswer:
    return NeedAnswer.of(queries.why(database, TERMINAL, run_id, "N"))


@pytest.mark.parametrize(
    ("miles", "need", "offer", "kind", "by"),
    [
        (23, {}, {}, "travel_of_both", 5),
        (12, {"travel_limit_miles": 10}, {}, "travel_of_need", 5),
        (26, {"travel_limit_miles": 30}, {"travel_limit_miles": 12}, "travel_of_offer", 15),
    ],
)
def test_so_many_miles_more_meet_the_need(
    database: Database, miles: float, need: Any, offer: Any, kind: str, by: int
) -> None:
    """Whose limit it is is named; with the limits raised, the next run meets the need."""
    far_apart(database, miles, need, offer)
    answer = asked(database)
    assert answer.candidates == []
    [refused] = answer.nearest_refused
    assert (refused.offer, refused.giver) == ("O", "Ash School")
    assert "miles apart, beyond" in refused.why[0]
    assert answer.change is not None
    assert (answer.change.kind, answer.change.by, answer.change.confirmed) == (kind, by, True)
    assert f"{by} miles" in answer.change.words
    assert f"Smallest change: {answer.change.words}." in lines(answer)
    with database.write() as session:
        for model, given in ((Need, need), (Offer, offer)):
            row = session.get_one(model, 1)
            if kind in (f"travel_of_{model.__name__.lower()}", "travel_of_both"):
                row.travel_limit_miles = given.get("travel_limit_miles", 20) + by
    again = asked(database, match(database, FREELY))
    assert [each.offer for each in again.met_by] == ["O"]


def test_miles_are_not_told_where_they_do_not_help(sqlite_database: Database) -> None:
    """Too far and of another phase as well: both are said, and no number of miles is."""
    far_apart(sqlite_database, 25, {}, {"phases": ["secondary"]})
    answer = asked(sqlite_database)
    [refused] = answer.nearest_refused
    assert len(refused.why) == 2
    assert answer.change is None


def test_an_offer_much_too_far_is_named_only(sqlite_database: Database) -> None:
    """Nobody is told to raise a limit by a hundred miles."""
    far_apart(sqlite_database, 140, {}, {})
    answer = asked(sqlite_database)
    assert answer.nearest_refused[0].miles == pytest.approx(140, rel=0.01)
    assert answer.change is None
