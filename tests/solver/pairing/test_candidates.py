"""Each pairwise rule: one pair it allows and one it forbids, and the refusals said in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.vocabulary import Availability, Ladder, Mode, Phase
from solver.pairing import pair_rules
from solver.pairing.columns import CLOSES_UNDATED, encode
from solver.pairing.findings import why_refused
from solver.pairing.geography import distance_m
from solver.pairing.ladder import LADDER
from solver.pairing.pair_rule import Reason
from solver.pairing.travel import EstimatedTravelTimes, MatrixTravelTimes
from tests.solver.made_exchange import (
    ENDED,
    ENDS,
    LONDON,
    NOWHERE,
    STARTS,
    WATFORD,
    YORK,
    Exchange,
    declared,
    exchange,
    failed,
)


def verdict(made: Exchange, **given: Any) -> Reason | str:
    """What becomes of the one offer and the one need."""
    found, refused = made.find(**given)
    reasons = [*refused.total().items()]
    assert len(found) + sum(count for _, count in reasons) == 1
    assert made.why_refused(**given) == (reasons[0][0] if reasons else None)
    if reasons:
        return reasons[0][0]
    return "remote" if found.remote[0] else "on site"


NEAR_MINUTES = {"people": [{}, {"at": WATFORD}], "needs": [{"limit_minutes": 90.0}]}
CASES = [
    ({"needs": [{"suggested": True}]}, {}, pair_rules.NEED_NOT_CONFIRMED),
    ({"needs": [{"suggested": True}]}, {"with_suggestions": True}, "on site"),
    ({"people": [{"may_take": False}, {}]}, {}, pair_rules.TAKER_MAY_NOT_TAKE),
    ({"people": [{}, {"may_take": False}]}, {}, "on site"),
    ({"people": [{}, {"may_give": False}]}, {}, pair_rules.GIVER_MAY_NOT_GIVE),
    ({"people": [{"may_give": False}, {}]}, {}, "on site"),
    ({"offers": [{"availability": Availability.NOT_OFFERING}]}, {}, pair_rules.NOT_OFFERING),
    ({"offers": [{"availability": Availability.MAY_OFFER}]}, {}, "on site"),
    ({"offers": [{"availability": Availability.NOT_ANSWERED}]}, {}, pair_rules.NOT_ANSWERED),
    (
        {"offers": [{"availability": Availability.NOT_ANSWERED}]},
        {"with_suggestions": True},
        "on site",
    ),
    ({"offers": [{"mode": Mode.REMOTE}]}, {}, pair_rules.MODE),
    ({"needs": [{"mode": Mode.REMOTE}]}, {}, pair_rules.MODE),
    ({"offers": [{"mode": Mode.EITHER}]}, {}, "on site"),
    ({"needs": [{"mode": Mode.EITHER}], "offers": [{"mode": Mode.EITHER}]}, {}, "on site"),
    ({"needs": [{"mode": Mode.EITHER}], "offers": [{"mode": Mode.REMOTE}]}, {}, "remote"),
    ({"people": [{}, {"at": NOWHERE}]}, {}, pair_rules.UNKNOWN_POSITION),
    ({"people": [{"at": NOWHERE}, {}]}, {}, pair_rules.UNKNOWN_POSITION),
    ({"people": [{"at": NOWHERE}, {"at": NOWHERE}]}, {}, pair_rules.UNKNOWN_POSITION),
    (
        {
            "people": [{}, {"at": NOWHERE}],
            "needs": [{"mode": Mode.EITHER}],
            "offers": [{"mode": Mode.EITHER}],
        },
        {},
        "remote",
    ),
    ({"people": [{}, {"at": YORK}]}, {}, pair_rules.TOO_FAR),
    ({"people": [{}, {"at": WATFORD}]}, {}, "on site"),
    ({"people": [{}, {"at": WATFORD}], "needs": [{"limit_m": 20_000.0}]}, {}, pair_rules.TOO_FAR),
    ({"people": [{}, {"at": WATFORD}], "offers": [{"limit_m": 20_000.0}]}, {}, pair_rules.TOO_FAR),
    ({"people": [{}, {"at": WATFORD}]}, {"default_limit_m": 20_000.0}, pair_rules.TOO_FAR),
    (
        {
            "people": [{}, {"at": YORK}],
            "needs": [{"mode": Mode.EITHER}],
            "offers": [{"mode": Mode.EITHER}],
        },
        {},
        "remote",
    ),
    (NEAR_MINUTES, {}, "on site"),
    (NEAR_MINUTES | {"needs": [{"limit_minutes": 30.0}]}, {}, pair_rules.TOO_FAR),
    (NEAR_MINUTES | {"offers": [{"limit_minutes": 30.0}]}, {}, pair_rules.TOO_FAR),
    ({"needs": [{"limit_minutes": 5.0}]}, {"travel": "matrix"}, pair_rules.UNKNOWN_POSITION),
    ({"offers": [{"participant": 0}]}, {}, pair_rules.OWN_OFFER),
    ({}, {"conflicts": [(1, 0)]}, pair_rules.CONFLICT),
    ({}, {"conflicts": [(0, 1)]}, "on site"),
    ({}, {"interests": [declared(1, 0)]}, pair_rules.INTEREST),
    ({}, {"interests": [declared(0, 1)]}, pair_rules.INTEREST),
    ({}, {"interests": [declared(0, 1, refuses=False)]}, "on site"),
    ({"people": [{}, {}, {}]}, {"interests": [declared(2, 1), declared(0, 2)]}, "on site"),
    ({}, {"declined": [(0, 0)]}, pair_rules.DECLINED),
    ({}, {"declined": []}, "on site"),
    ({}, {"failed": failed(ENDED)}, "on site"),
    ({}, {"failed": failed(ENDED, years=2)}, "on site"),
    ({}, {"failed": failed(ENDED, years=3)}, pair_rules.FAILED_SUPPORT),
    ({}, {"failed": failed(0, years=1)}, pair_rules.FAILED_SUPPORT),
    ({}, {"failed": failed(ENDED, years=3), "kept": [(0, 0)]}, "on site"),
    (
        {"people": [{}, {}], "offers": [{"participant": 0}], "needs": [{"participant": 1}]},
        {"failed": failed(ENDED, years=3)},
        "on site",
    ),
    ({"offers": [{"window_ends": STARTS}], "needs": [{"window_starts": STARTS}]}, {}, "on site"),
    (
        {"offers": [{"window_ends": STARTS}], "needs": [{"window_starts": STARTS + 1}]},
        {},
        pair_rules.WINDOW,
    ),
    (
        {"offers": [{"window_starts": ENDS}], "needs": [{"window_ends": ENDS - 1}]},
        {},
        pair_rules.WINDOW,
    ),
    ({"people": [{"last_day": STARTS - 1}, {}]}, {}, pair_rules.CLOSES),
    ({"people": [{}, {"last_day": STARTS - 1}]}, {}, pair_rules.CLOSES),
    ({"people": [{"last_day": STARTS}, {}]}, {}, "on site"),
    (
        {"people": [{"last_day": STARTS}, {}], "needs": [{"half_days_min": 3}]},
        {},
        pair_rules.CLOSES,
    ),
    (
        # From Saturday on, the first of September being a Tuesday in 2026.
        {"people": [{"last_day": STARTS + 5}, {}], "needs": [{"window_starts": STARTS + 4}]},
        {},
        pair_rules.CLOSES,
    ),
    ({"people": [{"last_day": CLOSES_UNDATED}, {}]}, {}, "on site"),
    ({"people": [{"last_day": STARTS}, {}], "needs": [{"window_ends": STARTS}]}, {}, "on site"),
    ({"offers": [{"phases": [Phase.SECONDARY]}]}, {}, pair_rules.PHASE),
    ({"offers": [{"phases": [Phase.PRIMARY, Phase.SECONDARY]}]}, {}, "on site"),
    ({"people": [{"phases": []}, {}], "offers": [{"phases": [Phase.SECONDARY]}]}, {}, "on site"),
    ({"people": [{"local_authority": 4}, {"serves": [3]}]}, {}, pair_rules.AREA_SERVED),
    ({"people": [{}, {"serves": [3]}]}, {}, pair_rules.AREA_SERVED),
    ({"people": [{"local_authority": 3}, {"serves": [3, 5]}]}, {}, "on site"),
    ({"people": [{"region": 5}, {"serves": [3, 5]}]}, {}, "on site"),
    ({"people": [{"district": 5}, {"serves": [5]}]}, {}, "on site"),
    ({"needs": [{"half_days_min": 7}]}, {}, pair_rules.TOO_FEW_DAYS),
    ({"needs": [{"half_days_min": 6}]}, {}, "on site"),
    ({"people": [{}, {"give_limit": 1}]}, {}, pair_rules.TOO_FEW_DAYS),
    (
        {"people": [{"groups": [1]}, {"groups": [1]}], "needs": [{"outside": True}]},
        {},
        pair_rules.OUTSIDE_STIMULUS,
    ),
    ({"people": [{"groups": [1]}, {"groups": [1]}]}, {}, "on site"),
    ({"offers": [{"first_call_until": STARTS}]}, {}, pair_rules.FIRST_CALL),
    (
        {
            "people": [{"networks": [1]}, {"networks": [1]}],
            "offers": [{"first_call_until": STARTS}],
        },
        {},
        "on site",
    ),
    ({}, {"steps": np.zeros((1, 6), np.bool_)}, pair_rules.OTHER_STEP),
    ({}, {"steps": np.ones((1, 6), np.bool_)}, "on site"),
]


@pytest.mark.parametrize(("rows", "given", "expected"), CASES)
def test_each_rule_allows_and_forbids(
    rows: dict[str, Any], given: dict[str, Any], expected: Reason | str
) -> None:
    """One offer and one need come out as the rule says, for exactly one reason."""
    if given.get("travel") == "matrix":
        given = {"travel": MatrixTravelTimes({}, np.empty(0, np.int64), np.empty(0))}
    assert verdict(exchange(**rows), **given) == expected


def test_every_refusal_is_tested_above_and_has_words() -> None:
    """No reason is without a case that gives it, a sentence and a short form."""
    tested = {expected for _, _, expected in CASES} | {pair_rules.NOT_AMONG_NEAREST}
    assert tested | {pair_rules.OTHER_EXPERTISE} == set(pair_rules.REASONS) | {"on site", "remote"}
    assert all(reason.statement.endswith(".") and reason.short for reason in pair_rules.REASONS)


@pytest.mark.parametrize(
    ("asked", "given", "broader"), [(1, 1, 0), (2, 0, 2), (0, 2, -2), (1, 3, None), (2, 3, None)]
)
def test_expertise_covers_up_and_down_the_tree_but_not_across(
    asked: int, given: int, broader: int | None
) -> None:
    """An offer serves needs of its own entry, below it and above it; a sibling's is not counted."""
    made = exchange(
        needs=[{"expertise": asked}], offers=[{"expertise": given}], parent=[-1, 0, 1, 0]
    )
    found, refused = made.find()
    assert found.broader.tolist() == ([] if broader is None else [broader])
    assert refused.total() == {}
    assert made.why_refused() == (pair_rules.OTHER_EXPERTISE if broader is None else None)


