"""Takes runs up, one after the other, until told to stop; what to do with them it is given."""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.database import Database
from app.log import about_run
from app.runs import leases
from app.runs.leases import Doubts, Lease, Turns
from app.transient import LONGEST_PAUSE_S, is_transient

LEASE_S: Final = 30.0
POLL_S: Final = 0.5
HOUSEKEEPING_S: Final = 10.0
COURIER_S: Final = 1.0
BATCHES_S: Final = 1.0
POSTMAN_S: Final = 2.0

Handler = Callable[[Lease, threading.Event], None]
"""Carries a run out; when the event is set, it gives the run back and returns."""
Housekeeping = Callable[[], object]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Worker:
    database: Database
    handle: Handler
    housekeeping: Housekeeping
    """Done every few seconds besides: what is due by the clock and nobody asks for."""
    courier: Housekeeping = lambda: None
    """Takes what happened to whoever wants to be told; slow addresses keep nothing else waiting."""
    batches: Housekeeping = lambda: None
    """Starts batches that are due, and brings each on by a step."""
    postman: Housekeeping = lambda: None
    """Sends emails that are due; a slow mail server keeps nothing else waiting."""
    at_once: int = 1
    lease_s: float = LEASE_S
    poll_s: float = POLL_S
    doubts: Doubts = field(default_factory=Doubts)
    turns: Turns = field(default_factory=Turns)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        threads = [
            threading.Thread(target=self._take_runs, args=(number, stop), name=f"runs {number}")
            for number in range(self.at_once)
        ]
        for name, act, pause_s in (
            ("housekeeping", self.housekeeping, HOUSEKEEPING_S),
            ("courier", self.courier, COURIER_S),
            ("batches", self.batches, BATCHES_S),
            ("postman", self.postman, POSTMAN_S),
        ):
            again = (name, act, pause_s, stop)
            threads.append(threading.Thread(target=_again_and_again, args=again, name=name))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _take_runs(self, number: int, stop: threading.Event) -> None:
        # Unlike any other, even after a restart with the same process number.
        name = f"{socket.gethostname()[:40]}:{os.getpid()}:{number}:{uuid.uuid4().hex[:8]}"
        while not stop.is_set():
            try:
                held = self.take(name)
                if held is None:
                    stop.wait(self.poll_s)
                    continue
                with about_run(held.run_id, held.request_id):
                    self.handle(held, stop)
            except Exception as error:
                _tell("worker.poll_failed", error)
                stop.wait(LONGEST_PAUSE_S if is_transient(error) else self.poll_s)

    def take(self, name: str) -> Lease | None:
        """Lease a run that waits, if there is one."""
        with self.database.read() as session:
            if not leases.is_waiting(session):
                return None
        with self.database.write() as session:
            return leases.claim(session, name, self.lease_s, self.doubts, self.turns)


def _again_and_again(name: str, act: Housekeeping, pause_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            act()
        except Exception as error:
            _tell(f"worker.{name}_failed", error)
        stop.wait(pause_s)


def _tell(event: str, error: Exception) -> None:
    """A database that is away is nothing to trace."""
    if is_transient(error):
        log.warning(event, error=type(error).__name__)
    else:
        log.error(event, error=type(error).__name__, exc_info=error)


@contextmanager
def embedded(worker: Worker) -> Iterator[None]:
    """A worker beside whatever the block does, in the same process."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), name="worker")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
