"""Priority counts once for a need: being short never puts an urgent need behind."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vocabulary import Reciprocity
from solver.backends.highs import solve_highs
from solver.backends.limits import Limits
from solver.check.verify import verify
from solver.formats.plan import Plan, Status, Stopped
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules
from solver.formulation.program import formulate
from solver.pairing.point_reasons import explain_points
from solver.pairing.points import Component, PointInputs, Points, score
from solver.pairing.weights import Weights
from tests.solver.made_exchange import LONDON, WATFORD, YORK, exchange

FLAT = Weights(priority_1=5, priority_2=4, priority_3=3, priority_4=2, priority_5=1)
Rows = list[dict[str, Any]]


def valued(needs: Rows, offers: Rows, max_taken: int, **given: Any) -> tuple[Points, Problem]:
    """Needs of school 0 on an expertise each; offers of schools from 1 on. All points and rules."""
    people = [{}, *({"at": offer.get("at", LONDON)} for offer in offers)]
    asked = [need["half_days"] for need in needs]
    givers = [need.get("givers", 1) for need in needs]
    plain = [{name: need[name] for name in need.keys() - {"half_days", "givers"}} for need in needs]
    made = exchange(
        people,
        [
            {"expertise": at, "half_days_min": days} | need
            for at, (need, days) in enumerate(zip(plain, asked, strict=True))
        ],
        [
            {"participant": 1 + at} | {name: offer[name] for name in offer.keys() - {"at"}}
            for at, offer in enumerate(offers)
        ],
        (-1,) * len(needs),
    )
    found, _ = made.find(default_limit_m=1_000_000.0)
    points = score(
        PointInputs(
            found, made.participants, made.needs, made.offers,
            pupils=[400] * len(people), disadvantage_percent=[20.0] * len(people),
            need_half_days=asked, need_givers=givers, **given,
        )
    )  # fmt: skip
    size = range(len(people))
    problem = Problem(
        Participants.of([f"p{at}" for at in size], max_taken=[max_taken] * len(people)),
        Needs.of(
            [f"n{at}" for at in range(len(needs))], made.needs.participant, asked,
            days_min=made.needs.half_days_min, max_givers=givers, priority=made.needs.priority,
        ),
        Offers.of(
            [f"o{at}" for at in range(len(offers))], made.offers.participant, made.offers.half_days
        ),
        Candidates.of(found.offer, found.need, points.total, bonus=points.bonus),
        Rules(Reciprocity.NONE),
    )  # fmt: skip
    return points, problem


def planned(problem: Problem) -> dict[int, int]:
    """Half-days of each candidate that the best plan chose."""
    formulation = formulate(problem)
    answer = solve_highs(formulation, None, Limits(), silent)
    assert answer.values is not None
    assert answer.bound == formulation.objective(answer.values)
    half_days = formulation.half_days(problem, answer.values)
    chosen = np.flatnonzero(half_days)
    return dict(zip(chosen.tolist(), half_days[chosen].tolist(), strict=True))


def silent(points: Any, bound: Any, values: Any) -> None:
    """Take news and tell nobody."""


def allowed(problem: Problem, days: dict[int, int]) -> bool:
    chosen = np.array(sorted(days), np.int64)
    plan = Plan(
        Status.FEASIBLE, Stopped.WORK, problem.candidates.offer[chosen],
        problem.candidates.need[chosen], np.array([days[k] for k in chosen.tolist()]),
    )  # fmt: skip
    return not {each.rule for each in verify(problem, plan)} - {"objective", "bound", "gap"}


@st.composite
def contested(draw: st.DrawFn) -> tuple[Rows, Rows, int, Weights]:
    """Two to four needs of a school that takes one or two supporters at once."""
    needs: Rows = []
    for _ in range(draw(st.integers(2, 4))):
        days = draw(st.integers(1, 16))
        fewest = draw(st.sampled_from([days, days, max(1, days // 2)]))
        need = {"half_days": days, "half_days_min": fewest, "priority": draw(st.integers(1, 5))}
        needs.append(need | {"givers": draw(st.sampled_from([1, 1, 2, 0]))})
    offers: Rows = [
        {
            "expertise": at % len(needs),
            "quality": draw(st.integers(0, 5)),
            "half_days": draw(st.sampled_from([16, 16, 16, 6])),
            "at": draw(st.sampled_from([LONDON, WATFORD, YORK])),
        }
        for at in range(draw(st.integers(len(needs), 6)))
    ]
    return needs, offers, draw(st.integers(1, 2)), draw(st.sampled_from([Weights(), FLAT]))


@settings(max_examples=60, deadline=None)
@given(contested())
def test_priority_within_one_taker_is_never_lost_for_being_shorter(
    drawn: tuple[Rows, Rows, int, Weights],
) -> None:
    """No urgent unmet need could take the place of a less urgent one at points as good.

    Both have as many points per half-day, or the urgent one more, and all its days can be given.
    """
    needs, offers, max_taken, weights = drawn
    points, problem = valued(needs, offers, max_taken, weights=weights)
    plan = planned(problem)
    of, priority = problem.candidates.need, problem.needs.priority
    # A need that several may share has its priority by the half-day: not of what both earn alike.
    alike = points.total - np.where(points.once, 0, points.components[:, 0])
    met = {int(of[k]) for k in plan}
    for k in range(len(of)):
        need = int(of[k])
        for less in plan:
            if need in met or priority[need] >= priority[of[less]] or alike[k] < alike[less]:
                continue
            swapped = {each: days for each, days in plan.items() if each != less}
            assert not allowed(problem, swapped | {k: int(problem.needs.days[need])})


@settings(max_examples=60, deadline=None)
@given(contested())
def test_priority_within_a_need_is_earned_once_however_many_share_it(
    drawn: tuple[Rows, Rows, int, Weights],
) -> None:
    """All pairings of a need together earn its priority at most once."""
    needs, offers, _, weights = drawn
    points, problem = valued(needs, offers, 4, weights=weights)
    earned = np.zeros(len(needs), np.int64)
    for k, days in planned(problem).items():
        earned[problem.candidates.need[k]] += points.components[k, 0] * (
            1 if points.once[k] else days
        )
    assert (earned <= points.priority.points).all()


@pytest.mark.parametrize("half_days", [8, 12, 40])
def test_priority_within_one_taker_beats_length(half_days: int) -> None:
    """Two urgent days beat four, six and twenty less urgent days, where only one can be had."""
    urgent = {"half_days": 4, "priority": 1}
    longer = {"half_days": half_days, "priority": 3}
    offers = [{"expertise": at, "half_days": 40} for at in (0, 1)]
    points, problem = valued([longer, urgent], offers, 1)
    assert [int(problem.candidates.need[k]) for k in planned(problem)] == [1]
    lift = int(points.priority.lift[1])
    assert (lift > 0) == (half_days == 40)
    assert points.priority.lift[0] == 0
    said = explain_points(points, np.flatnonzero(problem.candidates.need == 1)[:1])[0][0]
    assert (said.component, said.once) == (Component.PRIORITY, True)
    assert said.points == Weights().priority_1 + lift
    assert ("a longer but less urgent need" in said.sentence) == bool(lift)


def test_priority_within_one_taker_may_lose_to_better_support() -> None:
    """Far worse support per half-day is another reason than being shorter, and may lose."""
    urgent = {"half_days": 4, "priority": 2}
    other = {"half_days": 4, "priority": 3}
    far = {"expertise": 0, "quality": 0, "at": YORK}
    near = {"expertise": 1, "quality": 5}
    _, problem = valued([urgent, other], [far, near], 1, weights=FLAT)
    assert [int(problem.candidates.need[k]) for k in planned(problem)] == [1]
    _, problem = valued([urgent, other], [far, near], 1)
    assert [int(problem.candidates.need[k]) for k in planned(problem)] == [0]


def test_priority_within_a_shared_need_counts_by_the_half_day() -> None:
    """Two supporters of half the days each earn together what one for all of them would."""
    need = {"half_days": 8, "half_days_min": 4, "priority": 2, "givers": 2}
    points, _ = valued([need], [{"expertise": 0, "half_days": 8}] * 2, 2)
    assert not points.bonus.any()
    assert points.components[:, 0].tolist() == [4000 // 8] * 2
    sentence = explain_points(points, np.array([0]))[0][0].sentence
    assert "Several organisations may share the need, so its 4,000 points count" in sentence
    assert sentence.endswith("500 for each of 8.")
    one = {"half_days": 8, "half_days_min": 8, "priority": 2, "givers": 2}
    alone, _ = valued([one], [{"expertise": 0, "half_days": 8}], 2)
    assert alone.bonus.tolist() == [4000]
