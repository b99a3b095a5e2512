"""What a report of a plan knows, and the figures that follow from it.

The figures are worked out from the pairings and needs themselves, so that what is summed and what
is listed cannot differ.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from models.vocabulary import HALF_DAYS_PER_DAY, Ladder, Phase


class Symbol(StrEnum):
    """How a participant is drawn on the map."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    SPECIALIST = "specialist"
    ALTERNATIVE = "alternative"
    OTHER_SCHOOL = "other_school"
    ORGANISATION = "organisation"


def symbol_of(*, specialist: bool, alternative: bool, phases: Sequence[str]) -> Symbol:
    """The one symbol of an institution."""
    if specialist:
        return Symbol.SPECIALIST
    if alternative:
        return Symbol.ALTERNATIVE
    if Phase.SECONDARY in phases:
        return Symbol.SECONDARY
    return Symbol.PRIMARY if Phase.PRIMARY in phases else Symbol.OTHER_SCHOOL


@dataclass(frozen=True, slots=True)
class ReportParticipant:
    """Everybody who could give or take; without a position it is listed but not on the map."""

    reference: str
    name: str
    kind: str
    """In words: "Primary school", "Teaching school hub"."""
    symbol: Symbol
    latitude: float | None
    longitude: float | None
    group_name: str | None = None
    disadvantage_percent: float | None = None
    """Pupils known to be eligible for free school meals; None: not known."""
    exempt: bool = False
    """Free of reciprocity: a funded supporter."""
    local_authority: str | None = None
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One named part of a pairing's points, with its reason as a sentence."""

    name: str
    points: int
    sentence: str
    once: bool = False
    """For the need, whatever the days; else for each half-day."""


