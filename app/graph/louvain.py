"""Communities by Louvain's method, with the queue of Leiden's, at a fraction of networkx's time.

Blondel and others (2008) move nodes one by one to the community of a neighbour, as long as that
adds to the modularity, and then do the same with communities as nodes. As in Traag and others
(2019), only the neighbours of what moved are looked at again.
"""

from collections import deque
from random import Random
from typing import Final

import networkx as nx

SEED: Final = 1
LEAST: Final = 1e-12
"""A gain in weight below which nothing moves: what is left of rounding."""
Weights = list[dict[int, float]]


def louvain(graph: "nx.Graph[str]", seed: int = SEED) -> list[set[str]]:
    """Communities of a weighted graph: equal graphs with nodes in equal order give equal ones."""
    draw = Random(seed)  # noqa: S311  no secret
    nodes = list(graph)
    row = {key: number for number, key in enumerate(nodes)}
    near: Weights = [
        {row[other]: edge["weight"] for other, edge in graph[key].items()} for key in nodes
    ]
    within = [0.0] * len(nodes)
    community = list(range(len(nodes)))
    total = sum(sum(weights.values()) for weights in near)
    while total:
        moved = _moved(near, within, total, draw)
        number = {old: new for new, old in enumerate(dict.fromkeys(moved))}
        if len(number) == len(near):
            break
        moved = [number[each] for each in moved]
        community = [moved[each] for each in community]
        near, within = _merged(near, within, moved, len(number))
    found: dict[int, set[str]] = {}
    for key, each in zip(nodes, community, strict=True):
        found.setdefault(each, set()).add(key)
    return list(found.values())


def _moved(near: Weights, within: list[float], total: float, draw: Random) -> list[int]:
    """The community of each node once no move adds to the modularity; each begins in its own."""
    community = list(range(len(near)))
    degree = [sum(weights.values()) + inner for weights, inner in zip(near, within, strict=True)]
    of_community = degree[:]
    order = list(range(len(near)))
    draw.shuffle(order)
    waiting, queued = deque(order), [True] * len(near)
    while waiting:
        node = waiting.popleft()
        queued[node] = False
        to: dict[int, float] = {}
        for other, weight in near[node].items():
            to[community[other]] = to.get(community[other], 0.0) + weight
        before, share = community[node], degree[node] / total
        of_community[before] -= degree[node]
        best, most = before, to.get(before, 0.0) - of_community[before] * share
        for each, weight in to.items():
            gain = weight - of_community[each] * share
            if gain > most + LEAST:
                best, most = each, gain
        of_community[best] += degree[node]
        if best != before:
            community[node] = best
            for other in near[node]:
                if not queued[other] and community[other] != best:
                    queued[other] = True
                    waiting.append(other)
    return community


def _merged(
    near: Weights, within: list[float], community: list[int], size: int
) -> tuple[Weights, list[float]]:
    """The graph whose nodes are communities; `within` has both directions of what lies inside."""
    merged: Weights = [{} for _ in range(size)]
    inner = [0.0] * size
    for node, weights in enumerate(near):
        own = community[node]
        inner[own] += within[node]
        for other, weight in weights.items():
            if community[other] == own:
                inner[own] += weight
            else:
                to = community[other]
                merged[own][to] = merged[own].get(to, 0.0) + weight
    return merged, inner
