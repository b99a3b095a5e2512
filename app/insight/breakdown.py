"""What a plan comes to by local authority, expertise and phase of the schools in need."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from app.insight.report import ReportData, ReportPairing, UnmetNeed, needs_of
from models.vocabulary import Phase


class BrokenDownBy(StrEnum):
    """What the needs of a plan are told apart by."""

    LOCAL_AUTHORITY = "local_authority"
    EXPERTISE = "expertise"
    PHASE = "phase"


@dataclass(slots=True)
class Part:
    """The needs of one local authority, expertise or phase; `key` is none where it is not known."""

    key: str | None
    needs: int = 0
    met: int = 0
    days_needed: float = 0.0
    days_planned: float = 0.0


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The parts of a plan, by each of them."""

    by: dict[BrokenDownBy, tuple[Part, ...]] = field(default_factory=dict)


def breakdown(data: ReportData) -> Breakdown:
    """Each need once in each; those with most needs first."""
    whose = {each.reference: each for each in data.participants}
    planned: defaultdict[str, float] = defaultdict(float)
    for pairing in data.pairings:
        planned[pairing.need] += pairing.days
    needs = needs_of(data)

    def parts(key_of: Callable[[ReportPairing | UnmetNeed], str | None]) -> tuple[Part, ...]:
        found: dict[str | None, Part] = {}
        for need in needs:
            key = key_of(need)
            part = found.setdefault(key, Part(key))
            part.needs += 1
            part.met += need.need in planned
            part.days_needed += need.days_needed
            part.days_planned += planned.get(need.need, 0.0)
        return tuple(sorted(found.values(), key=lambda each: (-each.needs, each.key or "")))

    return Breakdown(
        {
            BrokenDownBy.LOCAL_AUTHORITY: parts(lambda need: whose[need.taker].local_authority),
            BrokenDownBy.EXPERTISE: parts(lambda need: need.expertise),
            BrokenDownBy.PHASE: parts(lambda need: _phase(whose[need.taker].phases)),
        }
    )


def _phase(phases: Iterable[Phase]) -> str | None:
    """Of a school of several phases all of them, so that each need is told once."""
    found = [phase.value for phase in Phase if phase in set(phases)]
    return " ".join(found) or None
