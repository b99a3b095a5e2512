"""The fast search against two plain loops, on small exchanges of every kind."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import Availability, Mode, Phase
from solver.pairing.columns import CLOSES_UNDATED, STAYS_OPEN
from solver.pairing.interests import Interest
from solver.pairing.pair_rules import INTEREST
from solver.pairing.travel import MatrixTravelTimes
from tests.solver.made_exchange import ENDS, NOWHERE, STARTS, declared, exchange
from tests.solver.pairing.plain_candidates import plain_candidates

# Irregular on purpose: no two of them are as far from a third as another two.
POOL = [
    (51.5033, -0.1195),
    (51.6565, -0.3903),
    (51.2787, 0.5217),
    (51.7343, 0.4691),
    (51.4545, -0.9781),
    (52.2053, 0.1218),
    (52.0406, -0.7594),
    (53.9583, -1.0803),
    (50.8225, -0.1372),
    (51.5101, -0.1289),
    NOWHERE,
]
LIMITS_M = [float("nan"), 15_000.0, 40_000.0, 120_000.0]
LIMITS_MINUTES = [float("nan"), float("nan"), 40.0, 75.0]

people_rows = st.fixed_dictionaries(
    {
        "at": st.sampled_from(POOL),
        "phases": st.sampled_from([[], [Phase.PRIMARY], [Phase.SECONDARY]]),
        "local_authority": st.integers(-1, 1),
        "may_give": st.sampled_from([True, True, True, False]),
        "may_take": st.sampled_from([True, True, True, False]),
        "last_day": st.sampled_from(
            [STAYS_OPEN, STAYS_OPEN, CLOSES_UNDATED, STARTS - 1, STARTS, STARTS + 31]
        ),
        "give_limit": st.sampled_from([1, 40]),
        "serves": st.sampled_from([[], [], [0], [1, 2]]),
        "groups": st.sampled_from([[], [], [0], [1]]),
        "networks": st.sampled_from([[], [], [0], [0, 1]]),
    }
)


def row_of(people: int, own: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "participant": st.integers(0, people - 1),
            "expertise": st.integers(0, 3),
            "mode": st.sampled_from(list(Mode)),
            "limit_m": st.sampled_from(LIMITS_M),
            "limit_minutes": st.sampled_from(LIMITS_MINUTES),
            "window_starts": st.sampled_from([STARTS, STARTS + 30]),
            "window_ends": st.sampled_from([ENDS, STARTS + 30, ENDS]),
            **own,
        }
    )


@st.composite
def exchanges(draw: st.DrawFn) -> dict[str, Any]:
    people = draw(st.lists(people_rows, min_size=2, max_size=7))
    size = len(people)
    need = row_of(
        size,
        {"suggested": st.sampled_from([False, False, True]), "half_days_min": st.integers(1, 4)},
    )
    offer = row_of(
        size,
        {
            "availability": st.sampled_from([*Availability, Availability.CAN_OFFER]),
            "phases": st.sampled_from([[], [Phase.PRIMARY]]),
            "half_days": st.integers(2, 8),
        },
    )
    needs = draw(st.lists(need, min_size=1, max_size=4))
    offers = draw(st.lists(offer, min_size=1, max_size=24))

    def pairs(giving: int, taking: int) -> list[tuple[int, int]]:
        each = st.tuples(st.integers(0, giving - 1), st.integers(0, taking - 1))
        return draw(st.lists(each, max_size=3))

    def interests() -> list[Interest]:
        found = enumerate(pairs(size, size))
        refusing = st.sampled_from([True, True, False])
        return [
            declared(holder, about, reference=f"I{number}", refuses=draw(refusing))
            for number, (holder, about) in found
            if holder != about
        ]

    times = st.one_of(st.none(), st.sampled_from([5.0, 40.0, 75.0]), st.floats(1, 100))
    return {
        "rows": {"people": people, "needs": needs, "offers": offers, "parent": [-1, 0, 0, 1]},
        "conflicts": pairs(size, size),
        "interests": interests(),
        "declined": pairs(len(offers), len(needs)),
        "kept": pairs(len(offers), len(needs)),
        "max_neighbours": draw(st.sampled_from([None, 1, 2, 5])),
        "with_suggestions": draw(st.booleans()),
        "minutes": {(a, b): draw(times) for a in range(size) for b in range(size) if a != b},
    }


@settings(max_examples=150, deadline=None)
@given(case=exchanges())
def test_every_covering_pair_is_a_candidate_or_refused_for_one_reason(
    case: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Candidates and refusals by need equal those of two plain loops over all pairs."""
    path: Path = tmp_path_factory.getbasetemp() / "minutes.csv"
    lines = [f"{a},{b},{m}" for (a, b), m in case["minutes"].items() if m is not None]
    path.write_text("\n".join(["from,to,minutes", *lines]))
    names = ("conflicts", "interests", "declined", "kept", "max_neighbours", "with_suggestions")
    options = {name: case[name] for name in names}
    found, refused = exchange(**case["rows"]).find(
        travel=MatrixTravelTimes.from_csv(path), default_limit_m=30_000.0, **options
    )
    expected, reasons = plain_candidates(**case["rows"], minutes=case["minutes"], **options)
    got = list(zip(found.need, found.offer, found.remote, strict=True))
    assert got == expected
    for need, by_reason in enumerate(reasons):
        assert refused.of_need(need) == dict(by_reason)


@settings(max_examples=100, deadline=None)
@given(case=exchanges(), data=st.data())
def test_a_declared_interest_removes_exactly_the_candidates_of_its_two_sides(
    case: dict[str, Any], data: st.DataObject
) -> None:
    """Whichever side gives; one that is only shown removes none."""
    made = exchange(**case["rows"])
    given = {"default_limit_m": 30_000.0, "with_suggestions": case["with_suggestions"]}
    before, others = made.find(None, **given)
    givers = made.offers.participant[before.offer].tolist()
    takers = made.needs.participant[before.need].tolist()
    people = range(len(case["rows"]["people"]))
    sides = data.draw(st.sampled_from([*zip(givers, takers, strict=True), (0, people[-1])]))
    if data.draw(st.booleans()):
        sides = sides[::-1]
    refuses = data.draw(st.booleans())
    after, refused = made.find(None, interests=[declared(*sides, refuses=refuses)], **given)
    left = [
        (need, offer)
        for need, offer, pair in zip(
            before.need.tolist(),
            before.offer.tolist(),
            zip(givers, takers, strict=True),
            strict=True,
        )
        if not refuses or set(pair) != set(sides)
    ]
    assert list(zip(after.need.tolist(), after.offer.tolist(), strict=True)) == left
    assert refused.by_need.sum() - others.by_need.sum() == len(before) - len(left)
    assert refused.total().get(INTEREST, 0) >= len(before) - len(left)
