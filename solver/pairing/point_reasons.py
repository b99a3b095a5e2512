"""Why candidates have their points: one sentence for each component, with its figures."""

from dataclasses import dataclass
from datetime import date
from math import isnan
from typing import Final

import numpy as np

from models.vocabulary import miles_text
from solver.arrays import IntArray
from solver.pairing.failed_support import NONE, UNDATED
from solver.pairing.geography import miles_from_metres
from solver.pairing.ladder import GIVER_IS, LADDER
from solver.pairing.pair_rule import day
from solver.pairing.points import (
    COMPONENTS,
    Component,
    PointInputs,
    Points,
    compared,
    continuity,
    failed_support_cost,
    steps_below,
)
from solver.pairing.similarity import (
    PARTS,
    PROVISIONS,
    Provision,
    SimilarityPart,
    similarity_parts,
)
from solver.pairing.weights import Weights

NO_EVIDENCE: Final = (
    "There is no evidence of the quality of this support, so it counts as 1 out of 5."
)
_QUALITY: Final = (
    NO_EVIDENCE,
    *(f"The evidence of the quality of this support is {step} out of 5." for step in range(1, 6)),
)
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


def explain_points(points: Points, candidates: IntArray) -> list[list[PointReason]]:
    """Explain the points of some candidates, each in the order of `Component`.

    Parameters
    ----------
    points
        From `score`.
    candidates
        Rows of the candidates, shape (n,).
    """
    inputs = points.inputs.only(candidates)
    sentences = {
        Component.PRIORITY: _priority(points, candidates),
        Component.QUALITY: _quality(inputs),
        Component.SIMILARITY: _similarity(inputs),
        Component.NEARNESS: _nearness(inputs),
        Component.LADDER: _ladder(inputs),
        Component.CONTINUITY: [_CONTINUITY[at] for at in continuity(inputs).tolist()],
        Component.DISADVANTAGE: _disadvantage(inputs),
        Component.FAILED_SUPPORT: _failed_support(inputs),
    }
    said = zip(*(sentences[component] for component in COMPONENTS), strict=True)
    return [
        [
            PointReason(component, worth, sentence, once=component is Component.PRIORITY and once)
            for component, worth, sentence in zip(COMPONENTS, worths, of_one, strict=True)
        ]
        for worths, once, of_one in zip(
            points.components[candidates].tolist(),
            points.once[candidates].tolist(),
            said,
            strict=True,
        )
    ]


def _priority(points: Points, candidates: IntArray) -> list[str]:
    inputs, worth = points.inputs, points.priority
    need = inputs.candidates.need[candidates]
    return [
        _priority_sentence(*figures)
        for figures in zip(
            inputs.needs.priority[need].tolist(),
            worth.points[need].tolist(),
            worth.lift[need].tolist(),
            worth.per_half_day[need].tolist(),
            np.asarray(inputs.need_half_days)[need].tolist(),
            points.once[candidates].tolist(),
            strict=True,
        )
    ]


def _priority_sentence(
    priority: int, worth: int, lift: int, per_half_day: int, half_days: int, once: bool
) -> str:
    said = f"The need has priority {priority} (1 is highest, 5 is lowest)"
    if lift:
        said += (
            f"; {lift:,} of its {worth:,} points are so that a longer but "
            "less urgent need of the same school does not come first"
        )
    if once:
        return f"{said}."
    return (
        f"{said}. Several organisations may share the need, so its {worth:,} points "
        f"count by the half-day: {per_half_day:,} for each of {half_days}."
    )


def _quality(inputs: PointInputs) -> list[str]:
    if (reasons := inputs.quality_reasons) is not None:
        return [reasons[offer] for offer in inputs.candidates.offer.tolist()]
    return [_QUALITY[at] for at in inputs.offers.quality[inputs.candidates.offer].tolist()]


def _similarity(inputs: PointInputs) -> list[str]:
    pairs = compared(inputs)
    sides = [
        np.column_stack((column[inputs.giver], column[inputs.taker])).tolist()
        for column in (
            inputs.participants.phases,
            inputs.pupils,
            inputs.disadvantage_percent,
            inputs.participants.places.urban,
            pairs.specialisms.provision,
        )
    ]
    return [
        _similarity_sentence(*figures)
        for figures in zip(
            pairs.uses.tolist(),
            similarity_parts(pairs).tolist(),
            pairs.broader.tolist(),
            *sides,
            strict=True,
        )
    ]


