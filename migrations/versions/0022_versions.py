"""Every version of a need and an offer, kept by triggers: what was so on any day."""

import sqlalchemy as sa
from alembic import op

revision = "0022_versions"
down_revision = "0021_people"

OF_BOTH = (
    *("id", "reference", "participant_id", "expertise_code", "period_code", "half_days"),
    *("travel_limit_miles", "travel_limit_minutes", "mode", "window_starts", "window_ends"),
    *("suggestion", "version", "updated_at"),
)
COLUMNS = {
    "need": (
        *OF_BOTH,
        *("half_days_min", "max_givers", "priority", "evidence", "agreed_by", "state"),
    ),
    "offer": (
        *OF_BOTH,
        *("max_pairings", "quality", "evidence", "phases", "availability"),
        *("availability_updated", "withdrawn"),
    ),
}
REFUSED = "versions of needs and offers are never changed or deleted"


def upgrade() -> None:
    op.create_table(
        "need_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("expertise_code", sa.String(length=60), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("half_days_min", sa.Integer(), nullable=False),
        sa.Column("max_givers", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.String(length=20), nullable=False),
        sa.Column("agreed_by", sa.String(length=100), nullable=True),
        sa.Column("travel_limit_miles", sa.Double(), nullable=True),
        sa.Column("travel_limit_minutes", sa.Integer(), nullable=True),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("window_starts", sa.Date(), nullable=False),
        sa.Column("window_ends", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("suggestion", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_need_version")),
    )
    op.create_table(
        "offer_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("expertise_code", sa.String(length=60), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("max_pairings", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.String(length=200), nullable=True),
        sa.Column("travel_limit_miles", sa.Double(), nullable=True),
        sa.Column("travel_limit_minutes", sa.Integer(), nullable=True),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("phases", sa.JSON(), nullable=False),
        sa.Column("window_starts", sa.Date(), nullable=False),
        sa.Column("window_ends", sa.Date(), nullable=False),
        sa.Column("availability", sa.String(length=20), nullable=False),
        sa.Column("availability_updated", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("suggestion", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_offer_version")),
    )
    on_sqlite = op.get_context().dialect.name == "sqlite"
    for table, columns in COLUMNS.items():
        names = ", ".join(columns)
        into = f"insert into {table}_version ({names})"
        op.execute(" ".join((into, "select", names, "from", table)))
        new = ", ".join(f"new.{name}" for name in columns)
        keep = f"{into} values ({new})"
        for statement in (_for_sqlite if on_sqlite else _for_postgresql)(table, keep):
            op.execute(statement)


def _for_sqlite(table: str, keep: str) -> list[str]:
    refuse = f"begin select raise(abort, '{REFUSED}'); end"
    return [
        f"create trigger {table}_made after insert on {table} begin {keep}; end",
        f"create trigger {table}_changed after update on {table} "
        f"when new.version <> old.version begin {keep}; end",
        f"create trigger {table}_version_update before update on {table}_version {refuse}",
        f"create trigger {table}_version_delete before delete on {table}_version {refuse}",
    ]


def _for_postgresql(table: str, keep: str) -> list[str]:
    # With the rights of its owner: the service itself needs none to write versions.
    return [
        f"create function keep_{table}_version() returns trigger language plpgsql "
        "security definer set search_path from current as "
        f"$$ begin {keep}; return null; end $$",
        f"create function refuse_{table}_version() returns trigger language plpgsql as "
        f"$$ begin raise exception '{REFUSED}'; end $$",
        f"create trigger {table}_made after insert on {table} "
        f"for each row execute function keep_{table}_version()",
        f"create trigger {table}_changed after update on {table} "
        "for each row when (new.version <> old.version) "
        f"execute function keep_{table}_version()",
        f"create trigger {table}_version_refuse before update or delete or truncate "
        f"on {table}_version for each statement execute function refuse_{table}_version()",
    ]


def downgrade() -> None:
    on_sqlite = op.get_context().dialect.name == "sqlite"
    for table in COLUMNS:
        if on_sqlite:
            for when in ("made", "changed", "version_update", "version_delete"):
                op.execute(f"drop trigger {table}_{when}")
        else:
            op.execute(f"drop function keep_{table}_version() cascade")
            op.execute(f"drop function refuse_{table}_version() cascade")
        op.drop_table(f"{table}_version")
