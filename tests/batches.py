"""Areas far apart, and batches of them carried out in the very process of a test."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import update

from app.access.policy import TERMINAL, Principal
from app.batches import service
from app.batches.queries import LIST, AreaRun, Areas, areas_of
from app.database import Database, WriteSession, database_now
from app.errors import Problem
from app.planning.carry_out import Order
from app.planning.options import MatchOptions
from app.register.lookups import Scope
from app.runs import leases
from app.runs import service as runs
from models.matching import Run
from models.register import Area
from tests import rows
from tests.runs import OPTIONS


def add_areas(session: WriteSession, count: int = 7, miles: float = 100.0) -> None:
    """Areas of two schools each that can help each other; the last of them wants nothing."""
    rows.add_calendar(session)
    for number in range(1, count + 1):
        code = str(900 + number)
        rows.add(
            session,
            Area(kind="local_authority", code=code, name=f"Area {number}", region_code="Z"),
        )
        first, second = (
            rows.add_school(session, urn, miles * number, local_authority_code=code)
            for urn in (10 * number + 1, 10 * number + 2)
        )
        rows.add_offer(session, f"O{number}1", first, expertise_code="reading")
        rows.add_offer(session, f"O{number}2", second)
        if number < count:
            rows.add_need(session, f"N{number}1", first)
            rows.add_need(session, f"N{number}2", second, expertise_code="reading")


def areas(*numbers: int) -> Areas:
    codes = [str(900 + number) for number in numbers]
    named = {code: f"Area {int(code) - 900}" for code in codes}
    return Areas(tuple(Scope("local_authority", *each) for each in named.items()), LIST)


def submit(
    database: Database,
    *numbers: int,
    principal: Principal = TERMINAL,
    options: MatchOptions = OPTIONS,
) -> int:
    with database.write() as session:
        made = service.create_batch(session, principal, areas(*numbers), rows.YEAR, options)
        return made.id


def take(database: Database, name: str = "w") -> leases.Lease | None:
    with database.write() as session:
        return leases.claim(session, name, 30.0)


def as_ordered(order: Order) -> Callable[[], tuple[Order, None]]:
    return lambda: (order, None)


def work(database: Database) -> int:
    """Carry out whatever run waits; the number of them."""
    done = 0
    while held := take(database):
        with database.read() as session:
            order = runs.order_of(session, session.get_one(Run, held.run_id), None)
        with suppress(Problem):  # The run says so.
            runs.carry_out_here(database, held, as_ordered(order), lease_s=30.0)
        done += 1
    return done


def finish(database: Database, batch_id: int) -> int:
    """Bring a batch to its end, as workers do; how many runs that took."""
    done = 0
    while not service.advance(database, batch_id, None):
        done += work(database)
    return done


def found(database: Database, batch_id: int) -> list[AreaRun]:
    with database.read() as session:
        return areas_of(session, batch_id)


def expire(database: Database) -> None:
    """Let the time of every lease pass."""
    with database.write() as session:
        past = database_now(session) - timedelta(seconds=1)
        running = Run.state == "running"
        session.execute(update(Run).where(running).values(leased_until=past))
