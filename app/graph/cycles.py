"""Loops among pairs of giver and taker, whatever these come from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import Final, Generic, TypeVar

import networkx as nx

T = TypeVar("T")
Members = tuple[str, ...]

LONGEST: Final = 3
"""Members of a loop, unless longer ones are asked for."""
MOST_MEMBERS: Final = 6
MOST_LOOPS: Final = 10_000
MOST_STEPS: Final = 1_000_000
"""Paths that are looked at: about a second. Beyond that, loops are left out and it is said so."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was found, and whether there is more that was not looked for or is left out."""

    items: list[T]
    more: bool


@dataclass(slots=True)
class _Budget:
    left: int

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def loops_among(
    pairs: Iterable[tuple[str, str]],
    longest: int = LONGEST,
    points: Callable[[Members], int] | None = None,
) -> Found[Members]:
    """Loops of so many members at most among pairs of giver and taker, at most `MOST_LOOPS`.

    Each member gives to the next, and the last to the first, which is the one whose key comes
    first. The shortest come first, and are looked for first; with `points` those of most points,
    whatever their length.
    """
    takers = _within_components(pairs)
    budget = _Budget(MOST_STEPS)
    every = (
        loop
        for length in range(2, longest + 1)
        for first in sorted(takers)
        for loop in _from(takers, (first,), length, budget)
    )
    if points is None:
        found: list[Members] = []
        for loop in every:
            if len(found) == MOST_LOOPS:
                return Found(found, more=True)
            found.append(loop)
        return Found(found, more=budget.left < 0)
    best: list[tuple[int, Members]] = []
    count = 0
    for loop in every:
        count += 1
        ranked = (points(loop), loop)
        if len(best) < MOST_LOOPS:
            heappush(best, ranked)
        else:
            heappushpop(best, ranked)
    in_order = sorted(best, key=lambda each: (-each[0], each[1]))
    return Found([loop for _, loop in in_order], more=budget.left < 0 or count > len(best))


def _within_components(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The takers of each giver with whom it is in a loop of any length: no other pair is in one."""
    graph = nx.DiGraph(pair for pair in pairs if pair[0] != pair[1])
    takers: dict[str, list[str]] = {}
    for members in nx.strongly_connected_components(graph):
        for giver in members:
            if inside := sorted(members.intersection(graph[giver])):
                takers[giver] = inside
    return takers


def _from(
    takers: dict[str, list[str]], so_far: Members, length: int, budget: _Budget
) -> Iterator[Members]:
    """Loops of just so many members that begin so: through members after the first, each once."""
    closes = len(so_far) == length - 1
    for taker in takers[so_far[-1]]:
        if taker <= so_far[0] or taker in so_far:
            continue
        if not budget.spend():
            return
        if not closes:
            yield from _from(takers, (*so_far, taker), length, budget)
        elif so_far[0] in takers[taker]:
            yield (*so_far, taker)
