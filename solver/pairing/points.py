"""What a candidate is worth: named components, each of whole points.

Priority counts once for the need (see `priority`), every other component per half-day: a fraction
from 0 to 1 of its weight, rounded. Support that did not work costs. A figure that is missing is
never 0: it counts as `NEUTRAL`, halfway, so that no school gains or loses by a gap in the data.
`docs/points.md` tells people.
"""

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.vocabulary import METRES_PER_MILE, SupportResult
from solver.arrays import BoolArray, CodeArray, FloatArray, IntArray
from solver.pairing.candidates import CandidatePairs
from solver.pairing.columns import (
    NeedColumns,
    OfferColumns,
    Pairs,
    ParticipantColumns,
    check_indices,
    holds,
)
from solver.pairing.failed_support import FailedSupport
from solver.pairing.ladder import LADDER
from solver.pairing.priority import NeedPriority, need_priority
from solver.pairing.similarity import Compared, Specialisms, similarity
from solver.pairing.weights import Weights

NEUTRAL: Final = 0.5
_RESULTS: Final = tuple(SupportResult)


class Component(StrEnum):
    """The parts of a candidate's points; columns of `Points.components` in this order."""

    PRIORITY = "priority"
    QUALITY = "quality"
    SIMILARITY = "similarity"
    NEARNESS = "nearness"
    LADDER = "ladder"
    CONTINUITY = "continuity"
    DISADVANTAGE = "disadvantage"
    FAILED_SUPPORT = "failed_support"


