"""One process of a batch command: it reads the rows all areas share once, and plans run by run."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.synchronize import Event
from typing import Final

from app.access.policy import WORKER
from app.database import Database
from app.errors import Problem
from app.garbage import keep_uncollected
from app.log import configure
from app.planning.borders import beside_other_areas, stood_before
from app.planning.build import build
from app.planning.carry_out import FINDING, Made, Order
from app.planning.holds import Hold
from app.planning.load import Loaded, load
from app.planning.rows_digest import RowsDigest
from app.planning.scope import BORDER, takers_of
from app.planning.standing import Standing, standing
from app.planning.travel import travel_times
from app.runs import service
from app.runs.leases import Lease, LeaseLost
from app.runs.results import receive
from app.settings import settings
from app.transient import retried
from models.matching import Run

LOOK_UP_S: Final = 0.5
LEASE_S: Final = 10.0
"""Renewed every second: whoever goes on with a command that was killed waits no longer."""


@dataclass(slots=True)
class Desk:
    """What is the same for every area."""

    database_url: str
    travel_source: str | None
    stop: Event
    loaded: Loaded | None = field(default=None, init=False)
    digest: RowsDigest | None = field(default=None, init=False)
    before: Sequence[Hold] | None = field(default=None, init=False)
    """What stood in all areas when the batch began."""


_desks: list[Desk] = []
"""The one desk of this process."""


def sit_down(desk: Desk) -> None:
    """Begin a process of a batch: it ends, with all it started, when its parent is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # What a solver's library prints must not get among the JSON.
    configure(settings())
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _desks.append(desk)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_UP_S)
    os.killpg(0, signal.SIGKILL)


def plan_area(held: Lease) -> None:
    """Carry out a leased run; the run tells what came of it, and goes back if this is to stop."""
    desk = _desks[0]

    def look_up(stage: str, fraction: float) -> None:
        if desk.stop.is_set():
            raise service.Interrupted

    with Database(desk.database_url) as database, suppress(Problem, LeaseLost):
        service.carry_out_here(
            database,
            held,
            lambda: _begin(desk, database, held),
            lease_s=LEASE_S,
            on_progress=look_up,
            cancelled=desk.stop.is_set,
        )


def _begin(desk: Desk, database: Database, held: Lease) -> tuple[Order, Made | None]:
    retried(lambda: receive(database, held, FINDING), desk.stop.is_set)

    def read() -> tuple[Order, Loaded | None, Loaded | None, Sequence[Standing]]:
        with database.read() as session:
            run = session.get_one(Run, held.run_id)
            order = service.order_of(session, run, desk.travel_source)
            as_of = order.options.as_of
            assert as_of is not None
            if order.scope["kind"] == BORDER:  # It looks at what the others have become.
                return order, None, None, ()
            if desk.loaded is None:
                desk.loaded = load(session, WORKER, None, order.period_code, as_of)
                desk.before = stood_before(session, run)
                keep_uncollected()
            takers = takers_of(session, WORKER, order.scope, as_of)
            ids = takers.participant_ids
            stands = standing(session, order.scope, order.period_code, order.run_id, takers=ids)
            rows = desk.loaded
            if ids is not None:
                mine = [need for need in rows.needs if need.participant_id in ids]
                rows = replace(rows, needs=mine)
            left = beside_other_areas(session, rows, order.options, ids, order.run_id, desk.before)
        return order, rows, left, stands

    order, rows, left, stands = retried(read, desk.stop.is_set)
    if rows is None or left is None:
        return order, None
    desk.digest = desk.digest or RowsDigest.of(rows, desk.travel_source)
    digest = desk.digest.with_needs(rows, order.options)
    return order, Made(build(left, order.options, travel_times(desk.travel_source), stands), digest)
