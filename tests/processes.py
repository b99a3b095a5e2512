"""The processes that tests start, and the children of those."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that one started, but for those that have ended meanwhile."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in (thread / "children").read_text().split():
                with suppress(FileNotFoundError, ProcessLookupError):
                    if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                        found.append(int(child))
    return found


@contextmanager
def killing_children(pid: int) -> Iterator[set[int]]:
    """Kill whatever a process starts, again and again, as a machine short of memory does."""
    killed: set[int] = set()
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.01):
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in children(pid):
                    os.kill(child, signal.SIGKILL)
                    killed.add(child)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


def is_gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
