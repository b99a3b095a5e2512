"""Plans that are kept where nothing has changed, and proposals that a newer run replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0024_replaced"
down_revision = "0023_contacts"

BEFORE = (
    "state in ('proposed', 'preferred', 'due_diligence', 'agreed', 'approved', "
    "'approved_with_conditions', 'deferred', 'declined', 'withdrawn', 'lapsed')"
)
NOW = BEFORE.removesuffix(")") + ", 'replaced')"


def upgrade() -> None:
    with op.batch_alter_table("run") as batch_op:
        batch_op.add_column(sa.Column("basis_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("kept_run_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_run_kept_run_id_run"), "run", ["kept_run_id"], ["id"])
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.add_column(sa.Column("replaced_by_run_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_proposal_replaced_by_run_id_run"), "run", ["replaced_by_run_id"], ["id"]
        )
        batch_op.create_index(op.f("ix_proposal_replaced_by_run_id"), ["replaced_by_run_id"])
        batch_op.drop_constraint(op.f("ck_proposal_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_proposal_state"), NOW)


def downgrade() -> None:
    # An older version knows no such state; what nobody had decided on was set aside.
    op.execute("update proposal set state = 'withdrawn' where state = 'replaced'")
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_constraint(op.f("ck_proposal_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_proposal_state"), BEFORE)
        batch_op.drop_index(op.f("ix_proposal_replaced_by_run_id"))
        batch_op.drop_constraint(op.f("fk_proposal_replaced_by_run_id_run"), type_="foreignkey")
        batch_op.drop_column("replaced_by_run_id")
    with op.batch_alter_table("run") as batch_op:
        batch_op.drop_constraint(op.f("fk_run_kept_run_id_run"), type_="foreignkey")
        batch_op.drop_column("kept_run_id")
        batch_op.drop_column("basis_sha256")
