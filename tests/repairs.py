"""A small exchange in which pairings break, and what is done about them."""

from datetime import timedelta

from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.database import Database, database_now
from app.proposals import agreements, decisions
from app.repairs import service
from app.repairs.queries import RepairView, repairs_of
from app.repairs.work_out import work_out
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Proposal
from models.vocabulary import DecisionAction, DeclineReason, Says, Side
from tests import rows
from tests.factories import heard
from tests.runs import FREELY, match


def chain(database: Database) -> Database:
    """Three schools in a row, each beside a supporter with room for one, and a spare one far off.

    N1 is for those within 5 miles: besides its own, that is the supporter of N2 alone.
    """
    with database.write() as session:
        rows.add_calendar(session)
        for n in (1, 2, 3):
            school = rows.add_school(session, n, 3.0 * n, name=f"School {n}")
            rows.add_need(session, f"N{n}", school, travel_limit_miles=5 if n == 1 else None)
            giver = rows.add_school(session, 10 + n, 3.0 * n + 1, name=f"Giver {n}")
            rows.add_offer(session, f"O{n}", giver, half_days=4, max_pairings=1)
        spare = rows.add_school(session, 20, 18, name="Spare giver")
        rows.add_offer(session, "spare", spare, half_days=4, max_pairings=1)
    match(database, FREELY)
    assert pairs(database) == {"N1": "O1", "N2": "O2", "N3": "O3"}
    return database


def pairs(database: Database) -> dict[str, str]:
    """The offer of each need's open proposal."""
    with database.read() as session:
        query = (
            select(Need.reference, Offer.reference)
            .join(Proposal, Proposal.need_id == Need.id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(Proposal.state.not_in(("withdrawn", "declined", "lapsed", "replaced")))
        )
        return {need: offer for need, offer in session.execute(query)}


def of_need(database: Database, need: str) -> int:
    with database.read() as session:
        query = select(Proposal.id).join(Need, Need.id == Proposal.need_id)
        found = session.scalars(query.where(Need.reference == need).order_by(Proposal.id.desc()))
        return found.first() or 0


def change(database: Database, model: type, reference: str, **values: object) -> None:
    with database.write() as session:
        session.execute(update(model).where(model.reference == reference).values(**values))


def worked_out(database: Database, proposal_id: int) -> list[RepairView]:
    work_out(database, TERMINAL, proposal_id, None, seconds=60)
    with database.read() as session:
        return repairs_of(session, TERMINAL, proposal_id)[0]


def take(database: Database, proposal_id: int, view: RepairView) -> None:
    with database.write() as session:
        service.take(session, TERMINAL, proposal_id, view.repair.id)


def prefer(database: Database, proposal_id: int) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, proposal_id, DecisionAction.PREFER, hold_days=14)


def approve(database: Database, proposal_id: int) -> None:
    prefer(database, proposal_id)
    for side in Side:
        with database.write() as session:
            agreements.agree(session, TERMINAL, proposal_id, side, Says.YES, heard(), hold_days=14)
    with database.write() as session:
        decisions.decide(session, TERMINAL, proposal_id, DecisionAction.APPROVE, hold_days=14)


def refuse(database: Database, proposal_id: int) -> None:
    with database.write() as session:
        no = decisions.Said(DeclineReason.CAPACITY)
        agreements.agree(
            session, TERMINAL, proposal_id, Side.GIVER, Says.NO, heard(), no, hold_days=14
        )


def lapse(database: Database, proposal_id: int) -> None:
    with database.write() as session:
        decisions.lapse(session, database_now(session) + timedelta(days=15))


def everything(database: Database) -> list[tuple[object, ...]]:
    with database.read() as session:
        columns = (Proposal.id, Proposal.state, Proposal.version, Proposal.offer_id)
        proposals = session.execute(select(*columns).order_by(Proposal.id))
        events = session.execute(select(AuditEvent.sequence).order_by(AuditEvent.sequence))
        return [tuple(row) for row in (*proposals, *events)]
