"""The state of a run's search, from which the next run of the same takers begins."""

import sqlalchemy as sa
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
    # An older version begins from the plan alone, and knows no such option.
    op.execute("delete from run_file where name = 'state'")
    _named(BEFORE)
    connection = op.get_bind()
    for name in ("run", "batch", "schedule"):
        table = sa.table(name, sa.column("id", sa.Integer), sa.column("options", sa.JSON))
        for number, options in connection.execute(sa.select(table.c.id, table.c.options)).all():
            if options and "change_tolerance" in options:
                less = {key: value for key, value in options.items() if key != "change_tolerance"}
                connection.execute(
                    sa.update(table).where(table.c.id == number).values(options=less)
                )


def _named(names: str) -> None:
    with op.batch_alter_table("run_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_file_name"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_file_name"), names)
