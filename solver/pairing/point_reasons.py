"""Why a candidate has its points: one sentence for each component, with its figures."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from models.vocabulary import Ladder
from solver.pairing.failed_support import NONE, UNDATED
from solver.pairing.geography import miles_from_metres
from solver.pairing.ladder import LADDER
from solver.pairing.pair_rule import day
from solver.pairing.points import (
    COMPONENTS,
    Component,
    PointInputs,
    Points,
    compared,
    continuity,
    failed_support_cost,
)
from solver.pairing.similarity import (
    PARTS,
    PROVISIONS,
    Provision,
    SimilarityPart,
    similarity_parts,
)

_STEPS: Final = {
    Ladder.OWN_GROUP: "is in the same trust or federation",
    Ladder.OWN_NETWORK: "is in the same network",
    Ladder.LOCAL_AREA: "is in the same local authority",
    Ladder.REGION: "is in the same region",
    Ladder.DESIGNATED: "is elsewhere, and nationally designated",
    Ladder.ELSEWHERE: "is elsewhere",
}
_CONTINUITY: Final = (
    "No earlier support between the two is recorded.",
    "Earlier support between the two did not work.",
    "Earlier support between the two partly worked.",
    "Earlier support between the two worked.",
    "The two work together now, or are paired in the current plan.",
)


@dataclass(frozen=True, slots=True)
class PointReason:
    """One component of one candidate's points; `once` for the need, or per half-day."""

    component: Component
    points: int
    sentence: str
    once: bool = False


def explain_points(points: Points, candidate: int) -> list[PointReason]:
    """Explain one candidate's points, in the order of `Component`.

    Parameters
    ----------
    points
        From `score`.
    candidate
        Row of the candidate.
    """
    # Alone, or the columns of all candidates would be made anew for every one of them.
    inputs, k = points.inputs.only(candidate), 0
    sentences = {
        Component.PRIORITY: _priority(points, candidate),
        Component.QUALITY: _quality(inputs, k),
        Component.SIMILARITY: _similarity(inputs, k),
        Component.NEARNESS: _nearness(inputs, k),
        Component.LADDER: _ladder(inputs, k),
        Component.CONTINUITY: _CONTINUITY[int(continuity(inputs)[0])],
        Component.DISADVANTAGE: _disadvantage(inputs, k),
        Component.FAILED_SUPPORT: _failed_support(inputs, k),
    }
    return [
        PointReason(
            component,
            int(points.components[candidate, column]),
            sentences[component],
            once=component is Component.PRIORITY and bool(points.once[candidate]),
        )
        for column, component in enumerate(COMPONENTS)
    ]


def _priority(points: Points, candidate: int) -> str:
    inputs, worth = points.inputs, points.priority
    need = int(inputs.candidates.need[candidate])
    said = f"The need has priority {inputs.needs.priority[need]} (1 is highest, 5 is lowest)"
    if worth.lift[need]:
        said += (
            f"; {worth.lift[need]:,} of its {worth.points[need]:,} points are so that a longer but "
            "less urgent need of the same school does not come first"
        )
    if points.once[candidate]:
        return f"{said}."
    return (
        f"{said}. Several organisations may share the need, so its {worth.points[need]:,} points "
        f"count by the half-day: {worth.per_half_day[need]:,} for each of "
        f"{np.asarray(inputs.need_half_days)[need]}."
    )


def _quality(inputs: PointInputs, k: int) -> str:
    quality = int(inputs.offers.quality[inputs.candidates.offer[k]])
    if quality == 0:
        return "There is no evidence of the quality of this support, so it counts as 1 out of 5."
    return f"The evidence of the quality of this support is {quality} out of 5."


def _similarity(inputs: PointInputs, k: int) -> str:
    pairs = compared(inputs)
    fractions = similarity_parts(pairs)[k]
    used = [part for part, uses in zip(PARTS, pairs.uses[k].tolist(), strict=True) if uses]
    unknown = [_UNKNOWN[part] for part in used if np.isnan(fractions[PARTS.index(part)])]
    said = [
        _compared(part, inputs, k, float(fractions[PARTS.index(part)]))
        for part in used
        if not np.isnan(fractions[PARTS.index(part)])
    ]
    sentence = f"The two compared: {', '.join(said)}" if said else "Nothing could be compared"
    if unknown:
        sentence += f"; not known for one of them, so counted as half: {', '.join(unknown)}"
    return f"{sentence}."


