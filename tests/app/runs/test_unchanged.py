"""Unchanged data give the unchanged plan, and a newer run replaces what nobody decided on."""

from typing import Any

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.cli.other_runs import about_others
from app.database import Database
from app.exchange.queries import get_need, open_proposals
from app.planning.pair_constraints import ImpossiblePin
from app.proposals import decisions
from app.proposals.succession import keep_up
from app.runs import queries, results
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Proposal, ProposalFlag, RuleException, Run, RunEvent
from models.vocabulary import DecisionAction, DeclineReason
from tests import rows
from tests.callers import keyed
from tests.portal import broker
from tests.runs import OPTIONS, contested, filled, match, planned, submit, take

HOW = {"hold_days": 14}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """Two schools that can help each other on site."""
    return filled(sqlite_database)


def run(database: Database, run_id: int) -> Run:
    with database.read() as session:
        return queries.get_run(session, TERMINAL, run_id)


def states(database: Database, run_id: int) -> list[str]:
    with database.read() as session:
        found = select(Proposal.state).where(Proposal.run_id == run_id).order_by(Proposal.id)
        return list(session.scalars(found))


def searched(database: Database, run_id: int) -> bool:
    """Whether a run looked for a plan itself."""
    with database.read() as session:
        events = queries.events(session, TERMINAL, run_id)
    return any(event.data.get("stage") == "Solving" for event in events)


def test_the_same_data_keep_the_plan_without_a_search(exchange: Database) -> None:
    """The plan is that of the run that searched, to the byte, however often it is kept."""
    runs = [match(exchange) for _ in range(3)]
    with exchange.read() as session:
        files = {queries.file_of(session, each, "plan") for each in runs}
        lines = about_others(session, runs[2])
    assert len(files) == 1
    assert [searched(exchange, each) for each in runs] == [True, False, False]
    assert [run(exchange, each).kept_run_id for each in runs] == [None, runs[0], runs[0]]
    assert lines == [
        "Nothing has changed since run 1: its plan is kept.",
        "2 of 2 pairings of the last plan that nobody had decided on are kept. Moving a school "
        "from the supporting organisation of the last plan costs 125 points: as much as 10 miles "
        "for 2.5 days of support.",
        "Replaced 2 proposals of run 2 that nobody had decided on.",
    ]


