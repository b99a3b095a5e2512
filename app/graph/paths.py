"""Who is connected with whom, and through whom: shortest paths and neighbourhoods."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.graph.kinds import Edge, EdgeKind, Node
from app.graph.view import View

MOST_STEPS: Final = 6
MOST_NODES: Final = 2_000
"""Of one neighbourhood."""
_ORDER: Final[dict[EdgeKind | None, int]] = {kind: place for place, kind in enumerate(EdgeKind)}


class Direction(StrEnum):
    """Along which edges a neighbourhood grows."""

    BOTH = "both"
    GIVES = "gives"
    """From who gives to whom it gives."""
    RECEIVES = "receives"
    """From who receives to who gives it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A node of a neighbourhood; `through` is the node before it on a shortest way."""

    node: Node
    steps: int
    through: str | None


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What lies around a node, nearest first, and every edge among that."""

    reached: tuple[Reached, ...]
    edges: tuple[Edge, ...]
    left_out: int
    """Nodes within the steps beyond those shown."""


def by_place(edge: Edge) -> tuple[object, ...]:
    return edge.giver, edge.taker, edge.of.value, edge.number, edge.reference


def shortest(view: View, start: str, goal: str) -> list[Edge] | None:
    """The edges of a shortest way between two nodes, whatever their direction; None: no way.

    Of several the first by the keys of its nodes, so that an answer does not change by itself.
    """
    came: dict[str, Edge | None] = {start: None}
    layer = [start]
    while layer and goal not in came:
        following: list[str] = []
        for key in layer:
            for other, edge in _next(view, key, Direction.BOTH):
                if other not in came:
                    came[other] = edge
                    following.append(other)
        layer = following
    if goal not in came:
        return None
    path: list[Edge] = []
    at = goal
    while (edge_of := came[at]) is not None:
        path.append(edge_of)
        at = edge_of.giver if edge_of.taker == at else edge_of.taker
    return path[::-1]


def around(
    view: View,
    start: str,
    steps: int,
    direction: Direction = Direction.BOTH,
    most: int = MOST_NODES,
) -> Neighbourhood:
    """Nodes within some steps of one, nearest first, then by key."""
    found = {start: Reached(view.node(start), 0, None)}
    layer = [start]
    for step in range(1, steps + 1):
        following: list[str] = []
        for key in layer:
            for other, _ in _next(view, key, direction):
                if other not in found:
                    found[other] = Reached(view.node(other), step, key)
                    following.append(other)
        layer = following
    reached = sorted(found.values(), key=lambda each: (each.steps, each.node.key))
    inside = {each.node.key for each in reached[:most]}
    edges = [edge for key in inside for edge in view.given(key) if edge.taker in inside]
    return Neighbourhood(
        tuple(reached[:most]), tuple(sorted(edges, key=by_place)), max(0, len(reached) - most)
    )


def _next(view: View, key: str, direction: Direction) -> Iterator[tuple[str, Edge]]:
    """Neighbours by key, each by the first edge that leads there."""
    found: list[tuple[str, Edge]] = []
    if direction is not Direction.RECEIVES:
        found += ((edge.taker, edge) for edge in view.given(key))
    if direction is not Direction.GIVES:
        found += ((edge.giver, edge) for edge in view.taken(key))
    found.sort(key=lambda each: (each[0], _ORDER.get(each[1].kind_on(view.day), 0), each[1].key))
    yield from found
