"""The role of the service on PostgreSQL, made by the SQL of the docs."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.access.policy import TERMINAL
from app.access.queries import verify_audit
from app.database import Database
from app.migrate import require_current
from tests.conftest import PostgresServer
from tests.traffic import a_day

DOCS = Path(__file__).parents[3] / "docs" / "record.md"
ROLE = "givetake_service"
REFUSED = (
    "update audit_event set actor = 'x'",
    "delete from audit_event",
    "truncate audit_event cascade",
    "alter table audit_event disable trigger user",
    "drop trigger audit_event_refuse on audit_event",
    "drop table audit_event",
    "update audit_salt set salt = ''",
    "delete from audit_head",
    "create or replace function audit_refuse() returns trigger language plpgsql as "
    "$$ begin return null; end $$",
)


def test_the_service_needs_no_more_than_to_add_events(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    """With the rights of the docs a day's work is done, and no event can be touched."""
    (statements,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    with postgres_database.write() as session:
        for statement in statements.split(";\n"):
            if statement.strip():
                session.execute(text(statement))
    url = postgres_database.url.replace("//givetake@", f"//{ROLE}@")
    try:
        with Database(url) as service:
            require_current(service)
            a_day(service, pairs=6)
            with service.read() as session:
                assert verify_audit(session, TERMINAL).fault is None
            for statement in REFUSED:
                refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
                with refused, service.write() as session:
                    session.execute(text(statement))
    finally:
        with postgres_database.write() as session:
            session.execute(text(f"drop owned by {ROLE}"))
        postgres_server.execute(f"drop role {ROLE}")
