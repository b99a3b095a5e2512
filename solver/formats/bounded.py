"""Files from others, read within bounds: never more of one is held than its limit."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final

MOST_MIB: Final = 256
"""Default limit, after unpacking; the country's problem has 25 MiB."""
MIB: Final = 2**20


class FileTooLarge(ValueError):
    """A file with more bytes than the limit."""


def read_bounded(path: Path, most_mib: int, *, unpack: bool = False) -> bytes:
    """Return what a file holds, or what its gzip unpacks to.

    Raises
    ------
    FileTooLarge
        If that is more than `most_mib` MiB, however small the file is while packed.
    OSError
        If the file cannot be read.
    ValueError
        If it is to be unpacked and is not gzip.
    """
    most_bytes = most_mib * MIB
    try:
        with path.open("rb") as file:
            content = (gzip.GzipFile(fileobj=file) if unpack else file).read(most_bytes + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"is not readable gzip ({error})") from error
    if len(content) > most_bytes:
        unpacked = " when it is unpacked" if unpack else ""
        raise FileTooLarge(
            f"has more than {most_mib:,} MiB{unpacked}. Send a smaller file, or raise "
            "GIVETAKE_FILE_MIB"
        )
    return content
