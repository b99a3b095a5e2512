"""Points: whole numbers, each component turning the way it should, each with its reason."""

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import Ladder, Mode, Phase, SupportResult
from solver.pairing.columns import Pairs, encode
from solver.pairing.failed_support import FailedSupport
from solver.pairing.ladder import LADDER
from solver.pairing.point_reasons import explain_points
from solver.pairing.points import COMPONENTS, Component, Past, PointInputs, Points, score
from solver.pairing.weights import PRIORITIES, Weights
from tests.solver.made_exchange import (
    ENDED,
    LONDON,
    NAN,
    STARTS,
    WATFORD,
    YORK,
    exchange,
    failed,
)

HERE = {"at": LONDON, "urban": 1, "local_authority": 1, "region": 2}


def scored(
    giver: dict[str, Any] | None = None,
    taker: dict[str, Any] | None = None,
    need: dict[str, Any] | None = None,
    offer: dict[str, Any] | None = None,
    parent: tuple[int, ...] = (-1,),
    **given: Any,
) -> Points:
    """Points of the one candidate of a giver and a taker."""
    made = exchange(
        [HERE | (taker or {}), HERE | (giver or {})], [need or {}], [offer or {}], parent
    )
    found, _ = made.find(default_limit_m=1_000_000.0)
    assert len(found) == 1
    given = {"pupils": [400, 400], "disadvantage_percent": [20.0, 20.0]} | given
    return score(PointInputs(found, made.participants, made.needs, made.offers, **given))


def weight(name: Component, factor: int = 1) -> dict[str, int]:
    """The weights of a component, so many times the default."""
    names = (
        [f"priority_{each}" for each in PRIORITIES] if name is Component.PRIORITY else [str(name)]
    )
    return {each: factor * getattr(Weights(), each) for each in names}


def component(points: Points, name: Component) -> int:
    return int(points.components[0, COMPONENTS.index(name)])


def sentence(points: Points, name: Component) -> str:
    return explain_points(points, np.array([0]))[0][COMPONENTS.index(name)].sentence


def tried(*steps: Ladder) -> list[list[bool]]:
    return [[step in steps for step in LADDER]]


def test_steps_looked_at_in_vain_move_the_next_up_and_keep_their_own_points() -> None:
    """Nobody is found there, so who is further counts as near; who is found there earns in full."""
    own = {"giver": {"groups": [1]}, "taker": {"groups": [1]}}
    assert component(scored(**own, looked=tried(Ladder.OWN_GROUP)), Component.LADDER) == component(
        scored(**own), Component.LADDER
    )
    after = scored(
        looked=tried(Ladder.OWN_GROUP, Ladder.OWN_NETWORK), tried=tried(Ladder.OWN_GROUP)
    )
    both = scored(tried=tried(Ladder.OWN_GROUP, Ladder.OWN_NETWORK))
    assert component(after, Component.LADDER) == component(both, Component.LADDER)
    said = sentence(after, Component.LADDER)
    assert "Support from 1 nearer step has been tried without success." in said
    assert "The school has looked on 1 nearer step and found none." in said


