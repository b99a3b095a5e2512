"""Rows that events bind: needs and offers with every version, and what only has a newest row."""

from typing import Any, Final

from sqlalchemy import event, text

from app.access.policy import TERMINAL
from app.catalogue.rows import ExpertiseRow
from app.catalogue.service import change_expertise
from app.database import Database
from app.exchange import service
from app.exchange.limits import set_limits
from app.exchange.rows import LimitsRow, NeedRow
from app.register.service import withdraw_circumstance
from tests import rows
from tests.audit import fault_after, intact, look
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
    (adding(3), "Version 3 of need n1 was inserted"),
    (adding(0), "Version 0 of need n1 was inserted"),
    (dropping(1), "is missing or cannot be read"),
    (dropping(2), "is missing or cannot be read"),
]
OF_THE_NEWEST: Final = [
    ("update need set {} where reference = 'n1'", "half_days", 7, "Need n1 is not as its version"),
    ("update need set {} where reference = 'n1'", "version", 3, "Version 3 of need n1 is missing"),
    ("update offer set {} where reference = 'o1'", "withdrawn", True, "Offer o1 is not as its v"),
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


def test_a_gap_is_found_where_no_event_tells_of_a_version(busy: Database) -> None:
    """As where an import wrote it."""
    with busy.write() as session:
        for number in range(2):
            statement = "update need set version = version + 1, priority = :to where id = 1"
            session.execute(text(statement), {"to": number + 1})
    assert intact(look(busy))
    fault = fault_after(busy, "delete from need_version where id = 1 and version = 3")
    assert fault is not None
    assert "Version 3 of need n0 is missing." in fault.sentence
    fault = fault_after(busy, "update need_version set reference = cast(x'ff' as text)")
    assert fault is not None


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


OF_LIMITS: Final = [
    ("max_given = 9", "Limits 1 is not as event"),
    ("max_given = 9, version = 1", "Limits 1 is not as event"),
]


def test_the_newest_row_is_what_its_last_event_says(busy: Database) -> None:
    """Of what no versions are kept; what an import changed later has a later number."""
    with busy.write() as session:
        for given in ("3", "4"):
            row = LimitsRow.model_validate(
                {"participant": "100000", "period": rows.YEAR, "max_given": given}
            )
            set_limits(session, TERMINAL, row, None, new=given == "3")
        entry = ExpertiseRow(code="arts", name="The arts", version="1")
        change_expertise(session, TERMINAL, entry, None)
    assert intact(look(busy))
    assert fault_after(busy, "update limits set max_taken = 1, version = 3") is None
    as_it_was = "update limits set max_taken = null, max_given = 4, version = 2"
    assert fault_after(busy, as_it_was) is None
    for values, sentence in OF_LIMITS:
        fault = fault_after(busy, f"update limits set {values}")
        assert fault is not None
        assert sentence in fault.sentence
        assert fault_after(busy, as_it_was) is None
    for statement, sentence in (
        ("update expertise set name = 'Other' where code = 'arts'", "Expertise arts is not as"),
        ("delete from limits", "Limits 1 of event"),
        ("update circumstance set source = 'other'", "Circumstance 1 is not as event"),
    ):
        fault = fault_after(busy, statement)  # each earlier in the audit than the one before
        assert fault is not None
        assert sentence in fault.sentence


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