def test_nothing_asked_or_nothing_offered_is_no_candidate() -> None:
    """Empty tables are an answer, not an error."""
    for made in (exchange(needs=[]), exchange(offers=[]), exchange([], [], [])):
        found, refused = made.find()
        assert len(found) == 0
        assert refused.total() == {}


def test_only_the_nearest_are_kept_and_the_rest_counted() -> None:
    """Beyond the K nearest an allowed offer is refused by that name, on site before remote."""
    made = exchange(
        people=[{}, {"at": WATFORD}, {"at": (51.51, -0.12)}, {"at": YORK}],
        needs=[{"mode": Mode.EITHER}],
        offers=[{"participant": giver, "mode": Mode.EITHER} for giver in (1, 2, 3, 2)],
    )
    found, refused = made.find(max_neighbours=2)
    assert found.offer.tolist() == [1, 3]
    assert refused.total() == {pair_rules.NOT_AMONG_NEAREST: 2}
    assert refused.sentence(0) == "2 refused: 2 not among the nearest"
    found, _ = made.find(max_neighbours=None)
    assert found.offer.tolist() == [1, 3, 0, 2]
    assert found.remote.tolist() == [False, False, False, True]


def test_a_nearer_offer_that_is_refused_does_not_use_up_a_place() -> None:
    """The K nearest are the K nearest allowed ones."""
    made = exchange(
        people=[{}, {"at": (51.51, -0.12)}, {"at": WATFORD}],
        offers=[{"participant": 1, "phases": [Phase.POST_16]}, {"participant": 2}],
    )
    found, refused = made.find(max_neighbours=1)
    assert found.offer.tolist() == [1]
    assert refused.of_need(0) == {pair_rules.PHASE: 1}


