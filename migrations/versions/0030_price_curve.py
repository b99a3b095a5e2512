"""Runs that compare prices of change."""

from alembic import op

revision = "0030_price_curve"
down_revision = "0029_fact_changes"

BEFORE = "operation in ('solve', 'validate', 'evaluate')"
NOW = "operation in ('solve', 'curve', 'validate', 'evaluate')"


def upgrade() -> None:
    _allow(NOW)


def downgrade() -> None:
    # An older version knows no such runs, which had no plan: they stay as what checks nothing.
    op.execute("update run set operation = 'evaluate' where operation = 'curve'")
    _allow(BEFORE)


def _allow(operations: str) -> None:
    with op.batch_alter_table("run") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_operation"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_operation"), operations)
