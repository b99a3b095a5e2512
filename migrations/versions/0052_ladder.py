"""What came of looking nearer first, needs of an outside stimulus, and a network's first call."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0052_ladder"
down_revision = "0051_open_offers"

OF_BOTH = (
    *("id", "reference", "participant_id", "expertise_code", "period_code", "half_days"),
    *("travel_limit_miles", "travel_limit_minutes", "mode", "window_starts", "window_ends"),
    *("suggestion", "version", "updated_at", "signed_by_head_on", "signed_by_adviser_on"),
)
BEFORE = {
    "need": (
        *OF_BOTH,
        *("half_days_min", "max_givers", "priority", "evidence", "agreed_by", "state"),
        *("improvement_plan_line", "looked_within", "looked_within_note", "pot_reference"),
    ),
    "offer": (
        *OF_BOTH,
        *("max_pairings", "quality", "evidence", "phases", "availability"),
        *("availability_updated", "withdrawn", "strength_line"),
    ),
}
NEW: dict[str, dict[str, Any]] = {
    "need": {"looked_outcomes": sa.JSON(), "outside_stimulus": sa.Boolean()},
    "offer": {"first_call_until": sa.Date()},
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
