"""The audit's chain: intact after a day's traffic, and no byte of it changes unnoticed."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.access.queries import audit_head
from app.cli.main import app
from app.database import Database
from app.events import audit
from app.events.verify import BadAnchor, Fault
from app.migrate import migrate
from app.settings import settings
from models.matching import Agreement, Decision, Steering
from tests.audit import beneath, fault_after, intact, look
from tests.traffic import PLANTED, a_day

CHANGES: Final = 1_000
COLUMNS: Final = {
    "audit_event": (
        *("sequence", "at", "actor", "action", "subject", "digest", "detail"),
        *("previous", "hash", "rows_digest"),
    ),
    "audit_head": ("last_sequence", "last_hash"),
    "audit_row": ("sequence", "position", "table_name", "key", "digest"),
    "audit_salt": ("salt",),
}
OF_BOTH: Final = (
    *("reference", "participant_id", "expertise_code", "period_code", "half_days", "mode"),
    *("window_starts", "window_ends", "version", "updated_at"),
)
ROWS: Final = {
    "need": ("reference", "half_days", "max_givers", "version", "updated_at"),
    "need_version": ("id", *OF_BOTH, "half_days_min", "max_givers", "priority", "state"),
    "offer_version": ("id", *OF_BOTH, "max_pairings", "phases", "availability", "withdrawn"),
}
"""Rows that events bind, by columns that are never empty and take other values."""
REFUSALS: Final = r"never changed or deleted|must follow the last one"
KEY_OF: Final = {
    **{"audit_event": "sequence", "audit_head": "id", "audit_salt": "sequence"},
    **dict.fromkeys((*ROWS, "audit_row"), "rowid"),
}
NUMBERS: Final = (
    *(
        "sequence",
        "position",
        "last_sequence",
        "id",
        "participant_id",
        "half_days",
        "half_days_min",
    ),
    *("version", "max_givers", "max_pairings", "priority", "withdrawn"),
)
WHOLE: Final = {
    "audit_event": " where digest is not null and rows_digest is not null",
    "audit_row": " where digest is not null",
}
"""Which rows have something in every column."""
TYPES: Final = {
    **dict.fromkeys(NUMBERS, "integer"),
    "at": "timestamptz",
    "detail": "json",
}
"""On PostgreSQL, of columns that hold no text."""


@pytest.fixture(scope="module")
def busy_sqlite(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("busy") / "givetake.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    database = Database(f"sqlite:///{path}")
    a_day(database)
    return database


def raw(connection: Connection, table: str, key: int, column: str) -> bytes:
    """A stored value byte by byte."""
    if connection.dialect.name == "sqlite":
        read = f"cast({column} as blob)"
    elif column == "at":
        read = "to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    else:
        read = f"cast({column} as text)"
    query = text(f"select {read} from {table} where {KEY_OF[table]} = :key")
    value = connection.execute(query, {"key": key}).scalar_one()
    return value if isinstance(value, bytes) else str(value).encode()


def write(connection: Connection, table: str, key: int, column: str, value: bytes) -> None:
    if connection.dialect.name == "sqlite":
        kind, given = TYPES.get(column, "text").replace("timestamptz", "text"), value
        written = "cast(:value as text)" if kind != "integer" else "cast(:value as integer)"
    else:
        written, given = (
            f"cast(cast(:value as text) as {TYPES.get(column, 'text')})",
            value.decode(),
        )
    change = f"update {table} set {column} = {written} where {KEY_OF[table]} = :key"
    connection.execute(text(change), {"value": given, "key": key})
    connection.commit()


def changed_by_a_byte(drawn: random.Random, value: bytes, *, ascii_only: bool) -> bytes:
    place = drawn.randrange(len(value))
    byte = bytes([drawn.randrange(32, 127) if ascii_only else drawn.randrange(1, 256)])
    return drawn.choice(
        (
            value[:place] + byte + value[place + 1 :],
            value[:place] + value[place + 1 :],
            value[:place] + byte + value[place:],
        )
    )


def changes(
    connection: Connection,
    drawn: random.Random,
    wanted: int,
    columns_of: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, int, str]]:
    """So many changes of one byte each, one at a time, each undone before the next."""
    keys = {
        table: list(
            connection.scalars(text(f"select {KEY_OF[table]} from {table}" + WHOLE.get(table, "")))
        )
        for table in columns_of
    }
    places = [(table, column) for table, columns in columns_of.items() for column in columns]
    done = tried = 0
    while done < wanted:
        table, column = places[done % len(places)]
        tried += 1
        assert tried < 20 * wanted, f"no change of {table}.{column} is taken for one"
        key = drawn.choice(keys[table])
        before = raw(connection, table, key, column)
        is_number = TYPES.get(column) == "integer"
        after = changed_by_a_byte(
            drawn, before, ascii_only=connection.dialect.name != "sqlite" or is_number
        )
        if is_number and not after.isdigit():
            continue
        try:
            write(connection, table, key, column, after)
        except DBAPIError:
            connection.rollback()  # what the database takes for no value of that column
            continue
        new_key = int(after) if column == KEY_OF[table] else key
        if raw(connection, table, new_key, column) == before:
            continue  # another way to write the same moment or number
        yield table, key, column
        write(connection, table, new_key, column, before)
        done += 1


def test_each_of_a_thousand_changed_bytes_is_found(
    busy_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a day's traffic the audit is intact; with any byte changed, it is not."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", busy_sqlite.url)
    settings.cache_clear()
    run = CliRunner()
    whole = look(busy_sqlite)
    assert intact(whole), whole
    assert whole.events > 100
    assert run.invoke(app, ["audit", "verify"]).exit_code == 0
    with beneath(busy_sqlite) as connection:
        drawn = changes(connection, random.Random(15), CHANGES, COLUMNS | ROWS)
        for number, where in enumerate(drawn):
            assert look(busy_sqlite).fault is not None, where
            if number % 100 == 0:
                told = run.invoke(app, ["audit", "verify"])
                assert told.exit_code == 1, where
    assert intact(look(busy_sqlite))
    settings.cache_clear()


def test_changed_bytes_are_found_on_a_server(postgres_database: Database) -> None:
    """As far as the server takes them for values of their columns."""
    a_day(postgres_database)
    assert intact(look(postgres_database))
    on_server = {table: columns for table, columns in COLUMNS.items() if table != "audit_row"}
    with beneath(postgres_database) as connection:
        for where in changes(connection, random.Random(16), CHANGES // 4, on_server):
            assert look(postgres_database).fault is not None, where
    assert intact(look(postgres_database))


def test_the_database_refuses_to_change_or_delete_events(busy: Database) -> None:
    """Neither update nor delete, nor replacing or emptying, nor an event out of turn."""
    columns = "at, actor, action, subject, digest, detail, previous, hash, rows_digest"
    statements = [
        "update audit_event set actor = 'x'",
        "update audit_event set actor = 'x' where sequence = 1",
        "delete from audit_event where sequence = 2",
        "delete from audit_event",
        "update audit_row set digest = ''",
        "delete from audit_row",
        "update audit_salt set salt = ''",
        "delete from audit_salt",
        "delete from audit_head",
        "update audit_head set last_hash = ''",
        "update audit_head set last_sequence = 0",
        f"insert into audit_event select 0, {columns} from audit_event where sequence = 1",
        f"insert into audit_event select 100000, {columns} from audit_event where sequence = 1",
    ]
    if busy.is_embedded:
        statements.append(f"replace into audit_event select 2, {columns} from audit_event limit 1")
    else:
        statements += [f"truncate {table} cascade" for table in COLUMNS]
    for statement in statements:
        with pytest.raises(DBAPIError, match=REFUSALS), busy.write() as session:
            session.execute(text(statement))
    assert intact(look(busy))


def test_missing_and_inserted_events_are_named(busy: Database) -> None:
    """The first event that is wrong, whether in the middle, before all or at the end."""
    with busy.write() as session:
        audit.record(session, actor="t", action="a.b", subject="s")  # that has no salt
    last = look(busy).events
    shift = f"update audit_event set sequence = -sequence where sequence = {last}"
    assert fault_after(busy, shift) == Fault(
        -last, f"Event {-last:,} was inserted: the first has number 1."
    )
    fault = fault_after(busy, f"delete from audit_event where sequence = {-last}")
    assert fault == Fault(last, f"Event {last:,} is missing: the last one found is {last - 1:,}.")
    fault = fault_after(
        busy,
        "delete from audit_salt where sequence = 5",
        "delete from audit_event where sequence = 5",
    )
    assert fault == Fault(5, "Event 5 is missing.")


def test_an_anchor_finds_what_the_chain_alone_cannot(busy: Database) -> None:
    """An end cut off with the head set back, and a chain hashed anew, look whole by themselves."""
    with busy.write() as session:
        audit.record(session, actor="t", action="a.b", subject="s")
    with busy.read() as session:
        head = audit_head(session, TERMINAL)
    assert intact(look(busy, head.anchor, f" {head.anchor.upper()} "))
    with busy.write() as session:
        audit.record(session, actor="t", action="key.create", subject="key:1")
    assert intact(look(busy, head.anchor))
    last = head.sequence
    cut = [
        f"delete from audit_event where sequence >= {last}",
        f"update audit_head set last_sequence = {last - 1}, last_hash = "
        f"(select hash from audit_event where sequence = {last - 1})",
    ]
    assert fault_after(busy, *cut) is None
    fault = look(busy, head.anchor).fault
    assert fault is not None
    assert fault.sequence == last
    with busy.write() as session:
        audit.record(session, actor="other", action="key.create", subject="key:1")
    assert intact(look(busy))
    fault = look(busy, head.anchor).fault
    assert fault is not None
    assert "not the one of the anchor" in fault.sentence
    for wrong in ("", "12", "12:abc", f"0:{head.hash}", f"x:{head.hash}"):
        with pytest.raises(BadAnchor, match="givetake audit head"):
            look(busy, wrong)


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Decision, {"note": "other"}),
        (Decision, {"reason": "finance"}),
        (Decision, {"author": "x"}),
        (Agreement, {"terms": {"half_days": 40}}),
        (Agreement, {"said_by": "chair"}),
        (Steering, {"reason": "other"}),
    ],
)
def test_rows_are_held_to_the_events_that_bind_them(
    busy: Database, model: Any, columns: dict[str, Any]
) -> None:
    """A decision or an agreement changed in its own table is found, free text too."""
    with busy.read() as session:
        before = look(busy)
        assert before.rows > 10
        row = session.query(model).order_by(model.id.desc()).first()
    with busy.write() as session:
        session.execute(update(model).where(model.id == row.id).values(**columns))
    fault = look(busy).fault
    assert fault is not None
    assert f"{row.id} is not as event" in fault.sentence


def test_what_cannot_be_read_is_a_fault(sqlite_database: Database) -> None:
    """A row of a decision with garbage in it is named, and stops nothing."""
    a_day(sqlite_database, pairs=6)
    for change in ("terms = 'x'", "at = 'x'", "said_by = cast(x'ff' as text)"):
        with sqlite_database.write() as session:
            session.execute(text(f"update agreement set {change} where id = 1"))
        fault = look(sqlite_database).fault
        assert fault is not None
        assert fault.sentence.startswith("Agreement 1 of event")


def test_free_text_stays_out_of_the_audit(busy: Database) -> None:
    """What people wrote is bound by a salted hash: equal texts have unequal digests."""
    with busy.read() as session:
        events = session.execute(text("select * from audit_event")).all()
        salts = session.scalars(text("select salt from audit_salt")).all()
        assert PLANTED not in repr(events)
        assert len(salts) == len(set(salts)) > 3


def test_events_of_before_are_chained_by_the_migration(database: Database) -> None:
    """Whatever an older version wrote, in whatever form, is hashed as it is stored."""
    with database.write() as session:
        before = {"Ünï": ["a", 1.5, None], "b": {"c": True}}
        audit.record(session, actor="tést", action="import.x", subject="import:x", **before)
        audit.record(session, actor="t", action="a.b", subject="s", digest="0" * 64)
    migrate(database, "0019_role_grants")
    with database.write() as session:
        session.execute(
            text(
                "insert into audit_event (sequence, at, actor, action, subject, detail) values "
                "(3, '2026-09-01 09:30:00.000000', 'a', 'b', 'c', '{ \"a\"   : 1 }')"
            )
        )
        session.execute(text("update audit_head set last_sequence = 3"))
    migrate(database)
    found = look(database)
    assert intact(found)
    assert (found.events, found.bound_from) == (4, 4)
    with database.write() as session:
        audit.record(session, actor="t", action="a.b", subject="s")
    assert intact(look(database))
    assert look(database).events == 5


def test_events_of_two_writers_follow_each_other(database: Database) -> None:
    """The event of a transaction that failed leaves no gap."""
    with database.rehearse() as session:
        audit.record(session, actor="t", action="a.b", subject="s")
    for _ in range(3):
        with database.write() as session:
            audit.record(session, actor="t", action="a.b", subject="s")
            audit.record(session, actor="t", action="a.b", subject="s")
    assert intact(look(database))
    assert look(database).events == 6


def test_terms_of_a_decision_are_those_of_the_agreements(busy: Database) -> None:
    """An approval names the digest of the same terms that both sides agreed to."""
    with busy.read() as session:
        rows = session.execute(
            text("select action, subject, detail from audit_event order by sequence")
        ).all()
    details = [
        (action, subject, detail if isinstance(detail, dict) else json.loads(detail))
        for action, subject, detail in rows
    ]
    approved = [
        (subject, detail["terms"])
        for action, subject, detail in details
        if action.startswith("proposal.approved")
    ]
    assert approved
    for subject, terms in approved:
        agreed = {
            detail["terms"]
            for action, of, detail in details
            if action == "proposal.agreement" and of == subject
        }
        assert agreed == {terms}
