"""Keeps a lease while its holder is busy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass

import structlog

from app.database import Database
from app.runs import leases
from app.runs.leases import Lease, LeaseLost

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
    """Renew a lease until the block ends, and watch for a wish to cancel."""
    watch, over = Watch(threading.Event(), threading.Event()), threading.Event()

    def keep() -> None:
        while not over.wait(every_s):
            try:
                with database.write() as session:
                    if leases.renew(session, held, seconds):
                        watch.cancel_requested.set()
            except LeaseLost:
                watch.lost.set()
                return
            except Exception as error:
                # The database may be back before the lease ends; if not, the fence stands.
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
