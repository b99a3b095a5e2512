"""Many things in parts: as many at once as one statement names, or memory should hold."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

CHUNK: Final = 2_000


def chunked(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Parts of at most `size`, in order, each read when it is asked for."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
