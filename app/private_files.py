"""Files and folders that only their owner reads, whatever the umask, and mended where they are not.

Databases, uploads and the secret hold what is nobody else's business on the machine.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FILE: Final = 0o600
FOLDER: Final = 0o700
UMASK: Final = 0o077
"""Of the command, so that reports, plans and batches that it writes are as private."""


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; those that are there stay as they are."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(FOLDER, exist_ok=True)


def create(file: Path) -> None:
    """Make an empty file where there is none, before anything is written to it."""
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, FILE))


def narrow(what: str, places: Iterable[Path]) -> None:
    """Take everybody else's rights to these away; each that had any is logged as `what`."""
    # Only here: commands that touch no database are done before a logger is there.
    from structlog import get_logger

    log = get_logger()
    for place in places:
        try:
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode) or not mode & UMASK:
                continue
            place.chmod(stat.S_IMODE(mode) & ~UMASK)
        except FileNotFoundError:
            continue
        except PermissionError:
            log.warning("files.open_to_others", what=what, mode=f"{stat.S_IMODE(mode):o}")
        else:
            log.warning("files.closed_to_others", what=what, mode=f"{stat.S_IMODE(mode):o}")
