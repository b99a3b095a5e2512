"""Instances of multi-unit balanced exchange, made from a seed: positions in, a problem out.

Nothing in them is real, except the positions if real ones are given. A kind varies one thing
and leaves the rest of the draw as it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from models.vocabulary import UNLIMITED, Reciprocity
from solver.arrays import FloatArray, IntArray
from solver.formats.json_columns import encode
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_to_json
from solver.formats.tables import Candidates, Linking, Needs, Offers, Participants, Rules, frozen

KINDS: Final = (
    "whole",
    "roomy",
    "scarce",
    "ranges",
    "both_roles",
    "accounts",
    "linking",
    "divisible",
)
NEEDS_EACH: Final = 2.7
OFFERS_EACH: Final = 1.8
EXPERTISE: Final = 40
NEIGHBOURS: Final = 30
REACH_M: Final = 30_000.0
EARTH_M: Final = 6_371_000.0
MOST_DAYS: Final = 10
PEOPLE_PER_TOWN: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Where institutions are.

    Attributes
    ----------
    lat, lon
        Degrees (WGS84), shapes (institutions,).
    """

    lat: FloatArray
    lon: FloatArray

    def __len__(self) -> int:
        return len(self.lat)


def made_up_country(size: int, seed: int) -> Positions:
    """Return positions in towns of all sizes, as dense as schools are in England.

    Parameters
    ----------
    size
        Number of institutions.
    seed
        Of the draw.
    """
    random = np.random.default_rng([seed, 1])
    towns = max(1, size // PEOPLE_PER_TOWN)
    side_m = 2_300.0 * np.sqrt(size)
    centre = random.uniform(0, side_m, (towns, 2))
    share = random.pareto(1.2, towns) + 0.2
    town = random.choice(towns, size, p=share / share.sum())
    spread_m = 1_500.0 * np.sqrt(share[town])[:, np.newaxis]
    at = centre[town] + random.normal(0, 1, (size, 2)) * spread_m
    rural = random.random(size) < 0.25
    at[rural] = random.uniform(0, side_m, (int(rural.sum()), 2))
    lat = 52.0 + np.degrees((at[:, 1] - side_m / 2) / EARTH_M)
    lon = np.degrees((at[:, 0] - side_m / 2) / (EARTH_M * np.cos(np.radians(52.0))))
    return Positions(np.clip(lat, -80, 80), (lon + 180) % 360 - 180)


def make(positions: Positions, seed: int, kind: str = "whole") -> Problem:
    """Return a drawn problem on given positions.

    Participants have on average 2.7 needs and 1.8 offers of 40 kinds of expertise, some far more
    in demand than others. A need's candidates are the 30 nearest offers of its expertise within
    30 km. Disadvantage raises points and allowances.

    Parameters
    ----------
    kind
        "whole": all or nothing of a need, balances held by each participant. "roomy": each may
        take nearly half of what it asks for before it gives. "scarce": whole days, a fortnight's
        at most asked for, and each gives at most five. "ranges": from half of a need's days to
        all. "both_roles": who takes must give. "accounts": balances held by trusts, of a third
        of participants. "linking": besides, budgets and floors of areas. "divisible": days freely
        split, nothing counted.

    Raises
    ------
    ValueError
        If the kind does not exist.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    random = np.random.default_rng([seed, 2])
    size = len(positions)
    hardship = random.beta(2, 5, size)
    needs = _spread(random, size, NEEDS_EACH)
    offers = _spread(random, size, OFFERS_EACH)
    asked = random.lognormal(0, 0.7, EXPERTISE)
    given = asked * random.lognormal(0, 0.5, EXPERTISE)
    need_expertise = random.choice(EXPERTISE, len(needs), p=asked / asked.sum())
    offer_expertise = random.choice(EXPERTISE, len(offers), p=given / given.sum())
    scarce = kind == "scarce"
    days = random.integers(1, MOST_DAYS + 1, len(needs))
    days = 2 * ((3 * days + 4) // 5) if scarce else days
    priority = random.integers(1, 4, len(needs))
    quality = random.integers(1, 6, len(offers))
    offer, need, distance_m = _nearest(positions, needs, need_expertise, offers, offer_expertise)
    points = (
        200
        + 150 * (4 - priority[need])
        + 60 * quality[offer]
        + np.rint(300 * hardship[needs[need]]).astype(np.int64)
        + np.rint(200 * (1 - distance_m / REACH_M)).astype(np.int64)
        + random.integers(0, 150, len(offer))
    )
    counted = UNLIMITED if kind == "divisible" else 3
    least = {"ranges": (days + 1) // 2, "divisible": np.ones_like(days)}.get(kind, days)
    trusts = kind in ("accounts", "linking")
    return Problem(
        Participants.of(
            [f"i{at}" for at in range(size)],
            lat=positions.lat,
            lon=positions.lon,
            give_limit=_limits(scarce, random.integers(6, 21, size)),
            max_given=counted,
            max_taken=counted,
            allowance=_allowance(kind, hardship, random.random(size)),
            exempt=random.random(size) < 0.01,
            account=_trusts(np.random.default_rng([seed, 4]), size) if trusts else None,
        ),
        Needs.of(
            [f"n{at}" for at in range(len(needs))],
            needs,
            days,
            expertise=[f"e{code}" for code in need_expertise],
            days_min=least,
            max_givers=0 if kind == "divisible" else 1,
            priority=priority,
        ),
        Offers.of(
            [f"o{at}" for at in range(len(offers))],
            offers,
            _offered(scarce, random.integers(4, 17, len(offers))),
            expertise=[f"e{code}" for code in offer_expertise],
            max_pairings=counted,
        ),
        Candidates.of(offer, need, points),
        Rules(Reciprocity.BOTH_ROLES if kind == "both_roles" else Reciprocity.BALANCED),
        linking=_area_rules(positions, needs, need, priority, days) if kind == "linking" else (),
    )


def fingerprint(problem: Problem) -> str:
    """Return what tells a problem from any other, whatever machine made it.

    Positions are left out: they only serve to cut blocks, and their last digit is the machine's.
    """
    content = problem_to_json(problem)
    for name in ("lat", "lon"):
        content["participants"].pop(name, None)
    return hashlib.sha256(encode(content, gzipped=False)).hexdigest()[:12]


def _allowance(kind: str, hardship: FloatArray, part: FloatArray) -> IntArray:
    """Return half-days that each may take beyond what it gives: more in hardship."""
    most = {"roomy": 24 * hardship, "scarce": 4 + 12 * hardship}.get(kind, 8 * hardship * part)
    return np.rint(most).astype(np.int64)


def _limits(scarce: bool, give_limit: IntArray) -> IntArray:
    return np.full_like(give_limit, 10) if scarce else give_limit


def _offered(scarce: bool, days: IntArray) -> IntArray:
    return 2 * (days // 3 + 1) if scarce else days


def _spread(random: np.random.Generator, size: int, each: float) -> IntArray:
    """Return the participant of each of a Poisson number of needs or offers."""
    return np.repeat(np.arange(size), random.poisson(each, size))


def _nearest(
    positions: Positions,
    needs: IntArray,
    need_expertise: IntArray,
    offers: IntArray,
    offer_expertise: IntArray,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return offers, needs and distances of the nearest pairs of one expertise, by need."""
    lat, lon = np.radians(positions.lat), np.radians(positions.lon)
    at = EARTH_M * np.column_stack(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    )
    found = []
    for expertise in range(EXPERTISE):
        mine = np.flatnonzero(need_expertise == expertise)
        theirs = np.flatnonzero(offer_expertise == expertise)
        if not len(mine) or not len(theirs):
            continue
        answer = cKDTree(at[offers[theirs]]).query(
            at[needs[mine]], k=np.arange(1, NEIGHBOURS + 2), distance_upper_bound=REACH_M
        )
        distance, place = np.asarray(answer[0]), np.asarray(answer[1])
        row, column = np.nonzero(np.isfinite(distance))
        need, offer = mine[row], theirs[place[row, column]]
        other = needs[need] != offers[offer]
        found.append((offer[other], need[other], distance[row, column][other]))
    offer, need, distance = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((distance, need))
    offer, need, distance = offer[order], need[order], distance[order]
    rank = np.arange(len(need)) - np.searchsorted(need, need)
    near = rank < NEIGHBOURS
    return offer[near], need[near], distance[near]


def _trusts(random: np.random.Generator, size: int) -> IntArray:
    """Put a third of participants into trusts of two to some thirty, neighbours or not."""
    account = np.arange(size)
    joined = random.permutation(size)[: size // 3]
    start = 0
    while start < len(joined):
        members = 2 + int(random.pareto(1.5) * 3)
        account[joined[start : start + members]] = joined[start]
        start += members
    return account


def _area_rules(
    positions: Positions, needs: IntArray, need: IntArray, priority: IntArray, days: IntArray
) -> tuple[Linking, ...]:
    """Return a budget in half-days and a floor of urgent pairings for each of some areas."""
    areas = max(1, len(positions) // 500)
    area = np.argsort(np.argsort(positions.lat, kind="stable")) * areas // max(1, len(positions))
    rules = []
    for at in range(areas):
        inside = np.flatnonzero(area[needs[need]] == at)
        mine = area[needs] == at
        urgent = inside[priority[need[inside]] == 1]
        rules.append(
            Linking(
                f"budget {at}", "<=", int(days[mine].sum()) * 11 // 20, "half_days",
                frozen(inside, np.int64), frozen(np.ones(len(inside), np.int64), np.int64),
            )
        )  # fmt: skip
        rules.append(
            Linking(
                f"floor {at}", ">=", int((mine & (priority == 1)).sum()) // 4, "pairings",
                frozen(urgent, np.int64), frozen(np.ones(len(urgent), np.int64), np.int64),
            )
        )  # fmt: skip
    return tuple(rules)
