"""`givetake worker`: carries out runs that others submit, on this machine, until interrupted."""

import signal
import threading
from typing import Annotated

import typer

from app.cli.console import err, open_database, own_address


def worker(
    at_once: Annotated[
        int, typer.Option(min=1, max=64, help="Number of runs at the same time.")
    ] = 1,
) -> None:
    """Carry out queued runs. You can start several workers."""
    from app.jobs.setup import make_worker
    from app.settings import settings

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stop.set())
    with open_database() as database:
        made = make_worker(database, settings(), at_once=at_once, here=own_address())
        err.print("Waiting for runs. Press Ctrl+C to stop.")
        work = threading.Thread(target=made.run, args=(stop,))
        work.start()
        # Not in this thread: a signal is heard between its waits only.
        while work.is_alive():
            work.join(0.5)
