"""How good an offer's support counts as: dated evidence of others, and the giver's own claim.

The mean of what is said, each by its kind's weight and by how long ago it was said. The giver's own
claim is part of it with a small weight that does not fade, so that an offer of which little is
known counts as little more than claimed. `docs/points.md` tells people.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from math import floor
from typing import Final

from models.vocabulary import EvidenceKind
from solver.pairing.weights import Weights

NOTHING_CLAIMED: Final = 1
"""What an offer counts as that its giver claims nothing of: leaving it blank must not pay."""
DAYS_OF_A_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True)
class Said:
    """How good support is, 1 to 5, as somebody said on a day."""

    kind: EvidenceKind
    strength: int
    on_day: date


@dataclass(frozen=True, slots=True)
class Quality:
    """What the evidence of an offer comes to.

    Attributes
    ----------
    value : float
        The mean, 1 to 5.
    step : int
        The same as points count it, 1 to 5; 0 where nobody has said anything.
    claim : int or None
        What the giver claims.
    claim_counts : int
        What that counts as.
    others
        What others say, the latest first.
    """

    value: float
    step: int
    claim: int | None
    claim_counts: int
    others: tuple[Said, ...]


def decays_on(day: date) -> date:
    """Return the day up to which age counts: so evidence fades by months, and not each night."""
    return day.replace(day=1)


def weight_of(said: Said, day: date, weights: Weights) -> float:
    """Return what something that was said weighs when planned from `day`."""
    years = max(0, (decays_on(day) - said.on_day).days) / DAYS_OF_A_YEAR
    left: float = 0.5 ** (years / weights.evidence_half_life_years)
    return weights.of_evidence(said.kind) * left


def quality_of(claim: int | None, said: Iterable[Said], day: date, weights: Weights) -> Quality:
    """Return what an offer's evidence comes to when planned from `day`.

    Parameters
    ----------
    claim
        What the giver says of the offer itself; without, its latest claim among `said` counts.
    said
        Evidence that counts on that day.
    """
    latest = sorted(said, key=lambda each: (each.on_day, each.kind, each.strength), reverse=True)
    others = tuple(each for each in latest if each.kind is not EvidenceKind.CLAIM)
    if claim is None:
        claims = (each.strength for each in latest if each.kind is EvidenceKind.CLAIM)
        claim = next(claims, None)
    own = NOTHING_CLAIMED if claim is None else min(claim, weights.claim_ceiling)
    by_weight = [(float(weights.evidence_claim), own)]
    by_weight += [(weight_of(each, day, weights), each.strength) for each in others]
    whole = sum(weight for weight, _ in by_weight)
    value = sum(weight * strength for weight, strength in by_weight) / whole if whole else own
    step = 0 if claim is None and not others else min(max(floor(value + 0.5), 1), 5)
    return Quality(float(value), step, claim, own, others)
