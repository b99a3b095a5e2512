"""One child process for each run: it can be killed at any moment, and the service goes on."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from typing import Final, TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from app.database import Database
from app.errors import Problem
from app.jobs.drawing import Drawing
from app.log import about_run, configure
from app.planning.carry_out import SOLVING, Checked, Message, Order, Planned, carry_out
from app.runs import leases
from app.runs.lease_keeper import Watch, kept
from app.runs.leases import Lease, LeaseLost
from app.runs.results import BrokenPlan, end_with, fail, receive, state_of_refusal
from app.runs.service import FAULT, order_of
from app.settings import settings
from models.matching import Run
from models.vocabulary import RunState
from solver.solve import DEFAULT_TIME_LIMIT_S

POLL_S: Final = 0.1
LOOK_UP_S: Final = 0.5
CANCEL_S: Final = 2.5
"""How long a cancelled search may take to tell its best plan before it is killed.

With the second until the wish is noticed and what writing takes, a run ends within 5 s.
"""
GRACE_S: Final = 120.0
"""How much longer than twice its time limit a solve may take before it is taken for hung."""
OVERDUE: Final = (
    "The solver did not finish in time and was stopped. Allow more time or plan a smaller area."
)
T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refused:
    """The child's word that no plan is possible for the run."""

    state: RunState
    detail: str


class Ending(Enum):
    TOLD = auto()
    """The child's last word was written down."""
    CANCELLED = auto()
    STOPPED = auto()
    """The worker itself is to stop."""
    LOST = auto()
    OVERDUE = auto()
    DIED = auto()


@dataclass(slots=True)
class Search:
    """What the parent knows of its child's search."""

    asked: Event
    """Set to have the child end early, with the best plan so far."""
    begun: bool = False
    due: float | None = None
    """When it must have ended."""
    given_up: float = 0.0

    def has_had_its_time(self) -> bool:
        """Whether a child that was to end early has told no plan in time; asks it at first."""
        if self.begun and not self.asked.is_set():
            self.asked.set()
            self.given_up = time.monotonic() + CANCEL_S
        return time.monotonic() > self.given_up


def run_in_child(
    database: Database,
    held: Lease,
    stop: threading.Event,
    *,
    lease_s: float,
    travel_source: str | None,
) -> None:
    """Carry a leased run out in a child, and write down what it tells."""
    with database.read() as session:
        order = order_of(session, session.get_one(Run, held.run_id), travel_source)
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    search = Search(context.Event())
    process = context.Process(
        target=work, args=(theirs, database.url, order, search.asked), name=f"run {held.run_id}"
    )
    try:
        with kept(database, held, lease_s) as watch:
            process.start()
            theirs.close()
            try:
                ending = _follow(database, held, order, mine, watch, stop, search)
                if ending is Ending.DIED:
                    process.join(POLL_S)
                exit_code = process.exitcode
            finally:
                kill(process)
                mine.close()
        patiently(stop, lambda: _conclude(database, held, ending, exit_code))
    except LeaseLost:
        log.warning("run.lease_lost", attempt=held.attempt)


def _follow(
    database: Database,
    held: Lease,
    order: Order,
    connection: Connection,
    watch: Watch,
    stop: threading.Event,
    search: Search,
) -> Ending:
    """Write down what the child tells until its last word, or until it has to go."""
    while True:
        if ending := _has_to_go(watch, stop, search):
            return ending
        if not connection.poll(POLL_S):
            continue
        try:
            message: Message | Refused = connection.recv()
        except (EOFError, OSError):
            return Ending.DIED
        if isinstance(message, Refused):
            patiently(stop, partial(end_with, database, held, message.state, message.detail))
            return Ending.TOLD
        if patiently(stop, partial(_note, database, held, message)):
            return Ending.TOLD
        if message == SOLVING:
            search.begun, search.due = True, _due(order)


def _has_to_go(watch: Watch, stop: threading.Event, search: Search) -> Ending | None:
    if watch.lost.is_set():
        return Ending.LOST
    if watch.cancel_requested.is_set() and search.has_had_its_time():
        return Ending.CANCELLED
    if stop.is_set():
        return Ending.STOPPED
    if search.due is not None and time.monotonic() > search.due:
        return Ending.OVERDUE
    return None


def _note(database: Database, held: Lease, message: Message) -> bool:
    """Write down what the child told; whether it was its last word."""
    try:
        receive(database, held, message)
    except BrokenPlan as broken:
        log.error("run.plan_invalid", rule=broken.rule, violations=broken.violations)
        fail(database, held, FAULT)
        return True
    return isinstance(message, Planned | Checked)


def patiently(stop: threading.Event, write: Callable[[], T]) -> T:
    """Write until the database takes it: hours of search are not lost to an import beside it.

    The fence refuses what comes too late.
    """
    while True:
        try:
            return write()
        except OperationalError as busy:
            if stop.is_set():
                raise
            log.warning("run.write_failed", error=type(busy).__name__)
            stop.wait(LOOK_UP_S)


def _due(order: Order) -> float | None:
    """When a solve that began now must have ended; none where only its work is limited."""
    limit = order.options.time_limit_s
    if limit is None:
        if order.options.work is not None:
            return None
        limit = DEFAULT_TIME_LIMIT_S
    return time.monotonic() + 2 * limit + GRACE_S


def _conclude(database: Database, held: Lease, ending: Ending, exit_code: int | None) -> None:
    if ending is Ending.CANCELLED:
        end_with(database, held, RunState.CANCELLED)
    elif ending is Ending.OVERDUE:
        fail(database, held, OVERDUE)
    elif ending is Ending.DIED and exit_code is not None and exit_code > 0:
        # It raised, and would again.
        fail(database, held, FAULT)
    elif ending in (Ending.DIED, Ending.STOPPED):
        with database.write() as session:
            leases.give_back(session, held)
    log.info("run.child_ended", attempt=held.attempt, ending=ending.name.lower())


def kill(process: SpawnProcess) -> None:
    """End a child and whatever it started, which is in a process group of the child's own."""
    if process.pid is None:
        return
    # Gone already, or so young that it leads no group yet.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def work(connection: Connection, database_url: str, order: Order, asked: Event) -> None:
    """The child: tell everything to the parent, and end when it is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    configure(settings())
    with about_run(order.run_id, order.request_id), Database(database_url) as database:
        try:
            tell = Drawing(database, order.run_id, connection.send, asked.is_set)
            carry_out(order, database, tell, asked.is_set)
        except Problem as problem:
            connection.send(Refused(state_of_refusal(problem), problem.detail))
        except Exception as fault:
            log.error("run.faulted", error=type(fault).__name__, exc_info=fault)
            sys.exit(1)
    connection.close()


def _end_with(parent: int) -> None:
    """End this process, and those that it started, once its parent was killed."""
    while os.getppid() == parent:
        time.sleep(LOOK_UP_S)
    os.killpg(0, signal.SIGKILL)
