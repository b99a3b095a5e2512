"""Problem and plan files: what is read is what was written, what is broken is refused."""

import errno
import gzip
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from solver.formats.json_columns import load_json, save
from solver.formats.plan import ConflictPart, Plan, Status, Stopped, read_plan, write_plan
from solver.formats.problem import Problem
from solver.formats.problem_json import (
    problem_from_json,
    problem_to_json,
    read_problem,
    write_problem,
)
from solver.formats.tables import Candidates, Needs, Offers, Participants, ProblemFault
from tests.solver.drawn_problems import problems
from tests.solver.made_problems import content


def put(path, value):
    """Return a change that sets one place of a file's content."""

    def change(made):
        *ways, last = path
        place = made
        for way in ways:
            place = place[way]
        place[last] = value

    return change


def drop(*path):
    def change(made):
        *ways, last = path
        place = made
        for way in ways:
            place = place[way]
        del place[last]

    return change


BROKEN = {
    "format is another": (put(["format"], "givetake-problem/2"), "format: expected"),
    "format is missing": (drop("format"), "format: expected"),
    "needs are missing": (drop("needs"), "needs: is missing"),
    "ids are missing": (drop("offers", "id"), "offers.id: is missing"),
    "days are missing": (drop("needs", "days"), "needs.days: is missing"),
    "points are missing": (drop("candidates", "points"), "candidates.points: is missing"),
    "unknown field": (put(["wishes"], 1), "wishes: is no field"),
    "unknown column": (put(["needs", "day"], [1, 1, 1]), "needs.day: is no field"),
    "unknown rule": (put(["rules", "fair"], True), "rules.fair: is no field"),
    "table is a list": (put(["needs"], []), "needs: expected an object"),
    "column is a number": (put(["needs", "days"], 4), "needs.days: expected a list"),
    "column is short": (put(["needs", "days"], [4, 4]), "needs.days: has 2 entries"),
    "id is a number": (put(["needs", "id", 1], 7), "needs.id[1]: 7 is an integer"),
    "id is empty": (put(["offers", "id", 2], ""), "offers.id[2]: is empty"),
    "id is twice": (put(["participants", "id", 2], "a"), "participants.id[2]: 'a'"),
    "need id is twice": (put(["needs", "id", 1], "na"), "needs.id[1]: 'na'"),
    "id is half a letter": (put(["needs", "id", 0], "\ud800"), "needs.id[0]: "),
    "days are a decimal": (put(["needs", "days", 1], 4.0), "needs.days[1]: 4.0 is a decimal"),
    "days are a boolean": (put(["needs", "days", 1], True), "needs.days[1]: True is a boolean"),
    "days are a string": (put(["needs", "days", 1], "4"), "needs.days[1]: '4' is a string"),
    "days are null": (put(["needs", "days", 1], None), "needs.days[1]: None is null"),
    "days are zero": (put(["needs", "days", 1], 0), "needs.days[1]: 0 is not between 1"),
    "days are negative": (put(["offers", "days", 2], -1), "offers.days[2]: -1 is not"),
    "days are huge": (put(["offers", "days", 2], 2**63), "offers.days[2]: 9223372036854775808"),
    "days are over the limit": (put(["offers", "days", 0], 10**9 + 1), "offers.days[0]: "),
    "days are astronomic": (put(["offers", "days", 0], 10**400), "offers.days[0]: a number of"),
    "days_min over days": (put(["needs", "days_min", 1], 5), "needs.days_min[1]: 5 is over"),
    "days_min is zero": (put(["needs", "days_min", 1], 0), "needs.days_min[1]: 0 is not"),
    "max_givers negative": (put(["needs", "max_givers", 0], -1), "needs.max_givers[0]: -1"),
    "priority is zero": (put(["needs", "priority", 2], 0), "needs.priority[2]: 0"),
    "no such taker": (put(["needs", "participant", 1], 3), "needs.participant[1]: 3 is no"),
    "no such giver": (put(["offers", "participant", 1], -1), "offers.participant[1]: -1 is no"),
    "no such offer": (put(["candidates", "offer", 3], 9), "candidates.offer[3]: 9 is no offer"),
    "no such need": (put(["candidates", "need", 4], 3), "candidates.need[4]: 3 is no need"),
    "points negative": (put(["candidates", "points", 0], -1), "candidates.points[0]: -1"),
    "points over 10^9": (put(["candidates", "points", 1], 2 * 10**9), "candidates.points[1]: "),
    "half_days zero": (put(["candidates", "half_days", 1], 0), "candidates.half_days[1]: 0"),
    "bonus negative": (put(["candidates", "bonus", 4], -2), "candidates.bonus[4]: -2"),
    "candidate is twice": (put(["candidates", "need", 2], 2), "candidates[3]: offer 2"),
    "giver is taker": (put(["candidates", "offer", 0], 0), "candidates[0]: participant 0"),
    "give_limit negative": (
        put(["participants", "give_limit", 1], -8),
        "participants.give_limit[1]: -8",
    ),
    "allowance is null": (
        put(["participants", "allowance", 0], None),
        "participants.allowance[0]: None is null",
    ),
    "exempt is a number": (put(["participants", "exempt", 0], 1), "participants.exempt[0]: 1"),
    "no such account": (put(["participants", "account", 2], 5), "participants.account[2]: 5"),
    "latitude of the moon": (put(["participants", "lat", 1], 1000), "participants.lat[1]: 1000"),
    "latitude over the pole": (put(["participants", "lat", 1], 91.5), "participants.lat[1]: 91.5"),
    "longitude a string": (put(["participants", "lon", 0], "W"), "participants.lon[0]: 'W'"),
    "reciprocity unknown": (put(["rules", "reciprocity"], "fair"), "rules.reciprocity: 'fair'"),
    "max_loop is one": (put(["rules", "max_loop"], 1), "rules.max_loop: 1"),
    "pin is no pair": (put(["pins", 0], [1]), "pins[0]: [1] is no row"),
    "pin is no candidate": (put(["pins", 0], [0, 2]), "pins[0]: offer 0 and need 2 are no"),
    "pin is excluded": (put(["exclusions", 0], [1, 0]), "pins[0]: offer 1 and need 0 are excl"),
    "pin is twice": (put(["pins"], [[1, 0], [1, 0]]), "pins[1]: offer 1 and need 0 are there"),
    "pin out of range": (put(["pins", 0], [7, 0]), "pins[0]: 7 is no offer"),
    "exclusion out of range": (put(["exclusions", 0], [0, 8]), "exclusions[0]: 8 is no need"),
    "current out of range": (put(["current", 0], [3, 0, 1]), "current[0]: 3 is no offer"),
    "current without days": (put(["current", 0], [2, 1, 0]), "current[0]: 0 is not between 1"),
    "penalty negative": (put(["change_penalty"], -1), "change_penalty: -1"),
    "penalty a decimal": (put(["change_penalty"], 0.5), "change_penalty: 0.5 is a decimal"),
    "linking sense": (put(["linking", 0, "sense"], "<"), "linking[0].sense: '<'"),
    "linking unit": (put(["linking", 0, "unit"], "days"), "linking[0].unit: 'days'"),
    "linking limit missing": (drop("linking", 0, "limit"), "linking[0].limit: is missing"),
    "linking no candidate": (
        put(["linking", 0, "candidates", 1], 5),
        "linking[0].candidates[1]: 5 is no candidate",
    ),
    "linking candidate twice": (
        put(["linking", 0, "candidates", 1], 0),
        "linking[0].candidates[0]: candidate 0",
    ),
    "linking weight short": (put(["linking", 0, "weight"], [1]), "linking[0].weight: has 1"),
    "linking weight negative": (put(["linking", 0, "weight", 1], -1), "linking[0].weight[1]: -1"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_problem_is_refused_by_column_and_position(fault, tmp_path):
    """A broken file is refused with the column, the position and the value."""
    change, expected = BROKEN[fault]
    made = content()
    change(made)
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(made))
    with pytest.raises(ProblemFault) as refused:
        read_problem(path)
    assert any(sentence.startswith(expected) for sentence in refused.value.faults), refused.value


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("p.json", b"{", "p.json: is not JSON"),
        ("p.json", b"\xff\xfe", "p.json: is not JSON"),
        ("p.json", b"[]", "p.json: expected an object, found a list"),
        ("p.json", b"[" * 100_000, "p.json: has lists within lists too deep"),
        ("p.json", b'{"format": NaN}', "NaN is no number"),
        ("p.json", b'{"format": 1, "format": 1}', "format: is given twice"),
        ("p.json", b'{"a": ' + b"9" * 5000 + b"}", "p.json: has a number of too many digits"),
        ("p.json.gz", b"{}", "p.json.gz: is not readable gzip"),
        ("p.json.gz", gzip.compress(b"{}" * 999, mtime=0)[:20], "p.json.gz: is not readable gzip"),
    ],
)
def test_what_is_no_json_object_is_refused(name, data, expected, tmp_path):
    """A file that cannot be read as JSON says so, and how."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ProblemFault, match=r"^" + expected):
        read_problem(path)


def test_every_fault_is_listed_at_once():
    """Faults of several columns come together, a long list is cut in the message only."""
    made = content()
    made["needs"]["days"] = ["x"] * 3
    made["offers"]["days"] = [-1.5] * 3
    made["pins"] = [[0]] * 30
    with pytest.raises(ProblemFault) as refused:
        problem_from_json(made)
    assert len(refused.value.faults) == 36
    assert str(refused.value).endswith("... and 16 more")


def test_objective_that_could_reach_2_to_53_is_refused():
    """Points that doubles could not hold exactly are refused before any work."""
    size = 10_000
    with pytest.raises(ProblemFault, match="not below 2\\^53"):
        Problem(
            Participants.of(["a", "b"]),
            Needs.of([f"n{n}" for n in range(size)], np.zeros(size, int), np.full(size, 1000)),
            Offers.of(["o"], [1], [10**9]),
            Candidates.of(np.zeros(size, int), np.arange(size), np.full(size, 10**9)),
        )


def test_defaults_are_those_of_the_format():
    """A file with the required columns alone has no limits and balanced reciprocity."""
    read = problem_from_json(
        {
            "format": "givetake-problem/1",
            "participants": {"id": ["a", "b"]},
            "needs": {"id": ["n"], "participant": [0], "days": [4]},
            "offers": {"id": ["o"], "participant": [1], "days": [6]},
            "candidates": {"offer": [0], "need": [0], "points": [3]},
        }
    )
    assert read.needs.days_min.tolist() == [4]
    assert read.needs.max_givers.tolist() == [1]
    assert read.participants.give_limit.tolist() == [10**9, 10**9]
    assert read.participants.allowance.tolist() == [0, 0]
    assert read.participants.account.tolist() == [0, 1]
    assert read.participants.exempt.tolist() == [False, False]
    assert np.isnan(read.participants.lat).all()
    assert (read.rules.reciprocity, read.rules.max_loop) == ("balanced", 3)


def test_accounts_are_positions_or_labels():
    """Labels join those who share them; a position joins its participant; null is oneself."""
    made = content()
    made["participants"]["account"] = ["trust", None, "trust"]
    assert problem_from_json(made).participants.account.tolist() == [0, 1, 0]
    made["participants"]["account"] = [1, None, 2]
    assert problem_from_json(made).participants.account.tolist() == [0, 0, 2]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems())
def test_problem_survives_the_round_trip(problem):
    """Writing and reading gives the same content."""
    assert problem_to_json(problem_from_json(json.loads(json.dumps(problem_to_json(problem))))) == (
        problem_to_json(problem) | {"participants": _canonical(problem)}
    )


def _canonical(problem):
    """Accounts are read as the first member's position."""
    participants = problem_to_json(problem)["participants"]
    account = participants["account"]
    return participants | {"account": [account.index(label) for label in account]}


