"""The state of a run's search, from which the next run of the same takers begins."""

from alembic import op

revision = "0034_run_state"
down_revision = "0033_repairs"

BEFORE = (
    "name in ('problem', 'plan', 'given_plan', 'refusals', 'explained', 'trials', 'summary', "
    "'unmet', 'picture')"
)
NOW = BEFORE.replace("'explained'", "'state', 'explained'")


def upgrade() -> None:
    _named(NOW)


def downgrade() -> None:
    # An older version begins from the plan alone.
    op.execute("delete from run_file where name = 'state'")
    _named(BEFORE)


def _named(names: str) -> None:
    with op.batch_alter_table("run_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_file_name"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_file_name"), names)
