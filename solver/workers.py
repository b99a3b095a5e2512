"""Processes that solve blocks: ready before the first block is, and gone with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection


@contextmanager
def block_workers(count: int) -> Iterator[Executor]:
    """Give a pool of processes that start at once; leaving kills what they still do.

    A solver in mid-solve hears nothing, and would keep whoever waits for it. So each process
    watches a pipe whose other end only the parent holds, and ends when that is closed, be it
    that the parent was done, or was killed.
    """
    context = multiprocessing.get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, context, initializer=_ready, initargs=(watched,))
    try:
        for _ in range(count):
            pool.submit(os.getpid)
        yield pool
    finally:
        held.close()
        watched.close()
        pool.shutdown(wait=False, cancel_futures=True)


def _ready(watched: Connection) -> None:
    # An interrupt of the terminal reaches children too; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    import solver.backends  # noqa: F401  (its import takes longer than many a block)


def _end_with(watched: Connection) -> None:
    try:
        watched.recv()
    except (EOFError, OSError):
        os._exit(0)