FALLING: list[tuple[Component, list[dict[str, Any]]]] = [
    (Component.PRIORITY, [{"need": {"priority": priority}} for priority in (1, 2, 3, 4, 5)]),
    (Component.QUALITY, [{"offer": {"quality": quality}} for quality in (5, 4, 3, 2, 1)]),
    (
        Component.SIMILARITY,
        [
            {"need": {"expertise": 2}, "offer": {"expertise": offered}, "parent": (-1, 0, 1)}
            for offered in (2, 1, 0)
        ],
    ),
    (
        Component.SIMILARITY,
        [
            {"need": {"expertise": asked}, "offer": {"expertise": 2}, "parent": (-1, 0, 1)}
            for asked in (2, 1, 0)
        ],
    ),
    (
        Component.SIMILARITY,
        [{"giver": {"phases": phases}} for phases in ([Phase.PRIMARY], [], [Phase.SECONDARY])],
    ),
    (Component.SIMILARITY, [{"pupils": [400, giver]} for giver in (400, 300, NAN, 50)]),
    (
        Component.SIMILARITY,
        [{"disadvantage_percent": [20.0, giver]} for giver in (20.0, 30.0, NAN, 65.0)],
    ),
    (Component.SIMILARITY, [{"giver": {"urban": urban}} for urban in (1, -1, 0)]),
    (Component.NEARNESS, [{"giver": {"at": at}} for at in (LONDON, WATFORD, YORK)]),
    (
        Component.LADDER,
        [
            {"giver": {"groups": [1]}, "taker": {"groups": [1]}},
            {"giver": {"networks": [1]}, "taker": {"networks": [1]}},
            {},
            {"giver": {"local_authority": 3}},
            {"giver": {"local_authority": 3, "region": 3, "designated": True}},
            {"giver": {"local_authority": 3, "region": 3}},
        ],
    ),
    (
        Component.CONTINUITY,
        [
            {"running": Pairs(np.array([1]), np.array([0]))},
            {"past": Past([1], [0], encode(SupportResult, [SupportResult.WORKED]))},
            {"past": Past([1], [0], encode(SupportResult, [SupportResult.PARTLY]))},
            {"past": Past([1], [0], encode(SupportResult, [SupportResult.DID_NOT_WORK]))},
        ],
    ),
    (
        Component.FAILED_SUPPORT,
        [{}, {"failed": failed(ENDED)}, {"failed": failed(0)}, {"failed": failed(STARTS)}],
    ),
    (
        Component.DISADVANTAGE,
        [{"disadvantage_percent": [taker, 20.0]} for taker in (50.0, 30.0, NAN, 10.0)],
    ),
]
"""Inputs from the best to the worst; NaN (missing) stands between, or beside its neighbour."""


@pytest.mark.parametrize(("name", "inputs"), FALLING)
def test_each_component_falls_from_the_best_to_the_worst(
    name: Component, inputs: list[dict[str, Any]]
) -> None:
    """A component moves the way its name says, and only that component moves down with it."""
    points = [component(scored(**given), name) for given in inputs]
    assert points == sorted(points, reverse=True)
    assert points[0] > points[-1]
    assert points[0] <= max(weight(name).values())


@pytest.mark.parametrize("name", list(Component))
def test_a_component_without_weight_earns_nothing_and_doubles_with_it(name: Component) -> None:
    """Weights are open: a component is its fraction of its own weight and of no other."""
    running = Pairs(np.array([1]), np.array([0]))
    taker = {"groups": [1]}
    plain = scored(taker=taker, running=running, weights=Weights())
    double = scored(taker=taker, running=running, weights=Weights(**weight(name, 2)))
    none = scored(taker=taker, running=running, weights=Weights(**weight(name, 0)))
    assert component(none, name) == 0
    assert abs(component(double, name) - 2 * component(plain, name)) <= 1
    others = [column for column, other in enumerate(COMPONENTS) if other != name]
    assert (double.components[0, others] == plain.components[0, others]).all()


def test_missing_figures_are_halfway_and_said_to_be() -> None:
    """A gap in the data is neither best nor worst, and the reason owns up to it."""
    points = scored(pupils=[NAN, 400], disadvantage_percent=[NAN, NAN], offer={"quality": 0})
    assert component(points, Component.DISADVANTAGE) == Weights().disadvantage / 2
    assert "not known, so it counts as half" in sentence(points, Component.DISADVANTAGE)
    assert "not known for one of them, so counted as half: size" in sentence(
        points, Component.SIMILARITY
    )
    assert "no evidence of the quality of this support, so it counts as 1 out of 5" in sentence(
        points, Component.QUALITY
    )
    empty = scored(pupils=[0, 400], disadvantage_percent=[NAN, NAN])
    assert component(empty, Component.SIMILARITY) == component(points, Component.SIMILARITY)
    claimed = scored(offer={"quality": 1})
    assert component(points, Component.QUALITY) == component(claimed, Component.QUALITY) > 0


def test_steps_tried_without_success_earn_nothing_and_the_next_moves_up() -> None:
    """A stimulus from outside is worth most where the ladder below it has been tried."""
    own = {"giver": {"groups": [1]}, "taker": {"groups": [1]}}
    first = scored(**own)
    again = scored(**own, tried=tried(Ladder.OWN_GROUP))
    assert component(again, Component.LADDER) == 0
    assert "tried without success, so this earns no points" in sentence(again, Component.LADDER)
    local = scored()
    after = scored(tried=tried(Ladder.OWN_GROUP, Ladder.OWN_NETWORK))
    assert component(local, Component.LADDER) < component(after, Component.LADDER)
    assert component(after, Component.LADDER) == component(first, Component.LADDER)
    assert "Support from 2 nearer steps has been tried without success." in sentence(
        after, Component.LADDER
    )


