"""Processes that solve blocks: ready before the first block is, and gone with their parent.

The standard pool takes a killed process for the end of everything, and cannot be left while a
solver is in mid-solve, as that hears nothing.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from solver.arrays import IntArray
from solver.backends.limits import Limits, unheard
from solver.backends.processes import start_process
from solver.formulation.program import Formulation

ATTEMPTS: Final = 3
"""Processes that a call is given, should they be killed over it."""
NOTHING_FOUND: Final[tuple[None, float]] = None, math.inf
"""What `solve_block` would return of a block that it neither solved nor bounded."""

P = ParamSpec("P")
T = TypeVar("T")
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class BlockWorkers(Executor):
    """An executor of processes that start at once; to leave it kills what they still do.

    A call whose process dies, short of memory say, is given to a new one. The result of one that
    `ATTEMPTS` processes died over is a `BrokenExecutor`.

    Parameters
    ----------
    count
        Processes, >= 1.
    """

    def __init__(self, count: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Call] | None] = SimpleQueue()
        self._left = threading.Event()
        self._workers = [_Worker() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._serve, args=(worker,), daemon=True)
            for worker in self._workers
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call `fn` in the next process that is free."""
        future: Future[T] = Future()
        self._calls.put((future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, whatever they do."""
        self._left.set()
        for _ in self._threads:
            self._calls.put(None)
        for worker, thread in zip(self._workers, self._threads, strict=True):
            # More than once, as it may just be starting another.
            while thread.is_alive():
                worker.end()
                thread.join(0.1)
            worker.end()

    def _serve(self, worker: _Worker) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if self._left.is_set():
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._answer(worker, call))
            except BaseException as error:
                future.set_exception(error)

    def _answer(self, worker: _Worker, call: Call) -> Any:
        for _ in range(ATTEMPTS):
            try:
                failed, answer = worker.ask(call)
            except (EOFError, OSError):
                if self._left.is_set():
                    break
                worker.end()
                continue
            if failed:
                raise answer
            return answer
        raise BrokenExecutor(f"{call[0].__name__} was given up: its processes were killed")


class _Worker:
    """A process and this end of its pipe; a new one is started where the last has ended."""

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        # The machine may have none to spare now; the first call tries again.
        with suppress(OSError):
            self._start()

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        try:
            self._process = start_process(_work, theirs)
        finally:
            theirs.close()

    def ask(self, call: Call) -> Any:
        if self._process is None:
            self._start()
        self._connection.send(call)
        return self._connection.recv()

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()


def _work(connection: Connection) -> None:
    import solver.backends.highs  # noqa: F401  (its import takes longer than many a block)

    while True:
        try:
            call, args, kwargs = connection.recv()
        except EOFError:
            return
        try:
            answer = False, call(*args, **kwargs)
        except Exception as error:
            answer = True, error
        connection.send(answer)


def answers(
    calls: Sequence[Future[T]], meanwhile: Callable[[], bool], given_up: Callable[[], T]
) -> Iterator[tuple[int, T]]:
    """Give the number and the answer of each call as it is done; what is left is cancelled.

    Parameters
    ----------
    meanwhile
        Called again and again; returns whether it did some work, else there is a pause. What it
        raises ends the wait.
    given_up
        Called where processes died over a call; returns what stands in for its answer.
    """
    number = {call: at for at, call in enumerate(calls)}
    waiting = set(calls)
    try:
        while waiting:
            pause = 0.0 if meanwhile() else 0.1
            done, waiting = wait(waiting, timeout=pause, return_when=FIRST_COMPLETED)
            for call in sorted(done, key=number.__getitem__):
                try:
                    answer = call.result()
                except Exception as error:
                    if not _died(error):
                        raise
                    answer = given_up()
                yield number[call], answer
    finally:
        for call in waiting:
            call.cancel()


def _died(error: Exception) -> bool:
    """Return whether a call failed because its process or the way to it did, not by a fault."""
    lost = (BrokenExecutor, CancelledError, MemoryError, OSError)
    # Dask is an optional extra, and imported by nobody here.
    return isinstance(error, lost) or type(error).__name__ == "KilledWorker"


def solve_block(
    block: Formulation, start: IntArray | None, limits: Limits, seconds: float
) -> tuple[IntArray | None, float]:
    """Solve a block by HiGHS.

    Parameters
    ----------
    start
        A value per column; None for none.
    seconds
        What it may take from now on, within the limits.

    Returns
    -------
    A value per column, None if nothing was found, and points that no plan of the block exceeds.
    """
    from solver.backends.highs import solve_highs

    # A block is handed back in less time than a whole problem.
    tuning = limits.parameters
    hand_back = tuning.block_hand_back_s + tuning.block_hand_back_s_per_entry * len(block.column)
    deadline = min(limits.deadline - hand_back, time.time() + seconds) + tuning.hand_back_s
    answer = solve_highs(block, start, replace(limits, deadline=deadline), unheard)
    return answer.values, answer.bound
