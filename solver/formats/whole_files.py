"""Files that are written whole or not at all: what was there stays until the new one is."""

from __future__ import annotations

import os
from pathlib import Path


class CannotWrite(OSError):
    """An output could not be written; `filename` names it, `strerror` says why."""


def write_whole(path: Path | str, content: bytes) -> None:
    """Write a file beside the one it replaces, then rename it, whenever the power fails.

    What is no regular file, such as a pipe, is written in place, and so is a file whose folder
    takes no others.

    Raises
    ------
    CannotWrite
        If the file cannot be written, with the path as it was given.
    """
    try:
        _write(Path(path).resolve(), content)
    except OSError as error:
        raise CannotWrite(error.errno, error.strerror, str(path)) from error


def make_folder(path: Path) -> None:
    """Make a folder for outputs, and those above it that are missing.

    Raises
    ------
    CannotWrite
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(error.errno, error.strerror, str(path)) from error


def _write(target: Path, content: bytes) -> None:
    if target.exists() and not (target.is_file() and os.access(target.parent, os.W_OK)):
        target.write_bytes(content)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
