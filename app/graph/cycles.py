"""Loops among pairs of giver and taker, whatever these come from."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

LONGEST: Final = 3
"""Members of a loop, unless longer ones are asked for."""
MOST_MEMBERS: Final = 6
MOST_LOOPS: Final = 10_000


def loops_among(pairs: Iterable[tuple[str, str]], longest: int = LONGEST) -> list[tuple[str, ...]]:
    """Loops of so many members at most among pairs of giver and taker, the shortest first.

    Each member gives to the next, and the last to the first, which is the one whose key comes
    first.
    """
    takers: dict[str, set[str]] = {}
    for giver, taker in pairs:
        if giver != taker:
            takers.setdefault(giver, set()).add(taker)
    to = {giver: sorted(found & takers.keys()) for giver, found in takers.items()}
    every = (loop for first in sorted(to) for loop in _from(to, (first,), longest))
    return sorted(islice(every, MOST_LOOPS), key=lambda loop: (len(loop), loop))


def _from(
    to: dict[str, list[str]], so_far: tuple[str, ...], longest: int
) -> Iterator[tuple[str, ...]]:
    """Loops that begin so: through members after the first, each once."""
    for taker in to[so_far[-1]]:
        if taker == so_far[0]:
            yield so_far
        elif taker > so_far[0] and len(so_far) < longest and taker not in so_far:
            yield from _from(to, (*so_far, taker), longest)
