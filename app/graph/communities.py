"""Who supports each other, against the lines of local authorities; and what holds them together."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

import networkx as nx

from app.graph.kinds import SUPPORTS, TAKES_PART, EdgeKind
from app.graph.louvain import louvain
from app.graph.view import View

SMALLEST: Final = 3
"""Members of a community that is told of."""


@dataclass(frozen=True, slots=True)
class Community:
    """Participants who support each other more than others."""

    members: tuple[str, ...]
    authorities: tuple[tuple[str | None, int], ...]
    """How many members lie in each local authority, the most first; None: in none."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Who alone joins others to the rest: without it, `cut_off` of its group are cut off."""

    key: str
    cut_off: int
    parts: int
    """Into how many parts its group would fall."""


@dataclass(frozen=True, slots=True)
class Communities:
    found: tuple[Community, ...]
    bridges: tuple[Bridge, ...]
    pairs: int
    """Pairs of participants with support between them."""
    across: int
    """Those in two local authorities."""
    modularity: float | None
    """How far support stays within communities, from 0 to 1; None: there is no support."""
    modularity_of_authorities: float | None
    """The same, were the local authorities the communities."""


def communities(view: View, *, past: bool = True) -> Communities:
    """Communities of the support that somebody may see, largest first, and bridges."""
    kinds = SUPPORTS if past else (EdgeKind.SUPPORT,)
    key = ("communities", view.day, kinds)
    if view.seen.rows is None and key in view.of.memo:
        remembered: Communities = view.of.memo[key]
        return remembered
    graph = _simple(view, kinds)
    made = _communities(view, graph)
    if view.seen.rows is None:
        view.of.remember(key, made)
    return made


def _simple(view: View, kinds: tuple[EdgeKind, ...]) -> "nx.Graph[str]":
    """Each two with support between them, in either direction, with their half-days."""
    weights: Counter[tuple[str, str]] = Counter()
    for edge in view.only(kinds).edges():
        if view.node(edge.giver).kind in TAKES_PART:
            one, other = sorted((edge.giver, edge.taker))
            weights[one, other] += max(edge.half_days or 0, 1)
    graph: nx.Graph[str] = nx.Graph()
    # In order: the search for communities goes by that of nodes and edges.
    graph.add_nodes_from(sorted({key for pair in weights for key in pair}))
    graph.add_weighted_edges_from((*pair, weight) for pair, weight in sorted(weights.items()))
    return graph


def _communities(view: View, graph: "nx.Graph[str]") -> Communities:
    if not graph:
        return Communities((), (), 0, 0, None, None)
    authority = {key: view.node(key).local_authority for key in graph}
    groups = louvain(graph)
    lines: defaultdict[str | None, set[str]] = defaultdict(set)
    for key, code in authority.items():
        lines[code].add(key)
    found = [
        Community(tuple(sorted(members)), _counted(Counter(authority[key] for key in members)))
        for members in groups
        if len(members) >= SMALLEST
    ]
    return Communities(
        tuple(sorted(found, key=lambda each: (-len(each.members), each.members))),
        tuple(bridges(graph)),
        graph.number_of_edges(),
        sum(authority[one] != authority[other] for one, other in graph.edges),
        nx.community.modularity(graph, groups),
        nx.community.modularity(graph, lines.values()),
    )


def _counted(counts: Counter[str | None]) -> tuple[tuple[str | None, int], ...]:
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0] or "")))


@dataclass(slots=True)
class _Walk:
    """A depth-first walk: when each node was found, how far back it reaches, what lies below."""

    found: dict[str, int] = field(default_factory=dict)
    reaches: dict[str, int] = field(default_factory=dict)
    below: dict[str, int] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    """Sizes of the parts that hang on a node alone."""


def bridges(graph: "nx.Graph[str]") -> list[Bridge]:
    """Nodes without which others are cut off from the most of their group, the worst first.

    One walk through each group, as R. E. Tarjan has it: a child that reaches back no further than
    its parent hangs on that with all that lies below.
    """
    told: list[Bridge] = []
    walk = _Walk()
    for root in graph:
        if root in walk.found:
            continue
        before = len(walk.found)
        children = _walk(graph, root, walk)
        size = len(walk.found) - before
        if children < 2:
            walk.cut.pop(root, None)
        for key in list(walk.found)[before:]:
            if key in walk.cut:
                parts = [*walk.cut[key], size - 1 - sum(walk.cut[key])]
                parts = [part for part in parts if part]
                told.append(Bridge(key, size - 1 - max(parts), len(parts)))
    return sorted(told, key=lambda each: (-each.cut_off, each.key))


def _walk(graph: "nx.Graph[str]", root: str, walk: _Walk) -> int:
    """Walk from a root, and count its children."""
    children = 0
    walk.found[root] = walk.reaches[root] = len(walk.found)
    walk.below[root] = 1
    stack = [(root, root, iter(graph[root]))]
    while stack:
        parent, key, others = stack[-1]
        for other in others:
            if other not in walk.found:
                walk.found[other] = walk.reaches[other] = len(walk.found)
                walk.below[other] = 1
                stack.append((key, other, iter(graph[other])))
                break
            if other != parent:
                walk.reaches[key] = min(walk.reaches[key], walk.found[other])
        else:
            stack.pop()
            if not stack:
                break
            walk.reaches[parent] = min(walk.reaches[parent], walk.reaches[key])
            walk.below[parent] += walk.below[key]
            children += parent == root
            if walk.reaches[key] >= walk.found[parent]:
                walk.cut.setdefault(parent, []).append(walk.below[key])
    return children
