"""Check families against what was asked, sharing nothing with the search."""

from collections import Counter
from math import isnan

from solver.formats.families import Families, Family, FamilyProblem


def check_families(problem: FamilyProblem, families: Families) -> list[str]:
    """Return what is wrong with families, a sentence each; nothing where all is right.

    Size, time of travel between every two members, that nobody is in two families or in one for
    nothing, that each pair is allowed and within the family, days and places of offers and givers,
    and that no more is covered than the bound allows.
    """
    wrong: list[str] = []
    seen: Counter[int] = Counter()
    needs: Counter[int] = Counter()
    for number, family in enumerate(families.found, 1):
        seen.update(family.members)
        needs.update(each.need for each in family.covers)
        wrong += [f"Family {number} {fault}." for fault in _faults(problem, family)]
    wrong += [f"School {who} is in {times} families." for who, times in seen.items() if times > 1]
    wrong += [f"Need {one} is covered {times} times." for one, times in needs.items() if times > 1]
    total = sum(needs.values())
    if total > families.bound:
        wrong.append(f"{total} needs are covered, more than the bound of {families.bound}.")
    return wrong


def _faults(problem: FamilyProblem, family: Family) -> list[str]:
    size = len(set(family.members))
    found = []
    if size != len(family.members):
        found.append("names a member twice")
    if size < problem.smallest or size > problem.largest:
        found.append(f"has {size} members")
    for one in family.members:
        for other in family.members:
            if one < other:
                far = max(float(problem.minutes[one, other]), float(problem.minutes[other, one]))
                if isnan(far) or far > problem.limit_minutes:
                    found.append(f"has {one} and {other} too far apart")
    return found + _coverage_faults(problem, family)


def _coverage_faults(problem: FamilyProblem, family: Family) -> list[str]:
    allowed = set(zip(problem.pair_offer.tolist(), problem.pair_need.tolist(), strict=True))
    found = []
    takes_part = set()
    days: Counter[int] = Counter()
    places: Counter[int] = Counter()
    given: Counter[int] = Counter()
    gives: Counter[int] = Counter()
    takes: Counter[int] = Counter()
    for each in family.covers:
        giver, taker = int(problem.offer_of[each.offer]), int(problem.need_of[each.need])
        takes_part |= {giver, taker}
        gives[giver] += 1
        takes[taker] += 1
        days[each.offer] += each.half_days
        places[each.offer] += 1
        given[giver] += each.half_days
        if (each.offer, each.need) not in allowed:
            found.append(f"pairs offer {each.offer} with need {each.need}, which is not allowed")
        if not {giver, taker} <= set(family.members) or giver == taker:
            found.append(f"covers need {each.need} from outside")
        if not int(problem.least[each.need]) <= each.half_days <= int(problem.asked[each.need]):
            found.append(f"covers need {each.need} by {each.half_days} half-days")
    found += [f"uses offer {o} beyond its days" for o in days if days[o] > problem.offered[o]]
    found += [f"uses offer {o} too often" for o in places if places[o] > problem.pairings[o]]
    found += [f"has {who} give too much" for who in given if given[who] > problem.give_limit[who]]
    found += [f"has {who} give too often" for who in gives if gives[who] > problem.most_given[who]]
    found += [f"has {who} take too often" for who in takes if takes[who] > problem.most_taken[who]]
    found += [f"has {who} for nothing" for who in family.members if who not in takes_part]
    return found
