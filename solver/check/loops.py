"""An independent check that a plan's pairings fall into closed loops, each into one.

Most plans need no search: what has no choice is joined, and short of `max_loop` any way will do.
For the rest loops are listed, and tried by taking the first that fits; where that leads nowhere,
CP-SAT says how often each is used, and its answer is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

Arc = tuple[int, int, int]
"""Giver, taker, and how many pairings it joins; arcs alike stand in for each other."""
Loop = tuple[Arc, ...]


@dataclass(frozen=True, slots=True)
class SearchBudget:
    """What the check of one plan may take; a plan that takes more fails it.

    Attributes
    ----------
    steps
        Steps of all searches, a few seconds; >= 0.
    work
        CP-SAT's deterministic seconds, >= 0.
    greedy
        Whether loops are tried one after another first; otherwise CP-SAT decides all.
    """

    steps: int = 3_000_000
    work: float = 10.0
    greedy: bool = True


BUDGET: Final = SearchBudget()


class _NotSettledError(Exception):
    pass


class _LeftOverError(Exception):
    def __init__(self, giver: int) -> None:
        self.giver = giver


class _Budget:
    def __init__(self, whole: SearchBudget) -> None:
        self._steps = whole.steps
        self.work = whole.work
        self.greedy = whole.greedy

    def spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise _NotSettledError


def faults_of_loops(
    arcs: Sequence[tuple[int, int]],
    exempt: Sequence[bool],
    max_loop: int,
    budget: SearchBudget = BUDGET,
) -> list[tuple[int, str]]:
    """Return participants, and what is wrong there; nothing if all arcs fall into loops.

    A loop has `max_loop` participants at most, nobody twice. It may begin and end at participants
    that are exempt, and then has no other such.

    Parameters
    ----------
    arcs
        Giver and taker of each pairing.
    exempt
        Per participant.

    Returns
    -------
    A participant and a sentence for each fault.
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
    left = _Budget(budget)
    try:
        for part in _parts(Counter((giver, taker, 1) for giver, taker in arcs), exempt, max_loop):
            for rest in _parts(_joined(part, exempt, max_loop), exempt, max_loop):
                _settle(rest, exempt, max_loop, left)
    except _LeftOverError as fault:
        return [(fault.giver, f"gives in a pairing left over from loops of at most {max_loop}")]
    except _NotSettledError:
        return [(arcs[0][0], "not settled: whether all pairings lie on loops takes too long")]
    return []


def _parts(
    times: dict[Arc, int], exempt: Sequence[bool], max_loop: int
) -> Iterator[dict[Arc, int]]:
    """Yield arcs apart, joined by participants not exempt, where a loop could be too long.

    Elsewhere all fall into loops: leave any exempt participant along arcs not yet used until at
    the next, as who is not exempt gives as often as it takes, and cut a circle off whenever the
    way meets itself; then go round what is left. Each way leaves a participant once at most.
    """
    at: dict[int, list[Arc]] = defaultdict(list)
    for arc in times:
        for who in arc[:2]:
            if not exempt[who]:
                at[who].append(arc)
    seen = set[Arc]()
    for arc in times:
        if arc in seen:
            continue
        part, new = {arc: times[arc]}, [arc]
        while new:
            giver, taker, _ = new.pop()
            near = {other for who in (giver, taker) for other in at.pop(who, ())} - part.keys()
            part |= {other: times[other] for other in sorted(near)}
            new += near
        seen |= part.keys()
        inside, outside = dict[int, int](), 0
        for giver, _, length in part:
            if exempt[giver]:
                outside = max(outside, length + 1)
            else:
                inside[giver] = max(inside.get(giver, 0), length)
        if sum(inside.values()) + outside > max_loop:
            yield part


def _joined(times: dict[Arc, int], exempt: Sequence[bool], max_loop: int) -> dict[Arc, int]:
    """Join arcs at who has a single one in or out: no loop can do otherwise; drop loops closed.

    Joined arcs that stand for ways through the same participant share an end, so that no loop can
    use two of them.
    """
    joined: Counter[Arc] = Counter()
    ins: dict[int, set[Arc]] = defaultdict(set)
    outs: dict[int, set[Arc]] = defaultdict(set)

    def add(arc: Arc, often: int) -> None:
        giver, taker, length = arc
        if giver == taker or (exempt[giver] and exempt[taker]):
            if length + (giver != taker) > max_loop:
                raise _LeftOverError(giver)
            return
        joined[arc] += often
        outs[giver].add(arc)
        ins[taker].add(arc)

    for arc, often in times.items():
        add(arc, often)
    waiting = sorted(ins)
    while waiting:
        who = waiting.pop()
        if exempt[who] or min(len(ins[who]), len(outs[who])) != 1:
            continue
        ways = [(one, two) for one in sorted(ins[who]) for two in sorted(outs[who])]
        # Who has one arc on one side uses the others as often as they are.
        often_each = [min(joined[one], joined[two]) for one, two in ways]
        for arc in {arc for way in ways for arc in way}:
            del joined[arc]
            outs[arc[0]].discard(arc)
            ins[arc[1]].discard(arc)
            waiting += arc[:2]
        for (one, two), often in zip(ways, often_each, strict=True):
            add((one[0], two[1], one[2] + two[2]), often)
    return joined


