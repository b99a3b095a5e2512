"""A run from rows to proposals: what is stored, repeatable, explained and audited."""

import gzip
import hashlib

import pytest
from sqlalchemy import func, select

from app.access.policy import TERMINAL, Role
from app.database import Database
from app.errors import Forbidden, NotFound
from app.insight.queries import report_data, result_of
from app.insight.report import figures
from app.runs import queries, service
from models.access import AuditEvent
from models.matching import Proposal, Run
from solver.check.verify import verify
from solver.formats.json_columns import encode
from solver.formats.problem_json import problem_to_json
from solver.solve import solve
from tests import rows
from tests.factories import acting
from tests.runs import OPTIONS, match, proposals_of


@pytest.fixture
def exchange(database: Database) -> Database:
    """Two schools that can help each other, a third that only wants, a hub that only gives."""
    with database.write() as session:
        rows.add_calendar(session)
        first, second, third = (rows.add_school(session, urn, urn) for urn in (1, 2, 3))
        rows.add_need(session, "N1", first)
        rows.add_offer(session, "O1", first, expertise_code="reading")
        rows.add_need(session, "N2", second, expertise_code="reading")
        rows.add_offer(session, "O2", second)
        rows.add_need(session, "N3", third, expertise_code="reading", state="suggested")
        hub = rows.add_hub(session, "hub")
        rows.add_offer(session, "OH", hub, expertise_code="reading", availability="not_answered")
    return database


def test_a_run_stores_its_problem_plan_and_proposals(exchange: Database) -> None:
    """Everything needed to repeat and explain a plan is in the database."""
    run_id = match(exchange)
    with exchange.read() as session:
        stored = queries.get_run(session, TERMINAL, run_id)
        file = queries.file_of(session, run_id, "problem")
        problem = queries.problem_of(session, TERMINAL, run_id)
        plan = queries.plan_of(session, TERMINAL, run_id)
        made = proposals_of(session, run_id)
    assert stored.state == "solved"
    assert file == encode(problem_to_json(problem), gzipped=True)
    content = gzip.decompress(file)
    assert stored.problem_sha256 == hashlib.sha256(content).hexdigest()
    assert verify(problem, plan) == ()
    assert {(need.reference, offer.reference) for _, need, offer in made} == {
        ("N1", "O2"),
        ("N2", "O1"),
    }
    assert sum(each.total_points for each, _, _ in made) == stored.objective
    for proposal, _, _ in made:
        for once, points in ((False, proposal.points), (True, proposal.points_once)):
            parts = [part["points"] for part in proposal.components if part["once"] is once]
            assert sum(parts) == points > 0
        assert proposal.total_points == proposal.points * 4 + proposal.points_once
        assert all(part["sentence"] for part in proposal.components)
        assert proposal.state == "proposed"


def test_the_stored_problem_gives_the_same_plan_again(exchange: Database) -> None:
    """A past run can be repeated from its file alone."""
    run_id = match(exchange)
    with exchange.read() as session:
        problem = queries.problem_of(session, TERMINAL, run_id)
        plan = queries.plan_of(session, TERMINAL, run_id)
    again = solve(problem, method="exact", workers=1)
    assert again.objective == plan.objective
    assert again.bound == plan.bound


def test_a_limit_of_work_makes_a_run_repeatable(exchange: Database) -> None:
    """The stored problem, seed and work are all it takes to get the plan again."""
    run_id = match(exchange, OPTIONS.model_copy(update={"work": 1}))
    with exchange.read() as session:
        problem = queries.problem_of(session, TERMINAL, run_id)
        plan = queries.plan_of(session, TERMINAL, run_id).to_json()
    again = solve(problem, method="exact", work=1, seed=OPTIONS.seed, workers=2).to_json()
    assert again["pairings"] == plan["pairings"]


def test_what_is_made_of_suggestions_cannot_be_sent(exchange: Database) -> None:
    """Planning with suggestions shows them, and marks every pairing that rests on one."""
    run_id = match(exchange, OPTIONS.model_copy(update={"include_suggestions": True}))
    with exchange.read() as session:
        made = proposals_of(session, run_id)
    for proposal, need, offer in made:
        suggested = need.reference == "N3" or offer.reference == "OH"
        assert proposal.sendable is not suggested
    assert any(not proposal.sendable for proposal, _, _ in made)


def test_every_change_is_audited_in_its_own_transaction(exchange: Database) -> None:
    """A run leaves two events, with digests and counts and no names."""
    run_id = match(exchange)
    with exchange.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
    assert [event.action for event in events] == ["run.submitted", "run.solved"]
    assert {event.subject for event in events} == {f"run:{run_id}"}
    assert events[1].detail == {"proposals": 2}


def test_a_solve_that_dies_leaves_a_failed_run_and_no_proposal(
    exchange: Database,
) -> None:
    """Nothing is half written, and the run says so."""

    def die(stage: str, fraction: float) -> None:
        if stage == "Writing the plan":
            raise RuntimeError("the machine caught fire")

    with pytest.raises(RuntimeError, match="fire"):
        match(exchange, on_progress=die)
    with exchange.read() as session:
        assert session.scalars(select(Run.state)).all() == ["failed"]
        assert session.scalar(select(func.count()).select_from(Proposal)) == 0


def test_who_may_not_run_does_not_run(exchange: Database) -> None:
    """The service asks the policy, whoever calls it."""
    contact = acting(Role.CONTACT, name="head of School 1")
    with pytest.raises(Forbidden):
        service.match(
            exchange,
            contact,
            service.Takers({"name": "all"}, None),
            rows.YEAR,
            OPTIONS,
        )


def test_a_list_of_takers_names_strangers(exchange: Database) -> None:
    """A misspelt URN is told, not skipped."""
    with exchange.read() as session:
        listed = service.takers_listed(session, TERMINAL, ["1", "hub"])
        assert len(listed.participant_ids or ()) == 2
        with pytest.raises(NotFound, match="'4711'"):
            service.takers_listed(session, TERMINAL, ["1", "4711"])


def test_the_report_tells_what_was_stored(exchange: Database) -> None:
    """The figures people see are those of the plan, met and unmet needs together."""
    run_id = match(exchange)
    with exchange.read() as session:
        data = report_data(session, result_of(session, TERMINAL, run_id))
        stored = queries.get_run(session, TERMINAL, run_id)
    found = figures(data)
    assert (found.needs, found.needs_met, found.pairings, found.both) == (3, 2, 2, 2)
    assert data.objective == stored.objective
    assert data.gap == 0
    (unmet,) = data.unmet
    assert unmet.need == "N3"
    assert "only suggested" in unmet.reasons[0].sentence
