"""The weights of points: what each part of a candidate's points can earn, and what earns it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any, Final

from models.vocabulary import EvidenceKind

WEIGHTS_FORMAT: Final = "givetake-weights/1"
PRIORITIES: Final = (1, 2, 3, 4, 5)
"""Of needs, the highest first."""
HALF_DAYS_OF_ANOLD_PRIORITY: Final = 5
"""Weights stored before had priority per half-day; read as the points of a need this long."""
_MOST: Final = 1_000_000
_MOST_ONCE: Final = HALF_DAYS_OF_ANOLD_PRIORITY * _MOST
OLD_PRIORITY: Final = "priority"
"""The name of the weight of priority while it counted per half-day."""
_STEPS: Final = dict(zip(PRIORITIES, reversed(PRIORITIES), strict=True))
_RANGES: Final = {
    "failed_support_fades_years": (1, 100),
    "nearness_ends_miles": (1, _MOST),
    "remote_nearness_percent": (0, 100),
    "full_disadvantage_percent": (1, 100),
    "claim_ceiling": (1, 5),
    "evidence_half_life_years": (1, 100),
    **{f"evidence_{kind}": (0, 1_000) for kind in EvidenceKind},
    **{f"priority_{priority}": (0, _MOST_ONCE) for priority in PRIORITIES},
}


@dataclass(frozen=True, slots=True)
class Weights:
    """Most points that each component can earn, and what earns them.

    Attributes
    ----------
    priority_1, priority_2, priority_3, priority_4, priority_5 : int
        Points for meeting a need of that priority, once, whatever its days; 0 to 5,000,000, and
        none more than the one before it.
    quality, similarity, nearness, ladder, continuity, disadvantage : int
        Points per half-day, 0 to 1,000,000.
    failed_support : int
        Points per half-day that support between the two which did not work costs when it ends, 0
        to 1,000,000. Other points of the half-day can be used up, and never become negative.
    failed_support_fades_years : int
        Years after its end, 1 to 100, over which this cost fades evenly to nothing.
    nearness_ends_miles : int
        Geodesic miles at and beyond which nearness earns nothing.
    remote_nearness_percent : int
        Percent of the weight of nearness that remote support earns.
    full_disadvantage_percent : int
        Percent of disadvantaged pupils at and above which disadvantage earns its full weight.
    claim_ceiling : int
        The most, 1 to 5, that a supporting organisation's own claim of quality counts as.
    evidence_half_life_years : int
        Years, 1 to 100, after which evidence of quality weighs half as much.
    evidence_claim, evidence_outcome, evidence_monitor, evidence_accreditation, evidence_peer_visit
        What fresh evidence of each kind weighs beside that of the others, 0 to 1,000.
    """

    priority_1: int = 6000
    priority_2: int = 4000
    priority_3: int = 2500
    priority_4: int = 1300
    priority_5: int = 500
    quality: int = 150
    similarity: int = 100
    nearness: int = 150
    ladder: int = 100
    continuity: int = 100
    disadvantage: int = 150
    failed_support: int = 300
    failed_support_fades_years: int = 3
    nearness_ends_miles: int = 60
    remote_nearness_percent: int = 25
    full_disadvantage_percent: int = 50
    claim_ceiling: int = 3
    evidence_half_life_years: int = 2
    evidence_claim: int = 40
    evidence_outcome: int = 100
    evidence_monitor: int = 60
    evidence_accreditation: int = 80
    evidence_peer_visit: int = 60

    def __post_init__(self) -> None:
        for column in fields(self):
            value = getattr(self, column.name)
            least, most = _RANGES.get(column.name, (0, _MOST))
            if type(value) is not int or not least <= value <= most:
                raise ValueError(
                    f"weight {column.name} is {value!r}; give a whole number in {least} .. {most}"
                )
        for higher, lower in pairwise(PRIORITIES):
            more, less = (getattr(self, f"priority_{each}") for each in (higher, lower))
            if more < less:
                raise ValueError(
                    f"weight priority_{higher} is {more}, less than the {less} of "
                    f"priority_{lower}; give priority_{higher} at least as much"
                )

    @property
    def by_priority(self) -> tuple[int, ...]:
        """Points of a need of each priority, the highest first."""
        return tuple(getattr(self, f"priority_{priority}") for priority in PRIORITIES)

    def of_evidence(self, kind: EvidenceKind) -> int:
        """Return what fresh evidence of a kind weighs."""
        weight: int = getattr(self, f"evidence_{kind}")
        return weight

    @classmethod
    def of(cls, given: Mapping[str, int]) -> "Weights":
        """Read weights by name; those left out keep their defaults.

        `priority` alone is how they were given when priority counted per half-day: the most that
        priority 1 earned then. It becomes what a need of two and a half days earned with it.

        Raises
        ------
        ValueError
            On an unknown name, a value out of range, or `priority` beside what replaced it.
        """
        named = dict(given)
        if (old := named.pop(OLD_PRIORITY, None)) is not None:
            if both := sorted(set(named) & {f"priority_{each}" for each in PRIORITIES}):
                raise ValueError(f"weight priority was replaced by {both[0]}; give one of them")
            if type(old) is not int or not 0 <= old <= _MOST:
                raise ValueError(f"weight priority is {old!r}; give a whole number in 0 .. {_MOST}")
            # Priority 5 earned a fifth of what priority 1 did, so a step is a fifth of the whole.
            step = old * HALF_DAYS_OF_ANOLD_PRIORITY // len(PRIORITIES)
            named |= {f"priority_{each}": step * steps for each, steps in _STEPS.items()}
        if unknown := sorted(set(named) - set(weight_names())):
            names = ", ".join(weight_names())
            raise ValueError(f"weight {unknown[0]!r} is not known; use {names}")
        return cls(**named)

    def to_json(self) -> dict[str, Any]:
        """Return the weights as a JSON object with its format."""
        return {"format": WEIGHTS_FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Weights":
        """Read what `to_json` writes, now or before; weights left out keep their defaults.

        Raises
        ------
        ValueError
            On another format, an unknown name or a value out of range.
        """
        if data.get("format") != WEIGHTS_FORMAT:
            raise ValueError(f"format is {data.get('format')!r}; give {WEIGHTS_FORMAT!r}")
        return cls.of({name: value for name, value in data.items() if name != "format"})


def weight_names() -> list[str]:
    """Names that weights have, in order."""
    return sorted(column.name for column in fields(Weights))
