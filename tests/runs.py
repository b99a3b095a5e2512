"""Runs on a small exchange, for tests of who works on them and what they write."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from app.access.policy import TERMINAL
from app.database import Database, ReadSession, database_now
from app.planning.carry_out import Message, Planned, carry_out
from app.planning.options import MatchOptions
from app.proposals import agreements, decisions
from app.proposals.list_query import ProposalQuery
from app.proposals.queries import list_proposals
from app.runs import leases, queries, results, service
from app.runs.leases import Lease
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.vocabulary import DecisionAction, Reciprocity, Says, Side
from tests import rows
from tests.factories import heard

OPTIONS = MatchOptions(as_of=rows.STARTS, workers=1, method="exact")
FREELY = OPTIONS.model_copy(update={"reciprocity": Reciprocity.NONE, "max_given": 100})


def filled(database: Database) -> Database:
    """Two schools that can help each other on site."""
    with database.write() as session:
        rows.add_calendar(session)
        first, second = (rows.add_school(session, urn, urn) for urn in (1, 2))
        rows.add_need(session, "N1", first)
        rows.add_offer(session, "O1", first, expertise_code="reading")
        rows.add_need(session, "N2", second, expertise_code="reading")
        rows.add_offer(session, "O2", second)
    return database


def contested(database: Database) -> Database:
    """One need of two days that two givers can serve, the nearer one better."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N", rows.add_school(session, 1))
        rows.add_offer(session, "near", rows.add_school(session, 2, 1), half_days=4, max_pairings=1)
        rows.add_offer(session, "far", rows.add_school(session, 3, 9), half_days=4, max_pairings=1)
    return database


def matched(database: Database) -> Database:
    """One need of Oak School that the one offer of Ash School can meet, matched in run 1."""
    with database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        rows.add_need(session, "N", oak)
        rows.add_limits(session, oak, allowance_half_days=100)
        rows.add_offer(session, "O", rows.add_school(session, 2, 1, name="Ash School"))
    match(database, MatchOptions(workers=1, method="exact"))
    return database


def approved(database: Database, now: datetime) -> Database:
    """Proposal 1 preferred, agreed to by both sides and approved."""
    given: dict[str, Any] = {"hold_days": 14, "now": now}
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, **given)
        for side in Side:
            agreements.agree(session, TERMINAL, 1, side, Says.YES, heard("head", now), **given)
        decisions.decide(session, TERMINAL, 1, DecisionAction.APPROVE, **given)
    return database


def match(
    database: Database, options: MatchOptions = OPTIONS, takers: tuple[str, ...] = (), **more: Any
) -> int:
    """Plan Testshire, whoever is in it, or else the takers listed; the run's id."""
    with database.read() as session:
        who = (
            service.takers_listed(session, TERMINAL, takers)
            if takers
            else service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
        )
    return service.match(database, TERMINAL, who, rows.YEAR, options, **more)


def submit(database: Database, options: MatchOptions = OPTIONS) -> int:
    with database.write() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
        return service.submit(session, TERMINAL, takers, rows.YEAR, options).id


def state(database: Database, run_id: int) -> str:
    with database.read() as session:
        return queries.get_run(session, TERMINAL, run_id).state


def take(database: Database, name: str = "w") -> Lease:
    with database.write() as session:
        held = leases.claim(session, name, 30.0)
    assert held is not None
    return held


def expire(database: Database, run_id: int) -> None:
    """Let the lease's time pass."""
    with database.write() as session:
        past = database_now(session) - timedelta(seconds=1)
        session.execute(update(Run).where(Run.id == run_id).values(leased_until=past))


def kinds(database: Database, run_id: int) -> list[str]:
    with database.read() as session:
        return [event.kind for event in queries.events(session, TERMINAL, run_id)]


def planned(database: Database, run_id: int, held: Lease) -> Planned:
    """Carry a run out up to its last word, which is not yet written down."""
    told: list[Planned] = []
    with database.read() as session:
        order = service.order_of(session, queries.get_run(session, TERMINAL, run_id), None)

    def tell(message: Message) -> None:
        if isinstance(message, Planned):
            told.append(message)
        else:
            results.receive(database, held, message)

    carry_out(order, database, tell, lambda: False)
    return told[0]


def proposals_of(session: ReadSession, run_id: int) -> list[tuple[Proposal, Need, Offer]]:
    """Every proposal of a run with its need and offer, the most points first."""
    wanted = ProposalQuery(run=run_id, sort="-points")
    found = list_proposals(session, TERMINAL, wanted, limit=None)
    return [(each.proposal, each.need, each.offer) for each in found]
