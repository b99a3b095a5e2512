"""Rows that events bind: needs and offers with every version, and what only has a newest row."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, select, update

from app.access.policy import TERMINAL
from app.database import Database
from app.events import audit
from app.exchange import service
from app.exchange.files import import_needs
from app.exchange.rows import NeedRow
from app.migrate import migrate
from app.register.service import withdraw_circumstance
from models.access import AuditRow, RoleGrant
from models.bound import BOUND
from models.matching import Agreement, ApprovalRule, Proposal
from tests import rows
from tests.audit import fault_after, intact, look
from tests.everything import AT, everything
from tests.traffic import a_day

NEED: Final = (
    "id, reference, participant_id, expertise_code, period_code, half_days, half_days_min, "
    "max_givers, priority, evidence, agreed_by, travel_limit_miles, travel_limit_minutes, mode, "
    "window_starts, window_ends, state, suggestion, {version}, updated_at"
)
N1: Final = "(select id from need where reference = 'n1')"
ADD: Final = (
    "insert into need_version ({columns}) select {values} from need_version where version = 2 "
    f"and id = {N1}"
)


def adding(version: int) -> str:
    """A version of a need that has two."""
    columns, values = NEED.format(version="version"), NEED.format(version=str(version))
    return ADD.format(columns=columns, values=values)


def dropping(version: int) -> str:
    return f"delete from need_version where id = {N1} and version = {version}"


OF_VERSIONS: Final = [
    ("update need_version set priority = 5 where version = 1", "Version 1 of need"),
    ("update need_version set updated_at = '2020-01-01 00:00:00+00'", "Version 1 of need"),
    ("update offer_version set evidence = 'strong'", "Version 1 of offer"),
    (adding(3), "Version 3 of need 2 was inserted"),
    (adding(0), "Version 0 of need 2 was inserted"),
    (dropping(1), "is missing or cannot be read"),
    (dropping(2), "is missing or cannot be read"),
]
OF_THE_NEWEST: Final = [
    ("update need set {} where reference = 'n1'", "half_days", 7, "Need 2 is not as event"),
    ("update need set {} where reference = 'n1'", "version", 3, "Need 2 is not as event"),
    ("update offer set {} where reference = 'o1'", "withdrawn", True, "Offer 2 is not as event"),
]


def test_versions_are_held_to_their_events_and_to_the_newest(busy: Database) -> None:
    """Whatever is altered, missing or inserted is named."""
    assert intact(look(busy))
    tables = ("need_version", "offer_version")
    for table in tables:
        assert fault_after(busy, f"create table as_it_was_{table} as select * from {table}") is None
    for statement, sentence in OF_VERSIONS:
        fault = fault_after(busy, statement)
        assert fault is not None, statement
        assert sentence in fault.sentence
        for table in tables:
            back = f"insert into {table} select * from as_it_was_{table}"
            fault_after(busy, f"delete from {table}", back)
        assert intact(look(busy))
    for change, column, value, sentence in OF_THE_NEWEST:
        statement = change.format(f"{column} = {value}")
        fault = fault_after(busy, statement)
        assert fault is not None, statement
        assert sentence in fault.sentence
        before = (
            f"(select {column} from {statement.split()[1]}_version as kept where kept.reference"
        )
        before += f" = {statement.split()[1]}.reference order by version desc limit 1)"
        assert fault_after(busy, change.format(f"{column} = {before}")) is None


def test_versions_of_an_import_are_bound(busy: Database, tmp_path: Path) -> None:
    """Each of them, though the import is one event."""
    path = tmp_path / "needs.csv"
    for days in ("3", "4"):
        path.write_text(
            "reference,participant,expertise,period,days\n"
            f"n0,100000,maths,{rows.YEAR},{days}\nn99,100000,maths,{rows.YEAR},{days}\n"
        )
        with busy.write() as session:
            import_needs(session, TERMINAL, path)
    assert intact(look(busy))
    for statement, sentence in (
        ("update need_version set half_days = 9 where id = 1 and version = 3", "Version 3 of need"),
        ("delete from need_version where id = 1 and version = 3", "Version 3 of need 1 of event"),
    ):
        fault = fault_after(busy, statement)
        assert fault is not None
        assert sentence in fault.sentence


def test_distances_are_as_they_are_read_again(busy: Database) -> None:
    """A limit that was entered as a whole number is stored with a decimal point."""
    with busy.write() as session:
        cells = {"reference": "n0", "participant": "100000", "expertise": "maths"}
        row = NeedRow.model_validate(
            cells | {"period": rows.YEAR, "days": "3", "travel_limit_miles": "25"}
        )
        need = service.change_need(session, TERMINAL, row, 2)
        assert need.version == 3
    assert intact(look(busy))


PAST_THE_SERVICE: Final = (
    "update proposal set public_money_pounds = 5000 where id = 1",
    "update agreement set voided_at = '2026-09-02 12:00:00+00' where id = 1",
    "delete from approval_rule where position = 9",
    "insert into role_grant (holder, role, scope_kind, scope_id, granted_at, granted_by) "
    "values ('user:9', 'administrator', 'all', '', '2026-09-02 12:00:00+00', 'user:1')",
)


def test_a_change_stays_visible_after_the_next_one(database: Database) -> None:
    """What the service changes later does not cover up what somebody changed before it."""
    everything(database)
    assert intact(look(database))
    assert fault_after(database, *PAST_THE_SERVICE) is not None
    with database.write() as session:
        session.get_one(Proposal, 1).held_until = AT
        session.get_one(Agreement, 1).voided_at = None
        grants = update(RoleGrant).where(RoleGrant.holder == "user:9")
        session.execute(grants.values(revoked_at=AT))
        rule = {"position": 9, "unfunded": False, "approved_by": "agreements", "statement": "S."}
        session.add(ApprovalRule(**rule))
        audit.record(session, actor="t", action="a.b", subject="s")
    found = look(database).fault
    assert found is not None
    assert "was changed or inserted past the service before event" in found.sentence
    with database.read() as session:
        bent = session.scalars(select(AuditRow.table_name).where(AuditRow.found.is_not(None)))
        assert sorted(bent) == ["agreement", "approval_rule", "proposal", "role_grant"]


def test_an_inserted_row_has_no_event(busy: Database) -> None:
    """A decision or a grant that nobody made, and an audit of which the end was cut off."""
    for table in ("decision", "role_grant"):
        columns = ", ".join(each.key for each in BOUND[table].c if each.key != "id")
        copied = columns if table == "decision" else columns.replace("holder", "'user:9'")
        copy = f"insert into {table} ({columns}) select {copied} from {table} limit 1"
        fault = fault_after(busy, copy)
        assert fault is not None
        assert f"{table.replace('_', ' ').capitalize()} " in fault.sentence
        assert fault.sentence.endswith("was inserted: it has no event.")
        newest = f"(select max(id) from {table})"
        assert fault_after(busy, f"delete from {table} where id = {newest}") is None


def test_migrating_again_binds_nothing_anew(busy: Database) -> None:
    """Where no table was migrated there is nothing to bind."""
    before = look(busy).events
    migrate(busy)
    assert look(busy).events == before


def test_what_was_withdrawn_is_not_missed(busy: Database) -> None:
    """A circumstance that its event says was taken away."""
    with busy.write() as session:
        withdraw_circumstance(session, TERMINAL, 1, "Of another school.", None)
    assert intact(look(busy))


def test_versions_are_looked_up_by_their_key(
    sqlite_database: Database,
) -> None:
    """Or each page of events would read the whole table of versions."""
    a_day(sqlite_database, pairs=6)
    asked: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        asked.append((given[2], given[3]))

    event.listen(sqlite_database.read_engine, "before_cursor_execute", note)
    assert intact(look(sqlite_database))
    of_versions = [each for each in asked if "FROM wanted JOIN need_version" in each[0]]
    assert of_versions
    with sqlite_database.read_engine.connect() as connection:
        for statement, given in of_versions:
            plan = connection.exec_driver_sql(f"explain query plan {statement}", given).all()
            assert "SEARCH need_version USING INDEX" in repr(plan)