def test_continuity_counts_the_plan_in_force_and_the_best_of_the_past() -> None:
    """Current pairs are by offer and need; of several results the best counts."""
    results = encode(SupportResult, [SupportResult.WORKED, SupportResult.DID_NOT_WORK])
    past = scored(past=Past([1, 1], [0, 0], results))
    assert sentence(past, Component.CONTINUITY) == "Earlier support between the two worked."
    current = scored(current=Pairs(np.array([0]), np.array([0])))
    assert component(current, Component.CONTINUITY) == Weights().continuity
    other_way = scored(running=Pairs(np.array([0]), np.array([1])))
    assert component(other_way, Component.CONTINUITY) == 0


def test_reasons_name_their_figures() -> None:
    """Each sentence holds the figures that its points come from."""
    points = scored(
        giver={"at": WATFORD, "urban": 0},
        need={"priority": 2},
        offer={"quality": 4},
        disadvantage_percent=[34.25, 20.0],
        pupils=[1390, 420],
    )
    reasons = explain_points(points, np.array([0]))[0]
    assert [reason.component for reason in reasons] == list(Component)
    assert [reason.once for reason in reasons] == [True] + [False] * 7
    assert reasons[0].points == points.bonus[0]
    assert sum(reason.points for reason in reasons[1:]) == points.total[0]
    sentences = [reason.sentence for reason in reasons]
    assert sentences[0] == "The need has priority 2 (1 is highest, 5 is lowest)."
    assert sentences[1] == "The evidence of the quality of this support is 4 out of 5."
    assert sentences[2] == (
        "The two compared: the expertise asked for, 1 of 1 phases shared, 420 and 1,390 pupils, "
        "20.0% and 34.2% of pupils disadvantaged, one urban, one rural."
    )
    assert sentences[3].startswith("They are 15.8 miles apart, about ")
    assert sentences[4] == "The supporting organisation is in the same local authority."
    assert sentences[5] == "No earlier support between the two is recorded."
    assert sentences[6] == "34.2% of the pupils receiving support are disadvantaged."
    assert sentences[7] == "No earlier support between the two that did not work is recorded."


def test_failed_support_costs_what_is_left_of_it_and_says_so_with_its_date() -> None:
    """300 points per half-day at its end, fading evenly to nothing over three years."""
    plain = scored()
    for ended, cost in ((STARTS + 30, 300), (STARTS, 300), (STARTS - 548, 150), (ENDED, 88)):
        points = scored(failed=failed(ended))
        assert component(points, Component.FAILED_SUPPORT) == -cost
        assert points.total[0] == plain.total[0] - cost
    assert sentence(points, Component.FAILED_SUPPORT) == (
        "Support between the two that ended on 17 July 2024 did not work. It costs 300 points at "
        "its end, fading over 3 years: now 88."
    )
    assert component(scored(failed=failed(STARTS - 1096)), Component.FAILED_SUPPORT) == 0
    undated = scored(failed=failed(0))
    assert component(undated, Component.FAILED_SUPPORT) == -150
    assert "No end date is recorded" in sentence(undated, Component.FAILED_SUPPORT)


def test_failed_support_uses_up_points_and_never_more() -> None:
    """Points of a problem are 0 or more, and the components still add up to them."""
    points = scored(failed=failed(STARTS), weights=Weights(failed_support=100_000))
    assert points.total[0] == points.components[0, 1:].sum() == 0
    assert points.bonus[0] == Weights().priority_3


def test_failed_support_counts_by_the_last_that_did_not_work() -> None:
    """Of several records of two the last one counts; the other way round is another pair."""
    day = date.fromordinal(STARTS)
    ended = np.array([ENDED, STARTS, 0])
    twice = FailedSupport.of(np.array([1, 1, 1]), np.array([0, 0, 0]), ended, 2, day)
    assert component(scored(failed=twice), Component.FAILED_SUPPORT) == -300
    back = FailedSupport.of(np.array([0]), np.array([1]), np.array([STARTS]), 2, day)
    assert component(scored(failed=back), Component.FAILED_SUPPORT) == 0


