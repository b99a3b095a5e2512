"""Every table is bound or says why not, and nothing in a bound one changes unnoticed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Table, UniqueConstraint, and_, create_engine, text
from sqlalchemy.orm import Session

from app.database import Database
from app.events.rows import names_bound
from app.events.verify_rows import compare
from models.base import UtcDateTime
from models.bound import BOUND, NOT_BOUND, UNBOUND, WHILE_WORKED_ON
from models.tables import metadata
from tests.audit import beneath, intact, look
from tests.everything import everything

CHECKS: Final = (
    "select conrelid::regclass, conname from pg_constraint where contype = 'c' and conrelid <> 0"
)
FAR: Final = 1_000_003
"""What numbers are moved by: nothing else has that number."""


def test_every_table_is_bound_or_says_why_not() -> None:
    """And a column that is left out is one of its table."""
    assert not BOUND.keys() & UNBOUND.keys()
    assert BOUND.keys() | UNBOUND.keys() == metadata.tables.keys()
    for name, columns in NOT_BOUND.items():
        assert columns.keys() <= set(BOUND[name].c.keys())
        assert not columns.keys() & set(BOUND[name].primary_key.columns.keys())
    assert set(BOUND["run"].c.keys()) >= WHILE_WORKED_ON
    assert all(reason for reason in UNBOUND.values())


@contextmanager
def unguarded(database: Database) -> Iterator[Connection]:
    """A connection that no trigger, key or check of the database stops."""
    engine = create_engine(database.url)
    with beneath(database), engine.connect() as connection:
        if database.is_embedded:
            connection.execute(text("pragma ignore_check_constraints = on"))
        else:
            connection.execute(text("set session_replication_role = replica"))
            for table, name in connection.execute(text(CHECKS)).all():
                connection.execute(text(f'alter table {table} drop constraint "{name}"'))
        connection.commit()
        yield connection
        connection.rollback()
    engine.dispose()


def another(value: Any, column: Any) -> Any:
    """Another value that the column takes."""
    if value is None and isinstance(column.type, UtcDateTime):
        return datetime(2030, 1, 1, tzinfo=UTC)
    if isinstance(value, bool):
        return not value
    if value is None:
        by_type = {str: "x", date: date(2030, 1, 1), dict: {"x": 1}, list: ["x"], float: 0.5}
        return by_type.get(column.type.python_type, 1)
    if isinstance(value, dict):
        return value | {"x": 1}
    if isinstance(value, list):
        return [*value, "x"]
    if isinstance(value, date):
        return value + timedelta(days=400)
    if isinstance(value, str):
        return value[:-1] + ("y" if value.endswith("x") else "x")
    return value + FAR


def keys_of_others(table: Table) -> set[str]:
    """Columns that no two rows may have alike."""
    found = set(table.primary_key.columns.keys())
    for each in table.constraints:
        if isinstance(each, UniqueConstraint):
            found |= set(each.columns.keys())
    for index in table.indexes:
        if index.unique:
            found |= {column.key for column in index.columns}
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_whatever_is_changed_inserted_or_removed_is_found(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """In each bound table each bound column, a row more, and a row less."""
    fixture = {"sqlite": "sqlite_database", "postgresql": "postgres_database"}[kind]
    database: Database = request.getfixturevalue(fixture)
    everything(database)
    whole = look(database)
    assert intact(whole), whole
    tried = 0
    with unguarded(database) as connection:
        for name, table in BOUND.items():
            row = dict(connection.execute(table.select().limit(1)).mappings().one())
            this = and_(*(each == row[each.key] for each in table.primary_key))
            others = {each: another(row[each], table.c[each]) for each in keys_of_others(table)}
            tries = [(f"{name} without a row", table.delete().where(this))]
            tries.append((f"{name} with another row", table.insert().values(row | others)))
            for column in names_bound(table):
                changed = {column: another(row[column], table.c[column])}
                tries.append((f"{name}.{column}", table.update().where(this).values(changed)))
            for what, statement in tries:
                connection.execute(statement)
                with Session(connection) as session:
                    _, wrong = compare(session, whole.events)
                connection.rollback()
                assert wrong is not None, what
                tried += 1
    assert tried > 400
    assert intact(look(database))
