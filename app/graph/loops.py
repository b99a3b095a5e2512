"""Loops of support: each member supports the next, and the last supports the first."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

import networkx as nx

from app.graph.kinds import TAKES_PART, Edge, EdgeKind
from app.graph.view import View

LONGEST: Final = 3
"""Members of a loop, unless longer ones are asked for."""
MOST_MEMBERS: Final = 6
MOST_LOOPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Loop:
    """Two members swap; of three or more each supports the next."""

    members: tuple[str, ...]
    """By key, beginning with the first; the last supports it."""
    support: tuple[tuple[Edge, ...], ...]
    """What each gives to the next."""


def loops_among(pairs: Iterable[tuple[str, str]], longest: int = LONGEST) -> list[tuple[str, ...]]:
    """Loops of so many members at most among pairs of giver and taker, the shortest first.

    Each begins with the member whose name comes first.
    """
    graph: nx.DiGraph[str] = nx.DiGraph(sorted({pair for pair in pairs if pair[0] != pair[1]}))
    found = islice(nx.simple_cycles(graph, length_bound=longest), MOST_LOOPS)
    return sorted((_turned(loop) for loop in found), key=lambda loop: (len(loop), loop))


def _turned(loop: list[str]) -> tuple[str, ...]:
    first = loop.index(min(loop))
    return (*loop[first:], *loop[:first])


def loops(
    view: View, longest: int = LONGEST, kinds: Iterable[EdgeKind] = (EdgeKind.SUPPORT,)
) -> list[Loop]:
    """Loops of support that is there on the day, the shortest first."""
    between: dict[tuple[str, str], list[Edge]] = {}
    for edge in view.only(frozenset(kinds)).edges():
        if view.node(edge.giver).kind in TAKES_PART:
            between.setdefault((edge.giver, edge.taker), []).append(edge)
    return [
        Loop(
            members,
            tuple(
                tuple(sorted(between[pair], key=lambda each: each.key))
                for pair in pairwise((*members, members[0]))
            ),
        )
        for members in loops_among(between, longest)
    ]
