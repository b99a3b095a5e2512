"""Looks at the audit, and what only the owner of the database can do to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, text

from app.access.policy import TERMINAL
from app.access.queries import verify_audit
from app.database import Database
from app.events.verify import Fault, Verified

GUARDED: Final = (
    *("audit_event", "audit_head", "audit_row", "audit_salt"),
    *("need", "need_version", "offer", "offer_version"),
)
"""Tables with triggers."""


def look(database: Database, *anchors: str) -> Verified:
    with database.read() as session:
        return verify_audit(session, TERMINAL, anchors)


def intact(found: Verified) -> bool:
    return found.fault is None and found.events == found.head.sequence > 0


@contextmanager
def beneath(database: Database) -> Iterator[Connection]:
    """A connection past the triggers, as only the owner of the database has it."""
    with database.write_engine.connect() as connection:
        if database.is_embedded:
            _refer_freely(connection, freely=True)
            query = "select name, sql from sqlite_master where type = 'trigger' and sql is not null"
            triggers = connection.execute(text(query)).all()
            for name, _ in triggers:
                connection.execute(text(f"drop trigger {name}"))
        else:
            for table in GUARDED:
                connection.execute(text(f"alter table {table} disable trigger all"))
        connection.commit()
        yield connection
        connection.commit()
        if database.is_embedded:
            for _, made in triggers:
                connection.exec_driver_sql(made)
        else:
            for table in GUARDED:
                connection.execute(text(f"alter table {table} enable trigger all"))
        connection.commit()
        if database.is_embedded:
            _refer_freely(connection, freely=False)


def _refer_freely(connection: Connection, *, freely: bool) -> None:
    """Let keys change though rows refer to them, or no longer; only between transactions."""
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.execute(f"PRAGMA foreign_keys={'OFF' if freely else 'ON'}")  # type: ignore[attr-defined]


def fault_after(
    database: Database, *statements: str, anchors: tuple[str, ...] = ()
) -> Fault | None:
    """What is found after statements beneath the triggers."""
    with beneath(database) as connection:
        for statement in statements:
            connection.execute(text(statement))
    return look(database, *anchors).fault
