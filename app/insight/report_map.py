"""The map of a plan: positions on paper, pairings as arcs from giver to taker."""

from dataclasses import dataclass
from enum import StrEnum
from math import cos, dist, hypot, log10, radians

from app.insight.report import ReportData, ReportParticipant, Symbol
from models.vocabulary import METRES_PER_MILE, Ladder

WIDTH = 1000.0
MARGIN = 28.0
TALLEST = 1100.0
METRES_PER_DEGREE = 111_195.0
BEND = 0.16
MANY = 350

LADDER_COLOURS = {
    Ladder.OWN_GROUP: "#0b2545",
    Ladder.OWN_NETWORK: "#2577b5",
    Ladder.LOCAL_AREA: "#28754b",
    Ladder.REGION: "#a8620b",
    Ladder.DESIGNATED: "#7b3f98",
    Ladder.ELSEWHERE: "#b3244d",
}
"""At least 4.5 to 1 against white, and told apart with the common kinds of colour blindness."""


class MapRole(StrEnum):
    """What somebody does in a plan."""

    BOTH = "both"
    GIVES = "gives"
    TAKES = "takes"
    NONE = "none"


ROLE_COLOURS = {
    MapRole.BOTH: "#0b0c0c",
    MapRole.GIVES: "#2577b5",
    MapRole.TAKES: "#d4651f",
    MapRole.NONE: "#9aa3a9",
}


@dataclass(frozen=True, slots=True)
class Dot:
    """A participant on paper; `role` is what it does in this plan."""

    participant: int
    x: float
    y: float
    symbol: Symbol
    role: MapRole


@dataclass(frozen=True, slots=True)
class Arc:
    pairing: int
    path: str
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class PlanMap:
    width: float
    height: float
    outline: tuple[str, ...]
    arcs: tuple[Arc, ...]
    dots: tuple[Dot, ...]
    labels: tuple[Label, ...]
    without_position: int
    scale_miles: int
    scale_length: float
    symbol_scale: float
    """Many symbols are drawn smaller, so that a region stays readable."""
    steps: tuple[Ladder, ...]
    symbols: tuple[Symbol, ...]


class Paper:
    """Puts latitude and longitude on paper, true to shape about the middle of the map."""

    def __init__(self, spots: list[tuple[float, float]]) -> None:
        latitudes = [latitude for latitude, _ in spots]
        longitudes = [longitude for _, longitude in spots]
        self.squeeze = cos(radians((min(latitudes) + max(latitudes)) / 2))
        self.west, self.north = min(longitudes), max(latitudes)
        across = max((max(longitudes) - self.west) * self.squeeze, 1e-3)
        down = max(self.north - min(latitudes), 1e-3)
        self.scale = min((WIDTH - 2 * MARGIN) / across, (TALLEST - 2 * MARGIN) / down)
        self.left = (WIDTH - across * self.scale) / 2
        self.height = down * self.scale + 2 * MARGIN

    def place(self, latitude: float, longitude: float) -> tuple[float, float]:
        return (
            round(self.left + (longitude - self.west) * self.squeeze * self.scale, 1),
            round(MARGIN + (self.north - latitude) * self.scale, 1),
        )

    @property
    def units_per_mile(self) -> float:
        return self.scale * METRES_PER_MILE / METRES_PER_DEGREE


def _position(participant: ReportParticipant) -> tuple[float, float] | None:
    if participant.latitude is None or participant.longitude is None:
        return None
    return participant.latitude, participant.longitude


def arc_path(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Bend to the left of the way from giver to taker, so that a swap shows as two arcs."""
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) / 2 + BEND * (y2 - y1), (y1 + y2) / 2 - BEND * (x2 - x1)
    reach = hypot(x2 - middle[0], y2 - middle[1])
    stop = max(0.0, 1 - 5 / reach) if reach else 0.0  # the arrow ends before the symbol
    x2, y2 = middle[0] + (x2 - middle[0]) * stop, middle[1] + (y2 - middle[1]) * stop
    return f"M{x1:g} {y1:g}Q{middle[0]:.1f} {middle[1]:.1f} {x2:.1f} {y2:.1f}"


def _ring(paper: Paper, ring: tuple[tuple[float, float], ...]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in (paper.place(*spot) for spot in ring)) + "Z"


def _role(gives: bool, takes: bool) -> MapRole:
    if gives and takes:
        return MapRole.BOTH
    return MapRole.GIVES if gives else MapRole.TAKES if takes else MapRole.NONE


def plan_map(data: ReportData) -> PlanMap | None:
    """Lay the plan out on paper; None where no participant has a position."""
    positions = [_position(participant) for participant in data.participants]
    known = [spot for spot in positions if spot is not None]
    if not known:
        return None
    paper = Paper(known + [spot for ring in data.outline for spot in ring])
    index = {each.reference: place for place, each in enumerate(data.participants)}
    givers = {pairing.giver for pairing in data.pairings}
    takers = {pairing.taker for pairing in data.pairings}
    arcs = []
    for number, pairing in enumerate(data.pairings):
        start, end = positions[index[pairing.giver]], positions[index[pairing.taker]]
        if start is not None and end is not None:
            giver, taker = paper.place(*start), paper.place(*end)
            arcs.append((dist(giver, taker), Arc(number, arc_path(giver, taker), pairing.ladder)))
    arcs.sort(key=lambda arc: -arc[0])  # short arcs lie upon long ones, not under them
    dots = []
    for number, (participant, spot) in enumerate(zip(data.participants, positions, strict=True)):
        if spot is not None:
            role = _role(participant.reference in givers, participant.reference in takers)
            dots.append(Dot(number, *paper.place(*spot), participant.symbol, role))
    wanted = WIDTH / 6 / paper.units_per_mile
    power = 10 ** int(log10(wanted)) if wanted >= 1 else 1
    miles = max(step * power for step in (1, 2, 5) if step * power <= max(wanted, 1))
    return PlanMap(
        width=WIDTH,
        height=round(paper.height, 1),
        outline=tuple(_ring(paper, ring) for ring in data.outline),
        arcs=tuple(arc for _, arc in arcs),
        dots=tuple(sorted(dots, key=lambda dot: (dot.role is not MapRole.NONE, dot.y))),
        labels=tuple(Label(name, *paper.place(*spot)) for name, *spot in data.places),
        without_position=positions.count(None),
        scale_miles=miles,
        scale_length=round(miles * paper.units_per_mile, 1),
        symbol_scale=round(min(1.0, max(0.4, (MANY / len(known)) ** 0.5)), 2),
        steps=tuple(step for step in Ladder if any(arc.ladder is step for _, arc in arcs)),
        symbols=tuple(each for each in Symbol if any(dot.symbol is each for dot in dots)),
    )
