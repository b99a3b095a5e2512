"""A pin that no run could keep is refused when it is made, with what stands against it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.access.policy import TERMINAL
from app.database import Database
from app.planning.build import build
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable
from app.planning.pin_check import BadSteering
from app.planning.travel import travel_times
from app.proposals import decisions
from app.proposals.pins_and_exclusions import steer
from models.exchange import Need, Offer
from models.matching import Proposal, Steering
from models.register import Institution
from models.vocabulary import DecisionAction, DeclineReason, SteeringKind
from tests import rows
from tests.callers import keyed
from tests.portal import broker
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, tzinfo=UTC)


@pytest.fixture
def exchange(database: Database) -> Database:
    """Two schools in need and one, with limits of its own, that can help each, once."""
    with database.write() as session:
        rows.add_calendar(session)
        oak, elm = (rows.add_school(session, urn, urn, name=f"School {urn}") for urn in (1, 3))
        ash = rows.add_school(session, 2, 2, name="Ash School")
        rows.add_limits(session, ash)
        rows.add_limits(session, oak)
        rows.add_need(session, "N", oak, half_days=4, half_days_min=2)
        rows.add_need(session, "M", elm, half_days=4, half_days_min=4)
        rows.add_offer(session, "O", ash, half_days=8)
        rows.add_offer(session, "P", ash, half_days=8)
    return database


def pin(database: Database, need: str = "N", offer: str = "O") -> None:
    with database.write() as session:
        steer(session, TERMINAL, SteeringKind.PIN, need, offer, reason="asked", now=NOW)


def of(model: Any, **values: Any) -> Callable[[Session], Any]:
    return lambda session: session.execute(update(model).values(**values))


def of_ash(**values: Any) -> Callable[[Session], Any]:
    who = select(rows.Participant.id).where(rows.Participant.reference == "urn:2")
    return lambda session: session.execute(
        update(rows.Limits)
        .where(rows.Limits.participant_id == who.scalar_subquery())
        .values(**values)
    )


ALONE = [
    (of(Offer, travel_limit_miles=0.5), "apart, beyond the supporting organisation's limit"),
    (of(Offer, expertise_code="reading"), "An offer of Reading does not cover a need for Maths"),
    (of(Offer, withdrawn=True), "does not offer this now"),
    (of(Offer, availability="not_answered"), "has not said whether it can give this"),
    (of(Need, state="suggested"), "The need is only suggested"),
    (of(Need, state="closed"), "need N does not need more support"),
    (of(Institution, in_scope=False), "support is closed"),
    (of(Offer, half_days=1), "Only 0.5 days can be given; the need's minimum is 1 day"),
    (of_ash(give_half_days=1), "Only 0.5 days can be given; the need's minimum is 1 day"),
    (of_ash(max_given=0), "Ash School can support 0 more schools"),
    (of(rows.Limits, max_taken=0), "School 1 can have 0 more supporting organisations"),
    (
        lambda session: (
            of(Need, window_ends=date(2026, 10, 1))(session),
            of(Offer, window_starts=date(2027, 1, 1))(session),
        ),
        "The dates do not overlap",
    ),
]


@pytest.mark.parametrize(("change", "said"), ALONE, ids=[said for _, said in ALONE])
def test_what_alone_makes_a_pin_impossible_is_named(
    exchange: Database, change: Callable[[Session], Any], said: str
) -> None:
    """A rule of the pair, or a limit that leaves nothing; the same pin is kept without it."""
    with exchange.write() as session:
        change(session)
    with pytest.raises(BadSteering, match=f"N and O cannot be pinned.*{said}"):
        pin(exchange)
    with exchange.read() as session:
        assert session.scalars(select(Steering)).all() == []


TOGETHER = [
    (of(Offer, max_pairings=1), ("M", "O"), "offer O can have 1 pairing, and has 1 other pin"),
    (of(Offer, half_days=5), ("M", "O"), "offer O has 2.5 days, and its pins need at least 3 days"),
    (of_ash(max_given=1), ("M", "P"), "Ash School can support 1 more school, and has 1 other pin"),
    (of_ash(give_half_days=5), ("M", "P"), "Ash School can give 2.5 days, and its pins need at le"),
    (of(rows.Limits, max_taken=1), ("N", "P"), "need N can have 1 more|School 1 can have 1 more"),
    (of(Need, max_givers=1), ("N", "P"), "need N can have 1 more supporting organisation, and has"),
    (
        lambda session: session.execute(
            update(Need).where(Need.reference == "N").values(max_givers=0, half_days=3)
        ),
        ("N", "P"),
        "need N asks for 1.5 days, and its pins need at least 2 days",
    ),
]


@pytest.mark.parametrize(("change", "other", "said"), TOGETHER, ids=[said for *_, said in TOGETHER])
def test_pins_that_exceed_a_limit_together_are_named(
    exchange: Database, change: Callable[[Session], Any], other: tuple[str, str], said: str
) -> None:
    """The one that is too many is refused, and allowed once the other is lifted."""
    with exchange.write() as session:
        if other[0] == "M":
            session.execute(update(Need).where(Need.reference == "N").values(half_days_min=2))
        change(session)
    pin(exchange, *other)
    with pytest.raises(BadSteering, match=said):
        pin(exchange)
    with exchange.write() as session:
        session.execute(update(Steering).values(lifted_at=NOW))
    pin(exchange)


def test_terms_that_no_run_plans_together_are_refused(exchange: Database) -> None:
    """An offer of the year serves a need of its term; one of another term does not."""
    with exchange.write() as session:
        spring = {"kind": "term", "name": "Spring", "year_code": rows.YEAR}
        day = {"starts": date(2027, 1, 1), "ends": date(2027, 3, 31)}
        rows.add(session, rows.Period(code="2026-27/spring", **spring, **day))
        session.execute(update(Need).values(period_code=rows.TERM))
        session.execute(
            update(Offer).where(Offer.reference == "P").values(period_code="2026-27/spring")
        )
    pin(exchange, "N", "O")
    with pytest.raises(BadSteering, match=r"offer for 2026-27/spring\. Choose an offer"):
        pin(exchange, "M", "P")


def test_a_declined_or_held_pair_may_be_pinned(exchange: Database) -> None:
    """To propose again what was declined takes a pin; what is held already is kept."""
    match(exchange, FREELY, now=NOW)
    with exchange.write() as session:
        said = decisions.Said(DeclineReason.CAPACITY)
        decisions.decide(session, TERMINAL, 1, DecisionAction.DECLINE, said, hold_days=14, now=NOW)
        decisions.decide(session, TERMINAL, 2, DecisionAction.PREFER, hold_days=14, now=NOW)
        pairs = [
            tuple(
                session.get_one(model, getattr(proposal, name)).reference
                for model, name in ((Need, "need_id"), (Offer, "offer_id"))
            )
            for proposal in session.scalars(select(Proposal).order_by(Proposal.id))
        ]
    for need, offer in pairs:
        pin(exchange, need, offer)


def test_http_and_the_portal_say_it(exchange: Database) -> None:
    """422 over HTTP, and the same words beside the proposal in the portal."""
    match(exchange, FREELY, now=NOW)
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=True))
    with keyed(exchange) as client:
        body = {"need": "N", "offer": "O", "reason": "asked"}
        answer = client.post("/api/v1/pins", json=body)
        assert (answer.status_code, answer.json()["type"]) == (
            422,
            "urn:givetake:problem:bad-steering",
        )
        assert "does not offer this now" in answer.json()["detail"]
        both = {"pins": ["N=O"], "exclusions": ["N=O"]}
        run = {"area": "Testshire", "period": rows.YEAR, "options": both}
        refused = client.post("/api/v1/runs", json=run)
        assert refused.status_code == 422, refused.text
        assert "N=O, which is pinned" in refused.text
    who = broker(exchange)
    asked = who.send(who.open("/proposals/1"), "/proposals/decide", action="pin")
    said = who.send(asked, "/proposals/decide", note="both asked", action="pin")
    assert "cannot be pinned" in said.text


def test_what_the_solver_would_refuse_is_a_sentence(exchange: Database) -> None:
    """Days or weights beyond what sums exactly end no run with a traceback."""
    with exchange.write() as session:
        session.execute(update(Need).values(half_days=2 * 10**9))
    with exchange.read() as session:
        loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS, now=NOW)
        with pytest.raises(Unplannable, match=r"too large to plan with: needs\.days"):
            build(loaded, MatchOptions(as_of=rows.STARTS), travel_times(None))
