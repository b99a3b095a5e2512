"""Tiny problems that Hypothesis draws, and a brute force that knows nothing of the solver."""

from itertools import combinations, pairwise, permutations, product

from hypothesis import strategies as st

from models.vocabulary import UNLIMITED, Reciprocity
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_to_json
from solver.formats.tables import Candidates, Linking, Needs, Offers, Participants, Rules, pairs

SOLVABLE = (Reciprocity.NONE, Reciprocity.BALANCED, Reciprocity.BOTH_ROLES)


@st.composite
def problems(draw, most_candidates=7, reciprocities=SOLVABLE):
    """Problems of at most four participants with all rules mixed."""
    size = draw(st.integers(2, 4))
    someone = st.integers(0, size - 1)

    def column(values, length):
        return draw(st.lists(values, min_size=length, max_size=length))

    needs, offers = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    takers, givers = column(someone, needs), column(someone, offers)
    days = column(st.integers(1, 4), needs)
    days_min = [draw(st.integers(1, most)) for most in days]
    possible = [(o, n) for o, n in product(range(offers), range(needs)) if givers[o] != takers[n]]
    chosen = (
        draw(st.lists(st.sampled_from(possible), unique=True, max_size=most_candidates))
        if possible
        else []
    )
    count = len(chosen)
    pinned = draw(st.lists(st.sampled_from(chosen), unique=True, max_size=1)) if chosen else []
    free = [pair for pair in chosen if pair not in pinned]
    excluded = draw(st.lists(st.sampled_from(free), unique=True, max_size=1)) if free else []
    current = draw(st.lists(st.sampled_from(chosen), unique=True, max_size=2)) if chosen else []
    limit = st.sampled_from([0, 1, 2, 3, UNLIMITED])
    fixed = [draw(st.sampled_from([0, 0, 0, 1, days[n]])) for _, n in chosen]
    linking = tuple(
        Linking(
            id=f"rule {at}",
            sense=draw(st.sampled_from(["<=", "<=", ">="])),
            limit=draw(st.integers(0, 6)),
            unit=draw(st.sampled_from(["half_days", "pairings"])),
            candidates=pairs([[k] for k in range(count)], 1)[:, 0],
            weight=pairs([[w] for w in column(st.integers(0, 3), count)], 1)[:, 0],
        )
        for at in range(draw(st.integers(0, 1)))
    )
    return Problem(
        Participants.of(
            [f"p{i}" for i in range(size)],
            give_limit=column(st.sampled_from([0, 2, 4, UNLIMITED]), size),
            max_given=column(limit, size),
            max_taken=column(limit, size),
            allowance=column(st.integers(0, 3), size),
            exempt=column(st.sampled_from([False, False, True]), size),
            account=column(someone, size),
        ),
        Needs.of(
            [f"n{i}" for i in range(needs)],
            takers,
            days,
            days_min=days_min,
            max_givers=column(st.integers(0, 2), needs),
        ),
        Offers.of(
            [f"o{i}" for i in range(offers)],
            givers,
            column(st.integers(0, 5), offers),
            max_pairings=column(limit, offers),
        ),
        Candidates.of(
            [o for o, _ in chosen],
            [n for _, n in chosen],
            column(st.integers(0, 9), count),
            half_days=fixed,
            bonus=column(st.integers(0, 3), count),
        ),
        Rules(draw(st.sampled_from(reciprocities)), 2 + size % 3),
        pins=pairs(pinned or None),
        exclusions=pairs(excluded or None),
        current=pairs([[*pair, 1] for pair in current] or None, 3),
        change_penalty=draw(st.integers(0, 5)),
        linking=linking,
    )


def brute_force(problem):
    """Return the best objective over every choice of half-days, None if no choice is allowed."""
    content = problem_to_json(problem)
    candidates = content["candidates"]
    options = []
    for at, need in enumerate(candidates["need"]):
        low, high = (content["needs"][name][need] for name in ("days_min", "days"))
        fixed = candidates.get("half_days", [None] * (at + 1))[at]
        days = [d for d in range(low, high + 1) if fixed is None or d == fixed]
        pair = [candidates["offer"][at], need]
        if pair in content["pins"]:
            options.append(days)
        elif pair in content["exclusions"]:
            options.append([0])
        else:
            options.append([0, *days])
    worth = [objective(content, choice) for choice in product(*options) if allowed(content, choice)]
    return max(worth, default=None)


