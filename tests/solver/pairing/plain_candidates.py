"""The pairwise rules as two loops with geopy's distances, to compare the fast search with."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from geopy.distance import geodesic

from models.vocabulary import METRES_PER_MILE, Availability, Mode
from solver.pairing import pair_rules
from solver.pairing.interests import Interest
from solver.pairing.pair_rule import Reason
from tests.solver.made_exchange import NEED, OFFER, PERSON

FASTEST_M_PER_MINUTE = 70 * METRES_PER_MILE / 60
Row = dict[str, Any]
Times = dict[tuple[int, int], float | None]
Pairings = Sequence[tuple[int, int]]


def plain_candidates(
    people: list[Row],
    needs: list[Row],
    offers: list[Row],
    parent: list[int],
    *,
    minutes: Times,
    conflicts: Pairings,
    interests: Sequence[Interest],
    declined: Pairings,
    kept: Pairings,
    max_neighbours: int | None,
    with_suggestions: bool,
) -> tuple[list[tuple[int, int, bool]], list[Counter[Reason]]]:
    """Candidates (need, offer, remote), and refusals by need."""
    people = [PERSON | row for row in people]
    apart = [{each.holder, each.about} for each in interests if each.declared.refuses]
    found, refusals = [], []
    for n, need in enumerate([NEED | row for row in needs]):
        counts: Counter[Reason] = Counter()
        walk = []
        for o, offer in enumerate([OFFER | row for row in offers]):
            line = {*_path(parent, need["expertise"])}, {*_path(parent, offer["expertise"])}
            if need["expertise"] not in line[1] and offer["expertise"] not in line[0]:
                continue
            reason = _one_sided(people, need, offer, with_suggestions)
            if reason:
                counts[reason] += 1
                continue
            metres = _apart(people, need, offer)
            how = _journey(need, offer, metres, minutes)
            if isinstance(how, Reason):
                counts[how] += 1
            else:
                walk.append((how, metres, o, offer))
        room = math.inf if max_neighbours is None else max_neighbours
        mine = []
        for remote, metres, o, offer in sorted(walk, key=lambda pair: pair[:3]):
            reason = _pairwise(people, need, offer, conflicts)
            first = [pair_rules.OWN_OFFER, pair_rules.CONFLICT]
            if {offer["participant"], need["participant"]} in apart and reason not in first:
                reason = pair_rules.INTEREST
            if (o, n) in declined and reason not in (*first, pair_rules.INTEREST):
                reason = pair_rules.DECLINED
            if (o, n) not in kept and not _share(people, need, offer):
                if room <= 0:
                    reason = pair_rules.NOT_AMONG_NEAREST
                room -= reason is None
            if reason:
                counts[reason] += 1
            else:
                mine.append((remote, metres, o))
        found += [(n, o, remote) for remote, _, o in sorted(mine)]
        refusals.append(counts)
    return found, refusals


def _share(people: list[Row], need: Row, offer: Row) -> bool:
    taker, giver = people[need["participant"]], people[offer["participant"]]
    return any({*taker[name]} & {*giver[name]} for name in ("groups", "networks"))


def _path(parent: list[int], entry: int) -> list[int]:
    return [entry] if parent[entry] == -1 else [entry, *_path(parent, parent[entry])]


def _one_sided(people: list[Row], need: Row, offer: Row, suggestions: bool) -> Reason | None:
    if need["suggested"] and not suggestions:
        return pair_rules.NEED_NOT_CONFIRMED
    if not people[need["participant"]]["may_take"]:
        return pair_rules.TAKER_MAY_NOT_TAKE
    if not people[offer["participant"]]["may_give"]:
        return pair_rules.GIVER_MAY_NOT_GIVE
    if offer["availability"] == Availability.NOT_OFFERING:
        return pair_rules.NOT_OFFERING
    if offer["availability"] == Availability.NOT_ANSWERED and not suggestions:
        return pair_rules.NOT_ANSWERED
    if {need["mode"], offer["mode"]} == {Mode.ON_SITE, Mode.REMOTE}:
        return pair_rules.MODE
    return None


def _apart(people: list[Row], need: Row, offer: Row) -> float:
    here, there = people[need["participant"]]["at"], people[offer["participant"]]["at"]
    if math.isnan(here[0]) or math.isnan(there[0]):
        return math.inf
    return float(geodesic(here, there).m)


def _journey(need: Row, offer: Row, apart: float, minutes: Times) -> Reason | bool:
    """Why not on site, or whether the pair is remote."""
    modes = {need["mode"], offer["mode"]}
    why = _why_not_on_site(need, offer, apart, minutes)
    if Mode.REMOTE not in modes and why is None:
        return False
    if Mode.ON_SITE not in modes:
        return True
    assert why
    return why


def _why_not_on_site(need: Row, offer: Row, apart: float, minutes: Times) -> Reason | None:
    if apart == math.inf:
        return pair_rules.UNKNOWN_POSITION
    pair = (offer["participant"], need["participant"])
    takes = 0.0 if pair[0] == pair[1] else minutes[pair]
    why = None
    for side in (need, offer):
        metres, most = side["limit_m"], side["limit_minutes"]
        if math.isnan(metres):
            metres = 30_000.0 if math.isnan(most) else math.inf
        if apart > metres:
            return pair_rules.TOO_FAR
        if math.isnan(most):
            continue
        if apart > most * FASTEST_M_PER_MINUTE:
            return pair_rules.TOO_FAR
        if takes is None:
            why = pair_rules.UNKNOWN_POSITION
        elif takes > most:
            why = pair_rules.TOO_FAR
    return why


def _pairwise(people: list[Row], need: Row, offer: Row, conflicts: Pairings) -> Reason | None:
    giver, taker = people[offer["participant"]], people[need["participant"]]
    if offer["participant"] == need["participant"]:
        return pair_rules.OWN_OFFER
    if (offer["participant"], need["participant"]) in conflicts:
        return pair_rules.CONFLICT
    if max(need["window_starts"], offer["window_starts"]) > min(
        need["window_ends"], offer["window_ends"]
    ):
        return pair_rules.WINDOW
    if _closes_too_early(need, offer, min(giver["last_day"], taker["last_day"])):
        return pair_rules.CLOSES
    if taker["phases"] and offer["phases"] and not {*taker["phases"]} & {*offer["phases"]}:
        return pair_rules.PHASE
    areas = {taker["local_authority"], taker["region"], taker["district"]}
    if giver["serves"] and not areas & {*giver["serves"]}:
        return pair_rules.AREA_SERVED
    if need["half_days_min"] > min(offer["half_days"], giver["give_limit"]):
        return pair_rules.TOO_FEW_DAYS
    return None


def _closes_too_early(need: Row, offer: Row, last: int) -> bool:
    if last >= min(need["window_ends"], offer["window_ends"]):
        return False
    first = max(need["window_starts"], offer["window_starts"])
    weekdays = sum(date.fromordinal(day).weekday() < 5 for day in range(first, last + 1))
    return 2 * weekdays < int(need["half_days_min"])