def _settle(times: dict[Arc, int], exempt: Sequence[bool], max_loop: int, budget: _Budget) -> None:
    """Return if arcs fall into loops; raise if not, or if that takes too long."""
    stuck, sure, before = next(iter(times)), True, 0
    # Shorter loops first: they are few, and suffice more often than not.
    for longest in range(2, max_loop + 1):
        loops = _loops(times, exempt, longest, budget)
        if len(loops) == before:
            continue
        before = len(loops)
        left, sure = _tried(times, loops, budget) if budget.greedy else (stuck, False)
        if left is not None and not sure:
            covered = _covered_by_cp_sat(times, loops, budget)
            if covered:
                return
            sure = covered is False
        if left is None:
            return
        stuck = left
    if sure:
        raise _LeftOverError(stuck[0])
    raise _NotSettledError


def _loops(
    times: dict[Arc, int], exempt: Sequence[bool], longest: int, budget: _Budget
) -> list[Loop]:
    """Return each loop once, from its lowest participant or from one that is exempt."""
    outs: dict[int, list[Arc]] = defaultdict(list)
    ins: dict[int, list[Arc]] = defaultdict(list)
    for arc in sorted(times):
        outs[arc[0]].append(arc)
        ins[arc[1]].append(arc)

    def back_to(ends: list[int], lowest: int) -> dict[int, int]:
        """Return the length to the nearest of some ends, of those no farther than `longest`."""
        back = dict[int, int]()
        near = [(0, end) for end in ends]
        while near:
            far, who = heappop(near)
            if who in back:
                continue
            back[who] = far
            budget.spend(1 + len(ins[who]))
            for giver, _, length in ins[who]:
                if giver > lowest and not exempt[giver] and far + length < longest:
                    heappush(near, (far + length, giver))
        return back

    back_to_exempt = back_to([who for who in ins if exempt[who]], -1)
    loops: list[Loop] = []
    for first in list(outs):
        back = back_to_exempt if exempt[first] else back_to([first], first)
        paths: list[tuple[Loop, int]] = [((), 0)]
        while paths:
            path, length = paths.pop()
            here = path[-1][1] if path else first
            if path and (here == first or exempt[here]):
                if length + (here != first) <= longest:
                    loops.append(path)
                continue
            budget.spend(1 + len(path) + len(outs[here]))
            passed = {arc[1] for arc in path}
            paths += [
                ((*path, arc), length + arc[2])
                for arc in outs[here]
                if arc[1] not in passed and length + arc[2] + back.get(arc[1], longest) <= longest
            ]
    return loops


def _tried(times: dict[Arc, int], loops: list[Loop], budget: _Budget) -> tuple[Arc | None, bool]:
    """Take loops, forced ones first: return an arc left over, and whether none could do better."""
    left, sure = dict(times), True
    along: dict[Arc, set[int]] = {arc: set() for arc in left}
    for at, loop in enumerate(loops):
        for arc in loop:
            along[arc].add(at)
    waiting = [arc for arc in left if len(along[arc]) < 2]
    while left:
        arc = waiting.pop() if waiting else min(left, key=lambda arc: (len(along[arc]), arc))
        if arc not in left:
            continue
        if not along[arc]:
            return arc, sure
        chosen = loops[min(along[arc])]
        often = left[arc]
        if len(along[arc]) > 1:
            budget.spend(len(left))
            sure, often = False, min(left[each] for each in chosen)
        for each in chosen:
            left[each] -= often
            if left[each] < 0:
                return each, sure
            if not left[each]:
                del left[each]
                waiting += _without(each, along, loops, budget)
    return None, sure


def _without(arc: Arc, along: dict[Arc, set[int]], loops: list[Loop], budget: _Budget) -> list[Arc]:
    """Drop loops along an arc; return arcs that have one or none left."""
    few = []
    for at in along.pop(arc):
        budget.spend(len(loops[at]))
        for other in loops[at]:
            if other in along:
                along[other].discard(at)
                few += [other] * (len(along[other]) < 2)
    return few


def _covered_by_cp_sat(times: dict[Arc, int], loops: list[Loop], budget: _Budget) -> bool | None:
    """Return whether loops can be used so often that each arc is, None where not known."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    uses = [model.new_int_var(0, min(times[arc] for arc in loop), "") for loop in loops]
    along: dict[Arc, list[cp_model.IntVar]] = {arc: [] for arc in times}
    for loop, use in zip(loops, uses, strict=True):
        for arc in loop:
            along[arc].append(use)
    for arc, often in times.items():
        model.add(cp_model.LinearExpr.sum(along[arc]) == often)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = max(0.0, budget.work)
    status = solver.solve(model)
    budget.work -= solver.response_proto.deterministic_time
    if status == cp_model.INFEASIBLE:
        return False
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    used: Counter[Arc] = Counter()
    for loop, often in zip(loops, solver.values(uses).tolist(), strict=True):
        if often < 0:
            return None
        for arc in loop:
            used[arc] += often
    return True if +used == Counter(times) else None
