"""A case on any day: the need as it was, and what had been said and decided by then."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import column, table, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cases.queries import Case, case_on
from app.cli.main import app
from app.database import Database
from app.errors import NotFound
from app.migrate import migrate
from app.proposals import agreements, decisions, publication
from app.proposals.decisions import NOTHING_SAID, Said
from app.settings import settings
from models.base import UtcDateTime
from models.exchange import Need, Offer
from models.history import NEED_VERSION, OFFER_VERSION
from models.matching import Run
from models.vocabulary import DecisionAction, DeclineReason, Says, Side
from tests.callers import keyed
from tests.factories import heard
from tests.runs import FREELY, contested, match

D0 = datetime(2026, 9, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def days_after(days: int) -> datetime:
    return D0 + days * DAY


def decide(
    database: Database, action: DecisionAction, days: int, said: Said = NOTHING_SAID
) -> None:
    with database.write() as session:
        more: dict[str, Any] = {"hold_days": 60, "now": days_after(days)}
        decisions.decide(session, TERMINAL, 1, action, said, **more)


def agree(database: Database, side: Side, days: int) -> None:
    with database.write() as session:
        more: dict[str, Any] = {"hold_days": 60, "now": days_after(days)}
        agreements.agree(session, TERMINAL, 1, side, Says.YES, heard(on=days_after(days)), **more)


def change(database: Database, days: int, **columns: Any) -> None:
    """Of the need, past the services."""
    with database.write() as session:
        values = columns | {"version": Need.version + 1, "updated_at": days_after(days)}
        session.execute(update(Need).values(**values))


def proposed(database: Database) -> None:
    match(contested(database), FREELY, now=D0)
    with database.write() as session:
        session.execute(update(Run).values(finished_at=D0, created_at=D0))


@pytest.fixture
def told(database: Database) -> Database:
    """A need that is proposed on day 0, preferred on 1, agreed on 3, approved on 4, ended on 9."""
    proposed(database)
    decide(database, DecisionAction.PREFER, 1)
    agree(database, Side.TAKER, 2)
    agree(database, Side.GIVER, 3)
    decide(database, DecisionAction.APPROVE, 4)
    with database.write() as session:
        publication.consent(
            session, TERMINAL, 1, Side.TAKER, heard("chair", days_after(5)), now=days_after(5)
        )
    with database.write() as session:
        publication.withdraw(session, TERMINAL, 1, Side.TAKER, now=days_after(6))
    change(database, 7, state="met", priority=1)
    decide(database, DecisionAction.WITHDRAW, 9)
    return database


def on(database: Database, days: int) -> Case:
    with database.read() as session:
        return case_on(session, TERMINAL, "N", days_after(days).date())


def test_a_case_is_told_as_it_was_on_each_day(told: Database) -> None:
    """State, decisions, agreements, consents and the need's own version, day by day."""
    before = on(told, -1)
    assert (before.need.state, before.need.priority, before.proposals) == ("identified", 3, [])
    states = ["proposed", "preferred", "preferred", "agreed", "approved", "approved", "approved"]
    states += ["approved", "approved", "withdrawn"]
    for day, state in enumerate(states):
        case = on(told, day)
        (proposal,) = case.proposals
        assert proposal.state == state, day
        assert len(proposal.agreements) == min(2, max(0, day - 1))
        assert len(proposal.decisions) == (day >= 1) + (day >= 4) + (day >= 9)
        assert (case.need.state, case.need.version) == (
            ("met", 2) if day >= 7 else ("identified", 1)
        )
        assert (proposal.offer.reference, proposal.giver.name) == ("near", "School 2")
        assert [each.terms["half_days"] for each in proposal.agreements] == [4] * min(
            2, max(0, day - 1)
        )
    (given,) = on(told, 5).proposals[0].consents
    assert given.withdrawn_at is not None
    assert on(told, 5).by_then(given.withdrawn_at) is None
    assert on(told, 6).by_then(given.withdrawn_at) == given.withdrawn_at


def test_voided_agreements_stand_until_they_are_voided(database: Database) -> None:
    """Terms that changed on a day void what was agreed from that day on, and not before."""
    proposed(database)
    decide(database, DecisionAction.PREFER, 1)
    agree(database, Side.TAKER, 2)
    agree(database, Side.GIVER, 2)
    change(database, 4, half_days=6, half_days_min=6)
    assert agreements.void_changed(database, 60, days_after(5)) == 1
    assert [on(database, day).proposals[0].state for day in (1, 2, 4, 5)] == [
        "preferred",
        "agreed",
        "agreed",
        "due_diligence",
    ]
    case = on(database, 4)
    assert case.need.half_days == 6
    assert {case.by_then(each.voided_at) for each in case.proposals[0].agreements} == {None}
    later = on(database, 5)
    assert all(later.by_then(each.voided_at) for each in later.proposals[0].agreements)


def test_of_one_moment_what_leads_to_it_comes_first(database: Database) -> None:
    """Decisions and records that share one moment are followed in the order they can come in."""
    proposed(database)
    for step in (DecisionAction.PREFER, None, DecisionAction.DEFER, DecisionAction.APPROVE):
        if step is None:
            agree(database, Side.TAKER, 1)
            agree(database, Side.GIVER, 1)
        else:
            decide(database, step, 1)
    assert on(database, 1).proposals[0].state == "approved"


