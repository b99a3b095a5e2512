"""Runs that others disturb in a stage that is named: who waits there, and what must come of it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.access.policy import TERMINAL
from app.database import Database, database_now
from app.runs import queries, service
from models.matching import Proposal, Run
from models.register import Area
from models.vocabulary import RunState
from solver.check.verify import verify
from tests import rows
from tests.runs import OPTIONS, filled, kinds, state

SMALL, LARGE = "Testshire", "Largeshire"
SECONDS: Final = 2.0
"""How long the large area is planned: long enough to be met while it is."""
SEED: Final = 13


class Stage(StrEnum):
    QUEUED = "queued"
    FINDING = "finding candidates"
    STORING = "storing the problem"
    SOLVING = "solving"
    WRITING = "writing the plan"
    DONE = "done"


AREA_OF: Final = {stage: SMALL for stage in Stage} | {
    stage: LARGE for stage in (Stage.STORING, Stage.SOLVING, Stage.WRITING)
}


def fill(database: Database) -> None:
    """Two schools that are planned at once, and sixty that take a while."""
    filled(database)
    drawn = random.Random(SEED)
    with database.write() as session:
        code = {"local_authority_code": "998"}
        session.add(Area(kind="local_authority", code="998", name=LARGE, region_code="Z"))
        for number in range(101, 161):
            who = rows.add_school(session, number, drawn.uniform(0, 12), **code)
            rows.add_limits(session, who, allowance_half_days=200)
            days = drawn.randint(5, 15)
            rows.add_need(session, f"L{number}", who, half_days=days, half_days_min=days)
            if number % 3 == 0:
                given = {"half_days": drawn.randint(20, 30), "max_pairings": 4}
                rows.add_offer(session, f"G{number}", who, **given)


def submit(database: Database, stage: Stage) -> int:
    """A run that nobody takes up until it is let go; it searches, whatever the last one found."""
    searching = {"gap": 0.0, "time_limit_s": SECONDS}
    with database.write() as session:
        # A plan that was found at a higher price of change is not kept.
        price = 100 - (session.scalar(select(func.count()).select_from(Run)) or 0)
        options = OPTIONS.model_copy(update=searching | {"change_price": price})
        takers = service.takers_in(session, TERMINAL, AREA_OF[stage], rows.STARTS)
        run = service.submit(session, TERMINAL, takers, rows.YEAR, options)
        keep(session, run.id)
        return run.id


def keep(session: Session, run_id: int) -> None:
    """Let nobody take a run up, whether it is queued or its worker is gone."""
    later = database_now(session) + timedelta(hours=1)
    session.execute(update(Run).where(Run.id == run_id).values(leased_until=later))


def let_go(database: Database, *run_ids: int) -> None:
    with database.write() as session:
        past = database_now(session) - timedelta(seconds=1)
        session.execute(update(Run).where(Run.id.in_(run_ids)).values(leased_until=past))


def has_ended(database: Database, run_id: int) -> bool:
    return state(database, run_id) not in (RunState.QUEUED, RunState.RUNNING)


def is_in(database: Database, run_id: int, stage: str) -> bool:
    with database.read() as session:
        return session.get_one(Run, run_id).stage == stage


@contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    """Let nobody read or write a table; the lock ends with the block, or with the server."""
    with Database(database.url) as own:
        connection = own.write_engine.connect()
        if not own.is_embedded:
            connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        else:
            connection.begin()
        try:
            yield
        finally:
            with suppress(DBAPIError):
                connection.rollback()
            connection.close()


def somebody_waits(database: Database) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with database.read() as session:
        return (session.scalar(waiting) or 0) > 0


def assert_solved(database: Database, run_id: int) -> None:
    """A plan that verifies, once, with its proposals."""
    with database.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        assert (run.state, run.failure) == (RunState.SOLVED, None), run_id
        problem = queries.problem_of(session, TERMINAL, run_id)
        plan = queries.plan_of(session, TERMINAL, run_id)
        assert verify(problem, plan) == ()
        proposed = select(func.count()).where(Proposal.run_id == run_id)
        assert session.scalar(proposed) == len(plan) > 0
    assert kinds(database, run_id).count("solved") == 1


def assert_attempts(database: Database, run_id: int, *, given_back: int, lost: int) -> None:
    told = kinds(database, run_id)
    assert told.count("given_back") == given_back, told
    assert told.count("started") == given_back + lost + 1, told
    assert "child_died" not in told
