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

from app.database import Database
from app.errors import Problem
from app.jobs.drawing import Drawing
from app.log import about_run, configure
from app.planning.carry_out import (
    FINDING,
    SOLVING,
    Checked,
    Message,
    Order,
    Planned,
    Stage,
    carry_out,
)
from app.runs import leases
from app.runs.lease_keeper import Watch, kept
from app.runs.leases import Lease, LeaseLost
from app.runs.results import BrokenPlan, end_with, fail, receive, state_of_refusal
from app.runs.service import FAULT, order_of
from app.settings import settings
from app.transient import is_transient, retried
from app.wording import counted
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
LONGEST_SOLVE_S: Final = 86_400.0
"""Where only its work is limited."""
STAGE_S: Final = 1_800.0
"""How long any other stage may take, unless the settings say so."""
WHEN_STOPPED_S: Final = 8.0
"""How long a worker that is to stop waits for the database, to give its run back."""
PAUSE_S: Final = 5.0
"""How long a run is left alone that was given back because the database was away."""
OUT_OF_MEMORY: Final = 3
"""Exit code of a child: the machine may have more to spare next time."""
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


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The child's word that the database stayed away."""


class Ending(Enum):
    TOLD = auto()
    """The child's last word was written down."""
    CANCELLED = auto()
    STOPPED = auto()
    """The worker itself is to stop."""
    AWAY = auto()
    """The database stayed away from the child."""
    LOST = auto()
    OVERDUE = auto()
    DIED = auto()


@dataclass(slots=True)
class Search:
    """What the parent knows of its child's search."""

    asked: Event
    """Set to have the child end early, with the best plan so far."""
    solve_s: float = LONGEST_SOLVE_S
    stage_s: float = STAGE_S
    stage: str = FINDING.name
    begun: bool = False
    due: float = 0.0
    """When the stage must have ended."""
    given_up: float = 0.0

    def __post_init__(self) -> None:
        self.due = time.monotonic() + self.stage_s

    def enter(self, stage: Stage) -> None:
        self.stage = stage.name
        self.begun = self.begun or stage == SOLVING
        seconds = self.solve_s if stage == SOLVING else self.stage_s
        self.due = time.monotonic() + seconds

    @property
    def overdue(self) -> str:
        """Why it was stopped, for people."""
        if self.stage == SOLVING.name:
            return OVERDUE
        minutes = counted(round(self.stage_s / 60, 1), "minute")
        return (
            f"{self.stage} took longer than {minutes} and was stopped. Plan a smaller area, or ask "
            "your administrator to raise GIVETAKE_STAGE_MINUTES."
        )

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
    stage_s: float = STAGE_S,
    solve_s: float = LONGEST_SOLVE_S,
) -> None:
    """Carry a leased run out in a child, and write down what it tells.

    `solve_s` is how long a run may search that has no time limit of its own. Where the database
    stays away, the run is given back, and nothing is said against it.
    """
    try:
        with kept(database, held, lease_s) as watch:
            try:
                _carry_out(database, held, watch, stop, travel_source, stage_s, solve_s)
            except Exception as fault:
                # The machine may have no process to spare for a moment, either.
                if not is_transient(fault) and not isinstance(fault, OSError):
                    raise
                log.warning("run.database_away", attempt=held.attempt, error=type(fault).__name__)
                patiently(stop, lambda: _give_back(database, held, pause_s=PAUSE_S), WHEN_STOPPED_S)
    except LeaseLost:
        log.warning("run.lease_lost", attempt=held.attempt)


def _carry_out(
    database: Database,
    held: Lease,
    watch: Watch,
    stop: threading.Event,
    travel_source: str | None,
    stage_s: float,
    solve_s: float,
) -> None:
    def read() -> Order:
        with database.read() as session:
            return order_of(session, session.get_one(Run, held.run_id), travel_source)

    order = patiently(stop, read, stage_s)
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    search = Search(context.Event(), _longest_solve_s(order, solve_s), stage_s)
    process = context.Process(
        target=work, args=(theirs, database.url, order, search.asked), name=f"run {held.run_id}"
    )
    process.start()
    theirs.close()
    try:
        ending = follow(database, held, mine, watch, stop, search)
        if ending is Ending.DIED:
            process.join(POLL_S)
        exit_code = process.exitcode
    finally:
        kill(process)
        mine.close()
    if ending is Ending.DIED and stop.is_set():
        # Whoever stops a group of processes stops the child as well.
        ending = Ending.STOPPED
    conclude = partial(_conclude, database, held, ending, exit_code, search.overdue)
    patiently(stop, conclude, stage_s)