@dataclass(frozen=True, slots=True)
class ReportPairing:
    """`giver` and `taker` are participants' references."""

    need: str
    offer: str
    giver: str
    taker: str
    expertise: str
    days: float
    days_needed: float
    priority: int
    points: int
    """Per half-day."""
    components: tuple[Component, ...]
    ladder: Ladder
    distance_miles: float | None
    remote: bool = False
    suggested: bool = False
    """The need or the offer is only suggested: for planning, not to be sent."""
    points_once: int = 0
    """For meeting the need, whatever the days."""
    closes: str = ""
    """That a side closes, or is proposed to, and when; empty where none is known to."""

    @property
    def total_points(self) -> int:
        """What the pairing adds to the plan."""
        return round(self.points * self.days * HALF_DAYS_PER_DAY) + self.points_once


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why offers did not meet a need, and how many offers it kept out."""

    sentence: str
    offers: int


@dataclass(frozen=True, slots=True)
class UnmetNeed:
    need: str
    taker: str
    expertise: str
    days_needed: float
    priority: int
    reasons: tuple[Refusal, ...]
    change: str | None = None
    """The smallest change with which it would fit beside the plan, where there is one."""


@dataclass(frozen=True, slots=True)
class ReportData:
    """What was planned, for whom, by which rules, and how good it is proven to be."""

    area: str
    period: str
    run: str
    created_at: datetime
    rules: tuple[str, ...]
    """Each rule that held, as its own plain statement."""
    participants: tuple[ReportParticipant, ...]
    pairings: tuple[ReportPairing, ...]
    unmet: tuple[UnmetNeed, ...]
    objective: int
    bound: float | None
    gap: float | None
    """A fraction: 0.01 means that no plan can be more than 1 % better."""
    status: str
    seconds: float
    seed: int
    versions: tuple[tuple[str, str], ...] = ()
    made_up: bool = False
    """Every institution in it is invented."""
    drawn: bool = False
    """Needs and offers were drawn at random for participants that are real."""
    greedy_objective: int | None = None
    outline: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Rings of (latitude, longitude) drawn below the map as land."""
    borders: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Rings drawn upon the land as lines: boundaries of local authorities."""
    ground_credit: str = ""
    """What has to be said of where land and borders come from."""
    places: tuple[tuple[str, float, float], ...] = ()
    """Names written on the map, with latitude and longitude: towns."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What one participant gives and takes in the plan."""

    reference: str
    given: float
    taken: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a plan; shares are fractions, None where nothing can be said."""

    needs: int
    needs_met: int
    days_needed: float
    days_planned: float
    pairings: int
    takers: int
    givers: int
    both: int
    """Participants that give and take in this plan."""
    days_by_exempt: float
    median_miles: float | None
    longest_miles: float | None
    remote: int
    most_disadvantaged_from: float | None
    """From this percentage up lies the quarter of schools in need with most disadvantage."""
    most_disadvantaged_days: float | None
    most_disadvantaged_days_needed: float | None
    urgent: int
    urgent_met: int
    balances: tuple[Balance, ...]
    days_by_ladder: tuple[tuple[Ladder, float], ...]


def needs_of(data: ReportData) -> list[ReportPairing | UnmetNeed]:
    """Every need once, met or not; one met by several givers by its first pairing."""
    everything: list[ReportPairing | UnmetNeed] = [*data.pairings, *data.unmet]
    once = {each.need: each for each in reversed(everything)}
    return list(once.values())


def _most_disadvantaged(data: ReportData) -> tuple[float | None, frozenset[str]]:
    percent = {
        each.reference: each.disadvantage_percent
        for each in data.participants
        if each.disadvantage_percent is not None
    }
    in_need = {need.taker for need in needs_of(data)} & percent.keys()
    if not in_need:
        return None, frozenset()
    ranked = sorted((percent[reference] for reference in in_need), reverse=True)
    threshold = ranked[(len(ranked) + 3) // 4 - 1]
    return threshold, frozenset(each for each in in_need if percent[each] >= threshold)


def figures(data: ReportData) -> Figures:
    """Work out what the plan comes to."""
    needs = needs_of(data)
    urgent = {need.need for need in needs if need.priority == 1}
    met = {each.need for each in data.pairings}
    given: defaultdict[str, float] = defaultdict(float)
    taken: defaultdict[str, float] = defaultdict(float)
    by_ladder: defaultdict[Ladder, float] = defaultdict(float)
    for pairing in data.pairings:
        given[pairing.giver] += pairing.days
        taken[pairing.taker] += pairing.days
        by_ladder[pairing.ladder] += pairing.days
    exempt = {each.reference for each in data.participants if each.exempt}
    miles = [
        each.distance_miles
        for each in data.pairings
        if each.distance_miles is not None and not each.remote
    ]
    days_needed = sum(need.days_needed for need in needs)
    days_planned = sum(taken.values())
    threshold, disadvantaged = _most_disadvantaged(data)
    return Figures(
        needs=len(needs),
        needs_met=len(met),
        days_needed=days_needed,
        days_planned=days_planned,
        pairings=len(data.pairings),
        takers=len(taken),
        givers=len(given),
        both=len(taken.keys() & given.keys()),
        days_by_exempt=sum(days for giver, days in given.items() if giver in exempt),
        median_miles=median(miles) if miles else None,
        longest_miles=max(miles, default=None),
        remote=sum(each.remote for each in data.pairings),
        most_disadvantaged_from=threshold,
        most_disadvantaged_days=(
            sum(taken.get(each, 0.0) for each in disadvantaged) / days_planned
            if disadvantaged and days_planned
            else None
        ),
        most_disadvantaged_days_needed=(
            sum(need.days_needed for need in needs if need.taker in disadvantaged) / days_needed
            if disadvantaged and days_needed
            else None
        ),
        urgent=len(urgent),
        urgent_met=len(urgent & met),
        balances=tuple(
            Balance(each, given.get(each, 0.0), taken.get(each, 0.0))
            for each in sorted(given.keys() | taken.keys())
        ),
        days_by_ladder=tuple((step, by_ladder[step]) for step in Ladder if step in by_ladder),
    )
