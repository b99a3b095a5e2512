"""Keeps a lease while its holder is busy."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass

import structlog

from app.database import Database
from app.runs import leases
from app.runs.leases import Lease, LeaseLost
from app.transient import FIRST_PAUSE_S, is_transient

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watch:
    """What the keeper of a lease found out."""

    cancel_requested: threading.Event
    lost: threading.Event


@contextmanager
def kept(
    database: Database, held: Lease, seconds: float, *, every_s: float = 1.0
) -> Iterator[Watch]:
    """Renew a lease until the block ends, and watch for a wish to cancel.

    A database that is busy or away is asked again at once, and however long that takes: the
    lease is lost only where another worker has the run, or it ended.
    """
    watch, over = Watch(threading.Event(), threading.Event()), threading.Event()

    def keep() -> None:
        wait, renewed = every_s, time.monotonic()
        while not over.wait(wait):
            try:
                with database.write() as session:
                    if leases.renew(session, held, seconds):
                        watch.cancel_requested.set()
                wait, renewed = every_s, time.monotonic()
            except LeaseLost:
                watch.lost.set()
                return
            except Exception as error:
                wait = min(every_s, FIRST_PAUSE_S)
                if not is_transient(error) or time.monotonic() - renewed > seconds:
                    wait = every_s
                    log.warning("run.lease_renewal_failed", error=type(error).__name__)

    keeper = threading.Thread(
        target=copy_context().run, args=(keep,), name=f"keeper of run {held.run_id}", daemon=True
    )
    keeper.start()
    try:
        yield watch
    finally:
        over.set()
        keeper.join()