@pytest.mark.parametrize("mode", [Mode.ON_SITE, Mode.REMOTE])
def test_kept_pairs_are_not_cut_by_the_number(mode: Mode) -> None:
    """A pair of the current plan stays a candidate beside the K nearest, rules permitting."""
    made = exchange(
        people=[{}, {"at": (51.51, -0.12)}, {"at": WATFORD}],
        needs=[{"mode": mode}],
        offers=[{"participant": 1, "mode": mode}, {"participant": 2, "mode": mode}],
    )
    found, refused = made.find(max_neighbours=1, kept=[(1, 0)])
    assert found.offer.tolist() == [0, 1]
    assert refused.total() == {}
    found, refused = made.find(max_neighbours=1, kept=[(1, 0)], declined=[(1, 0)])
    assert refused.total() == {pair_rules.DECLINED: 1}


@pytest.mark.parametrize("mode", [Mode.ON_SITE, Mode.REMOTE])
@pytest.mark.parametrize("shared", ["groups", "networks"])
def test_trust_team_and_network_are_not_cut_by_the_number(shared: str, mode: Mode) -> None:
    """Offers of the own group or network stay beside the K nearest, as far as rules allow them."""
    made = exchange(
        people=[{shared: [4]}, {"at": (51.51, -0.12)}, {"at": WATFORD, shared: [3, 4]}, {}],
        needs=[{"mode": mode}],
        offers=[
            {"participant": 1, "mode": mode},
            {"participant": 2, "mode": mode},
            {"participant": 2, "mode": mode, "phases": [Phase.POST_16]},
            {"participant": 3, "mode": mode},
        ],
    )
    found, refused = made.find(max_neighbours=1)
    assert found.offer.tolist() == [3, 1]
    assert refused.total() == {pair_rules.PHASE: 1, pair_rules.NOT_AMONG_NEAREST: 1}


