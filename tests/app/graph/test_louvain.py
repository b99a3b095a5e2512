"""Communities of support: as good as those of networkx, and always the same."""

import networkx as nx
import pytest

from app.graph.louvain import louvain


def _named(graph: "nx.Graph[int]", seed: int) -> "nx.Graph[str]":
    named: nx.Graph[str] = nx.relabel_nodes(graph, {n: f"n{n:03}" for n in graph})
    for one, other in named.edges:
        named[one][other]["weight"] = 1 + (seed + int(one[1:])) % 3
    return named


@pytest.mark.parametrize("seed", range(12))
def test_communities_are_as_good_as_those_of_networkx(seed: int) -> None:
    """By modularity, on random graphs; every node is in one, and no community is in parts."""
    graph = _named(nx.planted_partition_graph(5, 12, 0.5, 0.03, seed=seed), seed)
    found = louvain(graph)
    assert sorted(key for members in found for key in members) == sorted(graph)
    theirs = nx.community.louvain_communities(graph, seed=1)
    modularity = nx.community.modularity
    assert modularity(graph, found) > modularity(graph, theirs) - 0.02
    assert all(nx.is_connected(graph.subgraph(members)) for members in found)
    assert louvain(graph) == found


def test_two_triangles_are_two_communities() -> None:
    """The edge between them joins them by less than holds each together."""
    edges = ["ab", "bc", "ca", "de", "ef", "fd", "cd"]
    graph: nx.Graph[str] = nx.Graph()
    graph.add_weighted_edges_from((one, other, 1) for one, other in edges)
    assert sorted(map(sorted, louvain(graph))) == [["a", "b", "c"], ["d", "e", "f"]]
    assert louvain(nx.Graph()) == []
