"""Loops among pairs of giver and taker, whatever these come from."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

import networkx as nx

LONGEST: Final = 3
"""Members of a loop, unless longer ones are asked for."""
MOST_MEMBERS: Final = 6
MOST_LOOPS: Final = 10_000


def loops_among(pairs: Iterable[tuple[str, str]], longest: int = LONGEST) -> list[tuple[str, ...]]:
    """Loops of so many members at most among pairs of giver and taker, the shortest first.

    Each member gives to the next, and the last to the first, which is the one whose key comes
    first.
    """
    graph: nx.DiGraph[str] = nx.DiGraph(sorted({pair for pair in pairs if pair[0] != pair[1]}))
    found = islice(nx.simple_cycles(graph, length_bound=longest), MOST_LOOPS)
    return sorted((_turned(loop) for loop in found), key=lambda loop: (len(loop), loop))


def _turned(loop: list[str]) -> tuple[str, ...]:
    first = loop.index(min(loop))
    return (*loop[first:], *loop[:first])