def test_refusals_of_a_need_read_as_a_sentence() -> None:
    """The broker sees how many were refused and why, most frequent first."""
    made = exchange(
        people=[{}, {}, {"at": YORK}],
        offers=[{"phases": [Phase.POST_16]}, {"participant": 2}, {"participant": 2}],
    )
    _, refused = made.find()
    assert refused.sentence(0) == "3 refused: 2 too far, 1 wrong phase"
    assert exchange().find()[1].sentence(0) == "no offer of this expertise was refused"


def test_candidates_carry_distance_minutes_and_ladder() -> None:
    """On site the figures are given; remote they are not known, whatever the positions."""
    made = exchange(
        people=[{"region": 1}, {"at": WATFORD, "region": 1}, {"at": YORK}],
        needs=[{"mode": Mode.EITHER}],
        offers=[{"participant": 1}, {"participant": 2, "mode": Mode.EITHER}],
    )
    found, _ = made.find()
    assert found.distance_m[1] == -1
    assert np.isnan(found.minutes[1])
    assert 25_000 < found.distance_m[0] < 26_000
    places = made.participants.places
    expected = EstimatedTravelTimes().minutes(places, np.array([1]), np.array([0]))
    assert found.minutes[0] == expected[0]
    assert [LADDER[step] for step in found.ladder] == [Ladder.REGION, Ladder.ELSEWHERE]


@pytest.mark.parametrize(
    ("giver", "taker", "expected"),
    [
        ({"groups": [1, 2]}, {"groups": [2], "networks": [1]}, Ladder.OWN_GROUP),
        ({"groups": [1], "networks": [3]}, {"groups": [2], "networks": [3]}, Ladder.OWN_NETWORK),
        ({"local_authority": 1, "region": 2}, {"local_authority": 1}, Ladder.LOCAL_AREA),
        ({"region": 2, "designated": True}, {"region": 2}, Ladder.REGION),
        ({"region": 1, "designated": True}, {"region": 2}, Ladder.DESIGNATED),
        ({"region": 1}, {"region": 2, "designated": True}, Ladder.ELSEWHERE),
        ({}, {}, Ladder.ELSEWHERE),
    ],
)
def test_the_ladder_takes_the_nearest_step(
    giver: dict[str, Any], taker: dict[str, Any], expected: Ladder
) -> None:
    """The lowest rung that giver and taker share; unknown areas are never the same."""
    found, _ = exchange(people=[taker, giver]).find()
    assert LADDER[found.ladder[0]] == expected


