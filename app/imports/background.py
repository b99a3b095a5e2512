"""Files that are checked or imported in the background; progress is kept on disk.

Every process of the service finds it there, beside the files themselves.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError, OperationalError

from app import private_files
from app.errors import Fault, FaultyFile, Problem
from app.import_kit.report import ImportReport
from app.progress import Progress
from app.transient import is_transient, retried

QUICK_S: Final = 1.5
"""How long a request waits itself: most files need no page that tells how far they are."""
TOLD_EVERY_S: Final = 0.25
STALE_S: Final = 120.0
BEAT_S: Final = 20.0
PATIENCE_S: Final = 60.0
"""How long an import waits for a database that is busy or restarting: it changes all or nothing,
so that it can be done again."""
MOST_FAULTS: Final = 2_000
NAME: Final = "told.json"
BUSY: Final = "The database did not answer in time. No changes were made. Try again."
BROKEN: Final = (
    "Something went wrong in the service, not in your file. No changes were made. Try again, or "
    "contact your administrator."
)
LOST: Final = "The import was interrupted. No changes were made. Select the file again."

log = structlog.get_logger()
# One after the other: two that write would only wait for each other's locks.
_workers = ThreadPoolExecutor(1, thread_name_prefix="import")
_under_way: set[Path] = set()


class State(StrEnum):
    WORKING = "working"
    SEEN = "seen"
    """What it would change is known."""
    FAULTY = "faulty"
    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(slots=True)
class Told:
    """How far the work on a file is, and what came of it."""

    doing: Literal["look", "take"]
    state: State = State.WORKING
    stage: str = "Waiting for other files"
    fraction: float = 0.0
    report: ImportReport | None = None
    faults: list[Fault] = field(default_factory=list)
    number_of_faults: int = 0
    refused: str = ""


_TOLD: Final = TypeAdapter(Told)
Work = Callable[[Progress], ImportReport]


def begin(
    folder: Path, doing: Literal["look", "take"], work: Work, *, quick_s: float = QUICK_S
) -> Told:
    """Start the work, and tell what came of it, or how far it is when that takes long."""
    _tell(folder, Told(doing))
    _under_way.add(folder)
    _start_beating()
    with suppress(TimeoutError):
        _workers.submit(_carry_out, folder, doing, work).result(quick_s)
    return told(folder)


def told(folder: Path) -> Told:
    """The last word on a file; one that nobody works on any more is told to be lost."""
    path = folder / NAME
    found = _TOLD.validate_json(path.read_bytes())
    if found.state is State.WORKING and time.time() - path.stat().st_mtime > STALE_S:
        return Told(found.doing, State.REFUSED, refused=LOST)
    return found


@cache
def _start_beating() -> None:
    threading.Thread(target=_beat, name="import-beat", daemon=True).start()


def _beat() -> None:
    while True:
        time.sleep(BEAT_S)
        heartbeat()


def heartbeat() -> None:
    """Let every process see that work goes on, also while it waits or tells nothing for long."""
    for folder in tuple(_under_way):
        with suppress(FileNotFoundError):
            os.utime(folder / NAME)


def _tell(folder: Path, content: Told) -> None:
    """Whole or not at all: others read it at any moment."""
    new = folder / f"{NAME}.new"
    private_files.create(new)
    new.write_bytes(_TOLD.dump_json(content))
    new.replace(folder / NAME)


def _carry_out(folder: Path, doing: Literal["look", "take"], work: Work) -> None:
    last = 0.0

    def on_progress(stage: str, fraction: float) -> None:
        nonlocal last
        if time.monotonic() - last > TOLD_EVERY_S:
            last = time.monotonic()
            _tell(folder, Told(doing, stage=stage, fraction=fraction))

    # Its folder is thrown away with the visit's other files when nobody came back for long.
    try:
        with suppress(FileNotFoundError):
            _tell(folder, _outcome(doing, work, on_progress))
    finally:
        _under_way.discard(folder)


def _outcome(doing: Literal["look", "take"], work: Work, on_progress: Progress) -> Told:
    try:
        report = retried(lambda: work(on_progress), patience_s=PATIENCE_S)
    except FaultyFile as faulty:
        faults = list(faulty.faults)
        return Told(doing, State.FAULTY, faults=faults[:MOST_FAULTS], number_of_faults=len(faults))
    except Problem as problem:
        refused = problem.detail[:1].upper() + problem.detail[1:]
        return Told(doing, State.REFUSED, refused=refused)
    except Exception as bug:
        if isinstance(bug, IntegrityError | OperationalError) or is_transient(bug):
            log.warning("import.database_busy", error=type(bug).__name__)
            return Told(doing, State.REFUSED, refused=BUSY)
        log.error("import.failed", error=type(bug).__name__, exc_info=bug)
        return Told(doing, State.REFUSED, refused=BROKEN)
    return Told(doing, State.SEEN if doing == "look" else State.TAKEN, report=report)
