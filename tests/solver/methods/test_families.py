"""Families of schools: right by the check, within the bound, and nearly as good as the best."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.check.families import check_families
from solver.formats.families import Covered, Families, Family, FamilyProblem
from solver.methods.families import find_families


def problem(
    schools: int,
    needs: list[tuple[int, int, int]],
    offers: list[tuple[int, int, int]],
    pairs: list[tuple[int, int]],
    minutes: Any = 10.0,
    **more: Any,
) -> FamilyProblem:
    """Needs by whose, asked and least; offers by whose, half-days and pairings."""
    table = np.full((schools, schools), minutes, float) if np.isscalar(minutes) else minutes
    limits = {name: more.pop(name, 100) for name in ("give_limit", "most_given", "most_taken")}
    need, offer = (np.array(rows, np.int64).reshape(-1, 3) for rows in (needs, offers))
    pair = np.array(sorted(pairs, key=lambda each: each[::-1]), np.int64).reshape(-1, 2)
    return FamilyProblem(
        minutes=np.asarray(table, float),
        limit_minutes=more.pop("limit_minutes", 30),
        need_of=need[:, 0], asked=need[:, 1], least=need[:, 2],
        offer_of=offer[:, 0], offered=offer[:, 1], pairings=offer[:, 2],
        pair_offer=pair[:, 0], pair_need=pair[:, 1],
        **{name: np.full(schools, limit) for name, limit in limits.items()},
        **more,
    )  # fmt: skip


def ring(size: int, **more: Any) -> FamilyProblem:
    """Each school can cover the one need of the next."""
    needs = [(who, 4, 2) for who in range(size)]
    offers = [(who, 4, 1) for who in range(size)]
    return problem(size, needs, offers, [(who, (who + 1) % size) for who in range(size)], **more)


@pytest.mark.parametrize("size", [4, 5, 8])
def test_a_ring_is_one_family_that_covers_all(size: int) -> None:
    found = find_families(ring(size))
    [family] = found.found
    assert family.members == tuple(range(size))
    assert (found.covered, found.bound) == (size, size)
    assert check_families(ring(size), found) == []


def test_three_schools_are_no_family_and_nine_are_no_single_one() -> None:
    assert find_families(ring(3)).found == ()
    found = find_families(ring(9))
    assert all(4 <= len(family.members) <= 8 for family in found.found)
    assert found.covered == 7
    assert check_families(ring(9), found) == []


def test_nobody_is_in_a_family_with_who_is_too_far_or_where_it_is_not_known() -> None:
    """Of the longer way between the two."""
    for far in (31.0, np.nan):
        minutes = np.full((4, 4), 10.0)
        minutes[1, 3] = far
        assert find_families(ring(4, minutes=minutes)).found == ()


def test_a_need_is_covered_in_another_way_where_that_leaves_room() -> None:
    """The offer that both needs may have goes to the one that may have no other."""
    needs = [(0, 2, 2), (1, 2, 2)]
    offers = [(2, 2, 1), (3, 2, 1)]
    made = problem(4, needs, offers, [(0, 0), (1, 0), (0, 1)])
    found = find_families(made)
    assert found.covered == found.bound == 2
    assert check_families(made, found) == []


@st.composite
def towns(draw: st.DrawFn) -> FamilyProblem:
    """Up to eight schools with a few needs and offers, and families of two or three."""
    schools = draw(st.integers(2, 7))
    who = st.integers(0, schools - 1)
    needs = []
    for _ in range(draw(st.integers(1, 6))):
        asked = draw(st.integers(1, 4))
        needs.append((draw(who), asked, draw(st.integers(1, asked))))
    offers = [
        (draw(who), draw(st.integers(1, 6)), draw(st.integers(1, 2)))
        for _ in range(draw(st.integers(1, 6)))
    ]
    pairs = [
        (offer, need)
        for offer in range(len(offers))
        for need in range(len(needs))
        if offers[offer][0] != needs[need][0] and draw(st.booleans())
    ]
    way = st.sampled_from([10.0, 20.0, 40.0, np.nan])
    minutes = np.array([[draw(way) for _ in range(schools)] for _ in range(schools)])
    return problem(
        schools, needs, offers, pairs, minutes,
        smallest=2, largest=draw(st.integers(2, 3)), give_limit=draw(st.integers(1, 6)),
        most_given=draw(st.integers(1, 2)), most_taken=draw(st.integers(1, 2)),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(towns())
def test_families_keep_to_the_check_and_the_best_is_within_the_bound(town: FamilyProblem) -> None:
    """Against every way to part the schools, each family covered as well as can be."""
    found = find_families(town)
    assert check_families(town, found) == []
    best = _best(town)
    assert found.covered <= best <= found.bound


def test_the_search_finds_nearly_all_that_can_be_covered() -> None:
    """Over a hundred towns drawn with a seed; the rest is what the bound is beside it for."""
    rng = np.random.default_rng(1)
    covered = best = 0
    for _ in range(100):
        town = _drawn(rng)
        found = find_families(town)
        assert check_families(town, found) == []
        covered += found.covered
        best += _best(town)
    assert best >= covered >= 0.97 * best > 100


def _drawn(rng: np.random.Generator) -> FamilyProblem:
    schools = 7
    needs = [(int(rng.integers(schools)), 4, 2) for _ in range(8)]
    offers = [(int(rng.integers(schools)), int(rng.integers(2, 8)), 2) for _ in range(7)]
    pairs = [
        (offer, need)
        for offer in range(len(offers))
        for need in range(len(needs))
        if offers[offer][0] != needs[need][0] and rng.random() < 0.3
    ]
    minutes = rng.uniform(5, 40, (schools, schools))
    return problem(schools, needs, offers, pairs, minutes, smallest=2, largest=4)


def _best(town: FamilyProblem) -> int:
    """The most needs that any families cover, by trying all."""
    schools = len(town.give_limit)
    worth: dict[frozenset[int], int] = {}
    for size in range(town.smallest, town.largest + 1):
        for members in combinations(range(schools), size):
            value = _covered(town, set(members))
            if value:
                worth[frozenset(members)] = value
    memo: dict[frozenset[int], int] = {frozenset(): 0}

    def most(left: frozenset[int]) -> int:
        if left not in memo:
            first = min(left)
            memo[left] = max(
                most(left - {first}),
                *(
                    value + most(left - members)
                    for members, value in worth.items()
                    if first in members and members <= left
                ),
                0,
            )
        return memo[left]

    return most(frozenset(range(schools)))


def _covered(town: FamilyProblem, members: set[int]) -> int:
    """The most needs covered within a family of whom nobody is idle; 0 where there is none."""
    for one, other in combinations(members, 2):
        ways = town.minutes[one, other], town.minutes[other, one]
        if not all(way <= town.limit_minutes for way in ways):
            return 0
    options: dict[int, list[int]] = {}
    for offer, need in zip(town.pair_offer.tolist(), town.pair_need.tolist(), strict=True):
        if {int(town.offer_of[offer]), int(town.need_of[need])} <= members:
            options.setdefault(need, []).append(offer)
    needs = list(options)
    best = 0
    chosen: dict[int, int] = {}

    def keeps(last: int) -> bool:
        of = [(offer, need) for need, offer in chosen.items()]
        giver, taker = int(town.offer_of[chosen[last]]), int(town.need_of[last])
        mine = [(o, n) for o, n in of if int(town.offer_of[o]) == giver]
        same = [(o, n) for o, n in of if o == chosen[last]]
        taken = [n for _, n in of if int(town.need_of[n]) == taker]
        return (
            len(same) <= town.pairings[chosen[last]]
            and sum(int(town.least[n]) for _, n in same) <= town.offered[chosen[last]]
            and sum(int(town.least[n]) for _, n in mine) <= town.give_limit[giver]
            and len(mine) <= town.most_given[giver]
            and len(taken) <= town.most_taken[taker]
        )

    def visit(at: int) -> None:
        nonlocal best
        if at == len(needs):
            taking_part = {int(town.need_of[n]) for n in chosen}
            taking_part |= {int(town.offer_of[o]) for o in chosen.values()}
            if taking_part == members:
                best = max(best, len(chosen))
            return
        visit(at + 1)
        for offer in options[needs[at]]:
            chosen[needs[at]] = offer
            if keeps(needs[at]):
                visit(at + 1)
            del chosen[needs[at]]

    visit(0)
    return best


GOOD = Family((0, 1, 2, 3), tuple(Covered(who, (who + 1) % 4, 2) for who in range(4)))


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (Families((GOOD,), 3, 1), "4 needs are covered, more than the bound of 3."),
        (Families((GOOD, GOOD), 9, 1), "School 0 is in 2 families."),
        (Families((Family((0, 1), ()),), 4, 1), "Family 1 has 2 members."),
        (
            Families((Family((0, 1, 2, 3), GOOD.covers[:2]),), 4, 1),
            "Family 1 has 3 for nothing.",
        ),
        (
            Families((Family(GOOD.members, (Covered(0, 2, 2), *GOOD.covers[2:])),), 4, 1),
            "Family 1 pairs offer 0 with need 2, which is not allowed.",
        ),
        (
            Families((Family(GOOD.members, (Covered(0, 1, 1), *GOOD.covers[1:])),), 4, 1),
            "Family 1 covers need 1 by 1 half-days.",
        ),
        (
            Families((Family(GOOD.members, (Covered(0, 1, 5), *GOOD.covers[1:])),), 4, 1),
            "Family 1 uses offer 0 beyond its days.",
        ),
    ],
)
def test_the_check_says_what_is_wrong(found: Families, fault: str) -> None:
    assert check_families(ring(4), Families((GOOD,), 4, 1)) == []
    assert fault in check_families(ring(4), found)


def test_the_check_sees_ways_and_limits() -> None:
    far = ring(4, minutes=np.where(np.eye(4) > 0, 0.0, 31.0))
    assert "Family 1 has 0 and 1 too far apart." in check_families(far, Families((GOOD,), 4, 1))
    for name, fault in (
        ("give_limit", "Family 1 has 0 give too much."),
        ("most_given", "Family 1 has 0 give too often."),
        ("most_taken", "Family 1 has 0 take too often."),
    ):
        none = ring(4, **{name: 0})
        assert fault in check_families(none, Families((GOOD,), 4, 1))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"smallest": 1}, "families of 1 to 8 members; give at least 2"),
        ({"smallest": 9}, "families of 9 to 8 members"),
        ({"limit_minutes": 0}, "limit_minutes is 0; give more than 0"),
        ({"minutes": np.zeros((2, 2))}, r"minutes has shape \(2, 2\)"),
    ],
)
def test_a_problem_says_what_is_wrong_with_it(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ring(4, **more)
