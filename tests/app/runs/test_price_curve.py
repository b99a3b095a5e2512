"""Points against people disturbed at several prices of change: true, and nothing is proposed."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from app.access.policy import TERMINAL
from app.cli.main import run as command
from app.database import Database
from app.errors import Problem
from app.planning.pair_constraints import Unplannable
from app.planning.price_curve import price_curve, prices_of
from app.runs import service
from app.settings import settings
from models.matching import Proposal, Run
from models.vocabulary import Operation
from solver.formats.plan import Plan, Status
from solver.instances.balanced_exchange import made_up_country, make
from solver.solve import solve
from tests import rows
from tests.callers import keyed
from tests.portal import broker
from tests.runs import FREELY, contested, match

AREA = {"operation": "curve", "period": rows.YEAR, "area": "Testshire"}


def test_a_curve_is_true_at_each_price() -> None:
    """Dearer changes disturb fewer for no more points, and no plan at hand is better at a price."""
    later = make(made_up_country(40, 3), 3, "roomy")
    points = np.random.default_rng(3).integers(300, 900, len(later.candidates))
    earlier = replace(later, candidates=replace(later.candidates, points=points))
    plan = solve(earlier, method="exact", time_limit_s=4, workers=1)
    stood = np.column_stack([plan.offer, plan.need, plan.half_days])
    problem = replace(later, current=stood)
    made: dict[int, Plan] = {}

    def search(priced: Any) -> Plan:
        made[priced.change_penalty] = solve(priced, method="exact", time_limit_s=4, workers=1)
        return made[priced.change_penalty]

    prices = [0, 50, 400, 100_000]
    found = price_curve(problem, prices, search)
    rows_of = found["prices"]
    assert found["stood"] == len(plan)
    assert [row["price"] for row in rows_of] == prices
    for name in ("points", "disturbed", "people"):
        told = [row[name] for row in rows_of]
        assert told == sorted(told, reverse=True), name
    assert rows_of[0]["disturbed"] > rows_of[-1]["disturbed"] == 0
    assert rows_of[-1]["people"] == 0
    for row in rows_of:
        objective = row["points"] - row["price"] * row["disturbed"]
        assert objective >= made[row["price"]].objective
        assert row["gap"] == (made[row["price"]].bound - objective) / objective


def test_no_plan_in_time_is_no_curve() -> None:
    """It is said, and so is that nothing stands."""
    problem = make(made_up_country(12, 3), 3, "whole")
    with pytest.raises(Unplannable, match="Nothing stands from an earlier plan"):
        price_curve(problem, [0], lambda _: pytest.fail("solved"))
    stands = replace(problem, current=np.array([[0, 0, 1]]))
    none = replace(solve(problem, work=1, workers=1), objective=None, status=Status.UNKNOWN)
    with pytest.raises(Unplannable, match="No plan was found in time"):
        price_curve(stands, [0, 1], lambda _: none)


def test_prices_are_multiples_of_the_price_asked_for() -> None:
    """From nothing to four times as much, also where changes are to cost nothing."""
    assert prices_of(FREELY.model_copy(update={"change_price": 100})) == [0, 25, 50, 100, 200, 400]
    assert prices_of(FREELY.model_copy(update={"change_price": 1})) == [0, 1, 2, 4]
    free = FREELY.model_copy(update={"change_price": 0})
    assert prices_of(free) == prices_of(FREELY.model_copy(update={"change_price": 125}))


@pytest.fixture
def planned(sqlite_database: Database) -> Database:
    """One need that two can meet; run 1 chose the nearer."""
    contested(sqlite_database)
    match(sqlite_database, FREELY)
    return sqlite_database


def compare(database: Database) -> int:
    with database.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    return service.match(database, TERMINAL, takers, rows.YEAR, FREELY, operation=Operation.CURVE)


def test_comparing_proposes_nothing(planned: Database) -> None:
    """What stands is as it was, and the next run of the same data still keeps its plan."""
    with planned.read() as session:
        before = session.scalar(select(func.count()).select_from(Proposal))
    compared = compare(planned)
    with planned.read() as session:
        run = session.get_one(Run, compared)
        assert (run.state, run.objective) == ("checked", None)
        assert run.summary is not None
        assert {row["disturbed"] for row in run.summary["prices"]} == {0}
        assert session.scalar(select(func.count()).select_from(Proposal)) == before
        assert session.scalars(select(Proposal.state)).all() == ["proposed"]
    again = match(planned, FREELY)
    with planned.read() as session:
        assert session.get_one(Run, again).kept_run_id == 1


def test_a_first_run_has_no_price_to_compare(sqlite_database: Database) -> None:
    """It fails with what to do."""
    contested(sqlite_database)
    with pytest.raises(Problem, match="Start a run that plans"):
        compare(sqlite_database)
    with sqlite_database.read() as session:
        assert session.get_one(Run, 1).state == "failed"


def test_http_takes_it_like_a_run_that_plans(planned: Database) -> None:
    """With an area and a period; not with a plan."""
    with keyed(planned) as client:
        made = client.post("/api/v1/runs", json=AREA)
        assert (made.status_code, made.json()["operation"]) == (202, "curve")
        assert client.post("/api/v1/runs", json=AREA | {"of_run": 1}).status_code == 422
        assert client.post("/api/v1/runs", json={"operation": "curve"}).status_code == 422
        listed = client.get("/api/v1/runs", params={"operation": "curve"}).json()["items"]
        assert [run["id"] for run in listed] == [made.json()["id"]]


def test_the_portal_compares_before_it_plans(planned: Database) -> None:
    """A second button of the form; the page of what was found leads to a run at a price."""
    who = broker(planned, rows.NOW)
    form = who.open("/runs/new")
    sent = who.send(form, "/runs/new", area="Testshire", period=rows.YEAR, compare="yes")
    assert "waiting to start" in sent.text
    with planned.read() as session:
        assert session.get_one(Run, 2).operation == "curve"
    compared = compare(planned)
    page = who.open(f"/runs/{compared}")
    assert "1 pairing of the last plan could be kept" in page.text
    assert "Nothing was proposed" in page.text
    link = next(link for link in page.links if "change_price=250" in link)
    assert "/runs/new?area=local_authority%3A999" in link


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["--curve"], 0, "1 pairing of the last plan could be kept"),
        (["--curve", "--json"], 0, '"price": 125'),
        (["--curve", "--plan", "plan.json"], 2, "--plan needs a plan"),
    ],
)
def test_the_terminal_prints_it(
    planned: Database,
    more: list[str],
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As a table or as JSON; a file of a plan is refused."""
    settings.cache_clear()
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", planned.url)
    how = ["match", "--area", "Testshire", "--period", rows.YEAR, "--as-of", f"{rows.STARTS}"]
    monkeypatch.setattr("sys.argv", ["givetake", *how, *more])
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        command()
    settings.cache_clear()
    assert (ended.value.code or 0) == code
    printed = capfd.readouterr()
    assert text in (printed.out if code == 0 else printed.err)
    if "--json" in more:
        assert json.loads(printed.out)["stood"] == 1
