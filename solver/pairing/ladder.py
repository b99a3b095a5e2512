"""The ladder: from how near in the system a giver comes to a taker."""

from typing import Final

import numpy as np
from scipy import sparse

from models.vocabulary import Ladder
from solver.arrays import BoolArray, CodeArray, IntArray
from solver.pairing.columns import ParticipantColumns

LADDER: Final = tuple(Ladder)
GIVER_IS: Final = {
    Ladder.OWN_GROUP: "is in the same trust or federation",
    Ladder.OWN_NETWORK: "is in the same network",
    Ladder.LOCAL_AREA: "is in the same local authority",
    Ladder.REGION: "is in the same region",
    Ladder.DESIGNATED: "is elsewhere, and nationally designated",
    Ladder.ELSEWHERE: "is elsewhere",
}
"""What each step says of the giver, beside the taker."""
_PAIRS_AT_ONCE: Final = 250_000


def ladder_steps(participants: ParticipantColumns, giver: IntArray, taker: IntArray) -> CodeArray:
    """Find the lowest rung of the ladder on which each giver stands for its taker.

    Parameters
    ----------
    participants
        The exchange's participants.
    giver, taker : int64[n]
        Rows of participants.

    Returns
    -------
    int8[n]
        Position in `vocabulary.Ladder`: a shared group, a shared network, the same local
        authority, the same region, else nationally designated, else elsewhere. An unknown area
        is the same as none.
    """
    step = np.full(len(giver), LADDER.index(Ladder.ELSEWHERE), np.int8)
    step[participants.designated[giver]] = LADDER.index(Ladder.DESIGNATED)
    for rung, area in (
        (Ladder.REGION, participants.region),
        (Ladder.LOCAL_AREA, participants.local_authority),
    ):
        step[(area[giver] == area[taker]) & (area[giver] >= 0)] = LADDER.index(rung)
    step[_share(participants.networks, giver, taker)] = LADDER.index(Ladder.OWN_NETWORK)
    step[_share(participants.groups, giver, taker)] = LADDER.index(Ladder.OWN_GROUP)
    return step


def _share(members: sparse.csr_array, giver: IntArray, taker: IntArray) -> BoolArray:
    """Whether each pair has a column in common."""
    shared = np.zeros(len(giver), np.bool_)
    joined = np.diff(members.indptr) > 0
    pairs = np.flatnonzero(joined[giver] & joined[taker])
    for first in range(0, len(pairs), _PAIRS_AT_ONCE):
        rows = pairs[first : first + _PAIRS_AT_ONCE]
        both = members[giver[rows]].multiply(members[taker[rows]])
        shared[rows] = np.diff(sparse.csr_array(both).indptr) > 0
    return shared
