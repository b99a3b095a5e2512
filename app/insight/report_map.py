"""The map of a plan: positions on paper, pairings as arcs from giver to taker."""

from collections.abc import Sequence
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
FINEST = 0.8
"""Units between two points of an outline."""
RIM = 20.0
"""Units beyond the paper to which outlines go on, so that no edge of theirs shows."""
MOST_LABELS = 40
LETTER, LINE = 8.5, 18.0
"""Units that a letter and a line of a name take up."""

Spot = tuple[float, float]

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
    borders: tuple[str, ...]
    arcs: tuple[Arc, ...]
    dots: tuple[Dot, ...]
    labels: tuple[Label, ...]
    without_position: int
    outside: int
    """Who is in no pairing and beyond the frame, which shows the pairings as large as it can."""
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


def _rings(paper: Paper, rings: Sequence[Sequence[Spot]]) -> tuple[str, ...]:
    """What of rings is on the paper or just beyond it, without detail that nobody could see."""
    drawn = []
    for ring in rings:
        spots = _cut([paper.place(*spot) for spot in ring], WIDTH, paper.height)
        kept: list[Spot] = []
        for spot in spots:
            if not kept or dist(kept[-1], spot) >= FINEST:
                kept.append(spot)
        if len(kept) > 2:
            drawn.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + "Z")
    return tuple(drawn)


def _cut(ring: list[Spot], width: float, height: float) -> list[Spot]:
    """What of a ring lies within the frame and a rim about it (Sutherland and Hodgman)."""
    sides = ((0, -RIM, 1), (0, width + RIM, -1), (1, -RIM, 1), (1, height + RIM, -1))
    for axis, limit, sign in sides:
        inner: list[Spot] = []
        for before, spot in zip([*ring[-1:], *ring[:-1]], ring, strict=True):
            was_in, is_in = ((each[axis] - limit) * sign >= 0 for each in (before, spot))
            if was_in is not is_in:
                t = (limit - before[axis]) / (spot[axis] - before[axis])
                inner.append(
                    (before[0] + t * (spot[0] - before[0]), before[1] + t * (spot[1] - before[1]))
                )
            if is_in:
                inner.append(spot)
        ring = inner
    return ring


def _labels(paper: Paper, places: Sequence[tuple[str, float, float]]) -> tuple[Label, ...]:
    """Names that are on the paper and do not lie upon each other, the first of them first."""
    labels: list[Label] = []
    for name, *spot in places:
        label = Label(name, *paper.place(*spot))
        half = LETTER * len(name) / 2
        if not (half < label.x < WIDTH - half and 2 * LINE < label.y < paper.height):
            continue
        if all(
            abs(label.y - other.y) > LINE
            or abs(label.x - other.x) > half + LETTER * len(other.name) / 2
            for other in labels
        ):
            labels.append(label)
        if len(labels) == MOST_LABELS:
            break
    return tuple(labels)


def _framed(data: ReportData) -> set[str]:
    """Whom the map is to show whole: both sides of pairings, and who was left without support."""
    sides = {side for each in data.pairings for side in (each.giver, each.taker)}
    return sides | {need.taker for need in data.unmet}


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
    framed = _framed(data)
    frame = [
        spot
        for each, spot in zip(data.participants, positions, strict=True)
        if spot is not None and each.reference in framed
    ]
    paper = Paper(frame or known)
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
    dots, outside = [], 0
    for number, (participant, spot) in enumerate(zip(data.participants, positions, strict=True)):
        if spot is not None:
            role = _role(participant.reference in givers, participant.reference in takers)
            x, y = paper.place(*spot)
            if 0 <= x <= WIDTH and 0 <= y <= paper.height:
                dots.append(Dot(number, x, y, participant.symbol, role))
            else:
                outside += 1
    wanted = WIDTH / 6 / paper.units_per_mile
    power = 10 ** int(log10(wanted)) if wanted >= 1 else 1
    miles = max(step * power for step in (1, 2, 5) if step * power <= max(wanted, 1))
    return PlanMap(
        width=WIDTH,
        height=round(paper.height, 1),
        outline=_rings(paper, data.outline),
        borders=_rings(paper, data.borders),
        arcs=tuple(arc for _, arc in arcs),
        dots=tuple(sorted(dots, key=lambda dot: (dot.role is not MapRole.NONE, dot.y))),
        labels=_labels(paper, data.places),
        without_position=positions.count(None),
        outside=outside,
        scale_miles=miles,
        scale_length=round(miles * paper.units_per_mile, 1),
        symbol_scale=round(min(1.0, max(0.4, (MANY / len(dots)) ** 0.5)), 2),
        steps=tuple(step for step in Ladder if any(arc.ladder is step for _, arc in arcs)),
        symbols=tuple(each for each in Symbol if any(dot.symbol is each for dot in dots)),
    )