def test_broken_columns_are_refused_by_name() -> None:
    """The message names the column, the row, the value and what would be right."""
    with pytest.raises(
        ValueError, match=r"NeedColumns\.participant\[0\] is 7; it must be in 0 \.\. 1"
    ):
        exchange(needs=[{"participant": 7}]).find()
    with pytest.raises(
        ValueError, match=r"OfferColumns\.expertise\[0\] is 1; it must be in 0 \.\. 0"
    ):
        exchange(offers=[{"expertise": 1}]).find()
    with pytest.raises(ValueError, match=r"declined\.giving\[0\] is 4"):
        exchange().find(declined=[(4, 0)])
    with pytest.raises(ValueError, match=r"need\[0\] is 1; it must be in 0 \.\. 0"):
        why_refused(exchange().tables(), offer=0, need=1)
    with pytest.raises(
        ValueError, match=r"NeedColumns\.priority\[0\] is 0; it must be in 1 \.\. 5"
    ):
        exchange(needs=[{"priority": 0}])
    with pytest.raises(ValueError, match="window of row 0 ends before it starts"):
        exchange(offers=[{"window_ends": STARTS - 1}])
    with pytest.raises(ValueError, match="expertise 0 is its own ancestor"):
        exchange(parent=[1, 0])
    with pytest.raises(ValueError, match="row 0: 'by post' is no Mode; use one of on_site"):
        encode(Mode, ["by post"])
    with pytest.raises(ValueError, match="max_neighbours is 0"):
        exchange().find(max_neighbours=0)


@pytest.mark.parametrize("there", [WATFORD, YORK, (57.1497, -2.0943)])
def test_the_limit_itself_is_within_the_limit(there: tuple[float, float]) -> None:
    """A limit is kept to the millimetre, at 25, 280 and 640 km."""
    people = [{}, {"at": there}]
    apart = float(distance_m(*LONDON, *there)[0])
    assert verdict(exchange(people, needs=[{"limit_m": apart}]), default_limit_m=1e6) == "on site"
    less = exchange(people, needs=[{"limit_m": apart - 0.001}])
    assert verdict(less, default_limit_m=1e6) == pair_rules.TOO_FAR


def test_a_journey_of_exactly_the_minutes_allowed_is_allowed(tmp_path: Path) -> None:
    """A limit in minutes includes itself."""
    path = tmp_path / "minutes.csv"
    path.write_text("from,to,minutes\n1,0,30\n")
    travel = MatrixTravelTimes.from_csv(path)
    for limit, expected in ((30.0, "on site"), (29.9, pair_rules.TOO_FAR)):
        made = exchange([{}, {"at": WATFORD}], needs=[{"limit_minutes": limit}])
        assert verdict(made, travel=travel) == expected


def test_remote_offers_are_walked_outwards_until_there_are_enough() -> None:
    """Many offers, many at the same point, most refused: the nearest allowed ones are found."""
    random = np.random.default_rng(11)
    at = [(51 + north, east - 1) for north, east in random.uniform(0, 2, (12, 2))]
    giver = random.integers(1, 13, 300)
    phase = random.choice([Phase.PRIMARY, Phase.SECONDARY], 300, p=[0.25, 0.75])
    made = exchange(
        people=[{}, *({"at": point} for point in at)],
        needs=[{"mode": Mode.REMOTE}],
        offers=[
            {"participant": int(who), "mode": Mode.EITHER, "phases": [which]}
            for who, which in zip(giver, phase, strict=True)
        ],
    )
    found, refused = made.find(max_neighbours=40)
    apart = distance_m(*LONDON, *np.array([at[who - 1] for who in giver]).T)
    outwards = np.lexsort((np.arange(300), apart))
    allowed = [offer for offer in outwards if phase[offer] == Phase.PRIMARY][:40]
    assert found.offer.tolist() == allowed
    walked = outwards.tolist().index(allowed[-1]) + 1
    assert walked > 100
    assert refused.total() == {
        pair_rules.PHASE: walked - 40,
        pair_rules.NOT_AMONG_NEAREST: 300 - walked,
    }
