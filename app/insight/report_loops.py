"""Loops and swaps of a plan, by the names of their members."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from app.graph.cycles import loops_among
from app.insight.report import ReportData

MOST_NAMED: Final = 100


@dataclass(frozen=True, slots=True)
class PlanLoop:
    """Members, each of whom gives to the next, and the last to the first; and what each gives."""

    members: tuple[str, ...]
    gives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanLoops:
    """Swaps first, then loops of three; `total` also of those that are not named."""

    named: tuple[PlanLoop, ...]
    total: int


def loops_of(data: ReportData) -> PlanLoops:
    names = {each.reference: each.name for each in data.participants}
    between: dict[tuple[str, str], list[str]] = {}
    for pairing in data.pairings:
        between.setdefault((pairing.giver, pairing.taker), []).append(pairing.expertise)
    found = loops_among(between).items
    return PlanLoops(
        tuple(
            PlanLoop(
                tuple(names[key] for key in members),
                tuple(", ".join(between[pair]) for pair in pairwise((*members, members[0]))),
            )
            for members in found[:MOST_NAMED]
        ),
        len(found),
    )
