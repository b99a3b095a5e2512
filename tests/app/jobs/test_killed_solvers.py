"""The processes of a run's search are killed, one after another: the run has its plan even so."""

import os
import threading
from functools import partial
from random import Random

from app.access.policy import TERMINAL
from app.database import Database
from app.jobs.child import run_in_child
from app.planning.options import MatchOptions
from app.runs import queries
from solver.formats.json_columns import decode
from tests import rows
from tests.processes import children, killing_children
from tests.runs import state, submit, take
from tests.waiting import needs_linux, wait_until

pytestmark = needs_linux


def crowded(database: Database) -> Database:
    """A dozen schools that both need and offer, so that no bound by prices is met at once."""
    random = Random(1)
    with database.write() as session:
        rows.add_calendar(session)
        for urn in range(1, 13):
            school = rows.add_school(session, urn, random.randint(0, 30))
            rows.add_need(session, f"N{urn}", school, half_days=random.randint(4, 9))
            rows.add_offer(session, f"O{urn}", school, half_days=random.randint(4, 20))
    return database


def test_a_run_whose_solvers_are_killed_is_solved(sqlite_database: Database) -> None:
    """Its plan is verified and stored, and the summary counts the parts that went without."""
    database = crowded(sqlite_database)
    options = MatchOptions(as_of=rows.STARTS, workers=1, method="prices", work=1)
    run_id = submit(database, options)
    held = take(database)
    handle = partial(run_in_child, database, held, threading.Event())
    work = threading.Thread(target=handle, kwargs={"lease_s": 30.0, "travel_source": None})
    work.start()
    wait_until(lambda: bool(children(os.getpid())))
    with killing_children(children(os.getpid())[0]) as killed:
        work.join()
    assert killed
    assert state(database, run_id) == "solved"
    with database.read() as session:
        run = queries.get_run(session, TERMINAL, run_id)
        plan = decode(queries.file_of(session, run_id, "plan"))
    assert run.summary is not None
    assert run.summary["given_up"] == plan["given_up"] > 0
    assert plan["pairings"]["offer"]
