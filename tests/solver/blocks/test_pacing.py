"""What a search learns on its way: sizes of blocks, when programs widen, when rounds rest."""

import time

import pytest

from solver.backends.limits import Limits
from solver.blocks.pacing import Further, Kinds
from solver.instances.balanced_exchange import made_up_country, make
from solver.prices.decomposition import take_apart
from solver.prices.price_search import PriceSearch


def cut(core, people):
    raise AssertionError("labels are not asked for here")


def grow(core, people):
    raise AssertionError("labels are not asked for here")


@pytest.fixture
def kinds():
    """Two kinds of blocks, ten seconds into a search of a hundred."""
    now = time.time()
    return Kinds((grow, cut), Limits(now + 90, 0.0, None, 0), now - 10)


def test_programs_widen_when_every_kind_is_slow(kinds):
    """One kind that still brings something is reason enough to go on as before."""
    first = kinds.next()
    kinds.learn(first, hard=0, gained=0, missing=1000, took=1)
    second = kinds.next()
    assert second.label is not first.label
    kinds.learn(second, hard=0, gained=500, missing=500, took=1)
    assert not kinds.slow
    kinds.learn(second, hard=0, gained=1, missing=499, took=1)
    assert kinds.slow
    kinds.widened()
    assert not kinds.slow


def test_blocks_grow_while_they_are_easy(kinds):
    """Larger after a sweep without a hard block, smaller after many, small again when wider."""
    kind = kinds.next()
    small = kind.people
    kinds.learn(kind, hard=0, gained=10, missing=100, took=1)
    larger = kind.people
    assert larger > small
    kinds.learn(kind, hard=1, gained=10, missing=90, took=1)
    assert small < kind.people < larger
    kinds.widened()
    assert kind.people == small


def test_the_kind_that_brings_most_goes_next(kinds):
    """By points per second of its last sweep."""
    for gained in (100, 10):
        kinds.learn(kinds.next(), hard=0, gained=gained, missing=1000, took=1)
    assert kinds.pace == 100
    assert kinds.next().pace == 100


def test_rounds_rest_while_blocks_bring_more():
    """Rounds beside blocks cost these their processors."""
    search = PriceSearch(take_apart(make(made_up_country(30, 1), 1)))
    search.round(0.3)
    further = Further(search, 0.001)
    further.learn(10, 1.0)
    assert not further.round(pace=20)
    assert search.rounds == 1
    assert further.round(pace=5)
    assert search.rounds == 2