def follow(
    database: Database,
    held: Lease,
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
            message: Message | Refused | GivenUp = connection.recv()
        except (EOFError, OSError):
            return Ending.DIED
        if isinstance(message, GivenUp):
            return Ending.AWAY
        if isinstance(message, Refused):
            refuse = partial(end_with, database, held, message.state, message.detail)
            patiently(stop, refuse, search.stage_s)
            return Ending.TOLD
        begun = time.monotonic()
        if patiently(stop, partial(_note, database, held, message), search.stage_s):
            return Ending.TOLD
        # How long the database took is not held against the child, whose words waited meanwhile.
        search.due += time.monotonic() - begun
        if isinstance(message, Stage):
            search.enter(message)


def _has_to_go(watch: Watch, stop: threading.Event, search: Search) -> Ending | None:
    if watch.lost.is_set():
        return Ending.LOST
    if watch.cancel_requested.is_set() and search.has_had_its_time():
        return Ending.CANCELLED
    if stop.is_set():
        return Ending.STOPPED
    if time.monotonic() > search.due:
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


def patiently(stop: threading.Event, write: Callable[[], T], patience_s: float) -> T:
    """Write until the database takes it: hours of search are not lost to an import beside it.

    The fence refuses what comes too late. A worker that is to stop waits a few seconds only.
    """
    end = time.monotonic() + patience_s

    def is_over() -> bool:
        nonlocal end
        if stop.is_set():
            end = min(end, time.monotonic() + WHEN_STOPPED_S)
        return time.monotonic() > end

    return retried(write, is_over, patience_s=patience_s)


def _longest_solve_s(order: Order, without_limit: float) -> float:
    limit = order.options.time_limit_s
    if limit is None:
        if order.options.work is not None:
            return without_limit
        limit = DEFAULT_TIME_LIMIT_S
    return 2 * limit + GRACE_S


def _conclude(
    database: Database, held: Lease, ending: Ending, exit_code: int | None, overdue: str
) -> None:
    if ending is Ending.CANCELLED:
        end_with(database, held, RunState.CANCELLED)
    elif ending is Ending.OVERDUE:
        fail(database, held, overdue)
    elif ending is Ending.DIED and exit_code not in (None, OUT_OF_MEMORY) and exit_code > 0:
        # It raised, and would again.
        fail(database, held, FAULT)
    elif ending is Ending.DIED:
        _give_back(database, held, counted=True)
    elif ending is Ending.STOPPED:
        _give_back(database, held)
    elif ending is Ending.AWAY:
        _give_back(database, held, pause_s=PAUSE_S)
    log.info("run.child_ended", attempt=held.attempt, ending=ending.name.lower())


def _give_back(
    database: Database, held: Lease, *, counted: bool = False, pause_s: float = 0.0
) -> None:
    with database.write() as session:
        leases.give_back(session, held, counted=counted, pause_s=pause_s)


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
    # Its parent is told to stop, and kills it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    configure(settings())
    with about_run(order.run_id, order.request_id), Database(database_url) as database:
        try:
            drawing = Drawing(database, order.run_id, connection.send, asked.is_set)
            carry_out(order, database, connection.send, asked.is_set, draw=drawing)
        except Problem as problem:
            connection.send(Refused(state_of_refusal(problem), problem.detail))
        except MemoryError:
            log.warning("run.out_of_memory")
            sys.exit(OUT_OF_MEMORY)
        except Exception as fault:
            if is_transient(fault):
                connection.send(GivenUp())
                return
            log.error("run.faulted", error=type(fault).__name__, exc_info=fault)
            sys.exit(1)
    connection.close()


def _end_with(parent: int) -> None:
    """End this process, and those that it started, once its parent was killed."""
    while os.getppid() == parent:
        time.sleep(LOOK_UP_S)
    os.killpg(0, signal.SIGKILL)
