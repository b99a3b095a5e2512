"""Pairwise rules: which offers and needs may be paired, and why the others may not.

Only offers whose **expertise covers the need** are looked at and counted: the same entry of the
taxonomy, a broader one (its ancestor), or a narrower one (its descendant). The last is allowed
because a need is often stated broadly ("SEND") while evidence of quality exists for a part of it
("autism"); `points` values such a pairing lower.

Each such pair is either a candidate or refused for exactly one reason, the first of `REASONS`
that applies. Order matters for the numbers, not for what is allowed: reasons of one side come
first, then the distance, because those are counted by arithmetic over groups of offers; only
pairs within reach are ever looked at one by one.

**Nearness.** A pair that may be on site and lies within both sides' limits is on site. A pair that
may be remote and is not on site is remote, whatever the distance. The pairs of a need are walked
from the nearest on (on site by distance, then remote by distance, then remote where the distance
is unknown, ties by the row of the offer) until `max_neighbours` candidates are found; all pairs
after that are `NOT_AMONG_NEAREST`, whatever else might speak against them. Pairs in `kept`, and
those of one group or network, stand outside this walk: every rule binds them but the number, and
they use up none of it.

A pair on site whose straight line crosses water is as far apart as the way round it, by which it is
held against limits and walked (`water.py`).

**Speed.** Grouped by expertise, pairs within reach come from a k-d tree of earth-centred positions
(the chord is never longer than the geodesic, so none is lost), and remote ones from its nearest
neighbours, asked for more until each need has enough.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from solver.arrays import BoolArray, CodeArray, FloatArray, IntArray
from solver.pairing.ladder import ladder_steps
from solver.pairing.pair_rules import OTHER_EXPERTISE, REASONS
from solver.pairing.pairs import PairTables
from solver.pairing.refusals import Refusals
from solver.pairing.search import ALLOWED, Found, Search, first_refusal_of_needs, joined

DEFAULT_NEIGHBOURS: Final = 30


@dataclass(frozen=True, slots=True, eq=False)
class CandidatePairs:
    """Pairs that every rule allows, by need, then nearest first.

    Attributes
    ----------
    offer, need : int64[K]
        Rows of the offers and needs.
    distance_m : int64[K]
        Geodesic, or along the way round water, rounded; -1 where remote.
    minutes : float64[K]
        One way; NaN where remote or not known.
    remote : bool[K]
    ladder : int8[K]
        Position in `vocabulary.Ladder`.
    broader : int8[K]
        Levels of the taxonomy by which the offer's expertise lies above the need's (negative:
        below, 0: the same).
    by : object[K]
        What the way goes by where there is water between, in words; else "".
    """

    offer: IntArray
    need: IntArray
    distance_m: IntArray
    minutes: FloatArray
    remote: BoolArray
    ladder: CodeArray
    broader: CodeArray
    by: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.offer)


def find_candidates(
    tables: PairTables, max_neighbours: int | None = DEFAULT_NEIGHBOURS
) -> tuple[CandidatePairs, Refusals]:
    """Find the pairs that every rule of a pair allows, and count why the others are refused.

    Parameters
    ----------
    tables
        One period's columns; its travel times are asked of pairs under a limit in minutes and of
        every candidate on site.
    max_neighbours
        Most candidates of one need, nearest first, >= 1; None for all. Pairs that are kept, and
        those of one group or network, come on top.

    Returns
    -------
    CandidatePairs, Refusals
        Together they account for every pair whose expertise covers, exactly once.

    Raises
    ------
    ValueError
        If `max_neighbours` is below 1.
    """
    if max_neighbours is not None and max_neighbours < 1:
        raise ValueError(f"max_neighbours is {max_neighbours}; give 1 or more, or None")
    needs, offers = tables.needs, tables.offers
    covers = OTHER_EXPERTISE.covers(tables)
    by_need = np.zeros((len(needs.participant), len(REASONS)), np.int64)
    refused = first_refusal_of_needs(tables)
    found = []
    for entry in np.unique(needs.expertise).tolist():
        asked = np.flatnonzero(needs.expertise == entry)
        covering = np.flatnonzero(covers[offers.expertise, entry])
        outright = asked[refused[asked] != ALLOWED]
        by_need[outright, refused[outright]] = len(covering)
        asked = asked[refused[asked] == ALLOWED]
        search = Search.of(tables, asked, covering, max_neighbours)
        search.on_site()
        search.remote()
        by_need[asked] = search.counts
        found += search.found
    return _candidates(tables, joined(found)), Refusals(by_need)


def _candidates(tables: PairTables, found: Found) -> CandidatePairs:
    distance = np.full(len(found.need), -1, np.int64)
    minutes = found.minutes
    site = np.flatnonzero(~found.remote)
    metres = tables.straight_m(found.need[site], found.offer[site])
    ways = tables.ways(found.need[site], found.offer[site])
    # A router may know a way where we know none.
    there = np.isfinite(ways.metres)
    metres[ways.row[there]] = np.maximum(metres[ways.row], ways.metres)[there]
    distance[site] = np.rint(metres)
    by = np.full(len(found.need), "", np.object_)
    by[site[ways.row]] = tables.water.words(ways)
    unasked = site[np.isnan(minutes[site])]
    minutes[unasked] = tables.minutes(found.need[unasked], found.offer[unasked])
    needs, offers, depth = tables.needs, tables.offers, tables.taxonomy.depth
    return CandidatePairs(
        offer=found.offer,
        need=found.need,
        distance_m=distance,
        minutes=minutes,
        remote=found.remote,
        ladder=ladder_steps(
            tables.participants, offers.participant[found.offer], needs.participant[found.need]
        ),
        broader=(depth[needs.expertise[found.need]] - depth[offers.expertise[found.offer]]).astype(
            np.int8
        ),
        by=by,
    )
