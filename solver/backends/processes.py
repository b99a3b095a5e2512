"""Processes of our own: they end with their parent, and can be killed in mid-solve."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, Pipe
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Any

_STARTING = threading.Lock()


def received(connection: Connection) -> Any:
    """Return a message, None where the process ended: killed or crashed, the others go on."""
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None


def in_child(
    target: Callable[[Connection, Any], None],
    argument: Any,
    *,
    deadline: float,
    cancelled: Callable[[], bool],
) -> Any:
    """Return what `target` sends from a process of its own, None if it does not in time, or dies.

    Parameters
    ----------
    target
        Function of a module, called with the connection to send to and the argument.
    deadline
        On the clock of `time.time`.
    cancelled
        Asked ten times a second.
    """
    mine, theirs = Pipe(duplex=False)
    try:
        process = start_process(target, theirs, large=(argument,))
    except OSError:
        mine.close()
        return None
    finally:
        theirs.close()
    try:
        while time.time() < deadline and not cancelled():
            if mine.poll(0.1):
                return received(mine)
        return None
    finally:
        process.kill()
        process.join()
        mine.close()


def start_process(
    target: Callable[..., None], *arguments: Any, large: tuple[Any, ...] = ()
) -> SpawnProcess:
    """Start a process that ends with this one, and does not import the program that this one is.

    Of a command line that import is the larger part of the time until a process is ready.

    Parameters
    ----------
    large
        Arguments that follow the others, of more than the 64 KiB that a pipe holds. They are sent
        once it runs: of a process killed before it has read them, the standard library would wait
        for ever for it to go on reading.

    Raises
    ------
    OSError
        If the machine has no process to spare, or kills it at once.
    """
    theirs, mine = Pipe(duplex=False)
    process: SpawnProcess = get_context("spawn").Process(
        target=_as_child, args=(theirs, target, *arguments), daemon=True
    )
    try:
        _start(process)
        theirs.close()
        mine.send(large)
    except OSError:
        if process.pid is not None:
            process.kill()
            process.join()
        raise
    finally:
        theirs.close()
        mine.close()
    return process


def _start(process: SpawnProcess) -> None:
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main


def _as_child(connection: Connection, target: Callable[..., None], *arguments: Any) -> None:
    # An interrupt of the terminal reaches children too; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Solvers print debug lines from compiled code; standard output is the command's answer.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        large = connection.recv()
    except (EOFError, OSError):
        # The parent is gone.
        return
    connection.close()
    target(*arguments, *large)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