def test_remote_support_has_no_journey() -> None:
    """It earns a set share of nearness, however far apart the two are."""
    points = scored(need={"mode": Mode.REMOTE}, offer={"mode": Mode.REMOTE}, giver={"at": YORK})
    assert component(points, Component.NEARNESS) == round(Weights().nearness * 0.25)
    assert sentence(points, Component.NEARNESS) == "Support is remote, so there is no journey."


@given(st.data())
def test_points_are_whole_and_within_the_weights(data: st.DataObject) -> None:
    """Whatever the figures, no component is negative or above its weight."""
    weight = st.integers(0, 1000)
    falling = sorted((data.draw(weight) for _ in PRIORITIES), reverse=True)
    once = {f"priority_{each}": value for each, value in zip(PRIORITIES, falling, strict=True)}
    per_half_day = [name for name in COMPONENTS if name is not Component.PRIORITY]
    most = {name: data.draw(weight) for name in per_half_day}
    weights = Weights(**once, **most)
    figure = st.one_of(st.just(NAN), st.floats(0, 100))
    points = scored(
        need={"priority": data.draw(st.integers(1, 5))},
        offer={"quality": data.draw(st.integers(0, 5))},
        giver={"at": data.draw(st.sampled_from([LONDON, WATFORD, YORK]))},
        pupils=[data.draw(figure), data.draw(figure)],
        disadvantage_percent=[data.draw(figure), data.draw(figure)],
        tried=[data.draw(st.lists(st.booleans(), min_size=6, max_size=6))],
        weights=weights,
    )
    assert points.components.dtype == np.int32
    assert (points.components >= 0).all()
    assert (points.components[0] <= [falling[0], *most.values()]).all()
    assert points.total[0] == points.components[0, 1:].sum()
    assert len(explain_points(points, np.array([0]))[0]) == len(COMPONENTS)


def test_weights_survive_json_and_refuse_nonsense() -> None:
    """Weights are a file people edit: defaults may be left out, wrong ones are named."""
    weights = Weights(priority_1=9000, remote_nearness_percent=0)
    assert Weights.from_json(json.loads(json.dumps(weights.to_json()))) == weights
    assert Weights.from_json({"format": "givetake-weights/1"}) == Weights()
    for data, message in (
        ({}, "format is None; give 'givetake-weights/1'"),
        ({"luck": 3}, "weight 'luck' is not known; use claim_ceiling, "),
        ({"quality": -1}, "weight quality is -1; give a whole number in 0 .. 1000000"),
        ({"quality": 1.5}, "weight quality is 1.5"),
        ({"quality": True}, "weight quality is True"),
        ({"priority_2": 7000}, "weight priority_1 is 6000, less than the 7000 of priority_2; give"),
        ({"priority": -1}, "weight priority is -1; give a whole number in 0 .. 1000000"),
        ({"priority": 9, "priority_3": 9}, "weight priority was replaced by priority_3; give one"),
        ({"remote_nearness_percent": 101}, "remote_nearness_percent is 101"),
        ({"nearness_ends_miles": 0}, "nearness_ends_miles is 0"),
    ):
        with pytest.raises(ValueError, match=message):
            Weights.from_json(data if not data else {"format": "givetake-weights/1"} | data)


def test_weights_of_priority_by_the_half_day_are_still_read() -> None:
    """They become what a need of two and a half days earned with them."""
    old = Weights.from_json({"format": "givetake-weights/1", "priority": 250, "quality": 90})
    assert old.by_priority == (1250, 1000, 750, 500, 250)
    assert old.quality == 90


def test_inputs_of_the_wrong_shape_are_refused() -> None:
    """The message names the column."""
    with pytest.raises(ValueError, match=r"PointInputs\.pupils has shape \(1,\); give \(2,\)"):
        scored(pupils=[1])
    with pytest.raises(ValueError, match=r"PointInputs\.tried has shape \(1, 2\)"):
        scored(tried=[[True, False]])
    with pytest.raises(ValueError, match=r"PointInputs\.running\.giving\[0\] is 9"):
        scored(running=Pairs(np.array([9]), np.array([0])))
    with pytest.raises(ValueError, match="Past has 1 givers, 0 takers"):
        Past([1])
