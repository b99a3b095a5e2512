"""Proposals made before anybody looked for water between their two sides."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Role
from app.database import Database
from app.planning.pin_check import BadSteering
from app.proposals import decisions
from app.proposals.pair_check import RulesBroken, pair_today
from app.proposals.pins_and_exclusions import steer
from app.proposals.queries import get_proposal
from models.exchange import Need
from models.matching import Proposal, RuleException
from models.register import Participant
from models.vocabulary import METRES_PER_MILE, DecisionAction, Mode, SteeringKind
from solver.pairing.findings import Finding
from tests import rows
from tests.factories import acting
from tests.portal import broker
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
APPROVER = acting(Role.APPROVER, name="approver")
LEIGH = {"latitude": 51.542, "longitude": 0.654}
SHEPPEY = {"latitude": 51.420, "longitude": 0.810}
SCILLY = {"latitude": 49.915, "longitude": -6.315}
STRAIGHT_MILES = 10.8


@pytest.fixture
def exchange(database: Database) -> Database:
    """One need that a school 7.2 miles away can meet, on site, proposed in run 1."""
    with database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        rows.add_need(session, "N", oak, mode=Mode.EITHER)
        rows.add_offer(session, "O", rows.add_school(session, 2, 7.2), mode=Mode.EITHER)
    match(database, FREELY, now=NOW)
    return database


def move(database: Database, taker: dict[str, float], giver: dict[str, float]) -> None:
    """Put both sides where they are, with a distance and minutes as they were told once."""
    with database.write() as session:
        for reference, where in (("urn:1", taker), ("urn:2", giver)):
            session.execute(
                update(Participant).where(Participant.reference == reference).values(**where)
            )
        session.execute(update(Need).values(travel_limit_minutes=60))
        proposal = session.get_one(Proposal, 1)
        figures = {
            name: {key: value for key, value in each.items() if key not in ("by", "road_miles")}
            for name, each in (proposal.rule_figures or {}).items()
        }
        figures["too_far"] |= {"miles": STRAIGHT_MILES, "minutes": 37.0}
        session.execute(
            update(Proposal).values(
                rule_figures=figures, distance_m=round(STRAIGHT_MILES * METRES_PER_MILE)
            )
        )


def too_far(database: Database) -> Finding:
    with database.read() as session:
        full = get_proposal(session, TERMINAL, 1)
        today = pair_today(session, full.proposal, full.need, full.offer, NOW)
    return next(each for each in today.findings if each.rule.name == "too_far")


def prefer(database: Database) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=NOW)


def test_minutes_told_straight_across_the_thames_count_no_more(exchange: Database) -> None:
    """The way of today is asked, and its sentence says the crossing, on the page too."""
    move(exchange, SHEPPEY, LEIGH)
    found = too_far(exchange)
    assert not found.holds
    assert "by the Dartford Crossing, the Medway Tunnel and the Sheppey Crossing" in found.sentence
    assert found.figures["minutes"] > 75
    with pytest.raises(RulesBroken, match="by the Dartford Crossing"):
        prefer(exchange)
    page = broker(exchange).open("/proposals/1").text
    assert "apart by the Dartford Crossing" in page


def test_exceptions_stay_although_rules_have_come_to_look_at_more(exchange: Database) -> None:
    """One made before figures said what the way goes by is of the same figures still."""
    with exchange.write() as session:
        session.execute(update(Need).values(travel_limit_miles=1.0))
        decisions.allow_exception(session, APPROVER, 1, "too_far", "a train", version=1, now=NOW)
    with exchange.write() as session:
        made = session.scalars(select(RuleException)).one()
        older = {
            key: value for key, value in made.figures.items() if key not in ("by", "road_miles")
        }
        assert len(older) == len(made.figures) - 2
        session.execute(update(RuleException).values(figures=older))
    prefer(exchange)


def test_nobody_is_sent_to_an_island_without_a_crossing(exchange: Database) -> None:
    """It is refused in words, and a pin there is refused as well, whatever the minutes."""
    move(exchange, SCILLY, {"latitude": 50.118, "longitude": -5.537})
    found = too_far(exchange)
    assert found.sentence == (
        "There is water between the two, and nothing that takes vehicles leads across it."
    )
    with exchange.write() as session:
        session.execute(update(Need).values(mode=Mode.ON_SITE, travel_limit_minutes=None))
    with exchange.write() as session, pytest.raises(BadSteering, match="nothing that takes"):
        steer(session, TERMINAL, SteeringKind.PIN, "N", "O", reason="asked", now=NOW)
