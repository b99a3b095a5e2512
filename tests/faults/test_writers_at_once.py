"""Many who write at once: no change is lost, nothing happens twice, and the audit stays whole."""

import os
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.access.policy import TERMINAL
from app.access.queries import verify_audit
from app.database import Database
from app.errors import Problem, Stale
from app.exchange import queries, service
from app.exchange.rows import NeedRow
from app.proposals import agreements, decisions
from app.transient import is_transient
from models.access import AuditEvent
from models.base import Base
from models.history import NEED_VERSION
from models.matching import Decision, Proposal
from models.vocabulary import DecisionAction, Says, Side
from tests import rows
from tests.callers import keyed
from tests.factories import heard, told
from tests.runs import FREELY, contested, match

WRITERS: Final = 8
CHANGES: Final = int(os.environ.get("WRITER_CHANGES", "12"))
"""Of each writer; 500 takes minutes."""
CYCLE: Final = 40
NOW: Final = datetime(2026, 9, 2, 12, tzinfo=UTC)


def at_once(*calls: Callable[[], object]) -> list[BaseException]:
    """What is raised by calls that all begin together."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException] = []

    def one(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def next_days(half_days: int) -> int:
    return half_days % CYCLE + 1


def change_once(database: Database) -> None:
    """As a broker does: read, change what was read, and read again where somebody was faster."""
    while True:
        with database.read() as session:
            need = queries.get_need(session, TERMINAL, "n")
            days, version = next_days(need.half_days) / 2, need.version
        row = {"reference": "n", "participant": "1", "expertise": "maths", "period": rows.YEAR}
        try:
            with database.write() as session:
                changed = NeedRow.model_validate(row | {"days": str(days)})
                service.change_need(session, TERMINAL, changed, version)
            return
        except Stale:
            continue
        except OperationalError as busy:
            if not is_transient(busy):
                raise


def test_no_change_of_eight_writers_is_lost(database: Database) -> None:
    """Each of all changes is a version, an event and a step of the number they all count up."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "n", rows.add_school(session, 1), half_days=1, half_days_min=1)

    def writer() -> None:
        for _ in range(CHANGES):
            change_once(database)

    assert at_once(*[writer] * WRITERS) == []
    total = WRITERS * CHANGES
    days = 1
    for _ in range(total):
        days = next_days(days)
    with database.read() as session:
        need = queries.get_need(session, TERMINAL, "n")
        assert (need.half_days, need.version) == (days, total + 1)
        assert session.scalar(select(func.count()).select_from(NEED_VERSION)) == total + 1
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
        assert [each.detail["version"] for each in events] == list(range(2, total + 2))
    # In a session of its own: it looks at all as of one moment.
    with database.read() as session:
        found = verify_audit(session, TERMINAL)
        assert (found.fault, found.events) == (None, total)


@pytest.fixture
def agreed(database: Database) -> Database:
    """A proposal that both sides have agreed to."""
    match(contested(database), FREELY, now=NOW)
    more: dict[str, Any] = {"hold_days": 14, "now": NOW}
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, **more)
        for side in Side:
            agreements.agree(session, TERMINAL, 1, side, Says.YES, heard(on=NOW), **more)
    return database


@pytest.mark.parametrize("versioned", [True, False])
def test_of_approvals_at_once_one_is_made(agreed: Database, versioned: bool) -> None:
    """Two, or eight, with or without the version they were made from: the others are refused."""
    with agreed.read() as session:
        version = session.get_one(Proposal, 1).version if versioned else None
    kinds = (DecisionAction.APPROVE, DecisionAction.APPROVE_WITH_CONDITIONS)

    def approve(action: DecisionAction) -> None:
        more: dict[str, Any] = {"hold_days": 14, "now": NOW, "version": version}
        with agreed.write() as session:
            decisions.decide(session, TERMINAL, 1, action, **more)

    raised = at_once(*(lambda action=each: approve(action) for each in kinds * 4))  # type: ignore[misc]
    assert len(raised) == 7
    assert all(isinstance(each, Problem) and each.status in (409, 412) for each in raised)
    with agreed.read() as session:
        made = session.scalars(select(Decision.state_after)).all()
        assert [state for state in made if state.startswith("approved")] == [made[-1]]
        approved = AuditEvent.action.startswith("proposal.approved")
        assert session.scalar(select(func.count()).where(approved)) == 1
    with agreed.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def everything(database: Database) -> dict[str, list[str]]:
    with database.read() as session:
        return {
            name: sorted(repr(row) for row in session.execute(table.select()))
            for name, table in Base.metadata.tables.items()
            if name not in ("api_key", "audit_head", "audit_event", "idempotency_key")
        } | {"events": [str(session.scalar(select(func.count()).select_from(AuditEvent)))]}


def test_a_request_sent_again_changes_nothing(agreed: Database) -> None:
    """Creations with a key, changes with a version, and what says the same once more."""
    with agreed.write() as session:
        # By the clock of the machine, not of this test.
        proposal = session.get_one(Proposal, 1)
        proposal.held_until, proposal.state = datetime.now(UTC) + timedelta(1), "preferred"
    need = {"reference": "n2", "participant": "1", "expertise": "maths", "period": rows.YEAR}
    offer = {"reference": "o2", "participant": "2", "expertise": "maths", "period": rows.YEAR}
    said = {"side": "taker", "says": "yes", "said_by": "headteacher", **told()}
    pin = {"need": "n2", "offer": "far", "reason": "made up"}
    contact = {"participant": "1", "role": "head", "name": "A Person", "email": "a@b.example"}
    drawn = random.Random(15)
    with keyed(agreed) as client:
        for path, body in (
            ("needs", need | {"days": 2}),
            ("offers", offer | {"days": 4}),
            ("proposals/1/agreements", said),
            ("exclusions", pin),
            ("contacts", contact),
        ):
            headers = {"Idempotency-Key": f"k{drawn.getrandbits(64)}"}
            if path.startswith("proposals"):
                headers["If-Match"] = client.get("/api/v1/proposals/1").headers["etag"]
            first = client.post(f"/api/v1/{path}", json=body, headers=headers)
            assert first.status_code == 201, first.text
            before = everything(agreed)
            for _ in range(2):
                again = client.post(f"/api/v1/{path}", json=body, headers=headers)
                assert (again.status_code, again.json()) == (201, first.json()), path
            assert everything(agreed) == before, path
        tag = {"If-Match": client.get("/api/v1/needs/n2").headers["etag"]}
        change = {name: each for name, each in need.items() if name != "reference"}
        changed = client.put("/api/v1/needs/n2", json=change | {"days": 3}, headers=tag)
        assert changed.status_code == 200, changed.text
        before = everything(agreed)
        late = client.put("/api/v1/needs/n2", json=change | {"days": 3}, headers=tag)
        assert late.status_code == 412
        same = {"If-Match": changed.headers["etag"]}
        repeated = client.put("/api/v1/needs/n2", json=change | {"days": 3}, headers=same)
        assert (repeated.status_code, repeated.json()) == (200, changed.json())
        assert everything(agreed) == before
