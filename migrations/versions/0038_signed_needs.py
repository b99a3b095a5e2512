"""What a need and an offer come from, where the school looked first, and who signed both."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0038_signed_needs"
down_revision = "0037_support_targets"

OF_BOTH = (
    *("id", "reference", "participant_id", "expertise_code", "period_code", "half_days"),
    *("travel_limit_miles", "travel_limit_minutes", "mode", "window_starts", "window_ends"),
    *("suggestion", "version", "updated_at"),
)
BEFORE = {
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
SIGNED: dict[str, Any] = {"signed_by_head_on": sa.Date(), "signed_by_adviser_on": sa.Date()}
NEW: dict[str, dict[str, Any]] = {
    "need": {
        "improvement_plan_line": sa.String(length=300),
        "looked_within": sa.JSON(),
        "looked_within_note": sa.String(length=300),
        **SIGNED,
    },
    "offer": {"strength_line": sa.String(length=300), **SIGNED},
}


def upgrade() -> None:
    for table, columns in NEW.items():
        _let_go(table)
        for of in (table, f"{table}_version"):
            for name, kind in columns.items():
                op.add_column(of, sa.Column(name, kind, nullable=True))
        _keep(table, (*BEFORE[table], *columns))


def downgrade() -> None:
    for table, columns in NEW.items():
        _let_go(table)
        for of in (table, f"{table}_version"):
            for name in columns:
                op.drop_column(of, name)
        _keep(table, BEFORE[table])


def _on_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _let_go(table: str) -> None:
    """Drop the triggers that name columns: SQLite looks at them whenever a table changes."""
    if _on_sqlite():
        for when in ("made", "changed"):
            op.execute(f"drop trigger {table}_{when}")


def _keep(table: str, columns: Iterable[str]) -> None:
    """Keep each version with these columns from now on."""
    names = ", ".join(columns)
    new = ", ".join(f"new.{name}" for name in columns)
    keep = " ".join(("insert into", f"{table}_version ({names})", f"values ({new})"))
    if not _on_sqlite():
        op.execute(
            f"create or replace function keep_{table}_version() returns trigger language plpgsql "
            "security definer set search_path from current as "
            f"$$ begin {keep}; return null; end $$"
        )
        return
    op.execute(f"create trigger {table}_made after insert on {table} begin {keep}; end")
    op.execute(
        f"create trigger {table}_changed after update on {table} "
        f"when new.version <> old.version begin {keep}; end"
    )
