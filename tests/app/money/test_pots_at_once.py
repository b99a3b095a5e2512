"""Many who commit at once: no pot is overdrawn on either database, and no penny is lost."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.access.queries import verify_audit
from app.database import Database
from app.errors import Conflict, Problem
from app.events import audit
from app.money import claims
from app.proposals import decisions
from models.matching import Proposal
from models.money import Claim, Commitment, Pot
from models.vocabulary import DecisionAction
from tests import pots, rows, runs
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
SCHOOLS = 8


def at_once(*calls: Callable[[], object]) -> list[BaseException]:
    """What is raised by calls that all begin together."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException] = []

    def one(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.fixture
def contended(database: Database) -> Database:
    """Eight proposals of £1,100 each between different sides, planned while the pot had enough."""
    with database.write() as session:
        rows.add_calendar(session)
        pots.add_pot(session, "fund", pots.add_council(session), 1_100 * SCHOOLS)
        for n in range(SCHOOLS):
            taker = rows.add_school(session, 100 + n, 50 * n)
            rows.add_need(session, f"N{n}", taker, pot_reference="fund")
            giver = rows.add_school(session, 200 + n, 50 * n + 1)
            rows.add_offer(session, f"O{n}", giver, half_days=4, max_pairings=1)
    match(database, FREELY, now=NOW)
    return database


def decide(database: Database, proposal: int, action: DecisionAction) -> None:
    more: dict[str, Any] = {"hold_days": 14, "now": NOW}
    with database.write() as session:
        decisions.decide(session, TERMINAL, proposal, action, **more)


def test_of_eight_that_commit_at_once_three_fit(contended: Database) -> None:
    """£3,500 are three times £1,100, and nobody gets the fourth; the others hold nothing."""
    with contended.write() as session:
        pot = session.scalars(select(Pot)).one()
        pot.budget_pence = 350_000
        audit.record(session, actor="x", action="pot.changed", subject="pot:fund", of=pot)
    raised = at_once(
        *(
            lambda n=n: decide(contended, n, DecisionAction.PREFER)  # type: ignore[misc]
            for n in range(1, SCHOOLS + 1)
        )
    )
    assert len(raised) == SCHOOLS - 3
    assert all(isinstance(each, Problem) and each.status == 409 for each in raised), raised
    with contended.read() as session:
        assert session.scalars(select(Pot.committed_pence)).one() == 330_000
        states = session.scalars(select(Proposal.state)).all()
        assert sorted(states) == ["preferred"] * 3 + ["proposed"] * 5
    assert pots.agrees(contended)
    with contended.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_of_claims_at_once_each_visit_is_in_one(database: Database) -> None:
    """Four who claim the same two visits: one claim, and the money of it once."""
    runs.approved(pots.paid(database), pots.NOW)
    pots.start(database)
    for day in (7, 14):
        pots.visit(database, date(2026, 9, day))

    def claim() -> None:
        with database.write() as session:
            claims.make(session, pots.GIVER, 1, now=pots.LATER)

    raised = at_once(*[claim] * 4)
    assert [type(each) for each in raised] == [Conflict] * 3, raised
    with database.read() as session:
        assert session.scalars(select(Claim.pence)).all() == [55_000]
        assert session.scalars(select(Commitment.claimed_pence)).all() == [55_000]


def test_taking_giving_back_and_lowering_the_budget_at_once(contended: Database) -> None:
    """Whatever comes first, what is committed is what commitments come to, within the budget."""
    for n in range(1, 5):
        decide(contended, n, DecisionAction.PREFER)

    def lower() -> None:
        with contended.write() as session:
            pot = session.scalars(select(Pot).with_for_update()).one()
            pot.budget_pence = max(pot.committed_pence, 550_000)
            pot.version += 1

    calls: list[Callable[[], object]] = [lower]
    for n in range(1, 5):
        calls.append(lambda n=n: decide(contended, n, DecisionAction.WITHDRAW))  # type: ignore[misc]
        calls.append(lambda n=n: decide(contended, n + 4, DecisionAction.PREFER))  # type: ignore[misc]
    raised = at_once(*calls)
    assert all(isinstance(each, Problem) and each.status == 409 for each in raised), raised
    assert pots.agrees(contended)