def test_a_kept_plan_is_checked_like_any_other(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The independent check is asked before anything of it is written."""
    match(exchange)
    checked: list[int] = []
    real = results.verify

    def verify(problem: Any, plan: Any) -> Any:
        checked.append(len(plan))
        return real(problem, plan)

    monkeypatch.setattr(results, "verify", verify)
    match(exchange)
    assert checked == [2]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(update(Need).where(Need.reference == "N1").values(priority=1), id="need"),
        pytest.param(update(Offer).where(Offer.reference == "O2").values(quality=5), id="offer"),
    ],
)
def test_changed_data_are_searched(exchange: Database, change: Any) -> None:
    """Whatever changes the problem makes another plan possible."""
    match(exchange)
    with exchange.write() as session:
        session.execute(change)
    assert searched(exchange, match(exchange))


@pytest.mark.parametrize(
    ("first", "asked", "kept"),
    [
        ({}, {"seed": 7, "method": "auto", "time_limit_s": 5.0}, True),
        ({}, {"gap": 0.5}, True),
        ({}, {"max_taken": 1}, False),
        ({}, {"weights": {"nearness": 10}}, False),
    ],
)
def test_how_to_search_matters_only_while_a_better_plan_may_exist(
    exchange: Database, first: dict[str, Any], asked: dict[str, Any], kept: bool
) -> None:
    """A proven plan stays, whatever the search; other rules are another problem."""
    match(exchange, OPTIONS.model_copy(update=first))
    again = match(exchange, OPTIONS.model_copy(update=asked))
    assert searched(exchange, again) is not kept


@pytest.mark.parametrize(
    ("gap", "stopped", "asked", "kept"),
    [
        (0.04, "time", {}, True),
        (0.06, "time", {}, False),
        (0.04, "time", {"time_limit_s": 90.0}, False),
        (0.04, "time", {"seed": 3}, False),
        (0.04, "time", {"gap": 0.05, "seed": 3}, True),
        (0.04, "cancelled", {}, False),
        (0.04, "time", {"workers": 2}, True),
    ],
)
def test_a_plan_that_is_not_proven_is_searched_again_where_that_is_asked_for(
    exchange: Database, gap: float, stopped: str, asked: dict[str, Any], kept: bool
) -> None:
    """More time, another seed or method ask for more; the same order gives the same plan."""
    first = match(exchange)
    with exchange.write() as session:
        session.execute(update(Run).where(Run.id == first).values(gap=gap, stopped=stopped))
    assert searched(exchange, match(exchange, OPTIONS.model_copy(update=asked))) is not kept


def test_a_plan_whose_search_lost_processes_is_searched_again(exchange: Database) -> None:
    """Whoever is told to solve again gets another search, not the same plan."""
    first = match(exchange)
    with exchange.write() as session:
        change = {"gap": 0.04, "summary": {"given_up": 1}}
        session.execute(update(Run).where(Run.id == first).values(change))
    assert searched(exchange, match(exchange))


def test_only_the_last_run_of_the_same_takers_and_period_counts(database: Database) -> None:
    """Neither an older one, nor one of another area or period, lends its plan."""
    exchange = filled(database)
    match(exchange)
    assert searched(exchange, match(exchange, takers=("1", "2")))
    assert states(exchange, 1) == ["proposed", "proposed"]
    assert not searched(exchange, match(exchange, takers=("2", "1")))
    assert searched(exchange, match(exchange, takers=("1",)))
    for priority in (1, 3):
        with exchange.write() as session:
            session.execute(update(Need).values(priority=priority))
        assert searched(exchange, match(exchange))


def test_undecided_proposals_of_the_older_run_are_replaced(database: Database) -> None:
    """They stay on record and say by which run; nothing is proposed twice; one audit event."""
    exchange = filled(database)
    first, second = match(exchange), match(exchange)
    assert (states(exchange, first), states(exchange, second)) == (
        ["replaced"] * 2,
        ["proposed"] * 2,
    )
    with exchange.read() as session:
        older = session.scalars(select(Proposal).where(Proposal.run_id == first)).all()
        assert {(each.replaced_by_run_id, each.version) for each in older} == {(second, 2)}
        newer = queries.replacements(session, TERMINAL, older[0])
        assert session.get_one(Proposal, newer[0]).need_id == older[0].need_id
        assert queries.replaced(session, TERMINAL, first) == [(second, 2)]
        [event] = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "run.replaced_proposals")
        )
        assert (event.subject, event.detail) == ("run:2", {"of_runs": [1], "proposals": 2})
        ended = session.scalars(
            select(RunEvent).where(RunEvent.run_id == second).order_by(RunEvent.sequence.desc())
        ).first()
        assert ended is not None
        assert ended.data == {"proposals": 2, "kept_run": 1, "replaced": 2}


def test_what_anybody_decided_on_is_left_alone(exchange: Database) -> None:
    """Preferred, withdrawn, declined or with an exception: a newer run touches none of them."""
    first = match(exchange)
    with exchange.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, **HOW)
        rows.add(
            session,
            RuleException(
                **{"proposal_id": 2, "rule": "too_far", "figures": {}, "reason": "x"},
                **{"author": "x", "at": rows.NOW},
            ),
        )
    match(exchange)
    assert states(exchange, first) == ["preferred", "proposed"]


def test_a_run_without_a_plan_replaces_nothing(exchange: Database) -> None:
    """What is proposed stays until something takes its place."""
    first = match(exchange)
    with pytest.raises(ImpossiblePin):
        match(exchange, OPTIONS.model_copy(update={"travel_limit_miles": 0.0, "pins": ("N1=O2",)}))
    assert states(exchange, first) == ["proposed", "proposed"]


def test_the_flag_of_what_is_replaced_is_cleared(exchange: Database) -> None:
    """Nobody has to deal with a proposal that is set aside."""
    match(exchange)
    with exchange.write() as session:
        flag = {"proposal_id": 1, "reasons": ["made up"], "raised_by": "x", "raised_at": rows.NOW}
        rows.add(session, ProposalFlag(**flag))
    match(exchange)
    with exchange.read() as session:
        assert session.scalars(select(ProposalFlag.outcome)).all() == ["decided"]


def test_a_run_that_ends_after_a_newer_one_proposes_nothing_new(exchange: Database) -> None:
    """Two workers, the older run last: its proposals are replaced from the start."""
    with exchange.write() as session:
        session.execute(update(Run).values(leased_until=None))
    older = submit(exchange)
    held = take(exchange)
    message = planned(exchange, older, held)
    newer = match(exchange)
    results.receive(exchange, held, message)
    assert (states(exchange, older), states(exchange, newer)) == (
        ["replaced"] * 2,
        ["proposed"] * 2,
    )
    with exchange.read() as session:
        assert queries.replaced(session, TERMINAL, older) == [(newer, 2)]


def test_no_alternative_is_offered_for_what_a_newer_run_planned(
    sqlite_database: Database,
) -> None:
    """A need that waits for an alternative of the older run has its proposal of the newer."""
    database = contested(sqlite_database)
    match(database)
    with database.write() as session:
        said = decisions.Said(DeclineReason.CAPACITY)
        decisions.decide(session, TERMINAL, 1, DecisionAction.DECLINE, said, **HOW)
    match(database)
    assert keep_up(database, None) == 0
    assert (states(database, 1), states(database, 2)) == (["declined"], ["proposed"])


def test_runs_of_other_areas_are_told_not_replaced(database: Database) -> None:
    """A need shows all its open proposals; each run names the other."""
    exchange = filled(database)
    first = match(exchange)
    second = match(exchange, takers=("1",))
    assert states(exchange, first) == ["proposed", "proposed"]
    with exchange.read() as session:
        need = get_need(session, TERMINAL, "N1")
        found = [(row.id, of.id) for row, of, _ in open_proposals(session, TERMINAL, need)]
        told = [(each.run.id, each.needs) for each in queries.overlaps(session, TERMINAL, first)]
        lines = about_others(session, second)
    assert [of for _, of in found] == [first, second]
    assert told == [(second, 1)]
    assert lines == [
        "Run 1 (Testshire) also has open proposals for 1 need of this run. Agree with whoever "
        "works on it before you decide."
    ]


def test_http_tells_what_was_kept_and_replaced_and_all_proposals_of_a_need(
    exchange: Database,
) -> None:
    """Whoever reads a run, a proposal or a need over HTTP learns of the others."""
    match(exchange)
    match(exchange)
    match(exchange, takers=("1",))
    with keyed(exchange) as client:
        older, newer = (client.get(f"/api/v1/runs/{each}").json() for each in (1, 2))
        assert (older["kept_run"], older["replaced_by"], older["overlaps"]) == (None, 2, [])
        assert (newer["kept_run"], newer["replaced_by"]) == (1, None)
        assert newer["overlaps"] == [{"run": 3, "area": "a list of 1", "needs": 1}]
        assert client.get("/api/v1/runs").json()["items"][1]["overlaps"] is None
        proposal = client.get("/api/v1/proposals/1").json()
        assert (proposal["state"], proposal["replaced_by_run"]) == ("replaced", 2)
        answer = client.get("/api/v1/needs/N1")
        assert [each["run"] for each in answer.json()["open_proposals"]] == [2, 3]
        tag = {"If-Match": answer.headers["ETag"]}
        assert client.post("/api/v1/needs/N1/withdrawal", headers=tag).status_code == 200


def test_the_portal_tells_what_was_kept_and_replaced(exchange: Database) -> None:
    """The plan, the older plan, a replaced proposal and the need say so."""
    match(exchange)
    match(exchange)
    who = broker(exchange)
    assert "Nothing has changed since run 1: its plan is kept." in who.open("/runs/2").text
    assert "has replaced 2 proposals of this run" in who.open("/runs/1").text
    assert "Replaced by" in who.open("/proposals/1").text
    page = who.open("/needs/N1")
    with exchange.read() as session:
        open_ones = session.scalars(select(Proposal.id).where(Proposal.state == "proposed")).all()
    assert sum(f"/portal/proposals/{each}" in page.links for each in open_ones) == 1
    assert "/portal/proposals/1" not in page.links
