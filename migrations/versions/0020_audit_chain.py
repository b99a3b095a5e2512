"""Events of the audit chained by hash, and refused to whoever would change or delete them."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020_audit_chain"
down_revision = "0019_role_grants"

FIRST = "0" * 64
AT_ONCE = 2_000
REFUSED = "events of the audit are never changed or deleted"
NOT_NEXT = "an event of the audit must follow the last one"

SQLITE_PAGE = """
    select sequence, at, actor, action, subject, digest, detail from audit_event
    where sequence > :after order by sequence limit :most
"""
POSTGRESQL_PAGE = """
    select sequence, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), actor, action,
        subject, digest, detail::text from audit_event
    where sequence > :after order by sequence limit :most
"""
SQLITE_TRIGGERS = {
    # Replacing a row fires no trigger of deletion.
    ("audit_event", "insert"): "when new.sequence <> (select last_sequence + 1 from audit_head)",
    ("audit_event", "update"): "",
    ("audit_event", "delete"): "",
    ("audit_salt", "update"): "",
    ("audit_salt", "delete"): "",
    ("audit_head", "update"): "when new.id <> 1 or new.last_sequence <> old.last_sequence + 1",
    ("audit_head", "delete"): "",
}
POSTGRESQL_TRIGGERS = (
    "create function audit_refuse() returns trigger language plpgsql as "
    f"$$ begin raise exception '{REFUSED}'; end $$",
    f"""
    create function audit_refuse_unless_next() returns trigger language plpgsql as $$ begin
        if tg_table_name = 'audit_head' then
            if new.last_sequence = old.last_sequence + 1 then return new; end if;
        elsif exists (select from audit_head where last_sequence + 1 = new.sequence) then
            return new;
        end if;
        raise exception '{NOT_NEXT}';
    end $$
    """,
    "create trigger audit_event_insert before insert on audit_event "
    "for each row execute function audit_refuse_unless_next()",
    "create trigger audit_event_refuse before update or delete or truncate on audit_event "
    "for each statement execute function audit_refuse()",
    "create trigger audit_salt_refuse before update or delete or truncate on audit_salt "
    "for each statement execute function audit_refuse()",
    "create trigger audit_head_update before update on audit_head "
    "for each row execute function audit_refuse_unless_next()",
    "create trigger audit_head_refuse before delete or truncate on audit_head "
    "for each statement execute function audit_refuse()",
)


def upgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"
    op.add_column("audit_event", sa.Column("previous", sa.String(length=64), nullable=True))
    op.add_column("audit_event", sa.Column("hash", sa.String(length=64), nullable=True))
    op.add_column(
        "audit_head",
        sa.Column("last_hash", sa.String(length=64), nullable=False, server_default=FIRST),
    )
    _chain(on_sqlite)
    with op.batch_alter_table("audit_event") as batch_op:
        batch_op.alter_column("previous", existing_type=sa.String(length=64), nullable=False)
        batch_op.alter_column("hash", existing_type=sa.String(length=64), nullable=False)
    op.create_table(
        "audit_salt",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["sequence"], ["audit_event.sequence"], name=op.f("fk_audit_salt_sequence_audit_event")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_salt")),
    )
    if on_sqlite:
        for (table, what), when in SQLITE_TRIGGERS.items():
            reason = NOT_NEXT if when else REFUSED
            op.execute(
                f"create trigger {table}_{what} before {what} on {table} {when} "
                f"begin select raise(abort, '{reason}'); end"
            )
    else:
        for statement in POSTGRESQL_TRIGGERS:
            op.execute(statement)


def _chain(on_sqlite: bool) -> None:
    """Hash the events there are, as `app.events.chain` says."""
    bind = op.get_bind()
    write = sa.text("update audit_event set previous = :previous, hash = :hash where sequence = :n")
    previous, last = FIRST, 0
    for rows in _pages(bind, SQLITE_PAGE if on_sqlite else POSTGRESQL_PAGE):
        values = []
        for sequence, *content in rows:
            text = json.dumps(
                ["givetake-audit-1", previous, sequence, *content], separators=(",", ":")
            )
            digest = hashlib.sha256(text.encode()).hexdigest()
            values.append({"n": sequence, "previous": previous, "hash": digest})
            previous, last = digest, sequence
        bind.execute(write, values)
    bind.execute(
        sa.text("update audit_head set last_hash = :hash where last_sequence = :last"),
        {"hash": previous, "last": last},
    )


def _pages(bind: sa.Connection, query: str) -> Iterator[list[Any]]:
    after = 0
    while rows := list(bind.execute(sa.text(query), {"after": after, "most": AT_ONCE})):
        yield rows
        after = rows[-1][0]


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        for table, what in SQLITE_TRIGGERS:
            op.execute(f"drop trigger {table}_{what}")
    else:
        op.execute("drop function audit_refuse() cascade")
        op.execute("drop function audit_refuse_unless_next() cascade")
    op.drop_table("audit_salt")
    with op.batch_alter_table("audit_event") as batch_op:
        batch_op.drop_column("hash")
        batch_op.drop_column("previous")
    op.drop_column("audit_head", "last_hash")
