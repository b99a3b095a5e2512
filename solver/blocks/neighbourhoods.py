"""Neighbourhoods: which participants are decided together, by cuts of the map or around regret."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from solver.arrays import FloatArray, IntArray


def cut(lat: FloatArray, lon: FloatArray, size: int, angle: float) -> IntArray:
    """Return a block number for each participant, by recursive bisection of a turned map.

    Parameters
    ----------
    lat, lon
        Degrees; who has none is dealt out among the blocks.
    size
        Most participants of a block.
    angle
        Radians by which the map is turned first.
    """
    unknown = np.isnan(lat) | np.isnan(lon)
    x, y = np.radians(np.where(unknown, 0.0, lon)), np.radians(np.where(unknown, 0.0, lat))
    x = x * np.cos(y[~unknown].mean() if not unknown.all() else 0.0)
    turned = np.column_stack(
        [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)]
    )
    block = np.zeros(len(lat), np.int64)
    known = np.flatnonzero(~unknown)
    count = 0
    for ids in _bisected(known, turned, size):
        block[ids] = count
        count += 1
    missing = np.flatnonzero(unknown)
    block[missing] = np.arange(len(missing)) % max(count, 1)
    return block


def _bisected(ids: IntArray, at: FloatArray, size: int) -> Iterator[IntArray]:
    if len(ids) <= size:
        yield ids
        return
    widest = int(np.argmax(np.ptp(at[ids], axis=0)))
    ordered = ids[np.argsort(at[ids, widest], kind="stable")]
    half = len(ordered) // 2
    yield from _bisected(ordered[:half], at, size)
    yield from _bisected(ordered[half:], at, size)


def cut_by_partners(
    giver: NDArray[np.integer],
    taker: NDArray[np.integer],
    participants: int,
    size: int,
    angle: float,
) -> IntArray:
    """Return a block number for each participant where positions are unknown.

    Participants are put in a line that keeps partners near each other (Cuthill and McKee, Reducing
    the bandwidth of sparse symmetric matrices, ACM 1969); the line is cut into stretches of `size`,
    at places that move with the angle.

    Parameters
    ----------
    giver, taker
        Participants of each candidate.
    participants
        How many there are.
    size
        Most participants of a block.
    angle
        0 to pi.
    """
    links = _links(giver, taker, participants)
    line = reverse_cuthill_mckee(sparse.csr_matrix(links), symmetric_mode=True)
    rank = np.empty(participants, np.int64)
    rank[line] = np.arange(participants)
    return (rank + int(size * angle / np.pi)) // size


def grown(
    giver: NDArray[np.integer],
    taker: NDArray[np.integer],
    regret: FloatArray,
    size: int,
    most: int,
) -> IntArray:
    """Return a group number for each participant, -1 for those in none.

    A group starts at the participant with most regret that is in none yet, and takes in, of all
    partners of its members, the one with most regret, until it has `size`.

    Parameters
    ----------
    regret
        Optimality gap, per participant; groups start only above 0.
    size
        Participants of a group.
    most
        Most groups.
    """
    links = _links(giver, taker, len(regret))
    starts, partners = links.indptr.tolist(), links.indices.tolist()
    pull = (-regret).tolist()
    group = [-1] * len(regret)
    count = 0
    for seed in np.argsort(-regret, kind="stable").tolist():
        if count == most or pull[seed] >= 0:
            break
        if group[seed] >= 0:
            continue
        members, frontier, seen = 0, [(pull[seed], seed)], {seed}
        while frontier and members < size:
            at = heapq.heappop(frontier)[1]
            group[at] = count
            members += 1
            for partner in partners[starts[at] : starts[at + 1]]:
                if group[partner] < 0 and partner not in seen:
                    seen.add(partner)
                    heapq.heappush(frontier, (pull[partner], partner))
        count += 1
    return np.array(group, np.int64)


def _links(
    giver: NDArray[np.integer], taker: NDArray[np.integer], participants: int
) -> sparse.csr_array:
    ones = np.ones(len(giver), np.int8)
    links = sparse.csr_array((ones, (giver, taker)), shape=(participants, participants))
    return (links + links.T).tocsr()
