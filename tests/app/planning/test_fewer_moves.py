"""Fewer schools move where the search leaves open whether moving them gains anything."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.database import Database
from app.planning.fewer_moves import fewer_moves
from app.planning.options import MatchOptions
from app.planning.search import Searched, search
from models.exchange import Offer
from models.matching import RunFile
from models.vocabulary import Reciprocity
from solver.check.verify import verify
from solver.explain.resolve_around import Around, resolve
from solver.explain.subset import chosen, plan_of, worth
from solver.formats.json_columns import decode
from solver.formats.plan import Plan, Status, Stopped, gap_of
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formats.tables import Candidates, Needs, Offers, Participants, Rules, frozen, pairs
from solver.formulation.standing import standing
from solver.solve import solve
from tests.runs import FREELY, contested, match
from tests.solver.test_plan_in_force import changed_problems

SHARES = (0.0, 0.05, 0.3, 1.0)


def moved(problem: Problem, plan: Plan) -> int:
    at = problem.positions(problem.current)
    return int((chosen(problem, plan)[at[at >= 0]] == 0).sum())


def points(problem: Problem, plan: Plan) -> int:
    return worth(replace(problem, change_penalty=0), chosen(problem, plan))


def wide(plan: Plan, bound: float) -> Plan:
    """The plan as if its search had proven no more than `bound`."""
    assert plan.objective is not None
    gap = gap_of(plan.objective, bound)
    return replace(plan, status=Status.FEASIBLE, stopped=Stopped.TIME, bound=bound, gap=gap)


def best_of(problem: Problem) -> Plan:
    """The best plan, found in this process."""
    size = len(problem.candidates)
    all_of_it = np.ones(size, np.bool_)
    view = Around(problem, np.zeros(size, np.int64), all_of_it, np.arange(size), 0, whole=True)
    found = resolve(view)
    assert found.half_days is not None
    assert found.objective is not None
    return plan_of(problem, found.half_days, found.objective)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    problem=changed_problems(reciprocities=tuple(Reciprocity)),
    more=st.integers(0, 20),
    share=st.sampled_from(SHARES),
    gap=st.sampled_from((0.0, 0.1, 1.0)),
)
def test_no_more_is_given_up_than_is_left_open(
    problem: Problem, more: int, share: float, gap: float
) -> None:
    """Fewer schools move, for no more points than the gap, the share and the asked gap allow."""
    best = best_of(problem)
    assert best.objective is not None
    assert best.bound is not None
    found = wide(best, best.bound + more)
    options = MatchOptions(change_tolerance=share, gap=gap)
    plan = fewer_moves(problem, found, options)
    assert verify(problem, plan) == ()
    assert (plan.bound, plan.stopped) == (found.bound, found.stopped)
    assert moved(problem, plan) <= moved(problem, found)
    lost = points(problem, found) - points(problem, plan)
    assert lost <= share * best.objective
    assert lost <= best.bound + more - best.objective
    if found.gap is not None and found.gap <= gap:
        assert plan.gap is not None
        assert plan.gap <= gap
    if not more or not share or not problem.change_penalty:
        assert plan is found


def two_moves() -> Problem:
    """Two schools that moved: one for 40 points, the other for 6; a change costs 5."""
    names = ["first", "second", "near", "far", "other", "good"]
    return Problem(
        Participants.of(names, allowance=[9] * 6),
        Needs.of(["n0", "n1"], [0, 1], [2, 2]),
        Offers.of(["o0", "o1", "o2", "o3"], [2, 3, 4, 5], [2] * 4),
        Candidates.of([0, 1, 2, 3], [0, 0, 1, 1], [500, 520, 500, 503]),
        Rules(Reciprocity.BALANCED),
        current=pairs([(0, 0, 2), (2, 1, 2)], 3),
        change_penalty=5,
    )


def plan_of_both(problem: Problem, bound: float) -> Plan:
    plan = best_of(problem)
    assert moved(problem, plan) == 2
    return wide(plan, bound)


def test_what_gains_little_stays() -> None:
    """The school that moved for 6 points stays; the one that moved for 40 moves."""
    problem = two_moves()
    plan = fewer_moves(problem, plan_of_both(problem, 2_050), MatchOptions(change_tolerance=0.005))
    assert (moved(problem, plan), points(problem, plan)) == (1, 2_040)
    assert chosen(problem, plan).tolist() == [0, 2, 2, 0]
    # The price of a change that is not made is saved.
    assert plan.objective == 2_040 - 5


def test_what_can_be_kept_stays_where_not_all_can() -> None:
    """A pairing in force that is no candidate any more frees nobody else to move for little."""
    problem = two_moves()
    lost = replace(problem, current=pairs([*problem.current.tolist(), (3, 0, 2)], 3))
    assert standing(lost) is None
    plan = fewer_moves(lost, plan_of_both(lost, 2_050), MatchOptions(change_tolerance=0.005))
    assert (moved(lost, plan), points(lost, plan)) == (1, 2_040)


def test_what_is_proven_stays_as_it_is() -> None:
    """A plan proven best at the price of a change gives up nothing."""
    problem = two_moves()
    found = plan_of_both(problem, 2_036)
    assert fewer_moves(problem, found, MatchOptions(change_tolerance=0.5)) is found
    free = replace(problem, change_penalty=0)
    found = wide(best_of(free), 9_999)
    assert fewer_moves(free, found, MatchOptions(change_tolerance=0.5)) is found


def test_a_choice_too_large_for_this_process_is_solved_as_any_problem() -> None:
    """Many copies of the two schools, beyond what is decided at once."""
    one, copies = two_moves(), 800
    people, needs, offers = len(one.participants), len(one.needs), len(one.offers)
    at = np.repeat(np.arange(copies), 4)
    columns = one.candidates
    problem = Problem(
        Participants.of(
            [f"{name} {k}" for k in range(copies) for name in one.participants.id],
            allowance=[9] * (people * copies),
        ),
        Needs.of(
            [f"n{k}" for k in range(needs * copies)],
            [people * k + each for k in range(copies) for each in (0, 1)],
            [2] * (needs * copies),
        ),
        Offers.of(
            [f"o{k}" for k in range(offers * copies)],
            [people * k + each for k in range(copies) for each in (2, 3, 4, 5)],
            [2] * (offers * copies),
        ),
        Candidates.of(
            frozen(np.tile(columns.offer, copies) + offers * at, np.int64),
            frozen(np.tile(columns.need, copies) + needs * at, np.int64),
            frozen(np.tile(columns.points, copies), np.int64),
        ),
        one.rules,
        current=pairs(
            [
                (offers * k + o, needs * k + n, days)
                for k in range(copies)
                for o, n, days in one.current.tolist()
            ],
            3,
        ),
        change_penalty=5,
    )
    found = solve(problem, method="exact", workers=1, time_limit_s=60)
    assert moved(problem, found) == 2 * copies
    wider = wide(found, 2_050 * copies)
    options = MatchOptions(change_tolerance=0.005, time_limit_s=200)
    plan = fewer_moves(problem, wider, options)
    assert (moved(problem, plan), points(problem, plan)) == (copies, 2_040 * copies)


def begun_with(
    monkeypatch: pytest.MonkeyPatch, problem: Problem, options: MatchOptions, warm: State
) -> State | None:
    """What a search is begun with."""
    found: list[State | None] = []

    def solve(problem: Problem, *, warm: State | None, **_: object) -> Plan:
        found.append(warm)
        return best_of(problem)

    monkeypatch.setattr("app.planning.search.solve", solve)
    search(options, problem, lambda news: None, lambda: False, warm=warm)
    return found[0]


def test_a_search_begins_with_the_last_prices_and_what_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the last search ended with gives way to what stands; `work` alone begins without."""
    problem = two_moves()
    warm = State(
        problem.offers.id,
        problem.needs.id,
        problem.candidates.offer,
        problem.candidates.need,
        frozen([0, 2, 0, 2], np.int64),
    )
    began = begun_with(monkeypatch, problem, MatchOptions(time_limit_s=1.0), warm)
    assert began is not None
    assert began.half_days.tolist() == [2, 0, 2, 0]
    assert begun_with(monkeypatch, problem, MatchOptions(work=5), warm) is None