_UNKNOWN: Final = {
    SimilarityPart.EXPERTISE: "expertise",
    SimilarityPart.PHASES: "phase",
    SimilarityPart.SIZE: "size",
    SimilarityPart.DISADVANTAGE: "disadvantage",
    SimilarityPart.SURROUNDINGS: "surroundings",
    SimilarityPart.NEED_TYPES: "types of special educational need served",
    SimilarityPart.PROVISION: "kind of provision",
}
_PROVISION: Final = {
    Provision.UNKNOWN: "support from provision of an unknown kind",
    Provision.MAINSTREAM: "support from a mainstream school",
    Provision.UNIT: "support from a school with resourced provision or an SEN unit",
    Provision.SPECIAL: "support from a special school",
    Provision.ALTERNATIVE: "support from alternative provision",
}


def _compared(part: SimilarityPart, inputs: PointInputs, k: int, fraction: float) -> str:
    """Say what one part compared, where both sides are known."""
    giver, taker = int(inputs.giver[k]), int(inputs.taker[k])
    ours, theirs = (int(inputs.participants.phases[row]) for row in (giver, taker))
    pupils = inputs.pupils[[giver, taker]]
    share = inputs.disadvantage_percent[[giver, taker]]
    urban = inputs.participants.places.urban[[giver, taker]]
    assert inputs.specialisms is not None
    kind = PROVISIONS[inputs.specialisms.provision[giver]]
    match part:
        case SimilarityPart.EXPERTISE:
            return _fit(int(inputs.candidates.broader[k]))
        case SimilarityPart.PHASES:
            return f"{(ours & theirs).bit_count()} of {(ours | theirs).bit_count()} phases shared"
        case SimilarityPart.SIZE:
            return f"{pupils[0]:,.0f} and {pupils[1]:,.0f} pupils"
        case SimilarityPart.DISADVANTAGE:
            return f"{share[0]:.1f}% and {share[1]:.1f}% of pupils disadvantaged"
        case SimilarityPart.SURROUNDINGS:
            same = "both urban" if urban[0] else "both rural"
            return same if urban[0] == urban[1] else "one urban, one rural"
        case SimilarityPart.NEED_TYPES:
            return f"{fraction:.0%} of the types of special educational need served"
        case SimilarityPart.PROVISION:
            return _PROVISION[kind]


def _fit(broader: int) -> str:
    if broader == 0:
        return "the expertise asked for"
    levels = "one level" if abs(broader) == 1 else f"{abs(broader)} levels"
    return f"expertise {levels} {'broader' if broader > 0 else 'narrower'} than asked for"


def _nearness(inputs: PointInputs, k: int) -> str:
    candidates = inputs.candidates
    if candidates.remote[k]:
        return "Support is remote, so there is no journey."
    miles = f"They are {float(miles_from_metres(candidates.distance_m[k])):,.1f} miles apart"
    if np.isnan(candidates.minutes[k]):
        return f"{miles}."
    return f"{miles}, about {candidates.minutes[k]:.0f} minutes one way."


def _ladder(inputs: PointInputs, k: int) -> str:
    step = int(inputs.candidates.ladder[k])
    tried = np.asarray(inputs.tried)[inputs.candidates.need[k]]
    where = f"The supporting organisation {_STEPS[LADDER[step]]}"
    if tried[step]:
        return f"{where}, where support has been tried without success, so this earns no points."
    below = int(tried[:step].sum())
    if below:
        steps = "1 nearer step" if below == 1 else f"{below} nearer steps"
        return f"{where}. Support from {steps} has been tried without success."
    return f"{where}."


def _disadvantage(inputs: PointInputs, k: int) -> str:
    share = float(inputs.disadvantage_percent[inputs.taker[k]])
    if np.isnan(share):
        return "The share of disadvantaged pupils is not known, so it counts as half."
    return f"{share:.1f}% of the pupils receiving support are disadvantaged."


def _failed_support(inputs: PointInputs, k: int) -> str:
    weights = inputs.weights
    ended = int(inputs.failed.latest(inputs.giver, inputs.taker)[k])
    if ended == NONE:
        return "No earlier support between the two that did not work is recorded."
    fades = weights.failed_support_fades_years
    over = "1 year" if fades == 1 else f"{fades} years"
    if ended == UNDATED:
        return (
            "Earlier support between the two did not work. No end date is recorded, so it costs "
            f"half of {weights.failed_support:,} points."
        )
    return (
        f"Support between the two that ended on {day(date.fromordinal(ended).isoformat())} did not "
        f"work. It costs {weights.failed_support:,} points at its end, fading over {over}: now "
        f"{failed_support_cost(inputs)[k]:,}."
    )
