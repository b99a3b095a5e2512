"""Loops of support: each member supports the next, and the last supports the first."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from app.graph.cycles import LONGEST, Found, loops_among
from app.graph.kinds import TAKES_PART, Edge, EdgeKind
from app.graph.view import View


@dataclass(frozen=True, slots=True)
class Loop:
    """Two members swap; of three or more each supports the next."""

    members: tuple[str, ...]
    """By key, beginning with the first; the last supports it."""
    support: tuple[tuple[Edge, ...], ...]
    """What each gives to the next."""


def loops(
    view: View, longest: int = LONGEST, kinds: Iterable[EdgeKind] = (EdgeKind.SUPPORT,)
) -> Found[Loop]:
    """Loops of support that is there on the day, the shortest first."""
    between: dict[tuple[str, str], list[Edge]] = {}
    for edge in view.only(frozenset(kinds)).edges():
        if view.node(edge.giver).kind in TAKES_PART:
            between.setdefault((edge.giver, edge.taker), []).append(edge)
    among = loops_among(between, longest)
    found = [
        Loop(
            members,
            tuple(
                tuple(sorted(between[pair], key=lambda each: each.key))
                for pair in pairwise((*members, members[0]))
            ),
        )
        for members in among.items
    ]
    return Found(found, among.more)