COMPONENTS: Final = tuple(Component)


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Support that ended.

    Attributes
    ----------
    giver, taker : int64[n]
        Rows of participants.
    result : int8[n]
        `encode(SupportResult, ...)`.
    """

    giver: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    taker: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    result: CodeArray = field(default_factory=lambda: np.empty(0, np.int8))

    def __post_init__(self) -> None:
        for name, dtype in (("giver", np.int64), ("taker", np.int64), ("result", np.int8)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))
        if not len(self.giver) == len(self.taker) == len(self.result):
            raise ValueError(
                f"Past has {len(self.giver)} givers, {len(self.taker)} takers and "
                f"{len(self.result)} results; give one of each per row"
            )


@dataclass(frozen=True, slots=True, eq=False)
class PointInputs:
    """What points are made from.

    Attributes
    ----------
    candidates, participants, needs, offers
        As in `find_candidates`.
    need_half_days, need_givers : int64[N]
        Most half-days that each need asks for, and most givers at once (0: any number); by
        default its fewest useful half-days, of one giver.
    pupils, disadvantage_percent : float64[P]
        NaN where not known or suppressed.
    current : Pairs
        OfferColumns and needs paired in the plan in force.
    running : Pairs
        Givers and takers (participants) who work together now.
    past : Past
        Support that ended.
    failed
        Support that did not work, by when it ended.
    tried : bool[N, 6]
        Steps of the ladder from which support for the need was tried without success.
    looked : bool[N, 6]
        Steps of the ladder on which the school of the need looked for support and found none.
    specialisms
        What similarity is told by for each expertise; by default context throughout.
    weights : Weights
    quality_reasons
        A sentence for each offer that says where its quality comes from; by default none does.
    """

    candidates: CandidatePairs
    participants: ParticipantColumns
    needs: NeedColumns
    offers: OfferColumns
    pupils: FloatArray
    disadvantage_percent: FloatArray
    current: Pairs = field(default_factory=Pairs)
    running: Pairs = field(default_factory=Pairs)
    past: Past = field(default_factory=Past)
    failed: FailedSupport = field(default_factory=FailedSupport)
    tried: BoolArray | None = None
    looked: BoolArray | None = None
    need_half_days: IntArray | None = None
    need_givers: IntArray | None = None
    specialisms: Specialisms | None = None
    weights: Weights = field(default_factory=Weights)
    quality_reasons: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        people, needs = len(self.participants.places.id), len(self.needs.participant)
        no_steps = np.zeros((needs, len(LADDER)), np.bool_)
        tried = no_steps if self.tried is None else self.tried
        looked = no_steps if self.looked is None else self.looked
        days = self.needs.half_days_min if self.need_half_days is None else self.need_half_days
        givers = np.ones(needs) if self.need_givers is None else self.need_givers
        for name, values, shape in (
            ("need_half_days", np.asarray(days, np.int64), (needs,)),
            ("need_givers", np.asarray(givers, np.int64), (needs,)),
            ("pupils", np.asarray(self.pupils, np.float64), (people,)),
            ("disadvantage_percent", np.asarray(self.disadvantage_percent, np.float64), (people,)),
            ("tried", np.asarray(tried, np.bool_), (needs, len(LADDER))),
            ("looked", np.asarray(looked, np.bool_), (needs, len(LADDER))),
        ):
            if values.shape != shape:
                raise ValueError(f"PointInputs.{name} has shape {values.shape}; give {shape}")
            object.__setattr__(self, name, values)
        if self.specialisms is None:
            entries = int(self.needs.expertise.max(initial=-1)) + 1
            object.__setattr__(self, "specialisms", Specialisms.none(entries, people))
        offers = len(self.offers.participant)
        if self.quality_reasons is not None and len(self.quality_reasons) != offers:
            raise ValueError(
                f"PointInputs.quality_reasons has {len(self.quality_reasons)} sentences; give one "
                f"for each of {offers} offers"
            )
        check_indices("PointInputs.running.giving", self.running.giving, people)
        check_indices("PointInputs.running.taking", self.running.taking, people)
        check_indices("PointInputs.past.giver", self.past.giver, people)
        check_indices("PointInputs.past.taker", self.past.taker, people)
        check_indices("PointInputs.current.giving", self.current.giving, offers)
        check_indices("PointInputs.current.taking", self.current.taking, needs)

    def only(self, candidates: IntArray) -> "PointInputs":
        """Return the inputs of some candidates alone."""
        columns = {
            column.name: getattr(self.candidates, column.name)[candidates]
            for column in fields(CandidatePairs)
        }
        return replace(self, candidates=CandidatePairs(**columns))

    @property
    def giver(self) -> IntArray:
        """Participant who gives, of each candidate."""
        return self.offers.participant[self.candidates.offer]

    @property
    def taker(self) -> IntArray:
        """Participant who takes, of each candidate."""
        return self.needs.participant[self.candidates.need]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of every candidate.

    Attributes
    ----------
    components : int32[K, 8]
        Points, columns in the order of `Component`. Priority's are for the pairing as such where
        `once`; all others are per half-day.
    once : bool[K]
        Whether one pairing alone meets the need, so that it earns the need's priority whole.
    priority : NeedPriority
        What each need's priority is worth.
    inputs : PointInputs
        What they were made from, to explain them.
    """

    components: NDArray[np.int32]
    once: BoolArray
    priority: NeedPriority
    inputs: PointInputs

    @property
    def total(self) -> IntArray:
        """Points per half-day, int64[K]."""
        return np.asarray(self.components.sum(axis=1, dtype=np.int64)) - self.bonus

    @property
    def bonus(self) -> IntArray:
        """Points for the pairing as such, int64[K]."""
        column = self.components[:, COMPONENTS.index(Component.PRIORITY)].astype(np.int64)
        return np.where(self.once, column, 0)


def score(inputs: PointInputs) -> Points:
    """Give every candidate its points, by component."""
    weights = inputs.weights
    fractions = {
        # No evidence given is a claim, the lowest step: leaving it blank must not pay.
        Component.QUALITY: np.maximum(inputs.offers.quality[inputs.candidates.offer], 1) / 5,
        Component.SIMILARITY: similarity(compared(inputs), NEUTRAL),
        Component.NEARNESS: _nearness(inputs),
        Component.LADDER: _ladder(inputs),
        Component.CONTINUITY: _CONTINUITY_FRACTION[continuity(inputs)],
        Component.DISADVANTAGE: _filled(
            np.minimum(
                inputs.disadvantage_percent[inputs.taker] / weights.full_disadvantage_percent, 1
            )
        ),
    }
    components = np.zeros((len(inputs.candidates), len(COMPONENTS)), np.int32)
    for component, fraction in fractions.items():
        components[:, COMPONENTS.index(component)] = np.rint(getattr(weights, component) * fraction)
    components[:, COMPONENTS.index(Component.FAILED_SUPPORT)] = -np.minimum(
        failed_support_cost(inputs), components.sum(axis=1)
    )
    priority = _priority(inputs, np.asarray(components.sum(axis=1, dtype=np.int64)))
    need = inputs.candidates.need
    once = np.logical_not(priority.shared[need])
    components[:, COMPONENTS.index(Component.PRIORITY)] = np.where(
        once, priority.points[need], priority.per_half_day[need]
    )
    return Points(components, once, priority, inputs)


