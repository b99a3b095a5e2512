"""How alike two participants are, told by what matters for the expertise of the need.

Between mainstream schools context makes support fit: phase, size, disadvantage, surroundings. What
a special school or alternative provision knows does not depend on being like the school that it
helps: there the kinds of need served, the kind of provision and the ages count.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from solver.arrays import BoolArray, CodeArray, FloatArray, IntArray
from solver.pairing.columns import ParticipantColumns

BROADER_FIT: Final = 0.8
"""What an offer one level broader than the need is worth beside one of the same entry."""
NARROWER_FIT: Final = 0.6
"""The same for an offer one level narrower: it covers a part of the need."""
DISADVANTAGE_APART: Final = 50.0
"""Percentage points of disadvantaged pupils at which two schools are not alike at all."""


class SimilarityPart(StrEnum):
    """What may be compared; columns of `similarity_parts` in this order."""

    EXPERTISE = "expertise"
    PHASES = "phases"
    SIZE = "size"
    DISADVANTAGE = "disadvantage"
    SURROUNDINGS = "surroundings"
    NEED_TYPES = "need_types"
    PROVISION = "provision"


PARTS: Final = tuple(SimilarityPart)
CONTEXT: Final = PARTS[:5]


class Provision(StrEnum):
    """What sort of provision a participant is, from the register."""

    UNKNOWN = "unknown"
    MAINSTREAM = "mainstream"
    UNIT = "unit"
    SPECIAL = "special"
    ALTERNATIVE = "alternative"


PROVISIONS: Final = tuple(Provision)
_PROVISION_FIT: Final = {
    Provision.UNKNOWN: (np.nan, np.nan, np.nan, np.nan, np.nan),
    Provision.SPECIAL: (np.nan, 0.5, 0.75, 1.0, 0.75),
    Provision.ALTERNATIVE: (np.nan, 0.5, 0.5, 0.75, 1.0),
}
"""By what an expertise asks for: what each sort of provision, in order, is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Specialisms:
    """What each expertise is told by, and what each participant is.

    Attributes
    ----------
    uses : bool[E, 7]
        Parts that similarity is told by, columns in the order of `SimilarityPart`.
    asked_types : int64[E]
        One bit per type of special need that it is about; 0: none in particular.
    asked_provision : int8[E]
        Position in `Provision` of who knows most of it: special, alternative, or unknown for none.
    types : int64[P]
        One bit per type of special need that each participant serves; 0: not known.
    provision : int8[P]
        Position in `Provision`.
    """

    uses: BoolArray
    asked_types: IntArray
    asked_provision: CodeArray
    types: IntArray
    provision: CodeArray

    @classmethod
    def none(cls, entries: int, people: int) -> "Specialisms":
        """By context throughout, with nothing known of anybody."""
        uses = np.zeros((entries, len(PARTS)), np.bool_)
        uses[:, : len(CONTEXT)] = True
        return cls(
            uses,
            np.zeros(entries, np.int64),
            np.zeros(entries, np.int8),
            np.zeros(people, np.int64),
            np.zeros(people, np.int8),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Pairs to compare.

    Attributes
    ----------
    people
        The participants.
    giver, taker, entry, broader : int64[K]; int8[K] of `broader`
        Of each pair: participants, the need's expertise, and levels that the offer is broader.
    pupils, disadvantage_percent : float64[P]
        NaN where not known.
    specialisms
        What is compared for which expertise.
    """

    people: ParticipantColumns
    giver: IntArray
    taker: IntArray
    entry: IntArray
    broader: CodeArray
    pupils: FloatArray
    disadvantage_percent: FloatArray
    specialisms: Specialisms
    uses: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "uses", self.specialisms.uses[self.entry])


def similarity_parts(pairs: Compared) -> FloatArray:
    """How alike giver and taker are, and how well the expertise fits.

    Returns
    -------
    float64[K, 7]
        Fractions for expertise, phases (shared of all), size (smaller by larger roll),
        disadvantage (1 where equal, 0 where `DISADVANTAGE_APART`), urban or rural (1 the same),
        types of need served (1 if the giver serves one that is asked for; where none is in
        particular, how many of the taker's), and kind of provision; NaN where not known.
    """
    people, giver, taker = pairs.people, pairs.giver, pairs.taker
    parts = np.full((len(giver), len(PARTS)), np.nan)
    broader = pairs.broader.astype(np.float64)
    parts[:, 0] = np.where(broader >= 0, BROADER_FIT**broader, NARROWER_FIT ** np.abs(broader))
    ours, theirs = people.phases[giver], people.phases[taker]
    known = (ours != 0) & (theirs != 0)
    shared, all_phases = np.bitwise_count(ours & theirs), np.bitwise_count(ours | theirs)
    parts[known, 1] = shared[known] / all_phases[known]
    pupils = np.stack((pairs.pupils[giver], pairs.pupils[taker]))
    known = (pupils > 0).all(axis=0)
    parts[known, 2] = pupils.min(axis=0)[known] / pupils.max(axis=0)[known]
    apart = np.abs(pairs.disadvantage_percent[giver] - pairs.disadvantage_percent[taker])
    parts[:, 3] = 1 - np.minimum(apart / DISADVANTAGE_APART, 1)
    urban = people.places.urban
    known = (urban[giver] >= 0) & (urban[taker] >= 0)
    parts[known, 4] = urban[giver[known]] == urban[taker[known]]
    special = pairs.specialisms
    served, asked = special.types[giver], special.asked_types[pairs.entry]
    known = (served != 0) & (asked != 0)
    parts[known, 5] = (served & asked)[known] != 0
    needed = special.types[taker]
    known = (served != 0) & (asked == 0) & (needed != 0)
    both = np.bitwise_count(served & needed) / np.maximum(np.bitwise_count(needed), 1)
    parts[known, 5] = both[known]
    fit = np.full((len(PROVISIONS), len(PROVISIONS)), np.nan)
    for asked_for, worth in _PROVISION_FIT.items():
        fit[PROVISIONS.index(asked_for)] = worth
    parts[:, 6] = fit[special.asked_provision[pairs.entry], special.provision[giver]]
    return parts


def similarity(pairs: Compared, unknown: float) -> FloatArray:
    """Mean of the parts that each need's expertise is told by, float64[K]; `unknown` for NaN."""
    parts = similarity_parts(pairs)
    filled = np.where(np.isnan(parts), unknown, parts)
    return np.asarray((filled * pairs.uses).sum(axis=1) / pairs.uses.sum(axis=1))
