"""Pins and exclusions in force bind the next run; those that cannot be kept are named."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Role
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound
from app.planning.options import MatchOptions
from app.planning.pair_constraints import ImpossiblePin
from app.proposals import decisions
from app.proposals import queries as lists
from app.proposals.list_query import ProposalQuery
from app.proposals.pins_and_exclusions import BadSteering, lift, steer
from app.runs import service
from models.exchange import Need, Offer
from models.matching import Run
from models.vocabulary import DecisionAction, Reciprocity, SteeringKind
from tests import rows
from tests.factories import acting
from tests.runs import proposals_of

NOW = datetime(2026, 9, 2, tzinfo=UTC)
OPTIONS = MatchOptions(
    as_of=rows.STARTS, workers=1, method="exact", reciprocity=Reciprocity.NONE, max_neighbours=1
)
PIN, EXCLUSION = SteeringKind.PIN, SteeringKind.EXCLUSION


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """One need that a near and a far giver can serve, and one that is out of everybody's reach."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N", rows.add_school(session, 1))
        rows.add_offer(session, "near", rows.add_school(session, 2, 1))
        rows.add_offer(session, "far", rows.add_school(session, 3, 9))
        rows.add_need(session, "away", rows.add_school(session, 4, 300))
    return sqlite_database


def enter(
    database: Database,
    kind: SteeringKind,
    need: str,
    offer: str,
    expires_at: datetime | None = None,
    now: datetime = NOW,
) -> int:
    with database.write() as session:
        return steer(
            session, TERMINAL, kind, need, offer, reason="asked", expires_at=expires_at, now=now
        ).id


def paired(
    database: Database, options: MatchOptions = OPTIONS, *, now: datetime = NOW, takers: str = ""
) -> set[str]:
    """The offers that the next run proposes."""
    with database.read() as session:
        found = (
            service.takers_listed(session, TERMINAL, takers.split())
            if takers
            else service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
        )
    run_id = service.match(database, TERMINAL, found, rows.YEAR, options, now=now)
    with database.read() as session:
        made = proposals_of(session, run_id)
        return {offer.reference for _, _, offer in made}


def test_a_pin_is_kept_though_nearer_offers_fill_the_list(exchange: Database) -> None:
    """With one candidate for each need, the pinned pair is a candidate besides."""
    assert paired(exchange) == {"near"}
    enter(exchange, PIN, "N", "far")
    assert paired(exchange) == {"far"}


def test_a_pin_binds_until_it_expires_or_is_lifted(exchange: Database) -> None:
    """What is no longer in force is as if it had never been, and stays on record."""
    until = NOW + timedelta(days=7)
    pin = enter(exchange, PIN, "N", "far", until)
    with pytest.raises(Conflict, match="Lift it first"):
        enter(exchange, EXCLUSION, "N", "far")
    assert paired(exchange, now=until) == {"near"}
    enter(exchange, EXCLUSION, "N", "near", now=until)
    again = enter(exchange, PIN, "N", "far", now=until)
    assert paired(exchange, now=until) == {"far"}
    with exchange.write() as session:
        lift(session, TERMINAL, PIN, again, version=1, now=until)
        with pytest.raises(Conflict, match="already lifted"):
            lift(session, TERMINAL, PIN, again, now=until)
    with exchange.read() as session:
        found = lists.list_steering(session, TERMINAL, PIN, now=until)
        assert [(row.id, row.lifted_at) for row, _, _ in found] == [
            (pin, until),
            (again, until),
        ]


def test_a_pin_that_the_rules_refuse_ends_the_run_with_its_reason(exchange: Database) -> None:
    """No solver is asked; the run is infeasible and says which pin and which rule."""
    far = update(Need).where(Need.reference == "away")
    with exchange.write() as session:
        session.execute(far.values(travel_limit_miles=400))
        session.execute(update(Offer).values(travel_limit_miles=400))
    enter(exchange, PIN, "away", "near")
    with exchange.write() as session:
        session.execute(far.values(travel_limit_miles=5))
    with pytest.raises(ImpossiblePin, match=r"Pin away=near is not possible: .*travel limit"):
        paired(exchange)
    with exchange.read() as session:
        (run,) = session.scalars(select(Run))
        assert run.state == "infeasible"
        assert run.failure is not None
        assert "away=near" in run.failure
    assert paired(exchange, takers="1") == {"near"}, "it binds only runs that plan its need"


def test_a_pin_to_an_offer_that_no_longer_stands_is_named(exchange: Database) -> None:
    """A giver who took the offer back is not pinned for ever."""
    pin = enter(exchange, PIN, "N", "far")
    with exchange.write() as session:
        session.scalars(select(Offer).where(Offer.reference == "far")).one().withdrawn = True
    with pytest.raises(ImpossiblePin, match=f"Pin {pin} of need 'N'.*Lift the pin"):
        paired(exchange)


def test_what_a_run_asks_for_itself_stands_above(exchange: Database) -> None:
    """A run may try what an exclusion in force forbids."""
    enter(exchange, EXCLUSION, "N", "far")
    assert paired(exchange, OPTIONS.model_copy(update={"pins": ("N=far",)})) == {"far"}


def test_a_pinned_pair_that_is_held_is_not_asked_for_twice(exchange: Database) -> None:
    """Where one giver of several is held, its pin is kept already, and others may join."""
    with exchange.write() as session:
        who = session.scalars(select(rows.Participant)).first()
        assert who is not None
        rows.add_need(session, "both", who, max_givers=2, half_days=8, expertise_code="reading")
        for number, reference in ((5, "first"), (6, "second")):
            giver = rows.add_school(session, number, 2)
            rows.add_offer(
                session, reference, giver, half_days=4, expertise_code="reading", max_pairings=9
            )
    enter(exchange, PIN, "both", "first")
    roomy = OPTIONS.model_copy(update={"max_neighbours": 9})
    with exchange.write() as session:
        need = session.scalars(select(rows.Need).where(rows.Need.reference == "both")).one()
        need.half_days_min = 2
    assert {"first", "second"} <= paired(exchange, roomy)
    with exchange.write() as session:
        (proposal,) = (
            full.proposal
            for full in lists.list_proposals(session, TERMINAL, ProposalQuery(offer="first"))
        )
        decisions.decide(
            session, TERMINAL, proposal.id, DecisionAction.PREFER, hold_days=14, now=NOW
        )
    assert "first" not in paired(exchange, roomy)


def test_a_pin_that_can_never_be_is_refused_when_entered(exchange: Database) -> None:
    """Unknown references, past dates and one's own offer are told at once."""
    with pytest.raises(NotFound, match="no need 'X'"):
        enter(exchange, PIN, "X", "far")
    with pytest.raises(NotFound, match="no offer 'X'"):
        enter(exchange, PIN, "N", "X")
    with pytest.raises(BadSteering, match="past"):
        enter(exchange, PIN, "N", "far", NOW)
    contact = acting(Role.CONTACT, name="contact")
    with exchange.write() as session, pytest.raises(Forbidden):
        steer(session, contact, PIN, "N", "far", reason="mine")
