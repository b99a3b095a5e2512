"""Batches as rows: any process goes on with them, and what has not changed is left alone."""

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.batches import service
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound
from app.planning import unchanged
from app.runs import leases
from models.access import AuditEvent
from models.batches import Batch
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.vocabulary import Role, ScopeKind
from tests import batches, rows
from tests.batches import areas, expire, finish, found, submit, take, work
from tests.runs import OPTIONS
from tests.runs import submit as submit_run

BROKER = Principal("user:1", frozenset({Grant(Role.BROKER, Scope(ScopeKind.AREA, "901"))}))


@pytest.fixture
def county(database: Database) -> Database:
    with database.write() as session:
        batches.add_areas(session, 4)
    return database


def test_a_batch_ends_with_a_plan_of_each_area_that_has_needs(county: Database) -> None:
    """Its runs are those of whoever asked, and one without needs has none."""
    batch_id = submit(county, 1, 2, 4)
    assert finish(county, batch_id) == 2
    ended = found(county, batch_id)
    assert [each.run and each.run.state for each in ended] == ["solved", "solved", None]
    assert [each.area.needs for each in ended] == [2, 2, 0]
    assert {each.run.batch_id for each in ended if each.run} == {batch_id}
    with county.read() as session:
        events = session.execute(
            select(AuditEvent.action, AuditEvent.actor).where(
                AuditEvent.subject == f"batch:{batch_id}"
            )
        ).all()
    assert events == [("batch.submitted", "terminal"), ("batch.finished", "worker")]


def test_areas_in_which_nothing_changed_keep_their_run(county: Database) -> None:
    """Only what reads another need is planned again; an offer is read by all."""
    first = submit(county, 1, 2)
    assert finish(county, first) == 2
    again = submit(county, 1, 2)
    assert finish(county, again) == 0
    kept = [(each.area.kept, each.area.run_id) for each in found(county, again)]
    assert kept == [(True, each.area.run_id) for each in found(county, first)]
    with county.write() as session:
        session.execute(update(Need).where(Need.reference == "N21").values(priority=1))
    third = submit(county, 1, 2)
    assert finish(county, third) == 1
    assert [each.area.kept for each in found(county, third)] == [True, False]
    with county.write() as session:
        session.execute(update(Offer).where(Offer.reference == "O31").values(half_days=1))
    assert finish(county, submit(county, 1, 2)) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"travel_limit_miles": 30.0},
        {"change_price": 0},
        {"free": ()},
    ],
)
def test_other_options_are_planned_for(county: Database, changed: dict[str, object]) -> None:
    """Unless they ask for what the run before has done already."""
    finish(county, submit(county, 1))
    options = OPTIONS.model_copy(update=changed)
    runs = finish(county, submit(county, 1, options=options))
    assert runs == (0 if changed == {"free": ()} else 1)


def test_what_somebody_decided_on_is_planned_around(county: Database) -> None:
    """A proposal that no longer stands makes another plan, though its rows are the same."""
    finish(county, submit(county, 1))
    with county.write() as session:
        session.execute(update(Proposal).where(Proposal.id == 1).values(state="withdrawn"))
    assert finish(county, submit(county, 1)) == 1


def test_a_plan_far_from_proven_is_planned_again_once(
    county: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch ends with the second run, however far that one is, and the next leaves it alone."""
    monkeypatch.setattr(unchanged, "WIDE", -1.0)
    options = OPTIONS.model_copy(update={"gap": 0.0})
    batch_id = submit(county, 1, options=options)
    assert finish(county, batch_id) == 2
    (area,) = found(county, batch_id)
    assert (area.area.planned_again, area.area.run_id) == (True, 2)
    assert finish(county, submit(county, 1, options=options)) == 0


def test_a_killed_command_costs_its_areas_nothing(county: Database) -> None:
    """However often: whoever goes on plans what it was at, and that does not count."""
    batch_id = submit(county, 1)
    service.advance(county, batch_id, None)
    for _ in range(leases.MOST_ATTEMPTS + 1):
        assert take(county, f"{leases.COMMAND}somewhere:1") is not None
        expire(county)
    assert work(county) == 1
    assert service.advance(county, batch_id, None)
    assert [each.run and each.run.state for each in found(county, batch_id)] == ["solved"]


def test_the_same_request_goes_on_with_a_batch_until_it_has_ended(county: Database) -> None:
    """What was cancelled is planned again, what was planned stays."""
    batch_id = submit(county, 1, 2)
    service.advance(county, batch_id, None)
    take(county)
    with county.write() as session:
        service.cancel_batch(session, TERMINAL, batch_id)
    assert service.advance(county, batch_id, None)
    assert [each.run and each.run.state for each in found(county, batch_id)] == [
        "running",
        "cancelled",
    ]
    expire(county)
    assert work(county) == 0
    with county.write() as session, pytest.raises(Conflict, match="already ended"):
        service.cancel_batch(session, TERMINAL, batch_id)
    with county.write() as session:
        asked = (areas(1, 2), rows.YEAR, OPTIONS)
        assert service.continued_batch(session, BROKER, *asked) is None
        assert service.continued_batch(session, TERMINAL, *asked).id == batch_id  # type: ignore[union-attr]
    assert finish(county, batch_id) == 2
    with county.write() as session:
        assert service.continued_batch(session, TERMINAL, *asked) is None


def test_runs_of_a_batch_let_others_of_the_same_person_go_first(county: Database) -> None:
    """A person with a batch of many areas waits for one run of theirs alone."""
    batch_id = submit(county, 1, 2)
    service.advance(county, batch_id, None)
    with county.write() as session:
        rows.add_need(session, "other", rows.add_school(session, 99))
    alone = submit_run(county)
    held = take(county)
    assert held is not None
    assert held.run_id == alone


def test_nobody_plans_or_cancels_what_is_not_theirs(county: Database) -> None:
    """A batch with one area outside is refused as a whole."""
    with pytest.raises(Forbidden):
        submit(county, 1, 2, principal=BROKER)
    with county.read() as session:
        assert session.scalars(select(Batch)).all() == []
        assert session.scalars(select(Run)).all() == []
    submit(county, 1, principal=BROKER)
    other = submit(county, 2)
    with county.write() as session, pytest.raises(NotFound):
        service.cancel_batch(session, BROKER, other)


@pytest.mark.parametrize("named", [{"pins": ("N11=O12",)}, {"free": ("N11",)}])
def test_options_that_name_needs_are_of_a_single_run(
    county: Database, named: dict[str, object]
) -> None:
    """They would be wrong in every area but one."""
    with pytest.raises(service.OptionOfOneRun):
        submit(county, 1, options=OPTIONS.model_copy(update=named))