def failed_support_cost(inputs: PointInputs) -> IntArray:
    """Points per half-day that earlier support of each pair costs as it did not work, int64[K]."""
    weights = inputs.weights
    ended = inputs.failed.latest(inputs.giver, inputs.taker)
    left = inputs.failed.part_left(ended, weights.failed_support_fades_years)
    return np.rint(weights.failed_support * left).astype(np.int64)


def _priority(inputs: PointInputs, per_half_day: IntArray) -> NeedPriority:
    needs, offer, need = inputs.needs, inputs.candidates.offer, inputs.candidates.need
    asked, givers = np.asarray(inputs.need_half_days), np.asarray(inputs.need_givers)
    on_offer = np.minimum(
        inputs.offers.half_days[offer], inputs.participants.give_limit[inputs.giver]
    )
    return need_priority(
        inputs.weights,
        needs.priority,
        needs.participant,
        asked,
        (givers != 1) & (asked >= 2 * needs.half_days_min),
        need,
        np.minimum(asked[need], on_offer),
        per_half_day,
    )


def _filled(fractions: FloatArray) -> FloatArray:
    return np.where(np.isnan(fractions), NEUTRAL, fractions)


def compared(inputs: PointInputs) -> Compared:
    """Return each candidate's two sides as similarity compares them."""
    assert inputs.specialisms is not None
    return Compared(
        inputs.participants,
        inputs.giver,
        inputs.taker,
        inputs.needs.expertise[inputs.candidates.need],
        inputs.candidates.broader,
        inputs.pupils,
        inputs.disadvantage_percent,
        inputs.specialisms,
    )


def _nearness(inputs: PointInputs) -> FloatArray:
    ends_m = inputs.weights.nearness_ends_miles * METRES_PER_MILE
    near = 1 - np.minimum(inputs.candidates.distance_m / ends_m, 1)
    return np.where(inputs.candidates.remote, inputs.weights.remote_nearness_percent / 100, near)


def _ladder(inputs: PointInputs) -> FloatArray:
    """Fraction of the step, steps moving down by one for each below them that came to nothing.

    So support from outside is worth what the nearest would have been where all nearer steps
    were tried without success or looked at in vain. A step that was tried earns nothing; one that
    was looked at in vain earns as ever, as somebody has come to be found there after all.
    """
    need, step = inputs.candidates.need, inputs.candidates.ladder
    last = len(LADDER) - 1
    fraction = (last - (step - steps_below(inputs)[need, step])) / last
    return np.where(np.asarray(inputs.tried)[need, step], 0.0, fraction)


def steps_below(inputs: PointInputs) -> IntArray:
    """How many steps below each were tried without success or looked at in vain, int64[N, 6]."""
    done = np.asarray(inputs.tried) | np.asarray(inputs.looked)
    return np.asarray(np.cumsum(done, axis=1) - done, np.int64)


_RESULTS_BY_LEVEL: Final = (
    SupportResult.NOT_KNOWN,
    SupportResult.DID_NOT_WORK,
    SupportResult.PARTLY,
    SupportResult.WORKED,
)
_CONTINUITY_FRACTION: Final = np.array([0.0, 0.0, 0.4, 0.8, 1.0])


def continuity(inputs: PointInputs) -> IntArray:
    """How giver and taker know each other: the best of what is recorded.

    Returns
    -------
    int64[K]
        0 no record, 1 earlier support did not work, 2 worked in part, 3 worked, 4 they work
        together now or are paired in the plan in force.
    """
    people, needs = len(inputs.participants.places.id), len(inputs.needs.participant)
    known = np.zeros(len(inputs.candidates), np.int64)
    between = inputs.giver * people + inputs.taker
    past = np.asarray(inputs.past.giver) * people + np.asarray(inputs.past.taker)
    for level, result in enumerate(_RESULTS_BY_LEVEL):
        with_result = past[np.asarray(inputs.past.result) == _RESULTS.index(result)]
        known[holds(np.unique(with_result), between)] = level
    running = np.unique(inputs.running.giving * people + inputs.running.taking)
    known[holds(running, between)] = 4
    pairs = inputs.candidates.offer * needs + inputs.candidates.need
    current = np.unique(inputs.current.giving * needs + inputs.current.taking)
    known[holds(current, pairs)] = 4
    return known
