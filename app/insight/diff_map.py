"""The map of what differs between two plans: support that ends, and support in its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.insight.report_map import WIDTH, Paper, arc_path
from app.runs.diff import Line
from models.register import Participant

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DiffMap:
    """Paths of an SVG picture, in units of its width and height.

    Attributes
    ----------
    ended, begun
        Arcs from giver to taker, of the earlier plan and of the newer one.
    dots
        Who is in any of them.
    without_position
        Schools and organisations that differ and have no position.
    """

    width: float
    height: float
    ended: tuple[str, ...]
    begun: tuple[str, ...]
    dots: tuple[Spot, ...]
    without_position: int


def diff_map(lines: Sequence[Line]) -> DiffMap | None:
    """Lay lines that differ out on paper; None where nobody has a position."""
    pairs = [
        [(line.before.giver, line.taker) for line in lines if line.before is not None],
        [(line.after.giver, line.taker) for line in lines if line.after is not None],
    ]
    people = {each.id: each for ended_or_begun in pairs for pair in ended_or_begun for each in pair}
    spots = {each.id: spot for each in people.values() if (spot := _spot(each)) is not None}
    if not spots:
        return None
    paper = Paper(list(spots.values()))
    on_paper = {each: paper.place(*spot) for each, spot in spots.items()}
    ended, begun = (
        tuple(
            arc_path(on_paper[giver.id], on_paper[taker.id])
            for giver, taker in of_plan
            if giver.id in on_paper and taker.id in on_paper
        )
        for of_plan in pairs
    )
    height = round(paper.height, 1)
    missing = len(people) - len(spots)
    return DiffMap(WIDTH, height, ended, begun, tuple(on_paper.values()), missing)


def _spot(participant: Participant) -> Spot | None:
    if participant.latitude is None or participant.longitude is None:
        return None
    return participant.latitude, participant.longitude