def test_a_run_is_given_the_last_state_and_moves_fewer(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run passes both on: the state that the last one left, and its plan to what moves fewer."""
    given: list[bool] = []
    asked: list[Plan] = []

    def searched(*arguments: Any, warm: State | None, **_: Any) -> Searched:
        given.append(warm is not None)
        return search(*arguments, warm=warm)

    def fewer(problem: Problem, plan: Plan, *_: Any) -> Plan:
        asked.append(plan)
        return plan

    monkeypatch.setattr("app.planning.carry_out.search", searched)
    monkeypatch.setattr("app.planning.carry_out.fewer_moves", fewer)
    contested(sqlite_database)
    options = FREELY.model_copy(update={"method": "prices", "work": 20})
    match(sqlite_database, options)
    match(sqlite_database, options.model_copy(update={"seed": 1, "gap": 0.0, "change_price": 1}))
    with sqlite_database.write() as session:
        session.execute(update(Offer).where(Offer.reference == "far").values(quality=5))
    match(sqlite_database, options)
    assert given[0] is False
    assert given[-1] is True
    assert len(asked) == len(given)


def test_the_newest_run_alone_keeps_its_state(sqlite_database: Database) -> None:
    """A search by prices leaves its state, and that of the run before it goes."""
    contested(sqlite_database)
    options = FREELY.model_copy(update={"method": "prices", "work": 20})
    match(sqlite_database, options)
    with sqlite_database.write() as session:
        session.execute(update(Offer).where(Offer.reference == "far").values(quality=5))
    second = match(sqlite_database, options)
    with sqlite_database.read() as session:
        kept = session.scalars(select(RunFile).where(RunFile.name == "state")).all()
        assert [each.run_id for each in kept] == [second]
        state = State.from_json(decode(kept[0].content))
    assert state.prices is not None