def test_public_money_is_that_of_the_day(database: Database) -> None:
    """Whatever is recorded later, in the terminal, over HTTP and as it was before."""
    proposed(database)
    for pounds in (500, 1_800):
        with database.write() as session:
            agreements.set_public_money(session, TERMINAL, 1, pounds, hold_days=60, now=D0)
    today = datetime.now(UTC).date()
    with database.read() as session:
        (now,) = case_on(session, TERMINAL, "N", today).proposals
        (then,) = case_on(session, TERMINAL, "N", today - DAY).proposals
    assert (now.public_money_pounds, then.public_money_pounds) == (1_800, None)


def test_a_declined_proposal_keeps_its_note(database: Database) -> None:
    """What was written stays with the case, for whoever may read it."""
    proposed(database)
    decide(database, DecisionAction.DECLINE, 2, Said(DeclineReason.OTHER, "no"))
    (proposal,) = on(database, 2).proposals
    assert (proposal.state, proposal.decisions[0].note) == ("declined", "no")


def test_a_need_that_was_not_there_yet_is_refused_with_its_first_day(told: Database) -> None:
    """What was not kept is not made up."""
    with told.read() as session, pytest.raises(NotFound, match="was recorded on 1 September 2026"):
        case_on(session, TERMINAL, "N", date(2026, 8, 31))
    with told.read() as session, pytest.raises(NotFound, match="There is no need"):
        case_on(session, TERMINAL, "X", date(2026, 9, 3))


def test_every_version_is_kept_whatever_writes_it(database: Database) -> None:
    """All columns of it, by row and in bulk; and no version is changed or deleted."""
    contested(database)
    change(database, 1, priority=2, agreed_by="head")
    with database.write() as session:
        session.execute(update(Offer).values(version=Offer.version + 1, withdrawn=True))
    with database.read() as session:
        for model, versions in ((Need, NEED_VERSION), (Offer, OFFER_VERSION)):
            table = model.__table__
            newest = session.execute(table.select().order_by(table.c.id)).all()
            kept = session.execute(versions.select().order_by(versions.c.id, versions.c.version))
            rows = kept.all()
            assert len(rows) == 2 * len(newest)
            assert [tuple(row) for row in rows[1::2]] == [tuple(row) for row in newest]
            assert {column.key for column in versions.columns} == {
                column.key for column in table.columns
            }
    for statement in ("update need_version set priority = 5", "delete from offer_version"):
        refused = pytest.raises(DBAPIError, match="never changed or deleted")
        with refused, database.write() as session:
            session.execute(text(statement))


def test_rows_of_before_are_the_first_that_is_kept(database: Database) -> None:
    """A migrated database knows each row as it was then, and says from when on."""
    contested(database)
    migrate(database, "0021_people")
    # As an older version would, which knows no columns of today.
    older = table("need", column("version"), column("priority"), column("updated_at", UtcDateTime))
    values = {"priority": 1, "version": older.c.version + 1, "updated_at": days_after(3)}
    with database.write_engine.begin() as connection:
        connection.execute(update(older).values(values))
    migrate(database)
    assert on(database, 3).need.version == 2
    with pytest.raises(NotFound, match="oldest kept version on 5 September 2026"):
        on(database, 2)


@pytest.fixture
def command(told: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", told.url)
    settings.cache_clear()
    yield CliRunner()
    settings.cache_clear()


def test_the_terminal_tells_a_case(command: CliRunner) -> None:
    """In sentences, or as JSON."""
    then = command.invoke(app, ["case", "N", "--on", "2026-09-05"])
    assert then.exit_code == 0, then.output
    assert "Need N of School 1 on 5 September 2026: identified, 2 days of Maths in " in then.stdout
    assert "from School 2 (offer near): agreed." in then.stdout
    assert (
        "Supporting organisation: yes (headteacher, by telephone, on 5 September 2026), saved by "
        "terminal" in then.stdout
    )
    assert "agreed. Public money: not recorded." in then.stdout
    assert "withdraw" not in then.stdout
    now = command.invoke(app, ["case", "N", "--json"])
    assert '"state": "withdrawn"' in now.stdout
    assert command.invoke(app, ["case", "N", "--on", "2026-08-01"]).exit_code != 0


def test_http_tells_a_case(told: Database) -> None:
    """The same over HTTP: terms and all, without what came later."""
    with keyed(told) as client:
        case = client.get("/api/v1/needs/N/case", params={"on": "2026-09-05"}).json()
        assert (case["on"], case["need"]["state"]) == ("2026-09-05", "identified")
        (proposal,) = case["proposals"]
        assert (proposal["state"], proposal["public_money_pounds"]) == ("agreed", None)
        assert [each["terms"]["half_days"] for each in proposal["agreements"]] == [4, 4]
        assert client.get("/api/v1/needs/N/case").json()["need"]["state"] == "met"
        early = client.get("/api/v1/needs/N/case", params={"on": "2026-08-01"})
        assert early.status_code == 404
        assert client.get("/api/v1/needs/N/case", params={"on": "x"}).status_code == 422