def objective(content, choice):
    candidates = content["candidates"]
    bonus = candidates.get("bonus", [0] * len(choice))
    points = sum(
        p * d + (b if d else 0) for p, d, b in zip(candidates["points"], choice, bonus, strict=True)
    )
    running = [row[:2] for row in content["current"]]
    dropped = [
        k
        for k, pair in enumerate(zip(candidates["offer"], candidates["need"], strict=True))
        if list(pair) in running and not choice[k]
    ]
    return points - content["change_penalty"] * len(dropped)


def allowed(content, choice):
    """Return whether half-days per candidate keep every rule of a problem file's content."""
    people, needs, offers = content["participants"], content["needs"], content["offers"]
    rows = [
        (content["candidates"]["offer"][k], content["candidates"]["need"][k], days)
        for k, days in enumerate(choice)
        if days
    ]
    everyone = range(len(people["id"]))
    given = [[d for o, _, d in rows if offers["participant"][o] == i] for i in everyone]
    taken = [[d for _, n, d in rows if needs["participant"][n] == i] for i in everyone]
    of_need = [[d for _, n, d in rows if n == need] for need in range(len(needs["id"]))]
    of_offer = [[d for o, _, d in rows if o == offer] for offer in range(len(offers["id"]))]
    return (
        all(not most or len(of_need[n]) <= most for n, most in enumerate(needs["max_givers"]))
        and all(sum(days) <= most for days, most in zip(of_need, needs["days"], strict=True))
        and all(sum(days) <= most for days, most in zip(of_offer, offers["days"], strict=True))
        and all(len(of_offer[o]) <= most for o, most in enumerate(offers["max_pairings"]))
        and all(sum(given[i]) <= people["give_limit"][i] for i in everyone)
        and all(len(given[i]) <= people["max_given"][i] for i in everyone)
        and all(len(taken[i]) <= people["max_taken"][i] for i in everyone)
        and reciprocal(content["rules"]["reciprocity"], people, given, taken)
        and all(linked(rule, choice) for rule in content["linking"])
        and (
            content["rules"]["reciprocity"] != "closed_loops"
            or closed(
                [(offers["participant"][o], needs["participant"][n]) for o, n, _ in rows],
                people["exempt"],
                content["rules"]["max_loop"],
            )
        )
    )


def reciprocal(reciprocity, people, given, taken):
    bound = [i for i, exempt in enumerate(people["exempt"]) if not exempt]
    if reciprocity == "both_roles":
        return all(given[i] or not taken[i] for i in bound)
    if reciprocity in ("none", "closed_loops"):
        return True
    over = dict.fromkeys(people["account"], 0)
    for i in bound:
        over[people["account"][i]] += sum(taken[i]) - sum(given[i]) - people["allowance"][i]
    return all(days <= 0 for days in over.values())


def closed(arcs, exempt, max_loop):
    """Return whether arcs, from giver to taker, can be told apart into closed loops."""
    if not arcs:
        return True
    rest = list(enumerate(arcs))[1:]
    return any(
        loop([arcs[0], *(arc for _, arc in others)], exempt, max_loop)
        and closed([arc for at, arc in rest if at not in dict(others)], exempt, max_loop)
        for size in range(max_loop)
        for others in combinations(rest, size)
    )


def loop(arcs, exempt, max_loop):
    """Return whether arcs in some order are one loop."""
    for path in permutations(arcs):
        walked = [path[0][0], *(taker for _, taker in path)]
        first, *inner, last = walked
        if (
            all(taker == giver for (_, taker), (giver, _) in pairwise(path))
            and (first == last or (exempt[first] and exempt[last]))
            and len({first, *inner, last}) == len(inner) + (1 if first == last else 2) <= max_loop
            and not any(exempt[who] for who in inner)
        ):
            return True
    return False


def linked(rule, choice):
    total = sum(
        weight * (choice[k] if rule["unit"] == "half_days" else bool(choice[k]))
        for k, weight in zip(rule["candidates"], rule["weight"], strict=True)
    )
    return total <= rule["limit"] if rule["sense"] == "<=" else total >= rule["limit"]
