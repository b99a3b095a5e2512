"""Loops among pairs: those that networkx finds, each told once."""

import networkx as nx
import pytest

from app.graph.cycles import loops_among


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("longest", [2, 3, 5])
def test_loops_are_those_of_networkx(seed: int, longest: int) -> None:
    """Of random pairs, as long as asked for, beginning with the first of their members."""
    graph = nx.gnm_random_graph(9, 24, seed=seed, directed=True)
    pairs = [(f"n{one}", f"n{other}") for one, other in graph.edges]
    expected = set()
    for cycle in nx.simple_cycles(nx.DiGraph(pairs), length_bound=longest):
        first = cycle.index(min(cycle))
        expected.add((*cycle[first:], *cycle[:first]))
    found = loops_among([*pairs, ("n1", "n1")], longest)
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert found == sorted(found, key=lambda loop: (len(loop), loop))
