"""Loops among pairs: those that networkx finds, each told once."""

from itertools import combinations, permutations

import networkx as nx
import pytest

from app.graph.cycles import MOST_LOOPS, Found, loops_among


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
    among = loops_among([*pairs, ("n1", "n1")], longest)
    found = among.items
    assert not among.more
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert found == sorted(found, key=lambda loop: (len(loop), loop))


def test_short_loops_of_all_come_before_long_ones_of_some() -> None:
    """Where there are more than can be listed, none is left out for coming late in the alphabet."""
    names = [f"n{number:03}" for number in range(200)]
    pairs = {pair for pair in permutations(names, 2) if hash_of(pair) < 70}
    swaps = {pair for pair in combinations(names, 2) if {pair, pair[::-1]} <= pairs}
    found = loops_among(pairs, 3)
    assert found.more
    assert len(found.items) == MOST_LOOPS
    assert {loop for loop in found.items if len(loop) == 2} == swaps


def test_loops_of_most_points_are_kept() -> None:
    """Beyond what can be listed, by points and not by name."""
    names = [f"n{number:03}" for number in range(160)]
    worth = {name: place for place, name in enumerate(names)}
    found = loops_among(permutations(names, 2), 2, lambda loop: sum(worth[name] for name in loop))
    assert found.more
    assert len(found.items) == MOST_LOOPS
    assert found.items[0] == ("n158", "n159")
    assert min(sum(worth[name] for name in loop) for loop in found.items) > worth["n040"]


def test_a_graph_without_loops_takes_no_time() -> None:
    """However many paths it has: those alone could be walked for a minute."""
    names = [f"n{number:03}" for number in range(400)]
    pairs = [(names[one], names[other]) for one in range(400) for other in range(one + 1, 400)]
    assert loops_among(pairs, 6) == Found([], more=False)


def test_a_search_that_would_take_too_long_ends_and_says_so() -> None:
    """With what it has found until then."""
    names = [f"n{number:03}" for number in range(300)]
    ring = list(zip(names, names[1:] + names[:1], strict=True))
    inner = [(names[one], names[other]) for one in range(300) for other in range(one + 2, 300)]
    found = loops_among([*ring, *inner], 5)
    assert found.more


def hash_of(pair: tuple[str, str]) -> int:
    """A number below 200 that looks drawn at random, the same everywhere."""
    one, other = (int(name[1:]) for name in pair)
    return (one * 7919 + other * 104_729 + one * other * 31) % 200