def _similarity_sentence(
    uses: list[bool],
    fractions: list[float],
    broader: int,
    phases: list[int],
    pupils: list[float],
    share: list[float],
    urban: list[int],
    provision: list[int],
) -> str:
    """Say what was compared; the last five are of giver and taker."""
    said, unknown = [], []
    for part, used, fraction in zip(PARTS, uses, fractions, strict=True):
        if not used:
            continue
        if isnan(fraction):
            unknown.append(_UNKNOWN[part])
            continue
        match part:
            case SimilarityPart.EXPERTISE:
                said.append(_fit(broader))
            case SimilarityPart.PHASES:
                shared, together = phases[0] & phases[1], phases[0] | phases[1]
                said.append(f"{shared.bit_count()} of {together.bit_count()} phases shared")
            case SimilarityPart.SIZE:
                said.append(f"{pupils[0]:,.0f} and {pupils[1]:,.0f} pupils")
            case SimilarityPart.DISADVANTAGE:
                said.append(f"{share[0]:.1f}% and {share[1]:.1f}% of pupils disadvantaged")
            case SimilarityPart.SURROUNDINGS:
                same = "both urban" if urban[0] else "both rural"
                said.append(same if urban[0] == urban[1] else "one urban, one rural")
            case SimilarityPart.NEED_TYPES:
                said.append(f"{fraction:.0%} of the types of special educational need served")
            case SimilarityPart.PROVISION:
                said.append(_PROVISION[PROVISIONS[provision[0]]])
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


def _fit(broader: int) -> str:
    if broader == 0:
        return "the expertise asked for"
    levels = "one level" if abs(broader) == 1 else f"{abs(broader)} levels"
    return f"expertise {levels} {'broader' if broader > 0 else 'narrower'} than asked for"


def _nearness(inputs: PointInputs) -> list[str]:
    candidates = inputs.candidates
    return [
        "Support is remote, so there is no journey."
        if remote
        else f"They are {miles_text(miles)} apart{f' {by}' if by else ''}"
        + ("." if isnan(minutes) else f", about {minutes:.0f} minutes one way.")
        for remote, miles, by, minutes in zip(
            candidates.remote.tolist(),
            miles_from_metres(candidates.distance_m).tolist(),
            candidates.by.tolist(),
            candidates.minutes.tolist(),
            strict=True,
        )
    ]


def _ladder(inputs: PointInputs) -> list[str]:
    need, step = inputs.candidates.need, inputs.candidates.ladder
    tried, below = np.asarray(inputs.tried), steps_below(inputs)
    only_tried = (np.cumsum(tried, axis=1) - tried)[need, step]
    return [
        _ladder_sentence(*figures)
        for figures in zip(
            step.tolist(),
            tried[need, step].tolist(),
            below[need, step].tolist(),
            only_tried.tolist(),
            strict=True,
        )
    ]


def _ladder_sentence(step: int, tried: bool, below: int, below_tried: int) -> str:
    where = f"The supporting organisation {GIVER_IS[LADDER[step]]}"
    if tried:
        return f"{where}, where support has been tried without success, so this earns no points."
    said = [f"{where}."]
    if below_tried:
        said.append(f"Support from {_nearer(below_tried)} has been tried without success.")
    if looked := below - below_tried:
        said.append(f"The school has looked on {_nearer(looked)} and found none.")
    return " ".join(said)


def _nearer(steps: int) -> str:
    return "1 nearer step" if steps == 1 else f"{steps} nearer steps"


def _disadvantage(inputs: PointInputs) -> list[str]:
    return [
        "The share of disadvantaged pupils is not known, so it counts as half."
        if isnan(share)
        else f"{share:.1f}% of the pupils receiving support are disadvantaged."
        for share in inputs.disadvantage_percent[inputs.taker].tolist()
    ]


def _failed_support(inputs: PointInputs) -> list[str]:
    ended = inputs.failed.latest(inputs.giver, inputs.taker)
    return [
        _failed_support_sentence(inputs.weights, *figures)
        for figures in zip(ended.tolist(), failed_support_cost(inputs).tolist(), strict=True)
    ]


def _failed_support_sentence(weights: Weights, ended: int, cost: int) -> str:
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
        f"{cost:,}."
    )
