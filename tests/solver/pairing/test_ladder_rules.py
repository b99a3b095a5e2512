"""The rules of the ladder: outside stimulus, first call, steps of a run, and nearest step first."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import Ladder
from solver.pairing import pair_rules
from solver.pairing.findings import findings
from solver.pairing.ladder import LADDER, ladder_steps
from solver.pairing.nearest_step import nearest_steps
from tests.solver.made_exchange import STARTS, Exchange, exchange

OWN_GROUP = {"groups": [1]}
OWN_NETWORK = {"networks": [1]}
SAME_AREA = {"local_authority": 1}
SAME_REGION = {"region": 2}
STEPS: list[tuple[Ladder, dict[str, Any]]] = [
    (Ladder.OWN_GROUP, OWN_GROUP),
    (Ladder.OWN_NETWORK, OWN_NETWORK),
    (Ladder.LOCAL_AREA, SAME_AREA),
    (Ladder.REGION, SAME_REGION),
    (Ladder.DESIGNATED, {"designated": True}),
    (Ladder.ELSEWHERE, {}),
]
TAKER = {**OWN_GROUP, **OWN_NETWORK, **SAME_AREA, **SAME_REGION}


def beside(*givers: dict[str, Any], need: dict[str, Any] | None = None, **offer: Any) -> Exchange:
    """A school with a need, and givers with an offer each."""
    return exchange(
        [TAKER, *givers],
        [need or {}],
        [{"participant": at, **offer} for at in range(1, len(givers) + 1)],
    )


@pytest.mark.parametrize(("step", "giver"), STEPS)
def test_a_need_of_outside_stimulus_skips_the_own_trust_alone(
    step: Ladder, giver: dict[str, Any]
) -> None:
    wants = beside(giver, need={"outside": True})
    refused = pair_rules.OUTSIDE_STIMULUS if step is Ladder.OWN_GROUP else None
    assert wants.why_refused() is refused
    assert beside(giver).why_refused() is None


def test_outside_stimulus_says_so_in_words() -> None:
    """Both the refusal and the pass name the trust or federation."""
    near, far = (beside(giver, need={"outside": True}) for giver in (OWN_GROUP, OWN_NETWORK))
    said = [
        next(
            each.sentence
            for each in findings(made.tables(), 0, 0, remote=False)
            if each.rule is pair_rules.OUTSIDE_STIMULUS
        )
        for made in (near, far)
    ]
    assert said == [
        "The need is for support from outside the school's own trust or federation, and the "
        "supporting organisation is in the same one.",
        "The need is for support from outside, and the supporting organisation is not in the "
        "school's own trust or federation.",
    ]


@pytest.mark.parametrize(("step", "giver"), STEPS)
def test_first_call_keeps_an_offer_for_own_group_and_networks(
    step: Ladder, giver: dict[str, Any]
) -> None:
    kept = beside(giver, first_call_until=STARTS + 30)
    inside = step in (Ladder.OWN_GROUP, Ladder.OWN_NETWORK)
    assert kept.why_refused() is (None if inside else pair_rules.FIRST_CALL)
    [said] = [
        each.sentence
        for each in findings(kept.tables(), 0, 0, remote=False)
        if each.rule is pair_rules.FIRST_CALL
    ]
    assert said == (
        "Until 1 October 2026 the supporting organisation keeps this for its own trust, federation "
        "and networks, and the school receiving support is in "
        f"{'one' if inside else 'none'} of them."
    )


@pytest.mark.parametrize(("step", "giver"), STEPS)
def test_a_run_looks_only_on_the_steps_it_names(step: Ladder, giver: dict[str, Any]) -> None:
    """A pinned pair is asked for by name, so that no step refuses it."""
    made = beside(giver)
    for named in LADDER:
        only = np.array([[each is named for each in LADDER]])
        expected = None if named is step else pair_rules.OTHER_STEP
        assert made.why_refused(steps=only) is expected
        assert made.why_refused(steps=only, kept=[(0, 0)]) is None


def test_steps_have_a_row_for_each_need() -> None:
    with pytest.raises(ValueError, match=r"steps has shape \(2, 6\); give one row of 6 for each"):
        beside({}).tables(steps=np.ones((2, 6), np.bool_))


def test_nearest_step_first_climbs_once_a_step_came_to_nothing() -> None:
    """Who is nearer is taken; of a step that was looked at in vain the next is looked at too."""
    made = beside(*(giver for _, giver in STEPS))
    tables = made.tables()
    nothing = np.zeros((1, len(LADDER)), np.bool_)
    for looked in range(len(LADDER)):
        in_vain = nothing.copy()
        in_vain[0, :looked] = True
        steps = nearest_steps(tables, in_vain)
        assert steps[0].tolist() == [at <= looked for at in range(len(LADDER))]


@st.composite
def markets(draw: st.DrawFn) -> tuple[Exchange, np.ndarray[Any, Any]]:
    def person() -> dict[str, Any]:
        return {
            "groups": draw(st.sampled_from([[], [1], [2]])),
            "networks": draw(st.sampled_from([[], [1], [2]])),
            "local_authority": draw(st.integers(-1, 2)),
            "region": draw(st.integers(3, 4)),
            "designated": draw(st.booleans()),
            "may_give": draw(st.booleans()),
        }

    people = [person() for _ in range(draw(st.integers(2, 6)))]
    at = st.integers(0, len(people) - 1)
    needs = [
        {"participant": draw(at), "outside": draw(st.booleans())}
        for _ in range(draw(st.integers(1, 3)))
    ]
    offers = [
        {"participant": draw(at), "first_call_until": draw(st.sampled_from([0, STARTS + 9]))}
        for _ in range(draw(st.integers(1, 6)))
    ]
    rows = st.lists(st.booleans(), min_size=6, max_size=6)
    in_vain = np.array([draw(rows) for _ in needs], np.bool_)
    return exchange(people, needs, offers), in_vain


@given(markets())
def test_nearest_step_first_equals_looking_at_every_pair(
    market: tuple[Exchange, np.ndarray[Any, Any]],
) -> None:
    """Each need keeps all pairs up to its nearest step that was not in vain, and no others."""
    made, in_vain = market
    tables = made.tables()
    steps = nearest_steps(tables, in_vain)
    found, refused = made.find(max_neighbours=None, steps=steps)
    every, _ = made.find(max_neighbours=None)
    givers, takers = made.offers.participant, made.needs.participant
    on = ladder_steps(made.participants, givers[every.offer], takers[every.need])
    for need in range(len(takers)):
        mine = [
            (int(offer), int(step))
            for offer, of, step in zip(every.offer, every.need, on, strict=True)
            if of == need
        ]
        open_steps = [step for _, step in mine if not in_vain[need, step]]
        top = min(open_steps, default=len(LADDER))
        expected = sorted(offer for offer, step in mine if step <= top)
        assert sorted(found.offer[found.need == need].tolist()) == expected
        left_out = len(mine) - len(expected)
        assert refused.of_need(need).get(pair_rules.OTHER_STEP, 0) == left_out


@given(markets())
def test_rules_of_the_ladder_only_take_away(
    market: tuple[Exchange, np.ndarray[Any, Any]],
) -> None:
    """Without outside stimulus and first call the same pairs come back, and only their own go."""
    made, _ = market
    plain = Exchange(
        made.taxonomy,
        made.participants,
        type(made.needs)(**_columns(made.needs, outside=np.zeros(len(made.needs.outside), bool))),
        type(made.offers)(
            **_columns(
                made.offers, first_call_until=np.zeros(len(made.offers.first_call_until), int)
            )
        ),
    )
    found, _ = made.find(max_neighbours=None)
    every, _ = plain.find(max_neighbours=None)
    kept = set(zip(found.offer.tolist(), found.need.tolist(), strict=True))
    expected = set()
    givers, takers = made.offers.participant, made.needs.participant
    steps = ladder_steps(made.participants, givers[every.offer], takers[every.need]).tolist()
    pairs = zip(every.offer.tolist(), every.need.tolist(), steps, strict=True)
    for offer, need, step in pairs:
        outside = made.needs.outside[need] and LADDER[step] is Ladder.OWN_GROUP
        called = made.offers.first_call_until[offer] and LADDER[step] not in (
            Ladder.OWN_GROUP,
            Ladder.OWN_NETWORK,
        )
        if not outside and not called:
            expected.add((offer, need))
    assert kept == expected


def _columns(table: Any, **changed: Any) -> dict[str, Any]:
    return {name: getattr(table, name) for name in table.__dataclass_fields__} | changed
