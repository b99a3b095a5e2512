"""A pot of money on a small exchange, for tests of what it pays for."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.policy import TERMINAL, Scope
from app.database import Database
from app.partnerships import life, visits
from app.partnerships.terms import Terms
from models.exchange import Need
from models.money import Commitment, Pot
from models.register import Organisation, Participant
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.factories import acting
from tests.runs import FREELY, contested, match

COUNCIL = "made-up-council"


def add_council(session: Session, key: str = COUNCIL, code: str = "999") -> Participant:
    """An organisation that lies in an area and stands for it."""
    council = rows.add_hub(session, key, kind="council_service")
    council.local_authority_code, council.region_code = code, "Z"
    session.flush()
    return council


def add_pot(
    session: Session, reference: str, holder: Participant, pounds: int = 1_000, **changes: Any
) -> Pot:
    """£500 a day and £50 for brokerage: four half-days are £1,100."""
    row = {
        "name": f"Pot {reference}",
        "holder_kind": "commissioner",
        "budget_pence": pounds * 100,
        "committed_pence": 0,
        "starts": rows.STARTS,
        "ends": rows.ENDS,
        "day_rate_pence": 50_000,
        "fee_pence": 5_000,
        "open": True,
        "updated_at": rows.NOW,
    }
    return rows.add(session, Pot(reference=reference, holder_id=holder.id, **(row | changes)))


def council_of(session: Session, key: str = COUNCIL) -> Participant:
    of = select(Organisation.participant_id).where(Organisation.key == key)
    return session.get_one(Participant, session.scalars(of).one())


def agrees(database: Database) -> bool:
    """Whether every pot has committed just what its commitments come to, and no more than it has.

    What tests call the balance of the books.
    """
    with database.read() as session:
        sums = dict(
            session.execute(
                select(Commitment.pot_id, func.sum(Commitment.pence)).group_by(Commitment.pot_id)
            ).all()
        )
        return all(
            pot.committed_pence == sums.get(pot.id, 0) <= pot.budget_pence
            for pot in session.scalars(select(Pot))
        )


NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
STARTS, ENDS = date(2026, 9, 7), date(2027, 7, 16)
TERMS = Terms("phonics taught daily", "headteacher", "deputy headteacher")
SCHOOL = acting(Role.CONTACT, name="school", scope=Scope(ScopeKind.INSTITUTION, "1"))
GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))


def paid(database: Database, pounds: int = 2_000) -> Database:
    """A need of two days that a pot pays, planned with the nearer of two givers."""
    contested(database)
    with database.write() as session:
        add_pot(session, "fund", add_council(session), pounds)
        session.scalars(select(Need)).one().pot_reference = "fund"
    match(database, FREELY, now=NOW)
    return database


def start(database: Database, terms: Terms = TERMS, **more: Any) -> None:
    """Make approved proposal 1 partnership 1."""
    with database.write() as session:
        dates = {"starts": STARTS, "ends": ENDS, "now": NOW}
        life.start(session, TERMINAL, 1, terms, **(dates | more))


def visit(database: Database, day: date, half_days: int = 1, *, signed: bool = True) -> int:
    """Booked, written up and signed; its number."""
    with database.write() as session:
        number = visits.book(session, GIVER, 1, day, half_days).id
    with database.write() as session:
        visits.write_up(session, GIVER, 1, number, "done", now=LATER)
        if signed:
            visits.sign(session, SCHOOL, 1, number, "headteacher", now=LATER)
    return number
