"""What a search learns on its way: sizes of blocks, when programs widen, when rounds rest."""

import pytest

from solver.backends.limits import Limits
from solver.blocks.pacing import FurtherRounds, Neighbourhoods
from solver.instances.balanced_exchange import made_up_country, make
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch


def cut(restricted, people):
    raise AssertionError("labels are not asked for here")


def grow(restricted, people):
    raise AssertionError("labels are not asked for here")


@pytest.fixture
def neighbourhoods():
    """Two neighbourhoods of a search from 0 to 100 seconds."""
    return Neighbourhoods((grow, cut), Limits(100.0), 0.0)


def learn(neighbourhoods, used, hard, gained, missing):
    """Ten seconds into the search, a sweep of one second has ended."""
    neighbourhoods.learn(used, hard=hard, gained=gained, missing=missing, took=1, now=10.0)


def test_programs_widen_when_every_kind_is_slow(neighbourhoods):
    """One kind that still brings something is reason enough to go on as before."""
    first = neighbourhoods.next()
    learn(neighbourhoods, first, hard=0, gained=0, missing=1000)
    second = neighbourhoods.next()
    assert second.label is not first.label
    learn(neighbourhoods, second, hard=0, gained=500, missing=500)
    assert not neighbourhoods.slow
    learn(neighbourhoods, second, hard=0, gained=1, missing=499)
    assert neighbourhoods.slow
    neighbourhoods.widened()
    assert not neighbourhoods.slow


def test_blocks_grow_while_they_are_easy(neighbourhoods):
    """Larger after a sweep without a hard block, smaller after many, small again when wider."""
    neighbourhood = neighbourhoods.next()
    small = neighbourhood.people
    learn(neighbourhoods, neighbourhood, hard=0, gained=10, missing=100)
    larger = neighbourhood.people
    assert larger > small
    learn(neighbourhoods, neighbourhood, hard=1, gained=10, missing=90)
    assert small < neighbourhood.people < larger
    neighbourhoods.widened()
    assert neighbourhood.people == small


def test_the_kind_that_brings_most_goes_next(neighbourhoods):
    """By points per second of its last sweep."""
    for gained in (100, 10):
        learn(neighbourhoods, neighbourhoods.next(), hard=0, gained=gained, missing=1000)
    assert neighbourhoods.pace == 100
    assert neighbourhoods.next().pace == 100


def test_rounds_rest_while_blocks_bring_more():
    """Rounds beside blocks cost these their processors."""
    search = PriceSearch(decompose(make(made_up_country(30, 1), 1)))
    search.round(0.3)
    further = FurtherRounds(search, 0.001)
    further.learn(10, 1.0)
    assert not further.round(pace=20)
    assert search.rounds == 1
    assert further.round(pace=5)
    assert search.rounds == 2
