"""Why needs of a plan are unmet, kept with its run: the rules that bind, and changes tried."""

from alembic import op

revision = "0018_explained"
down_revision = "0017_proposal_flags"

BEFORE = "name in ('problem', 'plan', 'given_plan', 'refusals', 'summary', 'unmet', 'picture')"
NOW = (
    "name in ('problem', 'plan', 'given_plan', 'refusals', 'explained', 'trials', 'summary', "
    "'unmet', 'picture')"
)


def upgrade() -> None:
    with op.batch_alter_table("run_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_file_name"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_file_name"), NOW)
    # Those drawn so far say of every need with candidates that the plan does more good in other
    # ways, true or not. They are drawn anew when somebody looks.
    op.execute("delete from run_file where name = 'unmet'")


def downgrade() -> None:
    # A newer version makes them anew from problem and plan, an older one has no use for them.
    op.execute("delete from run_file where name in ('explained', 'trials')")
    with op.batch_alter_table("run_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_file_name"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_file_name"), BEFORE)