@pytest.mark.parametrize("name", ["p.json", "p.json.gz"])
def test_same_problem_gives_the_same_bytes(name, tmp_path):
    """Files hold no time stamp: equal problems are equal byte by byte, and read back equal."""
    problem = problem_from_json(content())
    first, second = tmp_path / f"1{name}", tmp_path / f"2{name}"
    write_problem(problem, first)
    write_problem(read_problem(first), second)
    assert first.read_bytes() == second.read_bytes()


def test_a_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    """A write that fails half-way, the disk being full, leaves what was there and nothing else."""
    file = tmp_path / "plan.json"
    save({"what": "old"}, file)

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save({"what": "new"}, file)
    assert load_json(file) == {"what": "old"}
    assert list(tmp_path.iterdir()) == [file]


def test_columns_cannot_be_changed():
    """A problem is immutable, its columns included; `replace` checks again."""
    problem = problem_from_json(content())
    with pytest.raises(ValueError, match="read-only"):
        problem.needs.days[0] = 1
    assert replace(problem, change_penalty=9).change_penalty == 9
    with pytest.raises(ProblemFault, match="change_penalty: -9"):
        replace(problem, change_penalty=-9)


PLAN = Plan(
    Status.INFEASIBLE,
    Stopped.INFEASIBLE,
    seconds=1.5,
    seed=3,
    rounds=1,
    versions={"givetake": "0.1.0"},
    conflict=(ConflictPart("pin", "pins[0]", "a pinned pair is in the plan"),),
)


