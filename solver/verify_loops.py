"""An independent check that a plan's pairings fall into closed loops, each into one.

Exact cover by backtracking. Loops that share no pairing are apart, so that few must be tried; the
steps are counted all the same, as a plan can be made to need more than anybody would wait for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

Arc = tuple[int, int]
"""Giver and taker; pairings of the same two stand in for each other."""
Loop = tuple[Arc, ...]

MOST_STEPS: Final = 3_000_000


class _OutOfStepsError(Exception):
    pass


class _Steps:
    def __init__(self) -> None:
        self._left = MOST_STEPS

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _OutOfStepsError


def faults_of_loops(
    arcs: Sequence[Arc], exempt: Sequence[bool], max_loop: int
) -> list[tuple[int, str]]:
    """Return participants, and what is wrong there; nothing if all arcs fall into loops.

    A loop has `max_loop` participants at most, nobody twice. It may begin and end at participants
    that are exempt, and then has no other such.
    """
    over: Counter[int] = Counter()
    for giver, taker in arcs:
        over[giver] += 1
        over[taker] -= 1
    uneven = {who: more for who, more in over.items() if more and not exempt[who]}
    if uneven:
        return [
            (who, f"gives in {abs(more)} pairings {'more' if more > 0 else 'fewer'} than it takes")
            for who, more in uneven.items()
        ]
    stuck: Arc | None = None
    # Shorter loops first: they are few, and suffice more often than not.
    for longest in range(2, min(max_loop, len(over)) + 1):
        steps = _Steps()
        try:
            loops = list(_loops(arcs, exempt, longest, steps))
            stuck = _stuck(Counter(arcs), loops, steps)
        except _OutOfStepsError:
            return [(arcs[0][0], "not settled: whether all pairings lie on loops takes too long")]
        if stuck is None:
            return []
    if stuck is None:
        return []
    text = f"a pairing for participant {stuck[1]} is left over from loops of at most {max_loop}"
    return [(stuck[0], text)]


def _loops(
    arcs: Sequence[Arc], exempt: Sequence[bool], longest: int, steps: _Steps
) -> Iterator[Loop]:
    """Yield each loop once, from its lowest participant or from one that is exempt."""
    takers: dict[int, list[int]] = defaultdict(list)
    for giver, taker in sorted(set(arcs)):
        takers[giver].append(taker)
    paths: list[tuple[int, ...]] = [(giver,) for giver in list(takers)]
    while paths:
        path = paths.pop()
        first, chain = path[0], exempt[path[0]]
        steps.spend(1 + len(takers[path[-1]]))
        for taker in takers[path[-1]]:
            ended = taker == first or (chain and exempt[taker])
            if ended and len({*path, taker}) <= longest:
                walked = (*path, taker)
                yield tuple(pairwise(walked))
            elif (
                not (ended or exempt[taker] or taker in path)
                and (chain or taker > first)
                and len(path) < longest
            ):
                paths.append((*path, taker))


def _stuck(left: dict[Arc, int], loops: list[Loop], steps: _Steps) -> Arc | None:
    """Return an arc that no choice of loops uses as often as is left; None if one does for all."""
    left = {arc: times for arc, times in left.items() if times}
    while True:
        steps.spend(len(left) + len(loops))
        loops = [loop for loop in loops if all(arc in left for arc in loop)]
        along: dict[Arc, list[Loop]] = {arc: [] for arc in left}
        for loop in loops:
            for arc in loop:
                along[arc].append(loop)
        forced = [arc for arc in left if len(along[arc]) < 2]
        if not forced:
            break
        for arc in forced:
            if not along[arc]:
                return arc
            times = left[arc]
            for other in along[arc][0]:
                left[other] -= times
                if left[other] < 0:
                    return arc
        left = {arc: times for arc, times in left.items() if times}
    for part in _parts(along):
        hardest = min(part, key=lambda arc: len(along[arc]))
        inside = [loop for loop in loops if loop[0] in part]
        for chosen in along[hardest]:
            rest = {arc: left[arc] - (arc in chosen) for arc in part}
            if _stuck(rest, inside, steps) is None:
                break
            inside.remove(chosen)
        else:
            return hardest
    return None


def _parts(along: dict[Arc, list[Loop]]) -> list[set[Arc]]:
    """Return arcs apart, those together that some loop joins."""
    parts, seen = [], set[Arc]()
    for arc in along:
        if arc in seen:
            continue
        part, new = {arc}, [arc]
        while new:
            near = {other for loop in along[new.pop()] for other in loop} - part
            part |= near
            new += near
        seen |= part
        parts.append(part)
    return parts