@pytest.mark.parametrize("name", ["plan.json", "plan.json.gz"])
def test_plan_survives_the_round_trip(name, tmp_path):
    """A plan is read as it was written, its conflict included."""
    write_plan(PLAN, tmp_path / name)
    assert read_plan(tmp_path / name).to_json() == PLAN.to_json()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put(["format"], "plan"), "format: expected"),
        (put(["status"], "good"), "status: 'good' is none of"),
        (put(["stopped"], None), "stopped: None is none of"),
        (put(["bound"], "12"), "bound: '12' is no number"),
        (put(["gap"], 1e300), "gap: 1e\\+300 is no number"),
        (put(["objective"], 1.5), "objective: 1.5 is a decimal"),
        (put(["seconds"], None), "seconds: None is no number"),
        (put(["seconds"], -1.5), "seconds: -1.5 is below 0"),
        (put(["seed"], -1), "seed: -1 is below 0"),
        (put(["versions"], ["x"]), "versions: expected"),
        (put(["pairings", "offer"], [0]), "pairings.need: has 0 entries"),
        (put(["pairings", "half_days"], [True]), "pairings.half_days\\[0\\]: True"),
        (put(["conflict"], [{"rule": 1}]), "conflict: expected"),
        (put(["extra"], 1), "extra: is no field"),
        (drop("seed"), "seed: is missing"),
    ],
)
def test_broken_plan_file_is_refused(change, expected):
    """A plan file that breaks the format is refused by field."""
    made = json.loads(json.dumps(PLAN.to_json()))
    change(made)
    with pytest.raises(ProblemFault, match=expected):
        Plan.from_json(made)
